"""Every command of docs/holders/systemd.md, in its order, as root of a Debian 13 machine with systemd.

One machine serves all tests: `page` leaves it as the page does, with the unit payroll.service, which the page
requires. Each test leaves it so. The line of cron in docs/holders/agent.md is run there, too.
"""

import json
import re
import shutil
import signal
from dataclasses import dataclass
from datetime import timedelta

import pytest

from sinetti.infra.clock import utc_now
from tests.house.tree import DOCS, rows
from tests.support.machine import Machine, booted
from tests.support.programs import CUSTOMER, running

pytestmark = pytest.mark.timeout(600)  # the first test waits until the machine has the agent

PAGE_PATH = DOCS / "holders" / "systemd.md"
PAGE = PAGE_PATH.read_text(encoding="utf-8")
FIRST, _, THEN = PAGE.partition("\n## 4.")
THEN, _, AS_SERVICE = THEN.partition("\n## 8.")
TRANSFER_ID = "12345678901234567890123456789012"
KEPT = "/etc/sinetti /var/lib/sinetti-agent"
MINUTE = 60.0
"""Seconds between two runs of cron."""

STORE = "/var/lib/sinetti-agent/store"

PAYROLL = """[Service]
User=payroll
StateDirectory=payroll
ExecStart=/bin/sleep infinity
ExecReload=/bin/cp /var/lib/sinetti-agent/store/payroll/live/key.pem /var/lib/payroll/

[Install]
WantedBy=multi-user.target
"""
"""The unit that the page's reader has: a reload reads the key as the program's own user."""

BEFORE = f"""
useradd --system payroll
cat > /etc/systemd/system/payroll.service <<'END'
{PAYROLL}END
sed '/^User=/d' /etc/systemd/system/payroll.service > /etc/systemd/system/other.service
systemctl daemon-reload
systemctl enable --now payroll other
install -d /etc/sinetti
cp /mnt/given/services.pem /mnt/given/holders.pem /etc/sinetti
"""


CRON = re.search(
    r"^    17 \* (\* \* \*  sinetti-agent .*)$", (DOCS / "holders" / "agent.md").read_text("utf-8"), re.MULTILINE
)[1]
WITH_CRON = f"""
for one in cron-well cron-damaged; do
  cp -a {STORE} /var/lib/sinetti-agent/$one
done
rm /var/lib/sinetti-agent/cron-damaged/payroll/live/key.pem
printf '#!/bin/sh\\ncat > /var/mailed/of-$$\\n' > /usr/sbin/sendmail
chmod 0755 /usr/sbin/sendmail
install -d -m 1777 /var/mailed
cat > /etc/cron.d/sinetti <<'END'
* * {CRON.replace(STORE, STORE.replace("store", "cron-well"))}
* * {CRON.replace(STORE, STORE.replace("store", "cron-damaged"))}
END
"""
"""The line for a store in order and for a damaged one, each minute, beside the agent's own store."""


def commands(text):
    """Return the commands of a part of the page, for bash."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def changed(text, changes):
    """Return a text with what the page's readers write instead; each occurs once."""
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@dataclass
class Page:
    """The machine after the page, and what its last step printed."""

    machine: Machine
    bench: object
    last: str


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Yield the machine after the page's commands.

    The certificate is of two years ago, so that the pass of step 7 renews it.
    """
    folder = tmp_path_factory.mktemp("systemd")
    begun = (utc_now() - timedelta(days=700)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with running(folder / "bench", "--http", "--now", begun) as bench, booted(folder) as machine:
        ids = bench.order(**CUSTOMER | {"customer_name": "Example Oy"})
        for role in ("services", "holders"):
            shutil.copy(bench.ready["trust"][role], machine.given)
        machine.run(BEFORE)
        first = changed(
            commands(FIRST),
            {
                "https://certificates.example/2017/10/CertificateServices": bench.ready["soap_url"],
                '"PRODUCTION"': '"TEST"',
                TRANSFER_ID: ids["transfer_id"],
                "sinetti doctor": "sinetti doctor || test $? = 3",
            },
        )
        machine.run(first, text=ids["transfer_password"] + "\n")
        assert bench.control("PUT", "/clock", {"now": utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")})[0] == 200
        last = machine.run(commands(THEN)).stdout
        machine.run(WITH_CRON)
        machine.run(f"install -d /var/as-it-was; cp -a {KEPT} /var/as-it-was")
        yield Page(machine, bench, last)


@pytest.fixture
def machine(page):
    """Yield the machine; settings and store are then as the page left them."""
    yield page.machine
    page.machine.run("systemctl stop cron sinetti-agent.service")
    page.machine.until("! pgrep --uid sinetti-agent")
    page.machine.run(f"rm -r {KEPT}; cp -a /var/as-it-was/sinetti /etc; cp -a /var/as-it-was/sinetti-agent /var/lib")
    page.machine.run("systemctl reset-failed; systemctl start cron")


@pytest.fixture
def as_service(machine):
    """Run the agent as step 8 says while the test runs, with shorter times."""
    folder = "/run/systemd/system/sinetti-agent-always.service.d"
    machine.run(f"install -d {folder}; printf '[Service]\\nWatchdogSec=6s\\nRestartSec=1s\\n' > {folder}/times.conf")
    machine.run(commands(AS_SERVICE))
    yield "sinetti-agent-always.service"
    machine.run(
        "systemctl disable --now sinetti-agent-always; systemctl reset-failed\n"
        "rm -r /etc/systemd/system/sinetti-agent-always.service*; systemctl daemon-reload\n"
        "systemctl enable --now sinetti-agent.timer"
    )


def shown(machine, unit, *names):
    """Return the values of some properties of a unit."""
    return [machine.says(f"systemctl show --value --property {name} {unit}") for name in names]


def entries(machine, unit, since):
    """Return what the journal got from the processes of a unit after a cursor, as fields."""
    lines = machine.says(f"journalctl --output json --after-cursor '{since}' _SYSTEMD_UNIT={unit}").splitlines()
    return [json.loads(line) for line in lines]


def cursor(machine):
    """Return the present end of the journal."""
    return machine.says("journalctl --lines 0 --show-cursor").rpartition("-- cursor: ")[2]


def test_the_page_leads_to_a_renewed_certificate_that_the_program_has_loaded(page):
    machine = page.machine
    status, doctor, readable = page.last.partition("OK  settings")[::2][0], page.last, page.last.splitlines()[-1]
    assert "payroll  0123456-7 Example Oy  valid" in status
    assert {line.split()[0] for line in doctor.splitlines()[2:-1]} == {"OK"}
    assert readable == "readable"
    assert len(page.bench.rows()) == 2, "the pass of step 7 renewed it"
    assert machine.says(f"cmp {STORE}/payroll/live/key.pem /var/lib/payroll/key.pem && echo same") == "same"
    owned = f"stat -c '%U %G %a' {STORE}/payroll/live/key.pem /etc/sinetti/sinetti.toml"
    assert machine.says(owned).splitlines() == ["sinetti-agent payroll 640", "root root 644"]
    closed = machine.run(f"runuser -u nobody -- test -r {STORE}/payroll/live/key.pem", check=False)
    assert closed.returncode == 1


def test_the_commands_of_the_table_answer(page):
    answers = {row[0]: page.machine.says(row[1].strip("`")) for row in rows(PAGE_PATH, "question")}
    assert "sinetti-agent.timer" in answers["When is the next pass?"]
    assert "1 certificate: 0 up to date, 1 renewed" in answers["What did the last pass say?"]
    assert "result: exit code 0" in answers["What did the hook print?"]
    assert "0 loaded units listed" in answers["Did a pass fail?"]
    assert answers["Is the reload allowed?"] == ""


ASKED = {
    "another verb": ("sinetti-agent", "stop payroll.service"),
    "another unit": ("sinetti-agent", "reload other.service"),
    "another user": ("payroll", "reload payroll.service"),
}


@pytest.mark.parametrize(("user", "words"), ASKED.values(), ids=ASKED)
def test_the_rule_allows_one_action(user, words, machine):
    done = machine.run(f"runuser -u {user} -- systemctl --no-ask-password {words}", check=False)
    assert done.returncode != 0
    assert "nteractive authentication required" in done.stderr, "as the table of problems has it"


def test_the_journal_has_one_line_for_each_message_with_its_priority(machine):
    since = cursor(machine)
    machine.run("systemctl start sinetti-agent")
    refused = machine.run("chmod 0666 /etc/sinetti/sinetti.toml; systemctl start sinetti-agent", check=False)
    found = entries(machine, "sinetti-agent.service", since)
    assert refused.returncode == 1
    assert {(one["SYSLOG_IDENTIFIER"], one["_TRANSPORT"]) for one in found} == {("sinetti", "stdout")}
    assert [one["PRIORITY"] for one in found] == ["6", "6", "3"]
    assert found[0]["MESSAGE"] == "1 certificate: 1 up to date, 0 renewed, 0 pending."
    assert "chmod go-w /etc/sinetti/sinetti.toml" in found[2]["MESSAGE"], "the command that corrects it"


def test_a_pass_that_needs_action_fails_the_unit(machine):
    since = cursor(machine)
    done = machine.run(f"rm {STORE}/payroll/live/key.pem; systemctl start sinetti-agent", check=False)
    assert done.returncode == 1
    assert machine.says("systemctl --failed --plain --no-legend").split()[0] == "sinetti-agent.service"
    assert shown(machine, "sinetti-agent", "Result", "ExecMainStatus") == ["exit-code", "5"]
    logged = machine.says(f"journalctl -u sinetti-agent -p warning --after-cursor '{since}' --output cat")
    assert logged.startswith("payroll: The store is damaged"), "as the table of questions has it"


def test_a_stopped_pass_completes_its_step(machine):
    """A hook is a step. The unit has not failed, and the next pass has nothing to repeat."""
    machine.run(
        'sed -i \'s/^deploy = .*/deploy = ["sleep", "3.0"]/\' /etc/sinetti/sinetti.toml\n'
        f"rm {STORE}/payroll/deploy.json; systemctl start --no-block sinetti-agent"  # as before the first deployment
    )
    machine.until("grep -lzx '3[.]0' /proc/[0-9]*/cmdline")
    machine.run("systemctl stop sinetti-agent")
    assert shown(machine, "sinetti-agent", "Result", "ActiveState") == ["success", "inactive"]
    assert "result: exit code 0" in machine.says(f"cat {STORE}/payroll/hooks/deploy.log")


def test_a_machine_that_was_off_makes_up_for_the_missed_pass(machine):
    machine.run(
        "install -d /etc/systemd/system/sinetti-agent.timer.d\n"
        "printf '[Timer]\\nRandomizedDelaySec=1s\\n' > /etc/systemd/system/sinetti-agent.timer.d/delay.conf\n"
        "systemctl daemon-reload; systemctl stop sinetti-agent.timer\n"
        "touch -d '3 hours ago' /var/lib/systemd/timers/stamp-sinetti-agent.timer"
    )
    machine.reboot()
    machine.until("journalctl --boot -u sinetti-agent", "1 up to date")
    machine.run("rm -r /etc/systemd/system/sinetti-agent.timer.d; systemctl daemon-reload")


def test_a_service_reads_its_settings_again(as_service, machine):
    assert shown(machine, as_service, "Type", "ActiveState") == ["notify", "active"]
    assert shown(machine, "sinetti-agent.timer", "ActiveState", "UnitFileState") == ["inactive", "disabled"]
    since = cursor(machine)
    machine.run(f"echo '?' >> /etc/sinetti/sinetti.toml; systemctl reload {as_service}")
    machine.until(f"journalctl --after-cursor '{since}' -u {as_service} -p warning", "This is not valid TOML")
    machine.until(f"journalctl --after-cursor '{since}' -u {as_service}", "Next action")
    since = cursor(machine)
    machine.run(f"sed -i '$d' /etc/sinetti/sinetti.toml; systemctl reload {as_service}")
    machine.until(f"journalctl --after-cursor '{since}' -u {as_service}", "1 up to date")
    machine.run(f"systemctl stop {as_service}")
    assert shown(machine, as_service, "Result", "ExecMainStatus") == ["success", "0"]


def test_a_service_with_wrong_settings_does_not_start(as_service, machine):
    machine.run(f"systemctl stop {as_service}; echo '?' >> /etc/sinetti/sinetti.toml")
    assert machine.run(f"systemctl start {as_service}", check=False).returncode == 1
    assert shown(machine, as_service, "ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "2", "0"]


def test_systemd_starts_a_service_again_that_hangs(as_service, machine):
    machine.run("sleep 8")
    before, restarts = shown(machine, as_service, "MainPID", "NRestarts")
    assert restarts == "0", "it reports more often than WatchdogSec"
    machine.run(f"kill -{signal.SIGSTOP.value} {before}")
    machine.until(f"systemctl show {as_service} -p NRestarts", "NRestarts=1")
    machine.until(f"systemctl is-active {as_service}", "active")
    assert "Watchdog timeout" in machine.says(f"journalctl -u {as_service}")


def test_cron_runs_passes_and_mails_only_those_that_fail(machine):
    machine.until("cat /var/mailed/of-*", "payroll: The store is damaged", 2 * MINUTE)
    machine.until("journalctl -u cron", f"chronic /opt/sinetti/bin/sinetti run --store {STORE[:-5]}cron-well)")
    subjects = machine.says("grep -h ^Subject: /var/mailed/of-*").splitlines()
    assert subjects
    assert all(one.endswith(f"sinetti run --store {STORE[:-5]}cron-damaged") for one in subjects)
