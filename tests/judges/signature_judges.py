"""Three independent judges of XML signatures: xmlsec1, signxml and bergshamra.

xmlsec1 is written in C on libxml2, signxml is based on lxml, bergshamra is written in Rust. Each judge gets a
document, the certificates that it may trust and an instant. It accepts or refuses the document.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pybergshamra
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier
from signxml.exceptions import InvalidInput, InvalidSignature

from tests.support.postgres import skip_or_fail


@dataclass(frozen=True, slots=True)
class Trusted:
    """CA certificates and the instant of verification.

    Self-issued certificates are trusted. The others are intermediates.
    """

    authorities: tuple[x509.Certificate, ...]
    at: datetime

    @property
    def roots(self) -> list[x509.Certificate]:
        """Self-issued certificates, which are trusted as they are."""
        return [one for one in self.authorities if one.subject == one.issuer]

    @property
    def ways(self) -> list[x509.Certificate]:
        """Intermediate certificates, which lead up to a root."""
        return [one for one in self.authorities if one.subject != one.issuer]


def xmlsec1(document: bytes, trusted: Trusted) -> bool:
    """Return True if xmlsec1 accepts the document."""
    program = shutil.which("xmlsec1")
    if program is None:
        skip_or_fail("xmlsec1 is not installed (scripts/packages judges says how)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = []
        for option, certificates in (("--trusted-pem", trusted.roots), ("--untrusted-pem", trusted.ways)):
            for number, certificate in enumerate(certificates):
                place = folder / f"{option}{number}.pem"
                place.write_bytes(certificate.public_bytes(Encoding.PEM))
                options += [option, str(place)]
        (folder / "document.xml").write_bytes(document)
        options += ["--verification-gmt-time", f"{trusted.at:%Y-%m-%d %H:%M:%S}"]
        done = subprocess.run(
            [program, "--verify", *options, str(folder / "document.xml")], capture_output=True, check=False
        )
    return done.returncode == 0


def signxml(document: bytes, trusted: Trusted) -> bool:
    """Return True if signxml accepts one reference over the whole document.

    It does not check the chain.
    """
    expected = SignatureConfiguration(expect_references=1, location="./", verification_time=trusted.at)
    try:
        XMLVerifier().verify(document, x509_cert=shown(document), expect_config=expected)
    except (InvalidSignature, InvalidInput):
        return False
    return True


def bergshamra(document: bytes, trusted: Trusted) -> bool:
    """Return True if bergshamra accepts the document.

    It computes each digest itself and checks the chain of the certificate in the document.
    """
    manager = pybergshamra.KeysManager()
    context = pybergshamra.DsigContext(manager, trusted_keys_only=False, strict_verification=True)
    context.insecure = True  # the chain is checked below: without a root this call would accept any
    roots, ways = ([_der(one) for one in some] for some in (trusted.roots, trusted.ways))
    try:
        result = pybergshamra.verify(context, document.decode())
        pybergshamra.validate_cert_chain(
            _der(x509.load_pem_x509_certificate(shown(document))),
            trusted_certs=roots,
            untrusted_certs=ways,
            verification_time=f"{trusted.at:%Y-%m-%d+%H:%M:%S}",
        )
    except pybergshamra.BergshamraError:
        return False
    return bool(result) and result.all_reference_digests_verified


JUDGES: dict[str, Callable[[bytes, Trusted], bool]] = {
    judge.__name__: judge for judge in (xmlsec1, signxml, bergshamra)
}


def versions() -> list[str]:
    """Return the available judges, as "name version"."""
    program = shutil.which("xmlsec1")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout if program else ""
    packages = [f"{name} {version(name)}" for name in ("signxml", "pybergshamra")]
    return [*(f"xmlsec1 {found.split()[1]}" for found in said.splitlines()), *packages]


def shown(document: bytes) -> bytes:
    """Return the certificate in a document, as PEM."""
    (inside,) = etree.fromstring(document).iter("{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    lines = "\n".join((inside.text or "").split())
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
