"""Content of files as `sinetti inspect` shows it.

Any octets give content or an error.
"""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7, pkcs12

from fuzz import der_changing, material
from fuzz.target import Target, must
from fuzz.targets import revocation_list
from sinetti.client.documents.inspection import InspectedFile, PasswordError, PrivateKeyError, inspect_octets
from sinetti.pki import csr
from sinetti.pki.encoding import certificate_der


def check(octets: bytes) -> None:
    """Inspect the input twice, with the same result."""
    found = _inspect(octets)
    must(_inspect(octets) == found, "the content is the same again")
    if not isinstance(found, InspectedFile):
        return
    items = (found.first, *found.others)
    must(all(len(one.sha256 or "0" * 64) == 64 for one in items), "a digest has 64 digits")  # noqa: PLR2004
    must(all(one.serial is None or not len(one.serial) % 2 for one in items), "a serial number has whole octets")


def _inspect(octets: bytes) -> InspectedFile | str:
    try:
        return inspect_octets(octets, None)
    except (ValueError, PasswordError, PrivateKeyError) as bad:
        return str(bad)


def _seeds() -> dict[str, bytes]:
    key, leaf, above = material.key("p256"), material.certificate("p256"), material.certificate(material.CA)
    pem = leaf.public_bytes(Encoding.PEM)
    return {
        "certificate": certificate_der(leaf),
        "pem": pem + above.public_bytes(Encoding.PEM),
        "pkcs7": pkcs7.serialize_certificates([leaf, above], Encoding.DER),
        "pkcs12": pkcs12.serialize_key_and_certificates(b"payroll", key, leaf, [above], NoEncryption()),
        "request": csr.build_request(key, "0123456-7", "Sinisiipi Oy"),
        "key": key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "list": revocation_list.TARGET.seeds()["good"],
        "jks": _jks(leaf),
    }


def _jks(certificate: x509.Certificate) -> bytes:
    """Return a Java key store with one trusted certificate.

    Zeros are in the place of the digest.
    """
    der = certificate_der(certificate)
    head = b"\xfe\xed\xfe\xed" + b"\0\0\0\x02" + b"\0\0\0\x01" + b"\0\0\0\x02" + b"\0\x02ca" + bytes(8) + b"\0\x05X.509"
    return head + len(der).to_bytes(4, "big") + der + bytes(20)


TARGET = Target("inspection", check, _seeds, der_changing.change, longest=8_192)
