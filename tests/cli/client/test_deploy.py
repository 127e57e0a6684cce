"""`sinetti deploy`: hooks run by hand, their marks and the output of failed ones."""

import getpass
import json
import os
import socket
from datetime import timedelta

import pytest

from sinetti.client.agent import runner
from sinetti.client.store import agent_state, event_log
from sinetti.client.store.event_log import EventType
from tests.client import double as client_double
from tests.support import authority, golden

HOOKS = """\
store = "store"
[defaults.hooks]
before = ["sh", "-c", "echo before $SINETTI_OLD_SERIAL >> %(seen)s"]
deploy = ["sh", "-c", "%(deploy)s"]
after = ["sh", "-c", "echo after >> %(seen)s"]
"""
FAILS = "seq 20; printf '\\\\033[31mred\\\\033[0m\\\\007'; exit 7"


class Bench:
    """A name with hooks that write down when they run."""

    def __init__(self, shell):
        self.shell, self.seen, self.config = shell, shell.folder / "seen", shell.folder / "sinetti.toml"
        self.folder = shell.store / "payroll"
        assert shell.enrol()[0] == 0
        self.deploys(f"echo deploy >> {self.seen}")

    def deploys(self, command):
        self.config.write_text(HOOKS % {"seen": self.seen, "deploy": command})

    def run(self, *words):
        return self.shell.run(*words, "--config", self.config, "--lang", "en")

    def lines(self):
        return self.seen.read_text().splitlines() if self.seen.exists() else []

    def state(self):
        return agent_state.load_deploy_state(self.folder)

    @property
    def serial(self):
        return (self.folder / "live").resolve().name


@pytest.fixture
def bench(shell):
    return Bench(shell)


def events(bench):
    return [one.event for one in event_log.read(bench.folder)][1:]


def test_the_hooks_run_and_are_marked_as_by_a_run(bench):
    code, out, _ = bench.run("deploy", "payroll")
    assert (code, out, bench.lines()) == (0, "", ["deploy", "after"])
    golden.check("sentences/client-deploy/the-hooks-run", bench.shell.said())
    assert bench.state() == agent_state.DeployState(bench.serial)
    assert events(bench) == [EventType.HOOK, EventType.DEPLOYED, EventType.HOOK]
    assert bench.run("run")[0] == 0
    assert len(bench.lines()) == 2, "a run has nothing left to do"


def test_a_set_in_use_is_deployed_again(bench):
    bench.run("deploy", "payroll")
    assert bench.run("deploy", "payroll")[0] == 0
    assert bench.lines() == ["deploy", "after"] * 2


def test_a_failure_is_reported_with_the_last_lines_of_output_and_tried_again_by_run(bench):
    bench.run("deploy", "payroll")
    bench.deploys(FAILS)
    code, out, _ = bench.run("deploy", "payroll", "--json")
    lines = [*map(str, range(12, 21)), "red"]
    assert (code, json.loads(out)) == (
        4,
        [
            {
                "name": "payroll",
                "serial": bench.serial,
                "hooks": [{"stage": "deploy", "result": "exit code 7", "output": lines}],
                "exit_code": 4,
            }
        ],
    )
    golden.check("sentences/client-deploy/a-failure", bench.shell.said())
    assert (bench.state().serial, bench.state().tries) == (None, 1)
    assert bench.lines() == ["deploy", "after"], "after runs only once deploy has succeeded"
    code, out, _ = bench.run("status", "--details", "--json")
    assert json.loads(out)[0]["hook_output"] == lines
    assert bench.run("status", "--check")[0] == 4
    _, out, _ = bench.run("status", "payroll")
    assert " ".join(f"| {one}" for one in lines) in out
    assert f"program: sh {' '.join(f'| {one}' for one in lines)}" in bench.run("log", "payroll")[1]
    bench.shell.double.now += timedelta(minutes=6)
    code, _, err = bench.run("run")
    assert (code, "payroll: | red" in err, bench.state().tries) == (4, True, 2)


def test_the_back_off_does_not_delay_it(bench):
    bench.deploys("exit 1")
    bench.run("run")
    bench.run("deploy", "payroll")
    assert bench.state().tries == 2
    bench.deploys("true")
    assert bench.run("deploy", "payroll")[0] == 0
    assert json.loads(bench.run("status", "--details", "--json")[1])[0]["hook_output"] == []


STAGES = {
    "before": (["before"], None),
    "deploy": (["deploy"], agent_state.DeployState("SERIAL", after=True)),
    "after": (["after"], None),
}


@pytest.mark.parametrize(("stage", "case"), STAGES.items(), ids=STAGES)
def test_one_stage_alone(stage, case, bench):
    ran, state = case
    assert bench.run("deploy", "payroll", "--stage", stage)[0] == 0
    assert [one.strip() for one in bench.lines()] == ran
    found = bench.state()
    assert found == (None if state is None else agent_state.DeployState(bench.serial, after=state.after))


def test_after_by_itself_is_marked_once_the_set_is_deployed(bench):
    bench.run("deploy", "payroll", "--stage", "deploy")
    bench.run("deploy", "payroll", "--stage", "after")
    assert (bench.lines(), bench.state()) == (["deploy", "after"], agent_state.DeployState(bench.serial))


@pytest.mark.parametrize(("name", "command"), [("works", "true"), ("fails", FAILS)], ids=["works", "fails"])
def test_a_test_marks_nothing(name, command, bench):
    bench.deploys("exit 3")
    bench.run("run")
    before, status = bench.state(), bench.run("status", "--details", "--json")[1]
    kept = (bench.folder / "hooks" / "deploy.log").read_bytes()
    bench.deploys(command)
    code, _, err = bench.run("deploy", "payroll", "--test")
    assert code == (0 if command == "true" else 4)
    golden.check(f"sentences/client-deploy/a-test-that-{name}", bench.shell.said())
    assert ("payroll: | red" in err, "was put into use" in err) == (command == FAILS, False)
    assert (bench.state(), (bench.folder / "hooks" / "deploy.log").read_bytes()) == (before, kept)
    assert events(bench)[2:] == [EventType.HOOK_TESTED] * (2 if command == "true" else 1)
    assert (bench.folder / "hooks" / "deploy-test.log").stat().st_mode & 0o777 == 0o600
    after = json.loads(bench.run("status", "--details", "--json")[1])
    assert [one | {"last_event": None} for one in after] == [one | {"last_event": None} for one in json.loads(status)]


def test_all_names_with_hooks(bench, monkeypatch):
    monkeypatch.setattr(client_double, "TRANSFER_ID", "1" * 32)
    assert bench.shell.enrol(name="wages", transfer_id="1" * 32)[0] == 0
    (bench.shell.store / "open").mkdir()
    (bench.shell.store / "open" / "notes.json").write_text("{")
    bench.config.write_text(bench.config.read_text() + "[certificates.wages.hooks]\ndeploy = []\nafter = []\n")
    code, out, err = bench.run("deploy", "--all", "--json")
    assert (code, [(one["name"], len(one["hooks"])) for one in json.loads(out)]) == (
        5,
        [("open", 0), ("payroll", 2), ("wages", 0)],
    )
    assert "wages" not in err
    assert "store is damaged" in err, "a name that cannot be read is reported, and the others go on"


REFUSED = (
    ("deploy",),
    ("deploy", "wages"),
    ("deploy", "../store/payroll"),
)


def test_refused(bench):
    code, _, err = bench.run("deploy", "payroll", "--stage", "renew")
    assert (code, "renew" in err) == (2, True)
    bench.shell.outputs.clear()  # argparse's words differ between versions of Python
    for words in REFUSED:
        assert bench.run(*words)[0] == 2
    with runner.exclusive_run(bench.shell.store, authority.NOW):
        assert bench.run("deploy", "payroll")[0] == 5, "it does not wait for the run"
    hooks = bench.config.read_text()
    bench.config.write_text('store = "store"\n')
    assert bench.run("deploy", "payroll")[0] == 2
    code, out, _ = bench.run("deploy", "--all", "--stage", "before", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (2, "usage")
    bench.config.write_text(hooks)
    (bench.folder / "live" / "key.pem").write_bytes(b"")
    assert (bench.run("deploy", "payroll")[0], bench.lines()) == (5, [])
    who = {"PROCESS": f"process {os.getpid()} on {socket.gethostname()}, started by {getpass.getuser()}"}
    golden.check("sentences/client-deploy/refused", bench.shell.said(**who))


def test_a_signal_to_stop_lets_the_hook_end(bench, monkeypatch):
    monkeypatch.setattr(client_double, "TRANSFER_ID", "1" * 32)
    assert bench.shell.enrol(name="wages", transfer_id="1" * 32)[0] == 0
    bench.deploys(f"echo deploy >> {bench.seen}; kill -TERM $PPID; sleep 0.3; echo end >> {bench.seen}")
    code, _, err = bench.run("deploy", "--all")
    assert (code, bench.lines(), "Stopping." in err) == (130, ["deploy", "end", "after"], True)
    assert bench.state() == agent_state.DeployState(bench.serial)
