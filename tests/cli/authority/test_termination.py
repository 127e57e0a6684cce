"""docs/termination.md: every command in order, on an authority that has issued and served."""

import json

import pytest
from cryptography import x509

from tests.cli.authority.test_incident import enrol
from tests.house.tree import DOCS
from tests.support import runbooks
from tests.support.ports import reserve_ports
from tests.support.programs import CUSTOMER
from tests.support.serving import serving

WS, SFTP, SERVICES = "DataProvidersTestIssuingCAv1", "DataProvidersSFTPTestIssuingCAv1", "ServicesTestIssuingCAv1"


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


def newest_list(folder, name):
    return x509.load_der_x509_crl((folder / "crl" / f"{name}.crl").read_bytes())


@pytest.mark.long
def test_every_command_of_the_page(operator, tmp_path):
    archive = tmp_path / "archive"
    status, soap = (f"127.0.0.1:{port}" for port in reserve_ports(2))
    operator.does("init", "--environment", "TEST", "--base-url", f"http://{status}", "--soap-url", f"http://{soap}")
    operator.add()
    with serving(operator.root, "--bind", soap, "--status-bind", status) as served:
        trust, customer = operator.root / "trust", CUSTOMER["customer_id"]
        real = enrol(trust, served.soap, tmp_path / "store", operator.order(), customer=customer, environment="TEST")
        served.stop()
    values = {"DIR": operator.root, "WS": WS, "SFTP": SFTP, "SERVICES": SERVICES, "ARCHIVE": archive}
    for command, _typed, code, out, err in runbooks.played("termination.md", operator, values):
        assert code == 0, (command, out, err)
    states = {one["name"]: one["state"] for one in json.loads(operator.does("ca", "list", "--json"))}
    assert (states[WS], states[SFTP], states[SERVICES]) == ("retired", "retired", "revoked")
    last = newest_list(archive / "status", WS)
    issuer = x509.load_der_x509_certificate((operator.root / "ca" / f"{WS}.cer").read_bytes())
    assert last.get_revoked_certificate_by_serial_number(real.serial_number) is not None
    assert last.next_update_utc == issuer.not_valid_after_utc
    protocol = (archive / "destruction.json").read_bytes()
    assert {one["name"] for one in json.loads(protocol)["keys"]} == {WS, SFTP, SERVICES}
    assert not [name for name in (WS, SFTP, SERVICES) if (operator.root / "keys" / f"{name}.pem").exists()]


def test_the_page_names_its_variables():
    text = (DOCS / "termination.md").read_text(encoding="utf-8")
    assert all(f"\n{name}=" in text for name in ("DIR", "WS", "SFTP", "SERVICES", "ARCHIVE"))
