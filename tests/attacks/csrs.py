"""PKCS#10 requests written octet by octet (X.690, RFC 2986).

Each can be wrong in one way.
"""

from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEQUENCE, SET, INTEGER, BITS, OID, UTF8, NULL = 0x30, 0x31, 0x02, 0x03, 0x06, 0x0C, b"\x05\x00"
COMMON_NAME = b"\x06\x03\x55\x04\x03"
RSA = bytes.fromhex("06092a864886f70d010101")
RSA_PSS = bytes.fromhex("06092a864886f70d01010a")
EC = bytes.fromhex("06072a8648ce3d0201")
P256 = bytes.fromhex("06082a8648ce3d030107")
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")
_EXTENSIONS = bytes.fromhex("06092a864886f70d01090e")
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
"""The prime of P-256 (SEC 2, 2.4.2)."""

_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return one element in DER."""
    inside = b"".join(parts)
    size = len(inside)
    if size < 0x80:
        return bytes([tag, size]) + inside
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + inside


def integer(number: int) -> bytes:
    """Return an INTEGER in as few octets as DER requires."""
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def name(*values: bytes) -> bytes:
    """Return a Name of common names; each value is an element already."""
    return tlv(SEQUENCE, *(tlv(SET, tlv(SEQUENCE, COMMON_NAME, value)) for value in values))


def asks_for(*extensions: bytes) -> bytes:
    """Return the attribute that asks for extensions (RFC 2985, 5.4.2)."""
    return tlv(SEQUENCE, _EXTENSIONS, tlv(SET, tlv(SEQUENCE, *extensions)))


def ec_key(point: bytes, parameters: bytes = P256) -> bytes:
    """Return a SubjectPublicKeyInfo of an EC point."""
    return tlv(SEQUENCE, tlv(SEQUENCE, EC, parameters), tlv(BITS, b"\0", point))


def rsa_key(modulus: bytes, exponent: bytes, algorithm: bytes = RSA + NULL) -> bytes:
    """Return a SubjectPublicKeyInfo of two INTEGERs."""
    return tlv(SEQUENCE, tlv(SEQUENCE, algorithm), tlv(BITS, b"\0", tlv(SEQUENCE, modulus, exponent)))


def explicit_p256() -> bytes:
    """Return the parameters of P-256 in explicit form, without its name (X9.62)."""
    field = tlv(SEQUENCE, bytes.fromhex("06072a8648ce3d0101"), integer(P))
    curve = tlv(SEQUENCE, tlv(0x04, (P - 3).to_bytes(32, "big")), tlv(0x04, _B.to_bytes(32, "big")))
    return tlv(SEQUENCE, integer(1), field, curve, tlv(0x04, _G), integer(_N), integer(1))


def point_of(key: ec.EllipticCurvePrivateKey, form: PublicFormat = PublicFormat.UncompressedPoint) -> bytes:
    """Return a key's point (SEC 1, 2.3.3)."""
    return key.public_key().public_bytes(Encoding.X962, form)


def info(spki: bytes, subject: bytes = b"\x30\x00", attributes: bytes = b"", version: bytes = b"\x02\x01\x00") -> bytes:
    """Return a CertificationRequestInfo."""
    return tlv(SEQUENCE, version, subject, spki, tlv(0xA0, attributes))


def signed(inside: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Sign the content with an EC key."""
    return tlv(SEQUENCE, inside, _ECDSA_SHA256, tlv(BITS, b"\0", key.sign(inside, ec.ECDSA(hashes.SHA256()))))


def signed_with_numbers(inside: bytes, modulus: int, private_exponent: int) -> bytes:
    """Sign the content with RSA numbers (RFC 8017, 8.2), also with unsound ones."""
    size = (modulus.bit_length() + 7) // 8
    digest = _DIGEST_INFO + sha256(inside).digest()
    padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    value = pow(int.from_bytes(padded, "big"), private_exponent, modulus).to_bytes(size, "big")
    return tlv(SEQUENCE, inside, _RSA_SHA256, tlv(BITS, b"\0", value))


def unsigned(inside: bytes) -> bytes:
    """Return a request with meaningless octets at the signature's place."""
    return tlv(SEQUENCE, inside, _RSA_SHA256, tlv(BITS, b"\0", bytes(range(256))))
