"""The Debian packages on a bare Debian 13 machine that systemd has booted: `make acceptance` builds both versions.

The machine has no network and no pip. It gets version 0.1.0, makes an authority for tests, serves it by its unit, and
enrols. Then it gets the packages of this checkout, renews by the agent's unit, checks the caller by the gateway's unit,
and purges everything.
"""

import json
import re
import shutil
import subprocess

import pytest

from tests.house.tree import ROOT
from tests.support.machine import Machine, booted_bare

pytestmark = pytest.mark.timeout(1200)

PACKED = ROOT / "build" / "deb"
BEFORE = ROOT / "build" / "deb-0.1.0"
NAMES = ("sinetti", "sinetti-authority", "sinetti-gateway")
DIR = "/var/lib/sinetti/authority"
SOAP, STATUS = "http://127.0.0.1:8443", "http://127.0.0.1:8080"
WATCHED = "/etc /usr /var /opt /srv /home /root"
"""Folders that a purge leaves as they were."""

IGNORED = "^/(var/(cache|log|tmp|lib/(dpkg|systemd|private))|etc/(.*-$|[.]pwd))"
"""Files that dpkg, systemd and other programs change, unless their name has ours in it."""

KEPT = {"/var/lib/sinetti", "/var/lib/sinetti-agent", "/var/lib/sinetti-gateway", "/etc/sinetti"}
"""Folders with keys, records and files of the administrator (docs/operators/install.md)."""

INIT = f"""
install -d -m 0700 -o sinetti -g sinetti /run/ceremony
runuser -u sinetti -- sinetti authority init --dir {DIR} --environment TEST --base-url {STATUS} --soap-url {SOAP} \\
  --passphrase-file /run/ceremony/passphrase --offline-dir /run/ceremony/vault \\
  --offline-passphrase-file /run/ceremony/vault-passphrase
install -m 0600 /run/ceremony/passphrase /etc/sinetti/passphrase
systemctl enable --now sinetti.service sinetti-watch.timer
runuser -u sinetti -- sinetti authority organisation add --dir {DIR} --customer-id 1234567-1 \\
  --kind artificial --name 'Malli Oy'
"""
ORDER = f"""
runuser -u sinetti -- sinetti authority order --dir {DIR} --customer-id 1234567-1 --contact-name Contact \\
  --contact-email contact@customer.example --json
"""
"""An order as 0.1.0 takes it: later versions need the pass-phrase."""

SETTINGS = f"""
install -m 0644 {DIR}/trust/services.pem {DIR}/trust/holders.pem /etc/sinetti
cat >> /etc/sinetti/sinetti.toml <<'END'
[services.register]
address = "{SOAP}/2017/10/CertificateServices"
environment = "TEST"
trust_services = "services.pem"
trust_holders = "holders.pem"
[certificates.payroll]
customer_id = "1234567-1"
customer_name = "Malli Oy"
key = "ec-p256"
END
"""
CALL = f"""
runuser -u sinetti -- sinetti authority call-early --dir {DIR} --customer-id 1234567-1 --over 1m --reason 'upgrade'
"""
ENROL = "runuser -u sinetti-agent -- sinetti enrol payroll --transfer-id {transfer_id} --transfer-password-file -"
GATEWAY = f"""
cat >> /etc/sinetti/gateway.toml <<'END'
anchors = "holders.pem"
channel = "WS"
environment = "TEST"
revocation = "crl"
crls = "/var/lib/sinetti-gateway/lists"
[serve]
socket = "/run/sinetti-gateway/gateway.sock"
END
for ca in SinettiRootTestCAv1 SinettiIntermediateTestCAv1 DataProvidersTestIssuingCAv1; do
  install -m 0644 {DIR}/ca/$ca.cer /etc/sinetti
  printf '[[list]]\\nurl = "%s"\\nfile = "%s.crl"\\nissuer = "%s.cer"\\n' {STATUS}/crl/$ca-1.crl $ca $ca \\
    >> /etc/sinetti/gateway.toml
done
systemctl start sinetti-gateway-fetch.service
systemctl enable --now sinetti-gateway.service sinetti-gateway-fetch.timer
"""
ASK = """
/usr/lib/sinetti/bin/python3 - <<'END'
import http.client, socket, urllib.parse
ask = http.client.HTTPConnection("localhost")
ask.sock = socket.socket(socket.AF_UNIX)
ask.sock.connect("/run/sinetti-gateway/gateway.sock")
pem = open("/var/lib/sinetti-agent/store/payroll/live/certificate.pem").read()
ask.request("GET", "/check", headers={"Client-Cert": urllib.parse.quote(pem)})
answer = ask.getresponse()
print(answer.status, answer.headers["Sinetti-Customer-Id"], answer.read().decode())
END
"""


@pytest.fixture
def machine(tmp_path):
    """Yield a bare machine that has the packages of both versions at /mnt/given."""
    for folder in (PACKED, BEFORE):
        assert len(list(folder.glob("*.deb"))) == len(NAMES), f"{folder}: scripts/deb.py builds them"
    with booted_bare(tmp_path) as one:
        for folder in (PACKED, BEFORE):
            shutil.copytree(folder, one.given / folder.name, ignore=shutil.ignore_patterns("source"))
        yield one


def versions(folder):
    """Return the versions of the packages in a folder."""
    fields = ("dpkg-deb", "--field")
    return {subprocess.check_output([*fields, one, "Version"], text=True).strip() for one in folder.glob("*.deb")}


def install(machine: Machine, folder: str) -> None:
    """Install the packages of a folder, as they are after it."""
    machine.run(f"DEBIAN_FRONTEND=noninteractive dpkg --install /mnt/given/{folder}/*.deb")
    shown = machine.says(f"dpkg-query --show --showformat '${{Status}}\\n' {' '.join(NAMES)}")
    assert shown.splitlines() == ["install ok installed"] * len(NAMES)
    assert machine.says(f"dpkg --verify {' '.join(NAMES)} | grep -v '/etc/sinetti/' || true") == "", "as packed"


def files(machine: Machine) -> set[str]:
    """Return the files and folders of the machine."""
    found = machine.says(f"find {WATCHED} -xdev").splitlines()
    return {path for path in found if "sinetti" in path or not re.match(IGNORED, path)}


def test_installed_upgraded_used_and_purged(machine):
    clean = files(machine)
    (old,), (new,) = versions(BEFORE), versions(PACKED)
    install(machine, BEFORE.name)
    assert machine.says("systemctl list-units --all --plain --no-legend 'sinetti*'") == "", "nothing starts by itself"
    machine.run(INIT)
    ids = json.loads(machine.says(ORDER))
    machine.run(SETTINGS)
    machine.run(ENROL.format(**ids), text=ids["transfer_password"] + "\n")
    machine.run("systemctl enable --now sinetti-agent.timer")
    before = machine.says("systemctl show --value --property MainPID sinetti.service")
    install(machine, PACKED.name)
    machine.until("systemctl is-active sinetti.service", "active")
    assert machine.says("systemctl show --value --property MainPID sinetti.service") not in {before, "0"}, (old, new)
    assert_renewed_by_the_agent(machine)
    assert_checked_by_the_gateway(machine)
    assert_shells_and_manual(machine)
    assert_purged(machine, clean)


def assert_renewed_by_the_agent(machine):
    """The authority calls for an early renewal, and the agent's unit of the new version does it."""
    held = "sha256sum < /var/lib/sinetti-agent/store/payroll/live/certificate.pem"
    before = machine.says(held)
    machine.run(CALL)
    machine.until(f"systemctl start sinetti-agent; {held} | grep -v {before.split()[0]}", within=180)
    assert "1 renewed" in machine.says("journalctl -u sinetti-agent --output cat")


def assert_checked_by_the_gateway(machine):
    """The gateway's units fetch the lists and accept the renewed certificate."""
    machine.run(GATEWAY)
    assert machine.says(ASK).split()[:2] == ["204", "1234567-1"]


def assert_shells_and_manual(machine):
    """Manual pages and completion are where programs look for them."""
    for page in ("sinetti", "sinetti-authority", "sinetti-gateway"):
        assert page in machine.says(f"man --where {page}")
    script = "/usr/share/bash-completion/completions/sinetti"
    assert "complete" in machine.says(f"bash -c 'source {script}; complete -p sinetti'")
    assert machine.says("sinetti completion zsh | cmp - /usr/share/zsh/vendor-completions/_sinetti") == ""


def assert_purged(machine, clean):
    """Nothing is left but keys, records and the administrator's files, and the units have ended."""
    said = machine.says(f"dpkg --purge {' '.join(reversed(NAMES))}")
    left = {path for path in files(machine) - clean if not any(path.startswith(one) for one in KEPT)}
    assert left == set()
    assert machine.says("systemctl list-units --plain --no-legend 'sinetti*'") == ""
    assert machine.says("pgrep -f '^/usr/lib/sinetti' || true") == ""
    for place in (DIR + "/keys", "/var/lib/sinetti-agent/store/payroll", "/etc/sinetti/passphrase"):
        machine.run(f"test -e {place}")
    assert not machine.run("ls /etc/sinetti/*.toml /var/lib/sinetti-gateway/lists", check=False).stdout
    assert "kept /etc/sinetti/passphrase" in said
