"""Each kind of file in the store, cut short, emptied or garbled.

The client reports it, exits with 5, sends no request and changes nothing.
"""

from datetime import timedelta

import pytest

from sinetti.client.messages import messages
from sinetti.client.reporting import status
from sinetti.client.reporting.status import NameStatus
from sinetti.client.results import ExitCode, Result
from tests.client import double
from tests.client.conftest import NAME, texts, words
from tests.support import authority

OPENS = authority.NOW + timedelta(days=670)


def cut(octets):
    return octets[: len(octets) // 2]


def empty(_octets):
    return b""


def garbled(octets):
    """Overwrite the middle, as a bad block does."""
    middle = len(octets) // 3
    return octets[:middle] + b"\x00\xff\x00\xff" + octets[middle + 4 :]


def flipped(octets):
    """Flip one bit, so that much of the content still parses."""
    middle = len(octets) // 3
    return octets[:middle] + bytes([octets[middle] ^ 1]) + octets[middle + 1 :]


DAMAGE = [cut, empty, garbled]
BY_PEOPLE = ("settings.toml", "notes.json")
"""Files without a digest.

People may change settings.toml, and no decision depends on notes.json alone.
"""

JOURNALLED = ["journal.json", "key.pem"]
FILES = {
    "in use": (
        lambda holder: holder.enrol(),
        lambda holder: holder.at(OPENS).renew(),
        ["settings.toml", "notes.json", *(f"live/{name}.pem" for name in ("key", "certificate", "chain"))],
    ),
    "in use, while a renewal is uncertain and a fetch is tried": (
        lambda holder: (holder.enrol(), holder.double.script.append(double.lose), holder.at(OPENS).renew()),
        lambda holder: holder.retrieve(),
        ["settings.toml", *(f"live/{name}.pem" for name in ("key", "certificate", "chain"))],
    ),
    "a renewal that is uncertain": (
        lambda holder: (holder.enrol(), holder.double.script.append(double.lose), holder.at(OPENS).renew()),
        lambda holder: holder.renew(),
        [f"pending/renew/{name}" for name in (*JOURNALLED, "request.der", "message.xml")],
    ),
    "an enrolment that is uncertain": (
        lambda holder: (holder.double.script.append(double.lose), holder.enrol()),
        lambda holder: holder.enrol(),
        ["pending/enrol/settings.toml", *(f"pending/enrol/{name}" for name in (*JOURNALLED, "request.der"))],
    ),
    "an enrolment that is accepted": (
        lambda holder: (
            holder.double.script.extend([double.well, double.signed_by_a_holder]),
            holder.enrol(),
        ),
        lambda holder: holder.retrieve(),
        ["pending/enrol/settings.toml", *(f"pending/enrol/{name}" for name in JOURNALLED)],
    ),
}
CASES = {
    f"{stage}: {name}": (stage, begin, go_on, name) for stage, (begin, go_on, names) in FILES.items() for name in names
}


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_told_and_left_alone(holder, go_on, path, damage):
    octets = path.read_bytes()
    path.write_bytes(damage(octets))
    before, asked = contents(holder.folder), len(holder.double.seen)
    outcome = go_on(holder)
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.STORE)
    assert texts(outcome) == [messages.STORE_DAMAGED]
    assert path.parent.name in words(outcome), "it names the place"
    assert "Restore the file from a backup" in words(outcome)
    assert contents(holder.folder) == before
    assert len(holder.double.seen) == asked
    path.write_bytes(octets)


@pytest.mark.parametrize(("stage", "begin", "go_on", "name"), CASES.values(), ids=CASES)
def test_a_damaged_file_is_told_and_left_alone(stage, begin, go_on, name, holder):
    begin(holder)
    for damage in DAMAGE if name.endswith(BY_PEOPLE) else (*DAMAGE, flipped):
        is_told_and_left_alone(holder, go_on, holder.folder / name, damage)
    done = go_on(holder)
    assert done.exit_code is (ExitCode.UNCERTAIN if "fetch is tried" in stage else ExitCode.DONE), (
        "put back, it goes on"
    )


def test_a_certificate_that_is_here_but_damaged(holder):
    def stop(name):
        if name == "collected":
            raise KeyboardInterrupt

    holder.step = stop
    with pytest.raises(KeyboardInterrupt):
        holder.enrol()
    holder.step = lambda _name: None
    path = holder.folder / "pending" / "enrol" / "certificate.der"
    for damage in (*DAMAGE, flipped):
        is_told_and_left_alone(holder, lambda one: one.enrol(), path, damage)
    assert holder.enrol().result is Result.ENROLLED


@pytest.mark.parametrize("name", ["certificate", "chain", "key"])
def test_one_octet_changed_anywhere_in_the_set_in_use_is_no_fault_of_ours(name, holder):
    """The change is reported, or has no meaning: a label, a line end.

    There is never a trace and never a fault of the program itself.
    """
    holder.enrol()
    path = holder.live / f"{name}.pem"
    octets = path.read_bytes()
    for place in range(0, len(octets), 13):
        path.write_bytes(octets[:place] + bytes([octets[place] ^ 4]) + octets[place + 1 :])
        assert holder.renew().exit_code in {ExitCode.STORE, ExitCode.DONE}, place


def test_settings_cut_anywhere_are_never_taken_for_whole_ones(holder):
    holder.settings = holder.settings.__class__(**vars(holder.settings) | {"tls_ca": double.anchors("holders")})
    holder.enrol()
    path = holder.folder / "settings.toml"
    octets = path.read_bytes()
    for line in range(octets.rstrip().count(b"\n")):
        path.write_bytes(b"".join(octets.splitlines(keepends=True)[:line]))
        assert status.row(holder.store, NAME, holder.now).state is NameStatus.DAMAGED, line


def test_status_tells_a_name_that_cannot_be_looked_into(holder, monkeypatch):
    holder.enrol()

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(holder.folder))

    monkeypatch.setattr("sinetti.client.store.journal.read_without_key", refuse)
    (holder.folder / "pending" / "renew").mkdir()
    row = status.row(holder.store, NAME, holder.now)
    assert (row.state, row.seen.trouble.text) == (NameStatus.DAMAGED, messages.STORE_UNUSABLE)
