"""Run over a deliberately damaged store, beside services that lie.

Faults of one name do not affect the other names.
"""

import contextlib
import json
import shutil
from datetime import timedelta

import pytest

from sinetti.cli.client import log
from sinetti.client.agent import renewal_info_poll, runner
from sinetti.client.model import without_file
from sinetti.client.reporting import log_format, metrics, status
from sinetti.client.results import ExitCode, Result
from sinetti.client.store import event_log
from sinetti.client.store.event_log import EventType
from sinetti.domain.values import Language
from sinetti.wire.soap.operations import Failure
from tests.client import double
from tests.client.agent.test_runner import END, OPENS, REVOKED, TOO_EARLY, AgentInstallation
from tests.client.conftest import NAME

pytestmark = pytest.mark.long

OTHER = "another"
BEYOND = "9999-12-31T23:59:59-14:00"

CONTENTS = {
    "nothing": b"",
    "half": b'{"',
    "zeros": b"\0" * 300,
    "nested for ever": b"[" * 200_000,
    "objects for ever": b'{"a":' * 200_000,
    "a list": b"[]",
    "a number": b"1e999",
    "no text": b"\xff\xfe",
    "every number beyond all": b'{"serial": null, "failures": 1e999, "tries": 1e999, "exit": 99, "state": 7}',
    "times beyond the calendar": json.dumps(
        dict.fromkeys(("next", "next_try", "since", "at", "http://127.0.0.1"), BEYOND)
        | {"serial": "00", "trying": "00", "tries": 3, "after": True, "failures": 3, "codes": [], "exit": 4}
        | {"told": None, "hint": {"start": BEYOND, "end": BEYOND, "explanation": None, "ask_again": BEYOND}}
    ).encode(),
    "a table in a table": b"a = " + b"[" * 5000,
}
FILES = [
    "agent.json", "deploy.json", "log.jsonl", "log.1.jsonl", "notes.json", "settings.toml", "live/certificate.pem",
    "live/key.pem", "live/chain.pem", "pending/renew/journal.json", "pending/enrol/journal.json", "../.hints.json",
    "../.run.lock",
]  # fmt: skip


@pytest.fixture
def installation(holder):
    for name in (NAME, OTHER):
        assert holder.enrol(name=name).exit_code is ExitCode.DONE
    holder.double.seen.clear()
    return AgentInstallation(holder)


@pytest.mark.parametrize("path", FILES)
def test_whatever_a_file_holds_the_other_name_is_renewed(path, installation, tmp_path):
    before, store = tmp_path / "before", installation.holder.store
    shutil.copytree(store, before, symlinks=True)
    for what, content in CONTENTS.items():
        shutil.rmtree(store)
        shutil.copytree(before, store, symlinks=True)
        place = installation.holder.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        end = installation.passed(OPENS)
        assert installation.row(end, OTHER).outcome.result is Result.RENEWED, what
        assert installation.row(end, OTHER).exit_code is ExitCode.DONE, what
        assert installation.row(end).exit_code is not ExitCode.FAULT, what
        assert len(list(status.rows(without_file(store), lambda _seen: OPENS))) == 2, what
        list(event_log.read(installation.holder.folder))
        runner.holder(store / runner.FILE)


@pytest.mark.parametrize("path", ["log.jsonl", ".lock", "../.run.lock"])
def test_a_link_where_a_file_is_written_leads_nowhere(path, installation, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    place = installation.holder.folder / path
    place.unlink(missing_ok=True)
    place.symlink_to(precious)
    told = pytest.raises(OSError, match=runner.FILE) if path.endswith(runner.FILE) else contextlib.nullcontext()
    with told:
        installation.passed(OPENS)
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("path", ["agent.json", "deploy.json", "notes.json"])
def test_a_link_in_place_of_a_file_that_is_put_is_replaced(path, installation, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(
        (installation.holder.folder / path).read_bytes() if (installation.holder.folder / path).exists() else b"{}"
    )
    before = precious.read_bytes()
    (installation.holder.folder / path).unlink(missing_ok=True)
    (installation.holder.folder / path).symlink_to(precious)
    installation.passed(OPENS)
    assert precious.read_bytes() == before


def test_a_name_that_is_a_link_to_another_is_renewed_once(installation):
    (installation.holder.store / "twin").symlink_to(installation.holder.folder)
    end = installation.passed(OPENS)
    assert end.exit_code is ExitCode.USAGE
    assert len(installation.holder.double.issued) == 4, "two names, once each"
    shutil.rmtree(installation.holder.store / OTHER)


def test_rights_that_were_taken_away_are_told_and_the_other_name_is_renewed(installation):
    """A folder stands where a file is wanted, since root can read every file.

    No process can read a folder as a file.
    """
    key = installation.holder.live / "key.pem"
    key.unlink()
    key.mkdir()
    end = installation.passed(OPENS)
    assert installation.row(end).exit_code is ExitCode.STORE
    assert str(key) in str(installation.row(end).outcome.messages[0].values)
    assert installation.row(end, OTHER).outcome.result is Result.RENEWED


STEERING = "\x1b[2J\x1b]0;owned\x07first\r\nsecond\u202etxt\u2028third\x00\x9b31m"


def test_what_a_service_says_steers_no_terminal_and_makes_no_second_line(installation):
    """The text of a refusal, as it is reported, stored and shown.

    XML itself forbids most control characters, and the client removes the rest.
    """
    said = "first\r\nsecond\u202etxt\u2028third\u009b31m"
    installation.holder.double.script.extend([double.refuse(Failure("PKI036", said))] * 2)
    installation.passed(OPENS)
    kept = list(event_log.read(installation.holder.folder))
    assert kept[-1].event is EventType.REFUSED
    for language in Language:
        shown = [" ".join(log_format.cells(one, language)) for one in kept]
        assert all(line.isprintable() for line in shown), shown
    raw = (installation.holder.folder / event_log.FILE).read_text()
    assert all(json.loads(line) for line in raw.splitlines())
    assert not {"\x1b", "\u202e", "\u2028", "\x9b"} & set(raw)


def test_what_somebody_wrote_into_a_log_is_shown_without_steering(installation):
    event_log.append(
        installation.holder.folder, OPENS, EventType.FAILED, why=STEERING, serial=STEERING, **{STEERING: STEERING}
    )
    (*_, last) = event_log.read(installation.holder.folder)
    assert all(cell.isprintable() for cell in log_format.cells(last, Language.EN))
    assert log.EXAMPLE.isascii()


def test_what_a_memory_says_makes_no_line_of_its_own_in_metrics(installation):
    installation.holder.double.script.extend([double.refuse(REVOKED)] * 2)
    installation.passed(OPENS)
    path = installation.holder.folder / "agent.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"codes": ['x"} 1\nsinetti_evil{a="', STEERING]}))
    text = metrics.text(status.rows(without_file(installation.holder.store), lambda _seen: OPENS), OPENS)
    assert all(line.startswith(("#", "sinetti_")) for line in text.splitlines())
    assert "sinetti_evil" not in [line.partition("{")[0] for line in text.splitlines()]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        ("9998-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
@pytest.mark.parametrize("rest", ["31536000", "-1", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_hint_of_any_year_moves_nothing_past_the_end(start, end, rest, installation):
    body = json.dumps({"suggestedWindow": {"start": start, "end": end}, "explanation": STEERING}).encode()
    installation.holder.double.hint = lambda handler, _path: handler.send(
        200, body, content_type="application/json", **{"Retry-After": rest}
    )
    installation.holder.double.script.extend(
        [double.refuse(TOO_EARLY)] * 2
    )  # the service decides, and no hint overrides it
    before = installation.passed(END - timedelta(days=100))
    assert len(installation.holder.double.hints_asked) in {1, 2}, "one service: a lie to the first is enough"
    again = installation.memory().ask_again
    assert again is None or again <= END - timedelta(days=99)
    assert before.next_due is None or before.next_due <= END - timedelta(days=14)
    installation.holder.double.hint = None
    installation.holder.double.script.clear()
    end_ = installation.passed(END - timedelta(days=13))
    assert installation.row(end_).outcome.result is Result.RENEWED


def test_services_of_a_clock_beyond_the_calendar_are_asked_again(installation):
    (installation.holder.store / renewal_info_poll.FILE).write_text(json.dumps({"http://127.0.0.1": BEYOND}))
    assert installation.passed(OPENS - timedelta(days=1)).exit_code is ExitCode.DONE
    assert installation.holder.double.hints_asked
