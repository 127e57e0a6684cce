"""The eight commands of deploy/README.md on an empty Debian 13 machine: `make acceptance` builds both.

Nothing but the commands of the page is run between the machine's boot and the first call. The machine has no network:
what apt installs is in its cache, and its own /etc/hosts has the names of the page.
"""

import shutil
import subprocess

import pytest

from sinetti.infra.clock import monotonic_seconds
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.eight_commands import commands
from tests.support.machine import EMPTY, Machine, booted_bare

pytestmark = pytest.mark.timeout(1800)

PACKED = ROOT / "build" / "deb"
OFFICERS = ("anna", "ben", "carl")
READY = """
install -d -m 0755 /etc/sinetti/officers /etc/sinetti/tls /media/vault
cp /mnt/given/*.pub /etc/sinetti/officers/
install -m 0644 /mnt/given/certificate.pem /etc/sinetti/tls/
install -m 0600 /mnt/given/key.pem /etc/sinetti/tls/
echo '127.0.0.1 certificates.example people.example pki.example' >> /etc/hosts
"""
"""Preparations that the page names."""

ASK = """
/usr/bin/python3 - <<'END'
import ssl, urllib.request
context = ssl.create_default_context(cafile="/mnt/given/anchor.pem")
context.check_hostname = False  # the certificate of the test is for loopback
for address in ("https://certificates.example/2017/10/CertificateServices?wsdl", "https://people.example/account/login",
                "http://pki.example/crl/SinettiRootCAv1-1.crl", "http://pki.example/ca/SinettiRootCAv1.cer"):
    with urllib.request.urlopen(address, context=context, timeout=60) as reply:
        print(reply.status, len(reply.read()) > 200)
END
"""
AUTHORITY = (
    "systemd-run --pipe --wait --quiet --uid sinetti -p LoadCredential=sinetti-passphrase:/etc/sinetti/passphrase "
    "sinetti authority {} --dir /var/lib/sinetti/authority"
)


@pytest.fixture
def machine(tmp_path):
    """Yield an empty machine that has what the page says to have ready; our packages are in /root."""
    packed = [next(PACKED.glob(f"{name}_*.deb"), None) for name in ("sinetti", "sinetti-authority")]
    assert all(packed), f"{PACKED}: make deb builds them"
    with booted_bare(tmp_path, EMPTY) as one:
        names = ("certificate.pem", "key.pem", "anchor.pem")
        make_server_certificate(ServerFiles(*(one.given / name for name in names)))
        for name in OFFICERS:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", one.given / name], check=True)
        for package in packed:
            shutil.copy(package, one.given)
        one.run(f"{READY}\ncp /mnt/given/*.deb /root/")
        yield one


def test_the_commands_of_the_page_lead_to_a_served_authority(machine: Machine, record_property):
    began = monotonic_seconds()
    for command in commands():
        machine.run(f"cd /root; export DEBIAN_FRONTEND=noninteractive; {command}")
    machine.until("systemctl is-active sinetti.service", "active")
    record_property("seconds", round(monotonic_seconds() - began))
    assert machine.says(ASK).splitlines() == ["200 True"] * 4
    for unit in ("notices-plan", "notices-send", "backup"):
        machine.run(f"systemctl start sinetti-{unit}.service")
    assert machine.says("systemctl is-enabled sinetti.service sinetti-backup.timer") == "enabled\nenabled"
    assert "PRODUCTION" in machine.says(AUTHORITY.format("status"))
    machine.reboot()
    machine.until("systemctl is-active sinetti.service", "active")
    assert machine.says(ASK).splitlines() == ["200 True"] * 4, "after a reboot, without any command"
