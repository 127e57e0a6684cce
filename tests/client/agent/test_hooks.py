"""The holder's deploy hooks.

The agent runs them without a shell and keeps their output. At the time-out it kills them with their children.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from sinetti.client.agent import hooks
from sinetti.client.agent.hooks import HookContext
from sinetti.client.messages import messages
from sinetti.client.model import Hooks, HookStage
from sinetti.client.store import event_log, os_support
from sinetti.client.store.event_log import EventType
from sinetti.domain.values import Language
from tests.support import authority

NOW = authority.NOW


def about(folder, **changes):
    values = {
        "name": "payroll",
        "customer_id": "0123456-7",
        "serial": "0b",
        "old_serial": None,
        "not_after": NOW + timedelta(days=730),
        "live": folder / "live",
        "generation": folder / "generations" / "0b",
    }
    return HookContext(**values | changes)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "payroll").mkdir()
    return tmp_path / "payroll"


HANGS = 60.0
"""Seconds that only a wait without an end exceeds."""


def run(folder, *command, timeout=120.0, stage=HookStage.DEPLOY, **changes):
    wanted = Hooks(MappingProxyType({stage: tuple(map(str, command))}), timedelta(seconds=timeout))
    return hooks.run(stage, wanted, about(folder, **changes), folder, NOW)


def python(code):
    return sys.executable, "-c", code


def said(end):
    return messages.render(end.message, Language.EN)


def kept(folder, stage="deploy"):
    return (folder / "hooks" / f"{stage}.log").read_text()


def test_places_are_whole_wherever_a_program_goes(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    here = Path("payroll")
    found = hooks.environment(HookStage.DEPLOY, about(here))
    assert found["SINETTI_LIVE"] == str(folder / "live")
    assert found["SINETTI_GENERATION"] == str(folder / "generations" / "0b")


def test_a_stage_without_a_program_has_nothing_to_do(folder):
    assert hooks.run(HookStage.BEFORE, Hooks(), about(folder), folder, NOW) is None
    assert not list(folder.iterdir())


def test_what_a_program_said_is_kept_with_start_end_and_exit_code(folder):
    end = run(folder, *python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert end.ok
    text = kept(folder)
    assert "started: 2026-" in text
    assert "result: exit code 0" in text
    assert sorted(text.split()[-2:]) == ["err", "out"]
    assert (folder / "hooks" / "deploy.log").stat().st_mode & 0o777 == 0o600
    (happened,) = event_log.read(folder)
    assert (happened.event, happened.facts["stage"], happened.facts["result"]) == (
        EventType.HOOK,
        "deploy",
        "exit code 0",
    )


ENVIRONMENT = {
    "SINETTI_STAGE": "deploy",
    "SINETTI_NAME": "payroll",
    "SINETTI_CUSTOMER_ID": "0123456-7",
    "SINETTI_SERIAL": "0b",
    "SINETTI_OLD_SERIAL": "",
    "SINETTI_NOT_AFTER": (NOW + timedelta(days=730)).strftime("%Y-%m-%dT%H:%M:%SZ"),
}


def test_the_environment_is_the_agents_and_what_is_documented(folder, monkeypatch):
    monkeypatch.setenv("OF_THE_AGENT", "kept")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    found = hooks.environment(HookStage.DEPLOY, about(folder))
    assert ENVIRONMENT.items() <= found.items()
    assert found["SINETTI_LIVE"] == str(folder / "live")
    assert found["SINETTI_GENERATION"] == str(folder / "generations" / "0b")
    assert found["OF_THE_AGENT"] == "kept"
    assert "NOTIFY_SOCKET" not in found
    assert run(folder, *python("import os; assert os.environ['SINETTI_NAME'] == 'payroll'")).ok


def test_what_is_not_known_is_empty(folder):
    unknown = about(folder, customer_id=None, serial=None, not_after=None, generation=None)
    found = hooks.environment(HookStage.BEFORE, unknown)
    names = ("CUSTOMER_ID", "SERIAL", "OLD_SERIAL", "NOT_AFTER", "GENERATION")
    assert {found[f"SINETTI_{name}"] for name in names} == {""}


def test_the_documented_variables_are_all_there_are(folder, monkeypatch):
    monkeypatch.delenv("SINETTI_REQUIRE_EVERYTHING", raising=False)  # what the whole run says to tests
    page = (Path(__file__).parents[3] / "docs" / "holders" / "agent.md").read_text()
    ours = {name for name in hooks.environment(HookStage.BEFORE, about(folder)) if name.startswith("SINETTI_")}
    assert {name for name in ours if f"| `{name}` |" in page} == ours


ENDS = {
    "an exit code": (python("raise SystemExit(3)"), "it exited with code 3", "exit code 3"),
    "a signal": (python("import os; os.kill(os.getpid(), 15)"), "stopped by signal SIGTERM", "signal SIGTERM"),
    "no such program": (
        ("/no/such/program",),
        "/no/such/program could not be started (it does not exist)",
        "could not",
    ),
    "a folder": (("/",), "could not be started (permission denied)", "could not be started"),
    "a NUL": (("true", "\0"), "true could not be started", "could not be started"),
}


@pytest.mark.parametrize(("command", "why", "result"), ENDS.values(), ids=ENDS)
def test_what_did_not_succeed_is_told_in_words(folder, command, why, result):
    end = run(folder, *command)
    assert not end.ok
    assert why in said(end)
    assert str(folder / "hooks" / "deploy.log") in said(end)
    assert f"result: {result}" in kept(folder)


def test_a_file_that_may_not_be_run_is_told(folder, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert "permission denied" in said(run(folder, script))


def test_no_shell_looks_at_it_and_nobody_answers_it(folder):
    assert run(folder, *python("import sys; assert sys.argv[1] == '$(id); ls *'"), "$(id); ls *").ok
    assert run(folder, *python("import sys; assert sys.stdin.read() == ''")).ok


def test_the_last_64_kib_of_output_are_kept(folder):
    assert run(folder, *python("import sys; [print(n, '.' * 100) for n in range(5000)]")).ok
    output = kept(folder).partition("\n\n")[2]
    assert len(output) == hooks.LARGEST
    assert output.rstrip().endswith(f"4999 {'.' * 100}")


def gone(number):
    """Return True if a process has ended or is a zombie."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{number}/stat").read_text().split(") ")[1].startswith("Z")


PARENT = "{ignoring} sleep 600 & echo $!; wait"
"""Script of a shell, which names its child at once. The child ignores the same signals."""
STUBBORN = "trap '' TERM;"


@pytest.mark.parametrize("stubborn", [False, True], ids=["one that ends when asked", "one that does not"])
def test_what_takes_too_long_is_killed_with_its_children(folder, stubborn, monkeypatch):
    monkeypatch.setattr(hooks, "GRACE", 0.5)
    script = PARENT.format(ignoring=STUBBORN if stubborn else "")
    begun = time.monotonic()
    end = run(folder, "sh", "-c", script, timeout=2)
    assert time.monotonic() - begun < HANGS
    assert not end.ok
    assert "it did not finish within 2 s and was stopped" in said(end)
    child = int(kept(folder).split()[-1])
    deadline = time.monotonic() + HANGS
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(child)


def test_a_program_that_is_left_behind_on_purpose_holds_nobody_up(folder):
    """A server started by its `start` command keeps the pipe open and goes on."""
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    begun = time.monotonic()
    end = run(folder, *python(code))
    assert end.ok
    assert time.monotonic() - begun < HANGS
    left = int(kept(folder).split()[-1])
    assert not gone(left)
    os.kill(left, signal.SIGKILL)


def test_whoever_interrupts_the_agent_ends_its_program_too(folder, monkeypatch):
    class Interrupted(BaseException):
        pass

    started = []
    known = subprocess.Popen

    class Popen(known):
        def wait(self, timeout=None):
            if not started:
                started.append(self)
                raise Interrupted
            return super().wait(timeout)

    monkeypatch.setattr(hooks.subprocess, "Popen", Popen)
    with pytest.raises(Interrupted):
        run(folder, *python("import time; time.sleep(600)"))
    assert started[0].returncode == -signal.SIGTERM
    assert "ended: not yet" in kept(folder)


def test_a_full_disk_does_not_stop_a_program(folder, monkeypatch):
    def full(*_arguments, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hooks.files, "write_atomic", full)
    monkeypatch.setattr(hooks.event_log, "append", full)
    assert run(folder, "true").ok


def test_a_signal_without_a_name_has_its_number():
    assert hooks._ended(-63).word == "signal 63"


def test_on_windows_the_tree_is_ended_by_taskkill():
    asked = []

    class Process:
        pid = 4711

        def kill(self):
            asked.append("kill")

        def wait(self):
            asked.append("wait")

    windows = os_support.Windows(run=lambda command, **_more: asked.append(command))
    windows.kill_process_tree(Process(), 2.0)
    assert asked == [("taskkill", "/T", "/F", "/PID", "4711"), "kill", "wait"]
    assert windows.new_process_group() == {"creationflags": 0x200}


TAILS = {
    "no output": (b"", ()),
    "blank lines": (b"\n  \n\r\n", ()),
    "the last ten lines": (b"".join(b"%d\n" % one for one in range(99)), tuple(map(str, range(89, 99)))),
    "colours and a title": (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07end", ("red end",)),
    "a progress bar": (b"10 %\r20 %\r", ("10 %", "20 %")),
    "control characters": (b"a\x00b\x07c\x1bd\te", ("a b c d e",)),
    "a change of direction": ("safe\u202egnp.exe".encode(), ("safe<U+202E>gnp.exe",)),
    "octets that are no UTF-8": (b"M\xe4ki \xc3", ("M\N{REPLACEMENT CHARACTER}ki \N{REPLACEMENT CHARACTER}",)),
    "UTF-16": ("ok".encode("utf-16-le"), ("o k",)),
    "a line that is too long": (b"x" * 999, ("x" * 200 + "…",)),
}


@pytest.mark.parametrize(("octets", "lines"), TAILS.values(), ids=TAILS)
def test_the_last_lines_of_an_output_are_safe_text(octets, lines):
    assert hooks.last_lines(octets) == lines
