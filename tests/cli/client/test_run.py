"""`sinetti run`: messages, JSON and exit codes.

The tests also run it as a service and beside itself, in processes of its own.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetti.cli.client.run import _config
from sinetti.cli.main import build_parser
from sinetti.client.agent import runner
from sinetti.client.model import without_file
from sinetti.client.results import UsageError
from sinetti.client.store import settings
from sinetti.wire.soap.operations import Failure
from tests.cli.test_client import END, OPENS
from tests.client import double as client_double
from tests.support import authority, golden
from tests.support.programs import program, ran, running, started, surroundings
from tests.support.serving import until

DAY = timedelta(days=1)
LATE = OPENS + 11 * DAY
"""Instant by which every certificate is due."""


def run(shell, *more):
    code, out, err = shell.run("run", "--store", shell.store, *more)
    return code, json.loads(out) if "--json" in more else out, err


def said(shell):
    """Return what the commands said; a renewal's date, and so the order of names, vary with the serial number."""
    ((name, text),) = shell.said().items()
    return {name: re.sub(r"(?<=client)\d", "N", re.sub(r"\d{1,2} \w+ \d{4} at \d{1,2}:\d\d", "DATE", text))}


def test_nothing_is_due(shell):
    shell.enrol()
    code, told, _ = run(shell, "--json")
    (name,) = told["names"]
    assert (code, told["exit_code"], told["at"]) == (0, 0, "2026-03-02T12:00:00Z")
    assert list(name) == [
        *("name", "serial", "not_after", "state", "reason", "advice"),
        *("decision", "because", "next", "result", "codes", "exit_code"),
    ]  # fmt: skip
    assert (name["decision"], name["because"], name["result"], name["codes"]) == ("wait", "planned", None, [])
    assert name["next"] == told["next"]
    run(shell)
    shell.double.now = LATE
    run(shell)
    golden.check("sentences/client-run/nothing-is-due-and-renewed", said(shell))


def test_renewed(shell):
    shell.enrol()
    shell.double.now = LATE
    code, told, _ = run(shell, "--json")
    assert (code, told["names"][0]["decision"], told["names"][0]["result"]) == (0, "renew", "renewed")


def test_what_is_the_same_of_many_is_told_of_three(shell, monkeypatch):
    for number in range(5):
        transfer = str(number + 1) * 32
        monkeypatch.setattr(client_double, "TRANSFER_ID", transfer)
        assert shell.enrol(name=f"client{number}", transfer_id=transfer)[0] == 0
    shell.double.now = LATE
    for number in range(5):
        kept = settings.load(shell.store / f"client{number}")
        settings.store(shell.store / f"client{number}", replace(kept, service="http://127.0.0.1:9/"))
    code, _, err = run(shell)
    assert (code, err.count(": Cannot connect to")) == (4, 4)
    golden.check("sentences/client-run/the-same-of-many", said(shell))


def test_what_needs_a_person_ends_non_zero_each_time_and_is_told_once(shell):
    shell.enrol()
    shell.double.now = LATE
    shell.double.script.append(client_double.refuse(Failure("PKI033", "Revoked.")))
    assert run(shell)[0] == 3
    code, told, err = run(shell, "--json")
    assert (code, told["names"][0]["decision"], told["names"][0]["because"]) == (3, "hopeless", "revoked")
    assert "Order a replacement" not in err
    golden.check("sentences/client-run/what-needs-a-person", said(shell))


PLANS = {
    "planned": (OPENS - DAY, "payroll: renewal is planned for", 0),
    "now": (LATE, "payroll: would be renewed now.", 0),
    "ended": (END + 3 * DAY, "can no longer be renewed, because it expired on", 3),
}


@pytest.mark.parametrize(("at", "words", "exit_code"), PLANS.values(), ids=PLANS)
def test_a_dry_run_says_what_would_be_done(at, words, exit_code, shell):
    shell.enrol()
    shell.double.now = at
    shell.double.seen.clear()
    code, out, _ = run(shell, "--dry-run")
    assert code == exit_code
    assert words in out
    assert shell.double.seen == []


def test_a_dry_run_of_what_is_under_way_failed_or_damaged(shell):
    for name in ("failed", "lost", "broken"):
        shell.enrol(name=name)
    shell.double.now = LATE
    shell.double.script.extend([client_double.lose] * 3)
    assert run(shell)[0] == 6
    shell.outputs.clear()
    (shell.store / "broken" / "live" / "certificate.pem").write_text("?")
    assert run(shell, "--dry-run")[0] == 6
    shell.double.now = LATE + DAY
    run(shell, "--dry-run")
    code, told, _ = run(shell, "--dry-run", "--json")
    decisions = sorted(str(name["decision"]) for name in told["names"])
    assert (code, decisions) == (6, ["None", "go-on", "go-on"])
    golden.check("sentences/client-run/a-dry-run-of-what-failed", said(shell))


def test_an_empty_store_and_none(shell):
    shell.store.mkdir()
    assert run(shell)[0] == 0
    code, _, err = shell.run("run", "--store", shell.folder / "nowhere")
    assert code == 2
    assert "no store" in err


def test_a_second_run_is_told_who_holds_the_store(shell):
    shell.enrol()
    with runner.exclusive_run(shell.store, authority.NOW):
        code, _, err = run(shell)
    assert code == 5
    assert f"process {os.getpid()} on {socket.gethostname()}" in err


def test_the_metrics_that_are_asked_for_are_written_after_each_pass(shell):
    shell.enrol()
    place = shell.folder / "sinetti.prom"
    config = shell.folder / "sinetti.toml"
    config.write_text(f'store = "store"\n[agent]\nprometheus = "{place}"\n')
    assert shell.run("run", "--config", config)[0] == 0
    assert 'name="payroll"' in place.read_text()
    assert "\nsinetti_agent_last_run_seconds " in place.read_text()
    place.unlink()
    place.mkdir()
    code, _, err = shell.run("run", "--config", config)
    assert code == 2
    assert "cannot be written" in err


HOOKS = """\
store = "store"
[defaults.hooks]
before = ["sh", "-c", "echo $SINETTI_STAGE $SINETTI_CUSTOMER_ID $SINETTI_SERIAL >> %(told)s"]
deploy = ["sh", "-c", "%(deploy)s"]
after = ["sh", "-c", "echo $SINETTI_STAGE $SINETTI_OLD_SERIAL $SINETTI_SERIAL >> %(told)s"]
"""


def with_hooks(shell, deploy):
    told, config = shell.folder / "told", shell.folder / "sinetti.toml"
    config.write_text(HOOKS % {"told": told, "deploy": deploy})
    return config, lambda: told.read_text().split("\n")[:-1] if told.exists() else []


def test_programs_are_run_around_a_renewal_and_not_again(shell):
    shell.enrol()
    old = (shell.store / "payroll" / "live").readlink().name
    config, told = with_hooks(shell, "true")
    code, _, err = shell.run("run", "--config", config)
    assert (code, ": 1 up to date" in err) == (0, True), "each name is counted once"
    assert told() == [f"after {old}"], "the first set is brought into use, too"
    shell.double.now = LATE
    assert shell.run("run", "--config", config)[0] == 0
    new = (shell.store / "payroll" / "live").readlink().name
    assert told()[1:] == [f"before {authority.CUSTOMER_ID} {old}", f"after {old} {new}"]
    assert shell.run("run", "--config", config)[0] == 0
    assert len(told()) == 3


def test_a_deploy_that_fails_is_tried_again_and_the_renewal_stays(shell):
    shell.enrol()
    shell.double.now = LATE
    config, told = with_hooks(shell, "exit 7")
    code, _, err = shell.run("run", "--config", config)
    assert code == 4
    assert "renewed." in err
    assert ": 0 up to date" in err
    assert " 0 renewed, 1 pending." in err, "each name is counted once"
    assert "7" in err
    assert len(list((shell.store / "payroll" / "generations").iterdir())) == 2
    code, out, _ = shell.run("run", "--config", config, "--json")
    assert (code, json.loads(out)["next"]) == (4, f"{LATE + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"), "it waits"
    with_hooks(shell, "true")
    assert shell.run("run", "--config", config)[0] == 0, "a person has given another"
    assert [line.split()[0] for line in told()] == ["before", "after"]
    assert len(shell.double.issued) == 2


def test_the_table_of_a_service_counts_and_what_is_wrong_in_it_is_told_with_its_line(shell):
    shell.enrol()
    shell.double.now = LATE
    config = shell.folder / "sinetti.toml"
    text = (
        f'store = "store"\n[services.register]\naddress = "{shell.double.url}"\nenvironment = "PRODUCTION"\n'
        'trust_services = "services.pem"\ntrust_holders = "holders.pem"\n[defaults]\nservice = "register"\n'
    )
    config.write_text(text)
    shell.double.seen.clear()
    code, _, err = shell.run("run", "--config", config)
    assert (code, shell.double.seen) == (2, [])
    assert "payroll" in err
    config.write_text(text.replace("PRODUCTION", "TEST").replace("[defaults]", "[defaults]\nkey = 'ec-p385'"))
    code, _, err = shell.run("run", "--config", config)
    assert (code, shell.double.seen) == (2, [])
    assert "8" in err
    config.write_text(text.replace("PRODUCTION", "TEST") + '[certificates.payroll]\nformats = ["pem", "der"]\n')
    assert shell.run("run", "--config", config)[0] == 0
    assert (shell.store / "payroll" / "live" / "certificate.der").exists()


def test_a_service_goes_on_by_what_sinetti_toml_said_before_where_it_is_wrong_now(shell):
    shell.enrol()
    config = shell.folder / "sinetti.toml"
    config.write_text('store = "store"\n')
    config.write_text('stor = "store"\n')
    parsed = build_parser("run").parse_args(["run", "--config", str(config), "--store", str(shell.store)])
    before = without_file(shell.store)
    parsed.said_before = before
    told = []
    assert _config(parsed, SimpleNamespace(tell=told.append)) is before
    assert len(told) == 1
    config.write_text("[agent]\nat_once = 3\n")
    assert _config(parsed, SimpleNamespace(tell=told.append)).care.at_once == 3
    del parsed.said_before
    config.write_text("?")
    vars(parsed).pop("sinetti_toml", None)
    with pytest.raises(UsageError):
        _config(parsed, SimpleNamespace(tell=told.append))


@pytest.mark.parametrize("every", ["soon", "0m", "30s", "8d", "1 h"])
def test_a_time_that_is_none(every, shell):
    shell.store.mkdir()
    code, _, err = run(shell, "--every", every)
    assert code == 2
    assert "from 1m to 7d" in err


def test_a_clock_for_benches(shell):
    shell.enrol()
    shell.double.now = LATE
    code, _, err = run(shell, "--now", "2028-02-01T00:00:00Z")
    assert code == 0
    assert err.startswith("Warning: --now")


# Tests in processes of their own.


@pytest.fixture
def bench(tmp_path):
    with running(tmp_path / "bench", "--http", "--now", "2027-01-01T00:00:00Z") as one:
        yield one


def enrolled(bench, store, name):
    ids = bench.order(customer_id="0123456-7")
    trust = bench.ready["trust"]
    password = store.parent / "password"
    password.write_text(ids["transfer_password"])
    password.chmod(0o600)
    done = ran(
        "enrol", name, "--store", store, "--service", bench.ready["soap_url"], "--trust-services", trust["services"],
        "--trust-holders", trust["holders"], "--environment", "TEST", "--customer-id", "0123456-7",
        "--transfer-id", ids["transfer_id"], "--transfer-password-file", password, "--key", "ec-p256",
        "--now", bench.now().isoformat(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return store / name


def moved(bench, to):
    assert bench.control("PUT", "/clock", {"now": to})[0] == 200
    return to


@pytest.mark.long
def test_against_a_bench_everything_is_renewed_in_its_window_by_two_agents_at_once(bench, tmp_path):
    store = tmp_path / "store"
    for number in range(4):
        enrolled(bench, store, f"firm-{number}")
    early = ran("run", "--store", store, "--json", "--now", moved(bench, "2028-10-01T00:00:00Z"))
    assert early.returncode == 0, early.stderr
    planned = [name["next"] for name in json.loads(early.stdout)["names"]]
    assert all("2028-11-01" < at < "2028-12-25" for at in planned), "by the service's hint, before its end"
    now = moved(bench, "2028-12-20T00:00:00Z")
    command = program("run", "--store", store, "--json", "--now", now)
    with (
        started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one,
        started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other,
    ):
        ended = [process.communicate(timeout=60) for process in (one, other)]
    codes = sorted(process.returncode for process in (one, other))
    assert codes in ([0, 5], [0, 0]), ended
    assert len(bench.rows()) == 8, "each certificate was renewed once"
    assert ran("run", "--store", store, "--now", now).returncode == 0


def test_unreadable_to_who_runs_it(shell):
    shell.enrol()
    shell.double.seen.clear()
    key = shell.store / "payroll" / "live" / "key.pem"
    arguments = ("run", "--store", shell.store, "--now", LATE.isoformat())
    shell.double.now = LATE
    key.chmod(0)
    done = ran(*arguments, bound=True)
    assert done.returncode == 5
    assert str(key) in done.stderr
    shell.store.chmod(0)
    done = ran(*arguments, bound=True)
    assert done.returncode == 5
    assert str(shell.store) in done.stderr
    assert shell.double.seen == []
    shell.store.chmod(0o700)
    key.chmod(0o600)
    assert ran(*arguments, bound=True).returncode == 0


@contextlib.contextmanager
def service(store: Path, *more, **environment):
    command = program("run", "--store", store, "--every", "1h", "--json", *more)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": surroundings(environment)}
    with started(command, **options) as process:
        yield process


def test_as_a_service_it_says_that_it_is_ready_and_ends_when_it_is_told_to(shell, tmp_path):
    shell.enrol()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        with service(shell.store, NOTIFY_SOCKET=str(tmp_path / "notify")) as process:
            assert manager.recv(100) == b"READY=1"
            line = ""
            while "Next action:" not in line:
                line = process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert [manager.recv(100) for _ in range(2)] == [b"WATCHDOG=1", b"STOPPING=1"]
            assert "Stopping" in process.stderr.read()


def test_a_pass_of_a_service_that_cannot_begin_is_in_json_too(shell):
    shell.enrol()
    with runner.exclusive_run(shell.store, authority.NOW), service(shell.store) as process:
        assert json.loads(process.stdout.readline())["error"]["code"] == "store"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 5
        assert process.stdout.read() == ""


def test_told_to_stop_while_it_waits_for_a_certificate(shell):
    """The command ends within the step, and not after five minutes of patience."""
    shell.enrol()
    shell.double.now = LATE
    shell.double.script.extend([client_double.well, *[client_double.refuse(client_double.NOT_READY)] * 300])
    with service(shell.store, "--now", LATE.astimezone(UTC).isoformat()) as process:
        until(lambda: len(shell.double.seen) >= 4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    shell.double.script.clear()
    assert run(shell)[0] == 0
    assert len(shell.double.issued) == 2


def test_a_second_ctrl_c_waits_for_no_answer_and_the_next_run_goes_on(shell):
    shell.enrol()
    shell.double.now, answers = LATE, threading.Event()
    shell.double.script.append(lambda *_: answers.wait(120))
    with service(shell.store, "--now", LATE.astimezone(UTC).isoformat()) as process:
        until(lambda: len(shell.double.seen) >= 3)
        process.send_signal(signal.SIGINT)
        assert "Stopping" in process.stderr.readline() + process.stderr.readline()
        assert process.poll() is None, "the request is still open"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    answers.set()
    assert run(shell)[0] == 0
    assert len(shell.double.issued) == 2


def test_killed_in_the_middle_the_lock_is_gone_and_the_next_run_goes_on(shell):
    shell.enrol()
    shell.double.now = LATE
    shell.double.script.extend([client_double.well, *[client_double.refuse(client_double.NOT_READY)] * 300])
    with service(shell.store, "--now", LATE.astimezone(UTC).isoformat()) as process:
        until(lambda: len(shell.double.seen) >= 4)
        assert run(shell)[0] == 5, "another one is told"
        process.kill()
        process.wait(60)
    shell.double.script.clear()
    assert run(shell)[0] == 0
    assert len(shell.double.issued) == 2


@pytest.mark.long
def test_called_for_early_after_an_incident(bench, tmp_path):
    store = tmp_path / "store"
    names = [f"firm-{number}" for number in range(3)]
    for name in names:
        enrolled(bench, store, name)
    before = {name: (store / name / "live").readlink() for name in names}
    assert ran("run", "--store", store, "--now", bench.now().isoformat()).returncode == 0
    status, called = bench.control("POST", "/early", {"all": True, "until": "2027-01-01T00:10:00Z"})
    assert status == 200, called
    now = datetime.fromisoformat("2027-01-01T00:00:00Z")
    for minutes in (0, 180, 365, 380, 400):
        at = moved(bench, (now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert ran("run", "--store", store, "--now", at).returncode == 0
    assert all((store / name / "live").readlink() != before[name] for name in names)
    assert len(bench.rows()) == 6, "once each"
    shutil.rmtree(store)


def read_until(process, words):
    lines = []
    while not lines or words not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], "the certificate has expired"
    return "".join(lines)


@pytest.fixture
def hung_up_on():
    """Let child processes receive SIGHUP, also where nohup makes the tests ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hung_up_on")
def test_a_service_looks_anew_when_it_is_told_to(shell):
    """`systemctl reload` does so, and sinetti.toml is read again.

    Without a handler the service would end, and no unit would restart it.
    """
    shell.enrol()
    config = shell.folder / "sinetti.toml"
    config.write_text(f'store = "{shell.store}"\n')
    command = program("run", "--config", config, "--every", "7d", "--lang", "en")
    options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "env": surroundings({})}
    with started(command, **options) as process:
        read_until(process, "Next action:")
        config.write_text("?\n")
        process.send_signal(signal.SIGHUP)
        assert "not valid TOML" in read_until(process, "Next action:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.usefixtures("hung_up_on")
def test_a_run_whose_terminal_goes_comes_to_a_safe_end(shell):
    shell.enrol()
    shell.double.now = LATE
    shell.double.script.extend([client_double.well, *[client_double.refuse(client_double.NOT_READY)] * 300])
    command = program("run", "--store", shell.store, "--lang", "en", "--now", LATE.astimezone(UTC).isoformat())
    with started(command, stderr=subprocess.PIPE, text=True, env=surroundings({})) as process:
        until(lambda: len(shell.double.seen) >= 4)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 130
        assert "Stopping" in process.stderr.read()


@pytest.mark.usefixtures("hung_up_on")
def test_a_store_that_is_away_for_a_while_ends_no_service(shell):
    """Its unit takes exit code 5 for a good end (SuccessExitStatus).

    After that, systemd would not restart it.
    """
    shell.enrol()
    away = shell.store.with_name("away")
    with service(shell.store, "--lang", "en") as process:
        read_until(process, "Next action:")
        shell.store.rename(away)
        process.send_signal(signal.SIGHUP)
        read_until(process, str(shell.store))
        away.rename(shell.store)
        process.send_signal(signal.SIGHUP)
        read_until(process, "Next action:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def minutes_later(handler, double, seen):
    """Answer as promised, after the command has worked on other names for minutes."""
    double.now += timedelta(minutes=10)
    client_double.well(handler, double, seen)


@pytest.mark.parametrize("command", [("run",), ("renew", "--all")], ids=["run", "renew"])
def test_what_is_renewed_late_in_a_long_pass_is_taken(shell, command):
    """The renewal begins later than clocks may differ from the start of the run.

    Three hundred names take longer than that.
    """
    shell.enrol()
    shell.double.now = LATE
    shell.double.script.append(minutes_later)
    code, _, err = shell.run(*command, "--store", shell.store)
    assert (code, "payroll: renewed." in err) == (0, True), err


def test_the_next_try_counts_from_the_failure_and_not_from_the_beginning_of_the_pass(shell):
    shell.enrol()
    shell.double.now = LATE

    def refuse(handler, double, seen):
        double.now += timedelta(minutes=10)
        client_double.refuse(Failure("PKI099", "Not just now."))(handler, double, seen)

    shell.double.script.append(refuse)
    code, told, _ = run(shell, "--json")
    assert code in {4, 6}
    assert told["next"] == (LATE + timedelta(minutes=15)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_clock_that_is_years_behind_is_told_each_time(shell):
    """A flat battery sets such a clock.

    By this clock no renewal is ever due, and no user would hear of it.
    """
    shell.enrol()
    shell.double.now = datetime(2000, 1, 1, tzinfo=UTC)
    config = shell.folder / "sinetti.toml"
    config.write_text(f'store = "{shell.store}"\n[defaults.hooks]\ndeploy = ["true"]\n')
    for more in ((), ("--dry-run",), ("--config", config), ("--config", config)):
        assert run(shell, *more)[0] == 4
    golden.check("sentences/client-run/a-clock-that-is-years-behind", said(shell))
    shell.double.now = authority.NOW - timedelta(minutes=6)
    assert run(shell)[0] == 4
    shell.double.now = authority.NOW - timedelta(minutes=5)
    assert run(shell)[0] == 0
