"""The JDK and GnuTLS judge by what a running authority publishes.

They use the CRLs at the addresses in the certificates, and OCSP.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from sinetti.domain.values import VALIDITY, Channel
from sinetti.infra import clock
from sinetti.pki.chain import build_chain, load_bundle
from sinetti.pki.encoding import serial_hex
from tests.house.tree import ROOT
from tests.judges import material
from tests.judges.material import list_pem, pem
from tests.support.authority import holder_key, issuer
from tests.support.postgres import skip_or_fail
from tests.support.programs import Bench, exchange, holder_of, running

PROGRAM = ROOT / "tests" / "judges" / "java" / "Judge.java"
CASES = ("good", "revoked", "expired")
MACHINE = 300
"""Timeout of a judge in seconds, long enough for a busy machine."""


@dataclass(frozen=True, slots=True)
class Published:
    """A bench with one certificate for each case, and the files that judges read."""

    folder: Path
    address: str
    certificates: dict[str, x509.Certificate]
    issuer: x509.Certificate

    @property
    def name(self) -> str:
        """The issuing CA's file name, as it stands in addresses."""
        (points,) = self.certificates["good"].extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        return points.full_name[0].value.rpartition("/")[2].rpartition("-")[0]

    @property
    def ocsp(self) -> str:
        """Address of OCSP requests."""
        return f"{self.address}/ocsp/{self.name}"

    def got(self, path: str) -> bytes:
        """Return a published file."""
        status, _, body = exchange(self.address, "GET", path)
        assert status == 200, (path, body)
        return body


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Iterator[Published]:
    """Run a bench at the machine's time; one of its certificates has expired."""
    folder = tmp_path_factory.mktemp("published")
    now = clock.utc_now()
    began = now - VALIDITY - timedelta(days=1)
    with running(folder / "bench", "--http", "--now", began.isoformat()) as bench:
        certificates = {"expired": enrolled(bench, 1)}
        assert bench.control("PUT", "/clock", {"now": now.isoformat()})[0] == 200
        certificates |= {"good": enrolled(bench, 2), "revoked": enrolled(bench, 3)}
        wanted = {"serial": serial_hex(certificates["revoked"].serial_number), "reason": "keyCompromise"}
        assert bench.control("POST", "/revocations", wanted)[0] == 200
        anchors = load_bundle(Path(bench.ready["trust"]["holders"]).read_bytes())
        chains = {name: build_chain(one, anchors) for name, one in certificates.items()}
        (root,) = (one for one in anchors if one.subject == one.issuer)
        (folder / "root.pem").write_bytes(pem(root))
        (folder / "issuer.pem").write_bytes(pem(chains["good"][0]))
        for name, one in certificates.items():
            (folder / f"{name}.pem").write_bytes(pem(one))
            (folder / f"{name}-chain.pem").write_bytes(pem(one, *chains[name]))
        yield Published(folder, bench.ready["status_url"], certificates, chains["good"][0])


def enrolled(bench: Bench, number: int) -> x509.Certificate:
    """Order and enrol a certificate."""
    return holder_of(bench).enrolled(bench.order(), holder_key(number + 40))


BY_FILES = {"full lists at hand": 0, "lists of a shard at hand": 1}
BY_ASKING = {
    "lists from where the certificates say": ("fetch", "-"),
    "OCSP at the address in the certificate": ("ocsp", "-"),
    "OCSP at an address that is given": ("ocsp", "{ocsp}"),
    "OCSP with a nonce": ("nonce", "{ocsp}"),
}
JAVA_SAYS = {"good": "OK", "revoked": "REVOKED", "expired": "EXPIRED"}
JAVA_CANNOT_TELL = {
    "no lists at hand, and nobody who has them": "UNDETERMINED_REVOCATION_STATUS",
    "OCSP of a CA that did not issue it": "UNAUTHORIZED",
}


def files_of_another_authority(folder: Path) -> Path:
    """Write chains and CRLs of CAs whose addresses do not answer.

    A judge finds only what is in the files.
    """
    folder.mkdir()
    (folder / "root.pem").write_bytes(pem(material.root()))
    for name, leaf in material.cases().items():
        (folder / f"{name}-chain.pem").write_bytes(pem(leaf.certificate, *leaf.above))
    for shard in BY_FILES.values():
        (folder / f"lists-{shard}.pem").write_bytes(list_pem(*material.lists(shard).values()))
    (folder / "lists-none.pem").touch()
    return folder


def line(case: str, way: str, folder: Path, name: str, rest: str) -> str:
    """Return one case as a line of the program's input."""
    return "\t".join([case, way, f"{folder}/root.pem", f"{folder}/{name}-chain.pem", rest])


@pytest.fixture(scope="module")
def verdicts(published) -> dict[str, str]:
    """Return the JDK's verdict on every case in every way.

    One process judges all of them, since its start takes most of a second.
    """
    java = shutil.which("java")
    if java is None:
        skip_or_fail("java is not installed (scripts/packages judges says how)")
    here, there = published.folder, files_of_another_authority(published.folder / "another")
    lines = [
        line(f"{case}/{name}", "store", there, name, f"{there}/lists-{shard}.pem")
        for case, shard in BY_FILES.items()
        for name in CASES
    ]
    lines += [
        line(f"{case}/{name}", way, here, name, rest.format(ocsp=published.ocsp))
        for case, (way, rest) in BY_ASKING.items()
        for name in CASES
    ]
    nothing, stranger = JAVA_CANNOT_TELL
    lines += [
        line(nothing, "store", there, "good", f"{there}/lists-none.pem"),
        line(stranger, "ocsp", here, "good", f"{published.address}/ocsp/{issuer(Channel.SFTP).file_name}"),
    ]
    (here / "cases").write_text("\n".join(lines), encoding="utf-8")
    command = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", str(PROGRAM), str(here / "cases")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MACHINE, check=False)
    assert done.returncode == 0, done.stderr
    return dict(told.split("\t", 1) for told in done.stdout.splitlines())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", [*BY_FILES, *BY_ASKING])
def test_the_jdk(way, name, verdicts):
    said = verdicts[f"{way}/{name}"]
    assert said.split("\t")[0] == JAVA_SAYS[name], said


@pytest.mark.parametrize(("case", "why"), JAVA_CANNOT_TELL.items(), ids=JAVA_CANNOT_TELL)
def test_the_jdk_takes_nobody_of_whom_it_knows_nothing(case, why, verdicts):
    assert not verdicts[case].startswith("OK")
    assert why in verdicts[case]


def ocsptool(published: Published, *words: str) -> tuple[int, str]:
    """Run GnuTLS's OCSP client."""
    program = shutil.which("ocsptool")
    if program is None:
        skip_or_fail("ocsptool is not installed (scripts/packages judges says how)")
    done = subprocess.run(
        [program, *words],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=MACHINE,
        check=False,
        cwd=published.folder,
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


GNUTLS_SAYS = {"good": "Certificate Status: good", "revoked": "Certificate Status: revoked"}


@pytest.mark.parametrize("nonce", ["--nonce", "--no-nonce"])
@pytest.mark.parametrize("name", GNUTLS_SAYS)
def test_gnutls_asks(name, nonce, published):
    words = ["--load-cert", f"{name}.pem", "--load-issuer", "issuer.pem", "--load-trust", "issuer.pem", nonce]
    code, said = ocsptool(published, f"--ask={published.ocsp}", *words)
    assert GNUTLS_SAYS[name] in said
    assert "Verifying OCSP Response: Success." in said
    assert ("Nonce: " in said) is (nonce == "--nonce"), said
    assert code == 0  # 0 for any status of the certificate


@pytest.mark.parametrize("name", GNUTLS_SAYS)
def test_gnutls_verifies_an_answer_that_was_kept(name, published):
    words = ["--load-cert", f"{name}.pem", "--load-issuer", "issuer.pem", "--no-nonce"]
    code, said = ocsptool(published, "--generate-request", *words, "--outfile", f"{name}.request")
    assert code == 0, said
    request = (published.folder / f"{name}.request").read_bytes()
    status, _, answer = exchange(
        published.address, "POST", f"/ocsp/{published.name}", request, {"content-type": "application/ocsp-request"}
    )
    assert status == 200
    (published.folder / f"{name}.answer").write_bytes(answer)
    verify = ["--verify-response", "--load-response", f"{name}.answer"]
    code, said = ocsptool(published, *verify, "--load-trust", "issuer.pem")
    assert (code, "Success" in said) == (0, True), said
    (published.folder / f"{name}.spoilt").write_bytes(answer[:-1] + bytes([answer[-1] ^ 1]))
    spoilt = ["--verify-response", "--load-response", f"{name}.spoilt", "--load-trust", "issuer.pem"]
    assert ocsptool(published, *spoilt)[0] != 0
