"""docs/incident.md as it says: in PRODUCTION, by officers and users of the packages, with a gateway and a holder."""

import json
import re
from datetime import timedelta

import pytest

from simulate.theft import forge
from sinetti.ca.issuance import new_serial
from sinetti.ca.issuance_request import IssuingCa
from sinetti.domain.values import Serial
from sinetti.gateway import load_settings, open_gateway
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_certificate, load_private_key, serial_hex
from tests.house.tree import DOCS
from tests.support.officers import key_of
from tests.support.packaged import AUTHORITY, COMMAND, blocks, packaged_machine
from tests.support.programs import ran
from tests.support.serving import until

SECOND = timedelta(seconds=1)
PAGE = "incident.md"
OLD, NEW, OFFICERS = "DataProvidersIssuingCAv1", "DataProvidersIssuingCAv2", ("anna", "ben")
CUSTOMER = "1234567-1"
PROPOSED = re.compile(r"Proposed: (\w+)\.")
EXITS = {'--officer "$ONE"': {0, 3}, "readiness": {0, 3}}
"""Exit codes of lines that also report what is left to do."""

SETTINGS = """\
anchors = "holders.pem"
revocation = "ocsp"
environment = "PRODUCTION"

[[ocsp]]
url = "{status}/ocsp/{old}"

[trust_lists]
url = "{status}"
folder = "lists"
"""


class Relying:
    """A relying service with a gateway, of which each command of the page may change the verdicts."""

    def __init__(self, folder, trust, status):
        folder.mkdir()
        (folder / "lists").mkdir()
        (folder / "holders.pem").write_bytes((trust / "holders.pem").read_bytes())
        self.settings = folder / "gateway.toml"
        self.settings.write_text(SETTINGS.format(status=status, old=OLD))
        self.gateway = open_gateway(load_settings(self.settings))

    def accepts(self, der):
        self.gateway.lists.fetch()
        return self.gateway.identify(der, utc_now()).accepted


@pytest.fixture
def machine():
    """Yield a machine with an authority that deploy/README.md founded, standbys included."""
    with packaged_machine() as one:
        one.found("--standby")
        yield one


def ordered(machine):
    """Add an organisation and order a certificate; return its transfer ids."""
    authority = f"{COMMAND} sinetti authority {{}} --dir {AUTHORITY}"
    organisation = f"organisation add --customer-id {CUSTOMER} --kind business-id --name 'Malliyritys Oy'"
    machine.does(authority.format(organisation))
    contact = "--contact-name Contact --contact-email contact@customer.example --json"
    return json.loads(machine.does(authority.format(f"order --customer-id {CUSTOMER} {contact}")))


def enrol(trust, soap, store, ids, *, customer=CUSTOMER, environment="PRODUCTION"):
    """Enrol an order with the real client; return the certificate in use."""
    password = store.with_name("password")
    password.touch(mode=0o600)
    password.write_text(ids["transfer_password"])
    done = ran(
        *("enrol", "payroll", "--store", store, "--service", soap, "--environment", environment, "--key", "ec-p256"),
        *("--trust-services", trust / "services.pem", "--trust-holders", trust / "holders.pem"),
        *("--customer-id", customer, "--transfer-id", ids["transfer_id"], "--transfer-password-file", password),
    )
    assert done.returncode == 0, done.stderr
    return in_use(store)


def in_use(store):
    return load_certificate((store / "payroll" / "live" / "certificate.pem").read_bytes())


def stolen_key(machine):
    """Read the key of OLD as a thief of the machine and of its credential does."""
    phrase = machine.at("/etc/sinetti/passphrase").read_bytes().strip()
    folder = machine.at(AUTHORITY)
    certificate = load_certificate((folder / "ca" / f"{OLD}.cer").read_bytes())
    key = load_private_key((folder / "keys" / f"{OLD}.pem").read_bytes(), phrase)
    return IssuingCa(OLD, OLD, OLD, certificate, "http://pki.example"), key


def signed(machine, number):
    """Have both officers sign a file on machines of their own, as step 3 says."""
    files = machine.at("/run/incident")
    octets = (files / number).read_bytes()
    for name in OFFICERS:
        (files / f"{number}.{name}.sig").write_bytes(key_of(name).sign(octets))


def played(machine):
    """Type each line of the page; yield it with its messages."""
    first, second, third, *others = blocks(PAGE, "sh")
    numbers = []
    for line in (*first.splitlines(), *second.splitlines()):
        yield line, (err := typed(machine, line))
        numbers += PROPOSED.findall(err)
    activate, revoke = numbers
    for number in numbers:
        for line in third.splitlines():
            yield line, typed(machine, f"ID={number}; {line}")
            if " show " in line:
                signed(machine, number)
    machine.setup += f"\nACTIVATE={activate} REVOKE={revoke}"
    for line in "".join(others).splitlines():
        yield line, typed(machine, line)


def typed(machine, line):
    vault = machine.at("/run/ceremony/vault-passphrase").read_text() if "file -" in line else ""
    code, out, err = machine.run(line, vault)
    assert code in next((codes for part, codes in EXITS.items() if part in line), {0}), (line, out, err)
    return out + err


@pytest.mark.long
def test_every_command_of_the_page(machine, tmp_path):
    stolen = stolen_key(machine)
    with machine.serving() as served:
        store = tmp_path / "store"
        trust = machine.at(f"{AUTHORITY}/trust")
        real = enrol(trust, served.soap, store, ordered(machine))
        relying = Relying(tmp_path / "relying", trust, served.status)
        now = utc_now()
        forged = [
            forge(stolen, real, begins, serial)
            for begins, serial in ((now, new_serial()), (now - SECOND, Serial(serial_hex(real.serial_number))))
        ]
        der = (store / "payroll" / "live" / "certificate.pem").read_bytes()
        assert relying.accepts(der)
        recorded_at = utc_now()
        until(lambda: utc_now() > recorded_at)  # T is a whole second after the certificate was recorded
        (setup,) = blocks(PAGE, "bash")
        setup = re.sub(r"SINCE=\S+", f"SINCE={utc_now():%Y-%m-%dT%H:%M:%SZ}", setup)
        machine.setup = re.sub(r"STATUS=\S+", f"STATUS={served.status}", setup)
        seen = []
        for line, said in played(machine):
            seen.append(line)
            if "ca revoke" in line and "--approval" in line:
                until(lambda: not any(relying.accepts(one) for one in forged))
                assert relying.accepts(der)
            if "--offline-passphrase-file" in line:
                assert f"{OLD} is revoked, and on the list of" in said
            if "call-early --authority" in line and "--dry-run" not in line:
                done = ran("renew", "payroll", "--store", store, "--force")
                assert done.returncode == 0, done.stderr
        assert len(seen) > 12
        assert in_use(store).issuer != real.issuer
        listing = machine.does(f"{COMMAND} sinetti authority ca list --json --dir {AUTHORITY}")
        states = {one["name"]: one["state"] for one in json.loads(listing)}
        assert (states[OLD], states[NEW]) == ("revoked", "issuing")
        assert relying.accepts((store / "payroll" / "live" / "certificate.pem").read_bytes())


def test_the_page_is_short():
    assert len((DOCS / PAGE).read_text(encoding="utf-8").splitlines()) <= 60
