"""Judgement of every certificate issued to peers, and of their CA certificates.

The judges are openssl, GnuTLS, the JDK, zlint and pkilint. zlint checks the rules of the RFCs. Its rules for servers
of the public web (CA/Browser Forum, Mozilla, Apple) concern other certificates than these.
docs/integrators/divergences.md lists the findings of zlint that remain. Any other finding fails the test.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.pki.chain import build_chain, load_bundle
from sinetti.pki.encoding import certificate_der
from tests.ca.linters import certificate_findings
from tests.house.tree import ROOT
from tests.judges import material
from tests.judges.material import pem
from tests.judges.signature_judges import shown
from tests.support.postgres import skip_or_fail

pytestmark = pytest.mark.timeout(600)  # the first test waits until all peers have run

JAVA = ROOT / "tests" / "judges" / "java" / "Judge.java"
SOURCES = "RFC5280,RFC5480,RFC5891,Community"
MACHINE = 300
"""Timeout of a judge in seconds, long enough for a busy machine."""

RSA_LEAF = "e_key_usage_and_extended_key_usage_inconsistent"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, its chain and the purpose that openssl checks.

    The chain begins with the direct issuer and ends with the root.
    """

    name: str
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...]
    purpose: str

    @property
    def at(self) -> datetime:
        """An instant in the validity of the certificate."""
        return self.certificate.not_valid_before_utc + timedelta(hours=1)


@pytest.fixture(scope="session")
def issued(exchanges, peer_bench) -> list[Issued]:
    """Collect the certificates issued to peers and those of the signers of answers."""
    trust = {name: load_bundle(Path(peer_bench.ready["trust"][name]).read_bytes()) for name in ("holders", "services")}
    found: dict[bytes, Issued] = {}

    def add(name: str, certificate: x509.Certificate, kind: str, purpose: str) -> None:
        (root,) = (one for one in trust[kind] if one.subject == one.issuer)
        above = (*build_chain(certificate, trust[kind]), root)
        found.setdefault(certificate_der(certificate), Issued(name, certificate, above, purpose))

    for case, one in exchanges.items():
        for place in sorted(one.folder.glob("*certificate.pem")):
            certificate = x509.load_pem_x509_certificate(place.read_bytes())
            add(f"{case}-{place.stem}", certificate, "holders", "sslclient")
        for place in one.messages("response"):
            add("signer of answers", x509.load_pem_x509_certificate(shown(place.read_bytes())), "services", "any")
    if not found:
        skip_or_fail("no peer can run here, so nothing was issued")
    return list(found.values())


@pytest.fixture(scope="session")
def written(issued, tmp_path_factory) -> list[tuple[Issued, Path]]:
    """Write each certificate with its chain; return the folders.

    The files are `leaf.pem`, `ways.pem`, `root.pem` and `chain.pem` (all of it).
    """
    folder = tmp_path_factory.mktemp("issued")
    places = []
    for number, one in enumerate(issued):
        place = folder / str(number)
        place.mkdir()
        for name, certificates in (
            ("leaf", [one.certificate]),
            ("ways", one.above[:-1]),
            ("root", one.above[-1:]),
            ("chain", [one.certificate, *one.above]),
        ):
            (place / f"{name}.pem").write_bytes(pem(*certificates))
        places.append((one, place))
    return places


def said(*command: object) -> "subprocess.CompletedProcess[str]":
    """Run a judge; return the finished process."""
    if shutil.which(str(command[0])) is None:
        skip_or_fail(f"{command[0]} is not installed (scripts/packages judges says how)")
    return subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, timeout=MACHINE, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def openssl(one: Issued, place: Path, root: Path) -> "subprocess.CompletedProcess[str]":
    """Verify a certificate strictly, for its purpose, at an instant in its validity."""
    ways = ["-untrusted", place / "ways.pem"] if one.above[:-1] else []
    return said(
        "openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", root, *ways, "-purpose",
        one.purpose, "-attime", int(one.at.timestamp()), place / "leaf.pem",
    )  # fmt: skip


def test_openssl(written):
    for one, place in written:
        done = openssl(one, place, place / "root.pem")
        assert done.returncode == 0, (one.name, done.stderr)


def test_openssl_wants_the_right_root(written):
    """The judge is effective: with another root it accepts no certificate."""
    one, place = written[0]
    foreign = place / "foreign.pem"
    foreign.write_bytes(pem(material.root()))
    assert openssl(one, place, foreign).returncode != 0


def test_gnutls(written):
    for one, place in written:
        command = ["certtool", "--verify", "--load-ca-certificate", place / "root.pem"]
        command += ["--attime", f"{one.at:%Y-%m-%d %H:%M:%S}Z", "--infile", place / "chain.pem"]
        done = said(*command)
        assert done.returncode == 0, (one.name, done.stdout, done.stderr)


def test_the_jdk(written, tmp_path):
    lines = [
        "\t".join([str(number), "path", f"{place}/root.pem", f"{place}/path.pem", str(int(one.at.timestamp()))])
        for number, (one, place) in enumerate(written)
    ]
    for one, place in written:
        (place / "path.pem").write_bytes(pem(one.certificate, *one.above[:-1]))
    (tmp_path / "cases").write_text("\n".join(lines), encoding="utf-8")
    done = said("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", JAVA, tmp_path / "cases")
    assert done.stdout.splitlines() == [f"{number}\tOK" for number in range(len(written))], done.stderr


def linted(places: Sequence[Path]) -> Iterator[tuple[Path, set[str]]]:
    """Yield the findings of zlint that are more than information, by certificate."""
    for place in places:
        done = said("zlint", "-includeSources", SOURCES, place)
        assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout)
        yield place, {name for name, one in results.items() if one["result"] in {"warn", "error", "fatal"}}


def test_zlint(written):
    expected = {
        place / "leaf.pem": {RSA_LEAF}
        if isinstance(one.certificate.public_key(), rsa.RSAPublicKey) and one.purpose == "sslclient"
        else set()
        for one, place in written
    }
    assert dict(linted(list(expected))) == expected


def test_zlint_on_the_cas(issued, tmp_path):
    for number, authority in enumerate({certificate_der(one): one for each in issued for one in each.above}.values()):
        place = tmp_path / f"{number}.pem"
        place.write_bytes(pem(authority))
        assert list(linted([place])) == [(place, set())]


def test_pkilint(issued):
    for one in issued:
        assert certificate_findings(certificate_der(one.certificate)) == set(), one.name


def test_what_is_accepted_stands_in_the_document():
    page = (ROOT / "docs" / "integrators" / "divergences.md").read_text(encoding="utf-8")
    assert f"`{RSA_LEAF}`" in page
