"""`openssl ocsp` as client of a running test bench.

It judges the bench's answers.
"""

import json
import shutil
import subprocess
import sys
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from sinetti.infra.clock import utc_now
from tests.ca.linters import answer_findings, certificate_findings
from tests.support.postgres import skip_or_fail

NAME, SERVICES = "DataProvidersTestIssuingCAv1", "ServicesTestIssuingCAv1"
LIFE = 120
"""Seconds until the bench must report that it is ready and an answer must arrive."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A running bench, the folder beside it and its own description."""

    folder: Path
    ready: dict[str, object]

    def control(self, method: str, path: str, value: object) -> dict[str, str]:
        """Make a control call."""
        headers = {"Content-Type": "application/json"}
        address = f"{self.ready['control_url']}{path}"
        request = urllib.request.Request(address, json.dumps(value).encode(), headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=LIFE) as reply:  # noqa: S310
            return json.loads(reply.read())

    def issuer(self, name: str = NAME) -> str:
        """Write a CA's certificate as PEM, which older openssl requires; return its path."""
        return self.pem(self.folder / "bench" / "ca" / f"{name}.cer")

    def pem(self, der: Path) -> str:
        """Convert a certificate of the bench's folder to PEM; return its path."""
        place = self.folder / f"{der.stem}.pem"
        done = subprocess.run([openssl(), "x509", "-in", der, "-outform", "PEM", "-out", place], check=False)
        assert done.returncode == 0
        return str(place)

    @property
    def trust(self) -> str:
        """Path of the trust anchors of holders' certificates."""
        return str(self.folder / "bench" / "trust" / "holders.pem")


def openssl() -> str:
    program = shutil.which("openssl")
    if program is None:
        skip_or_fail("openssl is not installed (scripts/packages judges says how)")
    return program


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Bench]:
    """Serve a new bench; yield it."""
    command = [sys.executable, "-m", "sinetti", "testbench", "serve", "--dir", str(folder / "bench"), "--http"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as one:
        try:
            assert one.stdout is not None
            yield Bench(folder, json.loads(one.stdout.readline()))
        finally:
            one.terminate()
            one.wait(LIFE)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Bench]:
    """Yield a bench on the machine's clock, which openssl reads."""
    openssl()
    with served(tmp_path_factory.mktemp("ocsp")) as one:
        yield one


def enrolled(bench: Bench, customer: str, *more: str) -> Path:
    """Order and enrol with the client; return the certificate's file."""
    ids = bench.control("POST", "/orders", {"customer_id": customer, "customer_name": "Malli Oy"})
    password = bench.folder / "password"
    password.write_text(ids["transfer_password"], encoding="utf-8")
    password.chmod(0o600)
    command = [sys.executable, "-m", "sinetti", "enrol", customer, "--store", bench.folder / "store"]
    command += ["--service", bench.ready["soap_url"], "--trust-services", bench.ready["trust"]["services"]]
    command += ["--trust-holders", bench.trust, "--environment", "TEST", "--customer-id", customer]
    command += ["--transfer-id", ids["transfer_id"], "--transfer-password-file", password, "--key", "ec-p256", *more]
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return bench.folder / "store" / customer / "live" / "certificate.pem"


def serial(certificate: Path) -> str:
    command = [openssl(), "x509", "-in", certificate, "-noout", "-serial"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().partition("=")[2].lower()


@pytest.fixture(scope="module")
def good(bench) -> Path:
    return enrolled(bench, "GOOD-1")


@pytest.fixture(scope="module")
def revoked(bench) -> Path:
    certificate = enrolled(bench, "REVOKED-1")
    bench.control("POST", "/revocations", {"serial": serial(certificate), "reason": "keyCompromise"})
    return certificate


def ocsp(bench: Bench, *about: object, name: str = NAME, trust: str | None = None) -> tuple[int, str]:
    """Send an OCSP request with openssl; return its exit code and whole output.

    openssl checks signature, responder, dates and nonce.
    """
    command = [openssl(), "ocsp", "-issuer", bench.issuer(name), *about, "-CAfile", trust or bench.trust]
    command += ["-no-CApath", "-no-CAstore", "-url", f"{bench.ready['status_url']}/ocsp/{name}"]
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False, timeout=LIFE)
    return done.returncode, done.stdout + done.stderr


WAYS = {
    "as it asks by itself, with a nonce": ((), ()),
    "without a nonce": ((), ("-no_nonce",)),
    "SHA-256": (("-sha256",), ()),
    "SHA-256 without a nonce": (("-sha256",), ("-no_nonce",)),
}


@pytest.mark.parametrize(("before", "behind"), WAYS.values(), ids=WAYS)
def test_good(before, behind, bench, good):
    code, said = ocsp(bench, *before, "-cert", good, *behind)
    assert code == 0, said
    assert "Response verify OK" in said
    assert f"{good}: good" in said
    assert "WARNING" not in said


@pytest.mark.parametrize(("before", "behind"), WAYS.values(), ids=WAYS)
def test_revoked(before, behind, bench, revoked):
    _, said = ocsp(bench, *before, "-cert", revoked, *behind)
    assert "Response verify OK" in said
    assert f"{revoked}: revoked" in said
    assert "Reason: keyCompromise" in said


@pytest.mark.parametrize(("before", "behind"), WAYS.values(), ids=WAYS)
def test_unknown(before, behind, bench):
    _, said = ocsp(bench, *before, "-serial", "0x123456789abcdef0", *behind)
    assert "Response verify OK" in said
    assert "0x123456789abcdef0: unknown" in said


def test_the_services_own(bench):
    (signer,) = (bench.folder / "bench" / "ca").glob("SinettiTestResponseSigner-*.cer")
    _, said = ocsp(bench, "-cert", bench.pem(signer), name=SERVICES, trust=bench.ready["trust"]["services"])
    assert "Response verify OK" in said
    assert ": good" in said


def test_another_cas_certificate(bench, good):
    command = [openssl(), "ocsp", "-issuer", bench.issuer(), "-cert", str(good), "-CAfile", bench.trust]
    command += ["-url", f"{bench.ready['status_url']}/ocsp/{SERVICES}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "unauthorized (6)" in done.stdout + done.stderr


def test_two_certificates_at_once(bench, good, revoked):
    _, said = ocsp(bench, "-cert", good, "-cert", revoked)
    assert "malformedrequest (1)" in said


@pytest.mark.parametrize("safe", ["", "/+="], ids=["with percent signs", "as it is"])
@pytest.mark.parametrize("slashes", ["/", "//"])
def test_get(safe, slashes, bench, good):
    """By itself openssl sends its requests by POST.

    Here another client sends openssl's own request by GET, and openssl reads the answer.
    """
    request, answer = bench.folder / "request.der", bench.folder / "answer.der"
    about = ["-issuer", bench.issuer(), "-cert", str(good), "-no_nonce"]
    subprocess.run([openssl(), "ocsp", *about, "-reqout", request], check=True)
    text = quote(b64encode(request.read_bytes()), safe=safe)
    address = f"{bench.ready['status_url']}/ocsp/{NAME}{slashes}{text}"
    with urllib.request.urlopen(address, timeout=LIFE) as reply:  # noqa: S310
        answer.write_bytes(reply.read())
        assert reply.headers["Content-Type"] == "application/ocsp-response"
        assert reply.headers["Cache-Control"].startswith("max-age=60")
    command = [openssl(), "ocsp", *about, "-respin", answer, "-CAfile", bench.trust]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"{good}: good" in done.stdout
    assert "Response verify OK" in done.stderr
    assert answer_findings(answer.read_bytes()) == set()


def test_pkilint_on_the_responders(bench):
    for name in (NAME, SERVICES):
        (path,) = (bench.folder / "bench" / "ca").glob(f"{name}_ocsp-*.cer")
        assert certificate_findings(path.read_bytes()) == set()


def test_what_has_ended(tmp_path):
    """The answer of three years ago is refused by its dates.

    Today's answer is about a certificate that has expired.
    """
    openssl()
    then = f"{utc_now() - timedelta(days=3 * 365):%Y-%m-%dT%H:%M:%SZ}"
    with served(tmp_path, "--now", then) as bench:
        certificate = enrolled(bench, "ENDED-1", "--now", then)
        _, said = ocsp(bench, "-cert", certificate)
        assert "expired" in said, "the responder of then, or the answer"
        assert "Response verify OK" not in said
        bench.control("PUT", "/clock", {"now": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"})
        _, said = ocsp(bench, "-cert", certificate)
        assert "Response verify OK" in said
        assert f"{certificate}: good" in said
        bench.control("POST", "/revocations", {"serial": serial(certificate), "reason": "superseded"})
        _, said = ocsp(bench, "-cert", certificate)
        assert f"{certificate}: revoked" in said
