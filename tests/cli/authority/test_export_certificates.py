"""`sinetti authority export-certificates`.

The folder contains the certificates in force, and no other certificate that the command wrote.
"""

import json
import stat

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.authority import export_certificates
from sinetti.domain.requests import AcceptedResponse, EnrolRequest
from sinetti.domain.values import Environment, KeyType
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import generate_key, load_certificate, serial_hex
from sinetti.services.issuance.enrol import enrol
from tests.support import golden

CUSTOMER = "0123456-7"


def enrolled(operator, channel):
    """Order a certificate, and spend its transfer ids."""
    ids = operator.order("--channel", channel)
    authority = open_authority(operator.root, DirectoryKind.AUTHORITY)
    request = build_request(generate_key(KeyType.EC_P256), CUSTOMER, None)
    ask = EnrolRequest(Environment.TEST, CUSTOMER, None, ids["transfer_id"], ids["transfer_password"], request)
    assert isinstance(enrol(ask, authority.ctx, "0" * 32), AcceptedResponse)
    authority.journal.close()
    authority.ctx.db.close()


@pytest.fixture
def folder(sqlite_operator, tmp_path):
    """Return the folder for certificates of an authority that has issued three.

    Two certificates are for SFTP and one is for WS.
    """
    sqlite_operator.found()
    sqlite_operator.add(CUSTOMER, "--channel", "WS", "--channel", "SFTP")
    for channel in ("SFTP", "WS", "SFTP"):
        enrolled(sqlite_operator, channel)
    place = tmp_path / "certificates"
    place.mkdir()
    return place


def interrupted(*_):
    raise KeyboardInterrupt


def exported(operator, folder, channel="SFTP"):
    return json.loads(operator.does("export-certificates", "--channel", channel, "--out", folder, "--json"))


def test_certificates_are_written_and_taken_away(sqlite_operator, folder, monkeypatch):
    assert exported(sqlite_operator, folder) == {"in_force": 2, "written": 2, "removed": 0}
    for path in folder.iterdir():
        certificate = load_certificate(path.read_bytes())
        assert path.name == f"{serial_hex(certificate.serial_number)}.cer"
        assert "SFTP" in certificate.issuer.rfc4514_string()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    first, second = sorted(folder.iterdir())
    marks = second.stat().st_mtime_ns
    first.write_bytes(b"half")
    assert exported(sqlite_operator, folder) == {"in_force": 2, "written": 1, "removed": 0}
    assert second.stat().st_mtime_ns == marks
    sqlite_operator.does("revoke", first.stem, "--reason", "keyCompromise")
    second.unlink()
    with monkeypatch.context() as cut:
        cut.setattr(export_certificates, "write_atomic", interrupted)
        assert sqlite_operator.run("export-certificates", "--channel", "SFTP", "--out", folder)[0] == 130
    assert list(folder.iterdir()) == [first], "a run that is cut short takes nothing away"
    assert exported(sqlite_operator, folder) == {"in_force": 1, "written": 1, "removed": 1}
    assert list(folder.iterdir()) == [second]


def test_what_it_did_not_write_stays(sqlite_operator, folder):
    exported(sqlite_operator, folder)
    mine, other = sorted(folder.iterdir())
    kept = {
        "a certificate under a name of its own": folder / "partner.cer",
        "a certificate under another's serial": folder / f"{'ab' * 19}.cer",
        "a letter": folder / f"{'cd' * 19}.cer",
    }
    for name, path in kept.items():
        path.write_bytes(b"Dear sir" if name == "a letter" else other.read_bytes())
    (folder / f"{'ef' * 19}.cer").mkdir()
    sqlite_operator.does("revoke", mine.stem, "--reason", "superseded")
    sqlite_operator.says(0, "export-certificates", "--channel", "SFTP", "--out", folder)
    assert {*kept.values(), other} < set(folder.iterdir())
    assert not mine.exists()
    golden.check("sentences/export-certificates/what-it-did-not-write-stays", sqlite_operator.said())


def test_where_it_does_not_write(sqlite_operator, tmp_path):
    (sqlite_operator.root / "ca").mkdir(parents=True)
    for place in ("nowhere", "authority/ca"):
        sqlite_operator.refused(2, "export-certificates", "--channel", "SFTP", "--out", tmp_path / place)
    golden.check("sentences/export-certificates/where-it-does-not-write", sqlite_operator.said())
