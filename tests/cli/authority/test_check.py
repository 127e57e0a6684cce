"""`sinetti authority check` and `reload`: exit codes, output, and a service that keeps what it has."""

import fcntl
import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sinetti.authority import serve_record
from sinetti.authority.checks.state import CheckOptions
from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.serve_record import ServeRecord, ServeRecorder, find_serving, is_process_of_owner, tls_files
from sinetti.cli.authority import check
from sinetti.domain.operations.monitoring import CheckFinding, Impact
from tests.support import golden

ERROR = CheckFinding(Impact.SOAP, "clock", "it is wrong", "set it")
WARNING = CheckFinding(Impact.MESSAGES, "mail server", "it is away", "start it")
RECORD = ServeRecord(os.getpid(), "http://127.0.0.1:1", "http://127.0.0.1:2")

CODES = {
    "nothing": ((), 0, 0),
    "a warning": ((WARNING,), 3, 0),
    "an error": ((ERROR, WARNING), 5, 5),
}


@pytest.mark.parametrize(("found", "code", "at_start"), CODES.values(), ids=CODES)
def test_exit_codes(sqlite_operator, monkeypatch, found, code, at_start):
    monkeypatch.setattr(check, "check_authority", lambda _options: found)
    assert sqlite_operator.run("check")[0] == code
    assert sqlite_operator.run("check", "--start")[0] == at_start
    ended, out, err = sqlite_operator.run("check", "--json")
    assert (ended, err) == (code, "")
    assert json.loads(out) == [one.as_json() for one in found]
    assert all({*row} == {"severity", "what", "why", "fix"} for row in json.loads(out))


def test_findings_for_people(sqlite_operator, monkeypatch):
    monkeypatch.setattr(check, "check_authority", lambda _options: (ERROR,))
    sqlite_operator.says(5, "check")
    monkeypatch.setattr(check, "check_authority", lambda _options: ())
    sqlite_operator.says(0, "check")
    golden.check("sentences/check/findings-for-people", sqlite_operator.said())


def test_a_real_authority(sqlite_operator):
    assert sqlite_operator.run("check")[0] == 5, "there is none yet"
    sqlite_operator.found()
    assert sqlite_operator.does("check", "--offline", "--json") == "[]\n"


def test_options_of_serve_are_checked_with_the_rest(sqlite_operator, monkeypatch, tmp_path):
    seen: list[CheckOptions] = []
    monkeypatch.setattr(check, "check_authority", lambda options: seen.append(options) or ())
    places = ("--bind", "127.0.0.1:1", "--people-bind", f"unix:{tmp_path}/people", "--behind-proxy")
    assert sqlite_operator.does("check", *places)
    assert seen[-1].listens == (("127.0.0.1", 1), ("127.0.0.1", 8080))
    assert seen[-1].has_pages
    sqlite_operator.run("check", "--bind", "0.0.0.0:443", "--passphrase-file", tmp_path / "none")
    code, out, _ = sqlite_operator.run(
        "check", "--bind", "0.0.0.0:443", "--passphrase-file", tmp_path / "none", "--json"
    )
    assert code == 5
    assert [row["what"] for row in json.loads(out)] == ["--passphrase-file", "addresses of serve"]


def test_a_reload_without_a_service(sqlite_operator):
    sqlite_operator.found()
    sqlite_operator.refused(2, "reload")
    golden.check("sentences/check/a-reload-without-a-service", sqlite_operator.said())


@pytest.fixture
def running(sqlite_operator, monkeypatch):
    """Yield an operator with a service that answers signals as `after` says."""
    sqlite_operator.found()
    recorder = ServeRecorder(DataDirectory(sqlite_operator.root))
    recorder.begin(RECORD)
    monkeypatch.setattr(check, "check_authority", lambda _options: ())
    yield sqlite_operator, recorder
    with suppress(OSError):  # a test may have closed it
        recorder.close()


def test_a_reload_that_the_service_takes(running, monkeypatch):
    operator, recorder = running
    monkeypatch.setattr(check.os, "kill", lambda pid, _number: recorder.taken(replace(RECORD, pid=pid)))
    operator.says(0, "reload")
    golden.check("sentences/check/a-reload-that-the-service-takes", operator.said())


def test_a_reload_that_the_service_does_not_take(running, monkeypatch):
    operator, recorder = running
    monkeypatch.setattr(check.os, "kill", lambda _pid, _number: recorder.kept("journal has changed: restart it"))
    operator.refused(5, "reload")
    golden.check("sentences/check/a-reload-that-the-service-does-not-take", operator.said())


@pytest.mark.parametrize("pid", [2**22 + 1, 0, -1, 1, True, "2"])
def test_a_reload_sends_no_signal_to_a_process_of_another_user(running, monkeypatch, pid):
    operator, recorder = running
    recorder.begin(replace(RECORD, pid=pid))
    monkeypatch.setattr(check.os, "kill", None)
    assert re.search("none of the folder's owner|no service runs from", operator.refused(2, "reload"))


def test_the_owner_of_the_folder_is_the_owner_of_the_process(tmp_path):
    another = SimpleNamespace(stat=lambda: SimpleNamespace(st_uid=os.getuid() + 1))
    assert is_process_of_owner(DataDirectory(tmp_path), RECORD)
    assert not is_process_of_owner(SimpleNamespace(root=another), RECORD)


def test_a_reader_of_the_record_does_not_keep_a_service_from_it(tmp_path, monkeypatch):
    folder = DataDirectory(tmp_path)
    folder.serve_record.touch()
    with folder.serve_record.open("rb") as reading:
        fcntl.flock(reading, fcntl.LOCK_SH)
        monkeypatch.setattr(serve_record, "sleep", lambda _pause: fcntl.flock(reading, fcntl.LOCK_UN))
        recorder = ServeRecorder(folder)
    recorder.begin(RECORD)
    assert find_serving(folder) == RECORD
    recorder.close()


def test_a_reload_without_an_answer(running, monkeypatch):
    operator, recorder = running
    monkeypatch.setattr(check.os, "kill", lambda _pid, _number: None)
    monkeypatch.setattr(check, "RELOAD_TIMEOUT", 0.01)
    operator.refused(5, "reload")
    monkeypatch.setattr(check, "RELOAD_TIMEOUT", 30.0)
    monkeypatch.setattr(check.os, "kill", lambda _pid, _number: recorder.close())
    operator.refused(5, "reload")
    golden.check("sentences/check/a-reload-without-an-answer", operator.said())


def test_a_reload_after_a_failed_check_asks_no_service(running, monkeypatch):
    operator, _ = running
    monkeypatch.setattr(check, "check_authority", lambda _options: (ERROR, WARNING))
    monkeypatch.setattr(check.os, "kill", None)
    operator.says(5, "reload")
    golden.check("sentences/check/a-reload-after-a-failed-check", operator.said())


def test_the_record_of_a_service(tmp_path):
    folder = DataDirectory(tmp_path)
    assert find_serving(folder) is None
    first, second = ServeRecorder(folder), ServeRecorder(folder)
    second.begin(RECORD)
    second.kept("no lock")
    assert find_serving(folder) is None, "nothing is written yet"
    record = replace(RECORD, tls=("a", "b"), sentence="a" * 1000)
    first.kept("too early")
    first.begin(record)
    assert find_serving(folder) == record
    assert tls_files(record) is not None
    first.taken(RECORD)
    assert find_serving(folder) == replace(RECORD, reload_count=1)
    assert folder.serve_record.stat().st_mode & 0o777 == 0o600
    written = json.loads(folder.serve_record.read_bytes())
    folder.serve_record.write_text(json.dumps({**written, "member_of_another_version": 1}))
    assert find_serving(folder) == replace(RECORD, reload_count=1)
    first.close()
    assert find_serving(folder) is None, "its process has ended"
    second.close()
