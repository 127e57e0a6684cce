"""Faults of a message that are visible without comparing octets.

What is no XML or no envelope, and a signature of another shape.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from xml.parsers.expat import errors
from xml.sax.saxutils import unescape

from cryptography import x509
from lxml import etree

from sinetti.diagnostics import values
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.signed_message import MessageType, NotAnEnvelope, SignedElement
from sinetti.diagnostics.values import Finding
from sinetti.wire.soap.schema_types import Operation, qualified
from sinetti.wire.xmldsig import algorithms, parser
from sinetti.wire.xmldsig.algorithms import ENVELOPED, EXCLUSIVE, INCLUSIVE, XmlSignatureAlgorithm
from sinetti.wire.xmldsig.errors import SignatureErrorCode
from sinetti.wire.xmldsig.parser import DS, XmlRejected, children
from sinetti.wire.xmldsig.signature import SIGNATURE

_REQUEST_NAMES = tuple(operation.request for operation in Operation)
_REQUEST_TAGS = frozenset(map(qualified, _REQUEST_NAMES))
_BEFORE = re.compile(rb"(?:POST|PUT|GET|HTTP/|--|[A-Za-z-]+:\s)")
_BARE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)|<(?![A-Za-z_/!?:]|[^\x00-\x7f])")
_INCOMPLETE = frozenset(
    errors.codes[text]
    for text in (
        errors.XML_ERROR_NO_ELEMENTS,
        errors.XML_ERROR_UNCLOSED_TOKEN,
        errors.XML_ERROR_PARTIAL_CHAR,
        errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
_UNBOUND = errors.codes[errors.XML_ERROR_UNBOUND_PREFIX]
_MISPLACED_DECLARATION = errors.codes[errors.XML_ERROR_MISPLACED_XML_PI]
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04")
_ENCODED = re.compile(rb"\s*(?:(?:[\w.-]+=)?%3[Cc]|\"\s*(?:<|\\\\u003[cC]))")
_START = re.compile(rb"<\?xml |<(?:[\w.-]+:)?Envelope\b")
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TWICE = re.compile(rb"&amp;(?:amp|lt|gt|quot|apos|#x?[0-9A-Fa-f]+|[a-z]+uml);|\\u[0-9A-Fa-f]{4}")
_GARBLED = re.compile("\ufffd|[\u00c2\u00c3][\u0080-\u00bf\u0152-\u2122]|\\w\\?\\w")
_KNOWN_METHODS = frozenset(
    f"http://www.w3.org/{start}{name}"
    for start, names in {
        "2000/09/xmldsig#": "sha1 md5 sha256 sha384 sha512 rsa-sha1 rsa-md5 rsa-sha256 rsa-sha512 dsa-sha1 "
        "ecdsa-sha256 hmac-sha1 hmac-sha256 base64",
        "2001/04/xmldsig-more#": "sha224 sha256 sha384 md5 rsa-md5 rsa-sha1 rsa-sha224 rsa-ripemd160 ecdsa-sha1 "
        "ecdsa-sha224 hmac-md5 hmac-sha224 hmac-sha256 hmac-sha384 hmac-sha512",
        "2001/04/xmlenc#": "sha1 ripemd160 sha384 rsa-sha256",
        "2007/05/xmldsig-more#": "sha256-rsa-MGF1 sha384-rsa-MGF1 sha512-rsa-MGF1 rsa-pss sha3-256 sha3-512",
        "2006/12/xml-c14n11": " #WithComments",
        "TR/2001/REC-xml-c14n-20010315": "#WithComments",
        "2001/10/xml-exc-c14n#": "WithComments",
        "TR/1999/": "REC-xpath-19991116 REC-xslt-19991116",
        "2002/06/": "xmldsig-filter2",
    }.items()
    for name in names.split(" ")
)
"""Methods that are named; the log of the bench contains no others.

Only slips of writing (`_folded`) are named too.
"""


def _folded(uri: str) -> str:
    """Return a URI without slips of writing: case, https, #, / and blanks."""
    return uri.strip().lower().removeprefix("https:").removeprefix("http:").removesuffix("#").removesuffix("/")


_NEARLY_KNOWN = frozenset(
    map(_folded, (*_KNOWN_METHODS, *XmlSignatureAlgorithm, ENVELOPED, EXCLUSIVE, INCLUSIVE, algorithms.SHA256))
)


def find_in_unreadable(octets: bytes, bad: XmlRejected) -> Cause:
    """Return why octets are no XML, or no envelope with a message."""
    if isinstance(bad, NotAnEnvelope):
        root = parser.tree_of(parser.without_bom(octets))
        if root.find(SIGNATURE) is not None:
            return Cause.OUTSIDE
        if _has_request_as_text(root):
            return Cause.AS_TEXT
        if any(child.tag in _REQUEST_TAGS for child in children(root)):
            return Cause.WRAPPED
        return Cause.NOT_CUT if "empty" in str(bad) else Cause.NOT_SOAP_11
    is_base64 = (parser.decode_base64(octets.decode("ascii", "replace")) or b"").startswith(b"<")
    if octets.startswith(_COMPRESSED) or _ENCODED.match(octets) or is_base64:
        return Cause.ENCODED
    if octets.startswith(_MARKS) or b"\0" in octets[:64] or "encoding" in str(bad) or not _is_utf_8(octets):
        return Cause.NOT_UTF_8
    if "DOCTYPE" in str(bad):
        return Cause.DOCTYPE
    code = getattr(bad.__cause__, "code", None)
    return _surroundings(octets, code) or _characters(octets, code) or Cause.NOT_XML


def _surroundings(octets: bytes, code: int | None) -> Cause | None:
    begin = octets.lstrip()
    if not begin:
        return Cause.EMPTY
    if b"&lt;" in octets and not begin.startswith(b"<"):
        return Cause.AS_TEXT
    if begin.startswith(b"<") and octets.count(b"<?xml ") > 1:
        return Cause.DECLARATION_INSIDE
    if _BEFORE.match(begin) or any(map(_is_xml, _without_surroundings(octets))):
        return Cause.NOT_THE_BODY_ALONE
    return Cause.DECLARATION_INSIDE if code == _MISPLACED_DECLARATION else None


def _characters(octets: bytes, code: int | None) -> Cause | None:
    if b"<" in octets and _BARE.search(octets):
        return Cause.NOT_ESCAPED
    if code == _UNBOUND:
        return Cause.UNDECLARED
    return Cause.CUT_OFF if code in _INCOMPLETE and octets.lstrip().startswith(b"<") else None


def _is_utf_8(octets: bytes) -> bool:
    with suppress(UnicodeError):
        octets.decode()
        return True
    return False


def _without_surroundings(octets: bytes) -> Iterator[bytes]:
    """Yield octets without what stands before the first tag, and after the last."""
    first = octets[max(octets.find(b"<"), 0) :]
    start = _START.search(octets)
    inner = octets[start.start() :] if start else first
    for one in (first, inner, inner[: inner.rfind(b">") + 1]):
        if one and one != octets:
            yield one


def _is_xml(octets: bytes) -> bool:
    with suppress(XmlRejected):
        parser.run_parser(parser.hardened_parser(), octets)
        return True
    return False


def find_in_envelope(taken: SignedElement) -> Cause | None:
    """Return the fault of a request that is not the Body's own element, or None."""
    if taken.envelope is None:
        return None
    if any(child.tag in _REQUEST_TAGS for child in children(taken.root)):
        return Cause.WRAPPED
    if taken.kind is not MessageType.DOCUMENT:
        return None
    if any(element.tag in _REQUEST_TAGS for element in taken.root.iter("*")):
        return Cause.OBJECT if taken.root.tag == SIGNATURE else Cause.WRAPPED
    return Cause.AS_TEXT if _has_request_as_text(taken.root) else None


def _has_request_as_text(root: etree._Element) -> bool:
    for text in root.itertext():
        plain = unescape(str(text)).strip()
        decoded = (parser.decode_base64(plain) or b"").decode("utf-8", "replace")
        for one in (plain, decoded):
            if one.lstrip("\ufeff").startswith("<") and any(name in one for name in _REQUEST_NAMES):
                return True
    return False


def find_in_signature(flaw: str, root: etree._Element) -> Finding | None:
    """Return the fault of a signature's shape, by the verifier's reason, or None."""
    signature = next(root.iter(SIGNATURE), None)
    if signature is None:
        return None
    match flaw:
        case SignatureErrorCode.MISPLACED:
            return Finding(Cause.OBJECT, {}) if root is signature else None
        case SignatureErrorCode.PARTS:
            return _parts(signature)
        case SignatureErrorCode.NOT_ONE_CERTIFICATE | SignatureErrorCode.NO_X509_DATA:
            several = len(list(signature.iter(f"{{{DS}}}X509Certificate"))) > 1
            return Finding(Cause.CHAIN if several else Cause.NO_CERTIFICATE, {})
        case SignatureErrorCode.NOT_BASE64 | SignatureErrorCode.CERTIFICATE_UNREADABLE:
            return _value(signature)
        case (
            SignatureErrorCode.METHOD
            | SignatureErrorCode.CANONICALISATION
            | SignatureErrorCode.TRANSFORMS
            | SignatureErrorCode.DIGEST_METHOD
        ):
            return _method(signature, flaw)
    return None


def _parts(signature: etree._Element) -> Finding:
    references = list(signature.iter(f"{{{DS}}}Reference"))
    parts = [etree.QName(child).localname for child in children(signature)]
    names = [etree.QName(child).localname for reference in references for child in children(reference)]
    if len(references) > 1:
        return Finding(Cause.SEVERAL_REFERENCES, {})
    if next(signature.iter(f"{{{DS}}}Object"), None) is not None:
        return Finding(Cause.OBJECT, {})
    if parts == ["SignedInfo", "SignatureValue"]:
        return Finding(Cause.NO_CERTIFICATE, {})
    for missing, found, others in (
        ("SignatureValue", parts, ["SignedInfo", "KeyInfo"]),
        ("DigestValue", names, ["Transforms", "DigestMethod"]),
    ):
        if found == others:
            return Finding(Cause.NOT_BASE64, {"element": missing})
    return Finding(Cause.NOT_ENVELOPED if names == ["DigestMethod", "DigestValue"] else Cause.PARTS, {})


def _method(signature: etree._Element, flaw: str) -> Finding:
    transforms = [str(element.get("Algorithm")) for element in signature.iter(f"{{{DS}}}Transform")]
    if flaw == SignatureErrorCode.TRANSFORMS:
        if ENVELOPED not in transforms:
            return Finding(Cause.NOT_ENVELOPED, {})
        if transforms[0] != ENVELOPED and set(transforms) <= {ENVELOPED, EXCLUSIVE, INCLUSIVE}:
            return Finding(Cause.TRANSFORM_ORDER, {})
    for name, accepted in (
        ("SignatureMethod", frozenset(XmlSignatureAlgorithm)),
        ("CanonicalizationMethod", frozenset({EXCLUSIVE, INCLUSIVE})),
        ("Transform", frozenset({ENVELOPED, EXCLUSIVE, INCLUSIVE})),
        ("DigestMethod", None),
    ):
        for element in signature.iter(f"{{{DS}}}{name}"):
            uri = element.get("Algorithm", "")
            is_accepted = algorithms.digest_of(uri, b"") is not None if accepted is None else uri in accepted
            if not is_accepted:
                return Finding(Cause.METHOD, {"place": name, "method": _short(uri)})
    # Each method is accepted, but not with parameters, or not so many of them.
    place = {SignatureErrorCode.METHOD: "SignatureMethod", SignatureErrorCode.DIGEST_METHOD: "DigestMethod"}.get(
        SignatureErrorCode(flaw), "Transforms"
    )
    return Finding(Cause.METHOD, {"place": place, "method": "–"})


def _short(uri: str) -> str:
    """Return a method's URI if it is a known one or nearly so, or a question mark."""
    return uri.strip() if uri.isascii() and _folded(uri) in _NEARLY_KNOWN else "?"


def _value(signature: etree._Element) -> Finding:
    for name in ("X509Certificate", "SignatureValue", "DigestValue"):
        text = _text_of(signature, name)
        if name == "X509Certificate":
            fault = values.find_in_der(name, text, x509.load_der_x509_certificate)
            if fault is not None:
                return fault
        if not parser.decode_base64(text):
            return values.not_base64(name, text)
    return Finding(Cause.CERTIFICATE_UNREADABLE, {})


def _text_of(root: etree._Element, name: str) -> str:
    element = next(root.iter(f"{{{DS}}}{name}"), None)
    return "" if element is None else parser.value(element) or ""


def has_relative_namespace(root: etree._Element) -> bool:
    """Return whether a namespace name is relative, which has no canonical form."""
    return any(uri and ":" not in uri for element in root.iter("*") for uri in element.nsmap.values())


def has_lost_plus_signs(root: etree._Element) -> bool:
    """Return whether SignatureValue would be base64 with plus signs for its spaces."""
    text = _text_of(root, "SignatureValue").strip()
    return " " in text and parser.decode_base64(text.replace(" ", "+")) is not None


def find_in_text(canonical: bytes) -> Cause | None:
    """Return the fault that the letters of a canonical form show, or None."""
    if _TWICE.search(canonical):
        return Cause.ESCAPED_TWICE
    return Cause.GARBLED if _GARBLED.search(canonical.decode("utf-8", "replace")) else None
