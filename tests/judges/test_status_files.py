"""nginx with deploy/nginx.conf and the files of `publish-status`, while service and database are away.

OpenSSL and the JDK ask by the forms that they send. What is no file goes to the service.
"""

import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.main import main
from sinetti.database.issuance import ocsp_responses
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.requests import EnrolRequest
from sinetti.domain.values import Environment, Serial
from sinetti.infra.clock import utc_now
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import serial_hex
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import order
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.judges.test_deploy import nginx
from tests.judges.test_status import PROGRAM
from tests.support.asking import asked, believed
from tests.support.ports import reserve_ports
from tests.support.programs import new_key
from tests.support.scene import REQUEST, an_order
from tests.support.small_server import small_server
from tests.support.web_servers import tool

NAME, CUSTOMER = "DataProvidersTestIssuingCAv1", "0123456-7"
COUNT = 24
"""Certificates, so that the base64 of some requests has slashes, and that of some ends with one."""


def did(*words: object) -> None:
    """Run a command in this process, which has to succeed."""
    with redirect_stdout(StringIO()):
        assert main(["authority", *(str(one) for one in words)]) == 0


@dataclass(frozen=True)
class Site:
    """nginx alone: its address, the folder of the authority, and certificates by serial number."""

    address: str
    root: Path
    issued: dict[Serial, x509.Certificate]
    revoked: Serial

    @property
    def issuer(self) -> x509.Certificate:
        """The issuing CA's certificate."""
        return x509.load_der_x509_certificate((self.root / "ca" / f"{NAME}.cer").read_bytes())

    def answered(self, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        """Send a request; return status, headers and body."""
        headers = {"Content-Type": "application/ocsp-request"} if body else {}
        request = urllib.request.Request(f"{self.address}{path}", body, headers)  # noqa: S310 - on loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - on loopback
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, dict(refused.headers), refused.read()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Publish the files of an authority with certificates; serve them with nginx, with nothing behind it."""
    top = tmp_path_factory.mktemp("status")
    root, files = top / "authority", top / "nginx" / "status"
    (dead,) = reserve_ports(1)
    base = f"http://127.0.0.1:{dead}"
    did("init", "--dir", root, "--environment", "TEST", "--base-url", base, "--soap-url", base)
    did("organisation", "add", "--dir", root, "--customer-id", CUSTOMER, "--kind", "artificial", "--name", "A")
    did("organisation", "approve", "--dir", root, "--customer-id", CUSTOMER, "--channel", "WS")
    authority = open_authority(root, DirectoryKind.AUTHORITY)
    try:
        issued = {}
        for _ in range(COUNT):
            ids, key = order(an_order(CUSTOMER), authority.ctx, "operator", REQUEST), new_key()
            csr = build_request(key, CUSTOMER, None)
            ask = EnrolRequest(Environment.TEST, CUSTOMER, None, ids.transfer_id, ids.transfer_password, csr)
            enrol(ask, authority.ctx, REQUEST)
        for certificate in stored(authority.ctx):
            issued[serial_hex(certificate.serial_number)] = certificate
        revoked = next(iter(issued))
        revoke(RevocationRequest(revoked, RevocationReason.KEY_COMPROMISE), authority.ctx, "operator", REQUEST)
    finally:
        authority.journal.close()
        authority.ctx.db.close()
    with nginx(top / "nginx", dead, dead) as (_, plain, _):
        did("publish-status", "--dir", root, "--to", files)
        yield Site(f"http://127.0.0.1:{plain}", root, issued, revoked)


def stored(ctx) -> list[x509.Certificate]:
    """Return every certificate in the register."""
    places = [pk for pk, _, _ in ocsp_responses.page_of_signed(ctx.db, 0, COUNT)]
    return [x509.load_der_x509_certificate(der) for der in ocsp_responses.certificates_at(ctx.db, places)]


FORMS = {
    "as it is": lambda text: text,
    "escaped": lambda text: quote(text, safe=""),
    "escaped in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "only plus signs escaped": lambda text: quote(text, safe="/="),
    "a slash too many": lambda text: f"/{text}",
}


@pytest.mark.parametrize("sha256", [False, True], ids=["SHA-1", "SHA-256"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_certificate_by_get(form, sha256, site):
    texts = []
    for serial, certificate in site.issued.items():
        texts.append(b64encode(asked(certificate, site.issuer, sha256=sha256)).decode())
        status, headers, der = site.answered(f"/ocsp/{NAME}/{form(texts[-1])}")
        assert (status, headers["Content-Type"]) == (200, "application/ocsp-response"), texts[-1]
        assert headers["Cache-Control"] == "max-age=60, public, no-transform, must-revalidate"
        found = believed(der, site.issuer, utc_now())
        assert found.serial_number == certificate.serial_number
        expected = ocsp.OCSPCertStatus.REVOKED if serial == site.revoked else ocsp.OCSPCertStatus.GOOD
        assert found.certificate_status is expected
    assert any("/" in one for one in texts)
    assert any("+" in one for one in texts)


def test_the_other_files(site):
    crl = x509.load_der_x509_crl(site.answered(f"/crl/{NAME}-1.crl")[2])
    assert [serial_hex(one.serial_number) for one in crl] == [site.revoked]
    kinds = {
        f"/crl/{NAME}.crl": "application/pkix-crl",
        f"/ca/{NAME}.cer": "application/pkix-cert",
    }
    for path, kind in kinds.items():
        status, headers, _ = site.answered(path)
        assert (status, headers["Content-Type"]) == (200, kind)
        assert headers["Cache-Control"].startswith("max-age=")


def test_trust_lists_come_from_the_service_and_from_files_while_it_is_away(tmp_path):
    def answers(wanted):
        found = {"/trust/anchors": (200, b"new"), "/trust/distrust": (503, b"away")}
        status, body = found.get(wanted.path, (404, b"none"))
        return status, {"content-type": "application/json"}, body

    files = tmp_path / "nginx" / "status" / "trust"
    with small_server(answers) as service:
        port = urlsplit(service.url).port
        with nginx(tmp_path / "nginx", port, port) as (_, plain, _):
            files.mkdir(parents=True)
            for name in ("anchors", "distrust", "other"):
                (files / name).write_bytes(b"old")
            at = Site(f"http://127.0.0.1:{plain}", tmp_path, {}, "")
            assert at.answered("/trust/anchors")[::2] == (200, b"new"), "a file may be old"
            status, headers, body = at.answered("/trust/distrust")
            assert (status, headers["Content-Type"], body) == (200, "application/json", b"old")
            assert at.answered("/trust/other")[0] == 404
            (files / "distrust").unlink()
            assert at.answered("/trust/distrust")[0] == 503


MISSING = {
    "a nonce": lambda site: b64encode(asked(5, site.issuer, nonce=b"n" * 32)).decode(),
    "an unknown certificate": lambda site: b64encode(asked(5, site.issuer)).decode(),
    "a request that no file name can have": lambda _: "M" * 1000,
    "a folder": lambda site: b64encode(asked(next(iter(site.issued.values())), site.issuer)).decode()[:4],
    "a way up": lambda _: "../../../key.pem",
}


@pytest.mark.parametrize("about", MISSING.values(), ids=MISSING)
def test_what_is_no_file_goes_to_the_service(about, site):
    assert site.answered(f"/ocsp/{NAME}/{about(site)}")[0] in {400, 404, 502}


def test_a_post_goes_to_the_service(site):
    certificate = next(iter(site.issued.values()))
    assert site.answered(f"/ocsp/{NAME}", asked(certificate, site.issuer))[0] == 502
    assert site.answered(f"/crl/{NAME}.crl", b"x")[0] == 502


def test_nothing_else_of_the_folder_is_served(site):
    assert site.answered("/.sinetti-status")[0] == 404


def test_openssl_reads_the_answer(site, tmp_path):
    serial, certificate = list(site.issued.items())[1]
    for name, one in (("leaf", certificate), ("ca", site.issuer)):
        (tmp_path / f"{name}.pem").write_bytes(one.public_bytes(Encoding.PEM))
    about = ["-issuer", tmp_path / "ca.pem", "-cert", tmp_path / "leaf.pem", "-no_nonce"]
    subprocess.run([tool("openssl"), "ocsp", *about, "-reqout", tmp_path / "request.der"], check=True)
    text = b64encode((tmp_path / "request.der").read_bytes()).decode()
    (tmp_path / "answer.der").write_bytes(site.answered(f"/ocsp/{NAME}/{quote(text, safe='')}")[2])
    checks = ["-respin", tmp_path / "answer.der", "-CAfile", site.root / "trust" / "holders.pem"]
    done = subprocess.run([tool("openssl"), "ocsp", *about, *checks], capture_output=True, text=True, check=False)
    assert "leaf.pem: good" in done.stdout, (serial, done)


def test_the_jdk_asks_by_get_and_has_its_answer(site, tmp_path):
    """Its requests have fewer than 256 octets, so that it sends them by GET."""
    (tmp_path / "ca.pem").write_bytes(site.issuer.public_bytes(Encoding.PEM))
    lines = []
    for serial, certificate in site.issued.items():
        chain = tmp_path / f"{serial}.pem"
        chain.write_bytes(certificate.public_bytes(Encoding.PEM))
        lines.append(f"{serial}\tocsp\t{tmp_path / 'ca.pem'}\t{chain}\t{site.address}/ocsp/{NAME}")
    (tmp_path / "cases").write_text("\n".join(lines), encoding="utf-8")
    command = [tool("java"), "-XX:TieredStopAtLevel=1", "-Dcom.sun.security.ocsp.useget=true", PROGRAM]
    done = subprocess.run([*command, tmp_path / "cases"], capture_output=True, text=True, check=False)
    found = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert {name: said.partition("\t")[0] for name, said in found.items()} == {
        serial: "REVOKED" if serial == site.revoked else "OK" for serial in site.issued
    }, done
