"""Every command of docs/holders/systemd.md, in its order, as root of a machine of its own.

The machine is a mount namespace whose system folders are overlays, so users and files of the page are real there and
gone afterwards. Programs that need a network or a running systemd are stand-ins: `apt-get`, `python3 -m venv` with
`pip`, and `systemctl`, which runs the unit's command as the unit's user.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import DOCS, ROOT
from tests.support.postgres import skip_or_fail
from tests.support.programs import running, surroundings
from tests.support.web_servers import tool

PAGE = (DOCS / "holders" / "systemd.md").read_text(encoding="utf-8")
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
DROP_IN = re.search(r"group\.conf <<'END'\n(.*?)^END$", COMMANDS, re.DOTALL | re.MULTILINE)[1]
RULE = re.search(r"sinetti-agent\.rules <<'END'\n(.*?)^END$", COMMANDS, re.DOTALL | re.MULTILINE)[1]
TRANSFER_ID = "12345678901234567890123456789012"
STORE = "/var/lib/sinetti-agent/store"

MACHINE = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$OVERLAYS"
for one in usr etc var opt root home; do
  [ -d "/$one" ] || continue
  mkdir -p "$OVERLAYS/$one/upper" "$OVERLAYS/$one/work"
  mount -t overlay overlay -o "lowerdir=/$one,upperdir=$OVERLAYS/$one/upper,workdir=$OVERLAYS/$one/work" "/$one"
done
chmod a+x /root  # an interpreter may lie there, and the agent's user runs it
useradd --system payroll
mkdir -p /etc/polkit-1/rules.d /etc/systemd/system /etc/sinetti /usr/local/src
ln -sfn "$CLONE" /usr/local/src/sinetti
cp "$TRUST_SERVICES" /etc/sinetti/services.pem
cp "$TRUST_HOLDERS" /etc/sinetti/holders.pem
cp "$STAND_INS"/* /usr/local/bin/
: > /var/log/systemctl && chmod 0666 /var/log/systemctl
"""
"""First lines of the script: the machine before the page begins."""

STAND_INS = {
    "apt-get": "#!/bin/sh\nexit 0\n",
    "python3": """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 1
mkdir -p "$3/bin"
printf '#!/bin/sh\\n[ "$1" = install ] && [ -f "$2/pyproject.toml" ]\\n' > "$3/bin/pip"
printf '#!/bin/sh\\nexec PYTHON -m sinetti "$@"\\n' > "$3/bin/sinetti"
chmod 0755 "$3/bin/pip" "$3/bin/sinetti"
""",
    "systemctl": """#!/bin/sh
echo "$(id -un) $*" >> /var/log/systemctl
[ "$*" = "start sinetti-agent.service" ] || exit 0
unit=/etc/systemd/system/sinetti-agent.service
chmod "$(sed -n 's/^StateDirectoryMode=//p' $unit.d/*.conf)" /var/lib/sinetti-agent /var/lib/sinetti-agent/store
exec runuser -u "$(sed -n 's/^User=//p' $unit)" -- $(sed -n 's/^ExecStart=//p' $unit)
""",
}
"""Programs in the place of those that need a network or systemd."""

AFTERWARDS = rf"""
echo ---
cat /var/log/systemctl
stat -c '%U %G %a' {STORE}/payroll/live/key.pem /etc/sinetti/sinetti.toml
runuser -u nobody -- test -r {STORE}/payroll/live/key.pem || echo closed to others
runuser -u sinetti-agent -- /opt/sinetti/bin/sinetti status --json
"""


def for_the_bench(commands: str, bench, transfer_id: str) -> str:
    """Return the commands with the bench as their service, which the page names otherwise."""
    changes = {
        "https://certificates.example/2017/10/CertificateServices": bench.ready["soap_url"],
        '"PRODUCTION"': '"TEST"',
        TRANSFER_ID: transfer_id,
    }
    for old, new in changes.items():
        assert commands.count(old) == 1
        commands = commands.replace(old, new)
    return commands


@pytest.fixture
def stand_ins(tmp_path):
    """Write the stand-ins; return their folder."""
    folder = tmp_path / "stand-ins"
    folder.mkdir()
    for name, text in STAND_INS.items():
        (folder / name).write_text(text.replace("PYTHON", sys.executable), encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def test_every_command_leads_to_a_certificate_that_the_program_reads(tmp_path, stand_ins):
    namespace = [tool("unshare"), "--mount", "--"]
    if os.geteuid() != 0 or subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        skip_or_fail("root with a mount namespace is needed")
    (tmp_path / "overlays").mkdir()
    with running(tmp_path / "bench", "--http") as bench:
        ids = bench.order(customer_id="0123456-7", customer_name="Example Oy")
        known = surroundings(
            {
                "OVERLAYS": str(tmp_path / "overlays"),
                "STAND_INS": str(stand_ins),
                "CLONE": str(ROOT),
                "TRUST_SERVICES": bench.ready["trust"]["services"],
                "TRUST_HOLDERS": bench.ready["trust"]["holders"],
                "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
            }
        )
        script = MACHINE + for_the_bench(COMMANDS, bench, ids["transfer_id"]) + AFTERWARDS
        done = subprocess.run(
            [*namespace, "bash", "-c", script],
            input=ids["transfer_password"] + "\n",
            cwd="/",
            env=known,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, (done.stdout, done.stderr)
    calls, _, rest = done.stdout.partition("---\n")[2].partition("sinetti-agent payroll 640\n")
    assert calls.splitlines() == [
        "root daemon-reload",
        "root enable --now sinetti-agent.timer",
        "root daemon-reload",
        "root start sinetti-agent.service",
        "sinetti-agent --no-ask-password reload payroll.service",
    ]
    owner, closed, rows = rest.split("\n", 2)
    assert (owner, closed) == ("root root 644", "closed to others")
    assert [(row["name"], row["state"]) for row in json.loads(rows)] == [("payroll", "valid")]


def test_systemd_takes_the_drop_in(tmp_path):
    for name in ("sinetti-agent.service", "sinetti-agent.timer"):
        text = (ROOT / "deploy" / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/sinetti/bin/sinetti", sys.executable), encoding="utf-8")
    folder = tmp_path / "sinetti-agent.service.d"
    folder.mkdir()
    (folder / "group.conf").write_text(DROP_IN, encoding="utf-8")
    command = [tool("systemd-analyze"), "verify", str(tmp_path / "sinetti-agent.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.partition("=")[0] for line in DROP_IN.splitlines() if "=" in line} == {
        "StateDirectoryMode",
        "PrivateUsers",
        "SystemCallFilter",
    }


ASKED = {
    "the reload of its unit": ("payroll.service", "reload", "sinetti-agent", "yes"),
    "another verb": ("payroll.service", "stop", "sinetti-agent", None),
    "another unit": ("ssh.service", "reload", "sinetti-agent", None),
    "another user": ("payroll.service", "reload", "payroll", None),
}


@pytest.mark.parametrize(("unit", "verb", "user", "answer"), ASKED.values(), ids=ASKED)
def test_the_rule_allows_one_action(unit, verb, user, answer):
    """Polkit gives a rule the action with its details, and the subject; Node runs it here."""
    node = shutil.which("node")
    if node is None:
        skip_or_fail("node is not installed (scripts/packages judges says how)")
    details = json.dumps({"unit": unit, "verb": verb})
    program = (
        "let rule; const polkit = {Result: {YES: 'yes'}, addRule: (one) => { rule = one; }};\n"
        f"{RULE}\n"
        f"const details = {details};\n"
        "const action = {id: 'org.freedesktop.systemd1.manage-units', lookup: (key) => details[key]};\n"
        f"console.log(JSON.stringify(rule(action, {{user: {json.dumps(user)}}}) ?? null));\n"
    )
    done = subprocess.run([Path(node), "-e", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == answer
