"""docs/incident.md: every command in order, with a service, a gateway and an agent."""

import json
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

from simulate.theft import forge, stolen_key
from sinetti.ca.issuance import new_serial
from sinetti.domain.values import Serial
from sinetti.gateway import load_settings, open_gateway
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_certificate, serial_hex
from tests.house.tree import DOCS
from tests.support import runbooks
from tests.support.postgres import free_port
from tests.support.programs import CUSTOMER, ran
from tests.support.serving import serving, until

OLD, NEW = "DataProvidersTestIssuingCAv1", "DataProvidersTestIssuingCAv2"
SECOND = timedelta(seconds=1)
EXITS = {"readiness": {0, 3}, "call-early": {0, 3}, "watch": {0, 3}, "verify": {0}}
"""Exit codes of commands that also report what a person has to do."""

SETTINGS = """\
anchors = "holders.pem"
revocation = "ocsp"
environment = "TEST"

[[ocsp]]
url = "{status}/ocsp/{old}"

[trust_lists]
url = "{status}"
folder = "lists"
"""


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


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


def enrol(operator, soap, store):
    """Enrol with the real client, which an agent then takes care of; return the certificate in use."""
    ids, password = operator.order(), store.with_name("password")
    password.touch(mode=0o600)
    password.write_text(ids["transfer_password"])
    trust = operator.root / "trust"
    done = ran(
        *("enrol", "payroll", "--store", store, "--service", soap, "--environment", "TEST", "--key", "ec-p256"),
        *("--trust-services", trust / "services.pem", "--trust-holders", trust / "holders.pem"),
        *("--customer-id", CUSTOMER["customer_id"], "--transfer-id", ids["transfer_id"]),
        *("--transfer-password-file", password),
    )
    assert done.returncode == 0, done.stderr
    return in_use(store)


def in_use(store):
    return load_certificate((store / "payroll" / "live" / "certificate.pem").read_bytes())


@pytest.mark.long
def test_every_command_of_the_page(operator, tmp_path):
    status, soap = (f"127.0.0.1:{free_port()}" for _ in range(2))
    addresses = ("--base-url", f"http://{status}", "--soap-url", f"http://{soap}")
    operator.does("init", "--environment", "TEST", *addresses, "--standby")
    operator.add()
    stolen = stolen_key(operator.root, OLD, f"http://{status}")
    with serving(operator.root, "--bind", soap, "--status-bind", status) as served:
        store = tmp_path / "store"
        real = enrol(operator, served.soap, store)
        relying = Relying(tmp_path / "relying", operator.root / "trust", served.status)
        now = utc_now()
        forged = [
            forge(stolen, real, begins, serial)
            for begins, serial in ((now, new_serial()), (now - SECOND, Serial(serial_hex(real.serial_number))))
        ]
        der = Path(store / "payroll" / "live" / "certificate.pem").read_bytes()
        assert relying.accepts(der)
        sleep(1.1)  # T is a whole second after the certificate was recorded
        values = {"DIR": operator.root, "OLD": OLD, "NEW": NEW, "STATUS": served.status}
        values["SINCE"] = f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"
        seen = []
        for command, typed, code, out, err in runbooks.played("incident.md", operator, values):
            allowed = next((codes for word, codes in EXITS.items() if word in typed), {0})
            assert code in allowed, (command, out, err)
            seen.append(command)
            if "ca stop" in command:
                assert operator.run("order", "--customer-id", CUSTOMER["customer_id"], "--help")[0] == 0
            if "ca revoke" in command:
                until(lambda: not any(relying.accepts(one) for one in forged))
                assert relying.accepts(der)
            if "call-early" in command and "--dry-run" not in command and "status" not in typed:
                renewed(operator, store, real)
        assert len(seen) > 15
        states = {one["name"]: one["state"] for one in json.loads(operator.does("ca", "list", "--json"))}
        assert (states[OLD], states[NEW]) == ("revoked", "issuing")
        assert relying.accepts((store / "payroll" / "live" / "certificate.pem").read_bytes())
        assert not (operator.root / "keys" / f"{OLD}.pem").exists()
        served.stop()


def renewed(operator, store, real):
    """Have the agent renew within the six hours of the call; its clock alone goes on."""
    later = utc_now() + timedelta(hours=6, minutes=1)
    done = ran("run", "--store", store, "--now", f"{later:%Y-%m-%dT%H:%M:%SZ}")
    assert done.returncode == 0, done.stderr
    assert in_use(store).serial_number != real.serial_number
    assert in_use(store).issuer != real.issuer


def test_the_page_names_its_variables():
    text = (DOCS / "incident.md").read_text(encoding="utf-8")
    assert all(f"\n{name}=" in text for name in ("DIR", "OLD", "NEW", "SINCE", "STATUS"))
