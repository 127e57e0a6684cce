"""Values that should be base64 of DER, and other content in their place."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.matchers import decodings
from sinetti.pki import csr
from sinetti.pki.csr import CsrUploadError
from sinetti.wire.xmldsig import parser

_FOREIGN_ESCAPE = re.compile(r"\\[nrt/]|%[0-9A-Fa-f]{2}|&#?\w+;|=3D")
_BYTE_ARRAY = re.compile(r"b?['\"]|\[?-?\d{1,3}(\s*,\s*-?\d{1,3}|\s+\d{1,3}){7}|\[object|System\.|\[B@|<Buffer|<memory")
"""Texts of byte arrays in .NET, Java, JavaScript and Python, and quotation marks."""

_HEX_PAIRS = re.compile(r"(?:0x)?[0-9A-Fa-f]{2}(?:[:\s-]?[0-9A-Fa-f]{2}){15,}")
_HEXADECIMAL = {
    "CertificateRequest": Cause.CSR_TWICE,
    "X509Certificate": Cause.CERTIFICATE_TWICE,
    "DigestValue": Cause.DIGEST_IN_HEX,
}
"""Causes of hexadecimal digits by element; pairs may have separators."""

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_RANDOM = 32
_SEQUENCE = b"\x30"
_VERSION_AND_NAME = re.compile(rb"\x02\x01\x00\x30(?:\x00|[\x01-\x7f]\x31|\x81.\x31)", re.DOTALL)
"""Start of a CertificationRequestInfo: version and name (RFC 2986, 4.1)."""

_PKCS7 = bytes.fromhex("06092a864886f70d0107")
_JSON = re.compile(rb"\s*(?:\{.*\}|\[.*\])\s*", re.DOTALL)
_PEM = re.compile(rb"\s*-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PKCS12 = b"\x02\x01\x03"
_PKCS7_WITHIN = 24
_SIGNATURE_SIZES = range(256, 513, 128)
_LONGEST_EXPONENT = 32

Der = x509.Certificate | x509.CertificateSigningRequest


class Finding(NamedTuple):
    """Fault, and the names in its text: an element, a place, a method."""

    cause: Cause
    named: dict[str, str]


def find_in_der(element: str, text: str, load: Callable[[bytes], Der]) -> Finding | None:
    """Return why `load` does not read the value of an element, or None."""
    octets = parser.decode_base64(text)
    inside = text.encode() if "BEGIN" in text else octets or b""
    is_request = element == "CertificateRequest"
    if csr.parse_csr_upload(inside) is CsrUploadError.PRIVATE_KEY:
        return Finding(Cause.PRIVATE_KEY, {"element": element, "content": _key_format(inside)})
    if b"-----BEGIN" in inside or "BEGIN" in text:
        return Finding(Cause.CSR_IN_PEM if is_request else Cause.PEM, {})
    if _loads(load, octets or b""):
        return None
    encoded_twice = Finding(Cause.CSR_TWICE if is_request else Cause.CERTIFICATE_TWICE, {})
    joined = "".join(text.split())
    if _HEX.fullmatch(joined) and bytes.fromhex(joined).startswith(_SEQUENCE):
        return encoded_twice
    if _loads(load, parser.decode_base64(text.strip().replace(" ", "+")) or b""):
        return Finding(Cause.PLUS_LOST, {"element": element})
    is_joined = not is_request and _is_joined(text, octets or b"", load)
    if is_joined or not octets:
        return Finding(Cause.CHAIN, {}) if is_joined else not_base64(element, text)
    for how, again in decodings(octets):
        if how in {"base64-twice", "hexadecimal"} and (again.startswith(_SEQUENCE) or b"-----BEGIN" in again):
            return encoded_twice
    return _other_der(element, octets, load)


def _other_der(element: str, octets: bytes, load: Callable[[bytes], Der]) -> Finding | None:
    is_text = any(how == "through-text" and _loads(load, again) for how, again in decodings(octets))
    if is_text or went_through_text(octets):
        return Finding(Cause.THROUGH_TEXT, {"element": element})
    content = _content_of(octets)
    if content is not None:
        return Finding(Cause.OTHER_CONTENT, {"element": element, "content": content})
    return Finding(Cause.VALUE_CUT, {"element": element}) if octets[:1] == _SEQUENCE and _is_cut(octets) else None


def went_through_text(octets: bytes) -> bool:
    """Return whether octets that are no text were converted as if they were.

    Of random octets, hardly any 32 are UTF-8, and few are question marks.
    """
    with suppress(UnicodeError):
        octets.decode()
        return len(octets) >= _RANDOM and (not octets.isascii() or octets.count(b"?") > len(octets) // 4)
    return False


def _loads(load: Callable[[bytes], object], octets: bytes) -> bool:
    with suppress(ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        load(octets)
        return True
    return False


def _key_format(octets: bytes) -> str:
    start = octets[:8]
    return "PKCS#12" if _PKCS12 in start else "PEM" if b"-----" in start else "DER"


def _content_of(octets: bytes) -> str | None:
    """Return the standard's name of what octets contain, or None."""
    for name, load in {
        "Certificate (X.509)": x509.load_der_x509_certificate,
        "CertificationRequest (PKCS#10)": x509.load_der_x509_csr,
        "CertificateList (CRL)": x509.load_der_x509_crl,
        "SubjectPublicKeyInfo": load_der_public_key,
    }.items():
        if _loads(load, octets):
            return name
    if _PKCS7 in octets[:_PKCS7_WITHIN]:
        return "PKCS#7"
    return "CertificationRequestInfo" if _VERSION_AND_NAME.match(octets[_header(octets) :]) else None


def name_of_file(octets: bytes) -> str | None:
    """Return the standard's name of a file that is no message, or None."""
    if pem := _PEM.match(octets):
        return pem[1].decode()
    if _JSON.fullmatch(octets):
        return "JSON"
    return "PKCS#12" if _PKCS12 in octets[:8] else _content_of(octets)


def _is_joined(text: str, octets: bytes, load: Callable[[bytes], Der]) -> bool:
    """Return whether a value begins with DER that loads, and more DER comes after it."""
    first, rest = octets[: _size(octets)], octets[_size(octets) :]
    if not octets and (joined := re.match(r"([^=]+=+)(M.*)", "".join(text.split()))):
        first, rest = parser.decode_base64(joined[1]) or b"", _SEQUENCE
    return rest.startswith(_SEQUENCE) and _loads(load, first)


def _header(octets: bytes) -> int:
    """Return the length of the tag and the length at the start of DER."""
    return 2 + (octets[1] & 0x7F if len(octets) > 1 and octets[1] & 0x80 else 0)


def _is_cut(octets: bytes) -> bool:
    return len(octets) < _size(octets)


def _size(octets: bytes) -> int:
    """Return the length that DER states, with its header."""
    start = _header(octets)
    return start + (int.from_bytes(octets[2:start]) if start > 2 else octets[1] if len(octets) > 1 else 0)  # noqa: PLR2004


def not_base64(element: str, text: str) -> Finding:
    """Return why the text of an element is not base64."""
    joined = "".join(text.split())
    padded = _padded(joined.translate({45: "+", 95: "/"}))
    decoded = parser.decode_base64(padded)
    if _BYTE_ARRAY.match(text.strip()):
        cause = Cause.BYTE_ARRAY
    elif _HEX_PAIRS.fullmatch(text.strip()):
        cause = _HEXADECIMAL.get(element, Cause.VALUE_IN_HEX)
    elif _FOREIGN_ESCAPE.search(joined):
        cause = Cause.FOREIGN_ESCAPE
    elif " " in text.strip() and parser.decode_base64(text.strip().replace(" ", "+")):
        cause = Cause.PLUS_LOST
    elif decoded and "-" not in joined and "_" not in joined and _is_short(element, decoded):
        cause = Cause.VALUE_CUT
    else:
        cause = Cause.BASE64URL if decoded else Cause.NOT_BASE64
    return Finding(cause, {"element": element})


def _is_short(element: str, octets: bytes) -> bool:
    if element == "SignatureValue":
        return len(octets) not in {64, 96, *_SIGNATURE_SIZES}
    return octets[:1] == _SEQUENCE and _is_cut(octets)


def _padded(text: str) -> str:
    return text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)


def name_of_key(holder: Der) -> str:
    """Return type and size of a public key, as standards write them."""
    try:
        key = holder.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "–"
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        return f"RSA {key.key_size}" + (f", e = {exponent}" if exponent.bit_length() <= _LONGEST_EXPONENT else "")
    return f"EC {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__.strip("_")
