"""Signer of responses: replaced in time, and only by its own kind of certificate.

The signer in force continues to serve after every failure.
"""

import os
import shutil
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from sinetti.authority import bootstrap, key_store, service_certificates
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_store import NewKey
from sinetti.authority.service_certificates import AnswersUnsigned
from sinetti.ca.hierarchy_config import load_preset
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.domain.values import Environment
from sinetti.pki.chain import find_issuer, load_bundle
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.issuance.clock_guard import ClockGuard
from sinetti.services.status.crl import publish
from sinetti.settings.authority import AuthoritySettings
from tests.support.authority import response_signer
from tests.support.foundings import copy_founded
from tests.support.registers import all_connections_closed
from tests.support.scene import Clock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
PRESET = load_preset("default")
SIXTY_DAYS = PRESET.replace(
    'Signer"\nkey = "ec-p256"\nlifetime_days = 730', 'Signer"\nkey = "ec-p256"\nlifetime_days = 60'
)
NAME, SERVICES = "SinettiTestResponseSigner", "ServicesTestIssuingCAv1"


@pytest.fixture(scope="module", params=[PRESET], ids=["730 days"])
def founded(request, tmp_path_factory):
    options = InitOptions(DirectoryKind.AUTHORITY, request.param, SETTINGS, NOW)
    return copy_founded(tmp_path_factory.mktemp("founded") / "authority", options)


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def steady(clock, monkeypatch):
    """Replace the steady clock with the clock of the test.

    Days pass here without a jump. `lag` holds the steady clock back.
    """
    held = SimpleNamespace(lag=timedelta(0))

    def seconds():
        return (clock.now - held.lag).timestamp()

    monkeypatch.setattr(bootstrap, "boottime_seconds", seconds)
    return held


@pytest.fixture
def authority(root, clock, steady):
    with all_connections_closed():
        yield open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock))


def signer(authority):
    return load_certificate(authority.responses.seal().certificate)


def files(root):
    return sorted(path.name for path in (root / "ca").glob(f"{NAME}-*.cer"))


def services_end(authority):
    return load_certificate(authority.ctx.certificates[SERVICES]).not_valid_after_utc


def away(monkeypatch, authority):
    """Take the key of the services CA away; return the list of requests for it."""
    asked = []

    def sign(_self, key_name, _octets):
        asked.append(key_name)
        why = "the key is away"
        raise SignerUnavailable(why)

    monkeypatch.setattr(type(authority.ctx.signer), "sign", sign)
    return asked


def test_it_lasts_until_ninety_days_before_its_end(authority, clock, root):
    first = signer(authority)
    end = first.not_valid_after_utc
    clock.now = end - 90 * DAY - SECOND
    assert signer(authority) == first
    clock.now = end - 90 * DAY
    second = signer(authority)
    assert second != first
    assert second.not_valid_before_utc <= clock.now < second.not_valid_after_utc
    assert find_issuer(second, load_bundle((root / "trust" / "services.pem").read_bytes()), clock.now)
    assert signer(authority) == second
    assert len(files(root)) == 2


@pytest.mark.parametrize("founded", [SIXTY_DAYS], indirect=True, ids=["60 days"])
def test_a_short_one_lasts_for_two_thirds_of_its_life(authority, clock, root):
    first = signer(authority)
    life = first.not_valid_after_utc - first.not_valid_before_utc
    clock.now = first.not_valid_after_utc - life / 3 - SECOND
    assert signer(authority) == first
    assert len(files(root)) == 1
    clock.forward(SECOND)
    second = signer(authority)
    for _ in range(5):
        assert signer(authority) == second != first
    assert len(files(root)) == 2


def test_another_process_takes_the_same_one(authority, root, clock):
    clock.now = NOW + 3 * 365 * DAY
    new = signer(authority)
    assert signer(open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock))) == new


LEFT = {"a day less than a signer's life": 729, "days": 5}


@pytest.mark.parametrize("days", LEFT.values(), ids=LEFT)
def test_the_last_one_ends_with_its_ca(authority, clock, root, days):
    end = services_end(authority)
    clock.now = end - days * DAY
    last = signer(authority)
    assert last.not_valid_after_utc == end
    for clock.now in (end - 3 * DAY, end - SECOND, end):
        assert signer(authority) == last
    assert len(files(root)) == 2


def test_a_life_without_a_hole(authority, clock):
    """A request every thirty days from beginning to end is always answered.

    No more signers are made than needed.
    """
    end, seen = services_end(authority), set()
    while clock.now <= end:
        seen.add(signer(authority).serial_number)
        clock.forward(30 * DAY)
    assert len(seen) == 5


def test_when_its_ca_has_ended_nothing_is_made(authority, clock, root, monkeypatch):
    monkeypatch.setattr(key_store, "generate_key", None)
    clock.now = services_end(authority) + SECOND
    for _ in range(2):
        with pytest.raises(AnswersUnsigned, match=r"Services Test Issuing CA v1 ended at 2034-.*give it a successor"):
            authority.responses.seal()
    assert len(files(root)) == 1


def test_while_none_can_be_made_the_one_in_force_serves_on(authority, clock, monkeypatch, caplog):
    first = signer(authority)
    asked = away(monkeypatch, authority)
    clock.now = first.not_valid_after_utc - 10 * DAY
    for _ in range(5):
        assert signer(authority) == first
    assert len(asked) == 1
    assert "the one in force is still used" in caplog.text
    monkeypatch.setattr(service_certificates, "TRIED_AGAIN_AFTER", 0.0)
    monkeypatch.setattr(service_certificates, "monotonic_seconds", lambda: 10.0**9)
    assert signer(authority) == first
    assert len(asked) == 2
    monkeypatch.undo()
    authority.responses._leaf()._again = 0.0
    assert signer(authority) != first


def test_with_none_in_force_a_failure_is_remembered(authority, clock, monkeypatch):
    asked = away(monkeypatch, authority)
    clock.now = NOW + 3 * 365 * DAY
    with pytest.raises(SignerUnavailable, match="key is away"):
        authority.responses.seal()
    with pytest.raises(SignerUnavailable, match="the next attempts follow every 30 s"):
        authority.responses.seal()
    assert asked == [SERVICES]


def test_a_full_disk_leaves_the_one_in_force(authority, clock, monkeypatch):
    first = signer(authority)

    def full(*_rest):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(service_certificates, "store_pair", full)
    clock.now = first.not_valid_after_utc - DAY
    assert signer(authority) == first


def test_while_one_is_made_the_others_do_not_wait(authority, clock, monkeypatch):
    first = signer(authority)
    begun, over, real = Event(), Event(), key_store.generate_key

    def slow(key_type):
        begun.set()
        assert over.wait(60)
        return real(key_type)

    monkeypatch.setattr(key_store, "generate_key", slow)
    clock.now = first.not_valid_after_utc - DAY
    made = []
    thread = Thread(target=lambda: made.append(signer(authority)))
    thread.start()
    try:
        assert begun.wait(60)
        assert signer(authority) == first
    finally:
        over.set()
        thread.join(60)
    assert made == [signer(authority)] != [first]


def jump(clock, steady, by):
    clock.forward(by)
    steady.lag += by


JUMPS = {
    "to where a replacement would be due": 650 * DAY,
    "behind the end of the signer": 60_000_000 * SECOND,
    "behind the end of its CA": 5000 * DAY,
    "back": -DAY,
}


@pytest.mark.parametrize("by", JUMPS.values(), ids=JUMPS)
def test_a_clock_that_is_not_believed_makes_none_and_what_served_serves_on(authority, clock, steady, root, by):
    first = signer(authority)
    assert authority.ctx.issuance_allowed()
    jump(clock, steady, by)
    for _ in range(3):
        assert signer(authority) == first
    assert not authority.ctx.issuance_allowed()
    assert len(files(root)) == 1
    jump(clock, steady, -by)
    assert signer(authority) == first
    clock.now = first.not_valid_after_utc - DAY
    assert signer(authority) != first


def test_a_process_that_begins_with_a_wrong_clock_takes_what_is_in_force_and_makes_none(root, clock, steady):
    """The clock is behind the newest stored instant, as after an empty battery."""
    with all_connections_closed():
        first = signer(open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock)))
        clock.now = first.not_valid_before_utc
        late = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock))
        assert not late.ctx.issuance_allowed()
        assert signer(late) == first
        clock.now = NOW - 30 * DAY
        with pytest.raises(SignerUnavailable, match="none is made while the clock is not trusted"):
            open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock)).responses.seal()
    assert len(files(root)) == 1


@pytest.mark.parametrize("founded", [SIXTY_DAYS], indirect=True, ids=["60 days"])
def test_a_process_that_begins_with_a_wrong_clock_takes_one_that_would_be_replaced(root, clock, steady):
    with all_connections_closed():
        ctx = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock)).ctx
        clock.now = NOW + 50 * DAY
        publish(SERVICES, ctx, "0" * 32)
        clock.now = NOW + 45 * DAY
        late = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(clock))
        signer(late)
        assert not late.ctx.issuance_allowed()
    assert len(files(root)) == 1


def test_while_the_register_is_away_none_is_made_and_answers_are_sealed(authority, clock, root, monkeypatch):
    first = signer(authority)

    def away(_guard):
        raise OperationalError

    monkeypatch.setattr(ClockGuard, "status", away)
    clock.now = first.not_valid_after_utc - DAY
    assert signer(authority) == first
    assert len(files(root)) == 1
    monkeypatch.undo()


def no_key(root, stem):
    (root / "keys" / f"{stem}.pem").unlink()


def broken_key(root, stem):
    (root / "keys" / f"{stem}.pem").write_text("no key")


def another_key(root, stem):
    shutil.copy(root / "keys" / f"{SERVICES}.pem", root / "keys" / f"{stem}.pem")


def empty_certificate(root, stem):
    (root / "ca" / f"{stem}.cer").write_bytes(b"")


def a_folder(root, stem):
    (root / "ca" / f"{stem}.cer").unlink()
    (root / "ca" / f"{stem}.cer").mkdir()


def a_wrong_serial(root, stem):
    for place, end in (("ca", "cer"), ("keys", "pem")):
        (root / place / f"{stem}.{end}").rename(root / place / f"{NAME}-00.{end}")


@pytest.mark.parametrize("damage", [no_key, broken_key, another_key, empty_certificate, a_folder, a_wrong_serial])
def test_a_pair_that_cannot_be_used_is_replaced(damage, authority, root, caplog):
    (stem,) = (name.removesuffix(".cer") for name in files(root))
    damage(root, stem)
    new = signer(authority)
    assert serial_hex(new.serial_number) not in stem
    assert (root / "keys" / f"{NAME}-{serial_hex(new.serial_number)}.pem").stat().st_mode & 0o777 == 0o600
    assert stem in caplog.text or damage is a_wrong_serial
    assert [path.name for path in (root / "ca").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("ca", [SERVICES, "SinettiRootTestCAv1", "DataProvidersTestIssuingCAv1"])
def test_no_cas_key_ever_signs_answers(ca, authority, root):
    serial = serial_hex(load_certificate((root / "ca" / f"{ca}.cer").read_bytes()).serial_number)
    shutil.copy(root / "ca" / f"{ca}.cer", root / "ca" / f"{NAME}-{serial}.cer")
    shutil.copy(root / "keys" / f"{ca}.pem", root / "keys" / f"{NAME}-{serial}.pem")
    assert serial_hex(signer(authority).serial_number) != serial


def test_the_services_ca_alone_issues_what_signs(authority, clock):
    """The signer of a services CA of the same name in another authority is skipped.

    It comes with its key.
    """
    key, certificate = response_signer()
    service_certificates.store_pair(authority.folder, NAME, certificate, NewKey(key), authority.keys)
    clock.now = certificate.not_valid_before_utc + DAY
    assert signer(authority) != certificate


def test_names_that_make_a_root_look_like_a_signer(tmp_path):
    text = PRESET.replace("Sinetti Root {test}CA v1", "Sinetti {test}PKI-Root CA v1")
    text = text.replace("Sinetti {test}Response Signer", "Sinetti {test}PKI")
    with pytest.raises(HierarchyError, match="begins like the files of"):
        initialise(tmp_path / "authority", InitOptions(DirectoryKind.AUTHORITY, text, SETTINGS, NOW))


def test_of_several_processes_one_makes_the_next_and_all_take_it(authority, clock, root):
    signer(authority)
    clock.now = NOW + 700 * DAY
    children = []
    for _ in range(4):
        if (pid := os.fork()) == 0:
            try:
                signer(authority)
            finally:
                os._exit(0 if len(files(root)) == 2 else 1)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    assert len(files(root)) == 2
    assert signer(authority).not_valid_before_utc > NOW
