"""Patterns of canonical XML: ds:SignedInfo, and the RenewCertificate request.

The signer has no XML parser. The canonical form (Canonical XML 1.0, Exclusive XML Canonicalization 1.0) leaves one way
to write a document, so patterns over its octets are enough. They accept what `wire/xmldsig/signature.py` accepts.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sinetti.authority.signer.der import refuse

DS = b"http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = b"http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
SERVICE = b"http://certificates.vero.fi/2017/10/certificateservices"
_ENVELOPED = DS + b"enveloped-signature"
_MORE = b"http://www.w3.org/2001/04/xmldsig-more#"
_ENCRYPTION = b"http://www.w3.org/2001/04/xmlenc#"

DIGESTS: Mapping[bytes, str] = {
    _ENCRYPTION + b"sha256": "sha256",
    _MORE + b"sha384": "sha384",
    _ENCRYPTION + b"sha512": "sha512",
}
"""Accepted digests by their URIs."""

METHODS: Mapping[bytes, tuple[str, str]] = {
    _MORE + f"{family}-{digest}".encode(): (family, digest)
    for family in ("rsa", "ecdsa")
    for digest in ("sha256", "sha384", "sha512")
}
"""Accepted signature methods by their URIs: family of the key, and digest."""

LARGEST_SIGNED_INFO, LARGEST_REQUEST = 64 * 1024, 256 * 1024
_DEEPEST, _MOST_ELEMENTS, _MOST_PREFIXES = 6, 16, 32

_NAME = rb"""[^\s<>/=:"'&!?]++"""
_ATTRIBUTES = rb'((?: (?:%s:)?%s="[^"<]*+")*+)' % (_NAME, _NAME)
_INSTRUCTION = rb"<\?(?:[^?]|\?(?!>))*+\?>"
_TOKEN = re.compile(rb"<(/?)(?:(%s):)?(%s)%s>|(%s)|([^<>]++)" % (_NAME, _NAME, _ATTRIBUTES, _INSTRUCTION))
_ATTRIBUTE = re.compile(rb' ([^=]+)="([^"]*)"')
_DECLARATION = re.compile(rb' xmlns(?::([^=]+))?="([^"]*)"')
_DIGEST_VALUE = re.compile(rb"DigestValue[^<>]*>([A-Za-z0-9+/=]{44,88})</")
_MARK = b"\0"
"""Octet that no XML has; it stands for the digest in a cached form."""

_SPACE = rb"(?:[ \t\n]|&#xD;|%s)*+" % _INSTRUCTION
_VALUE = rb"((?:[^<>]++|%s)*+)" % _INSTRUCTION


def _child(name: bytes) -> bytes:
    return rb"<%s%s>%s</%s>%s" % (name, _ATTRIBUTES, _VALUE, name, _SPACE)


_REQUEST = re.compile(
    rb"<(?:(%s):)?RenewCertificateRequest%s>%s" % (_NAME, _ATTRIBUTES, _SPACE)
    + _child(b"Environment")
    + _child(b"CustomerId")
    + rb"(?:%s)?" % _child(b"CustomerName")
    + _child(b"CertificateRequest")
    + rb"</(?:(%s):)?RenewCertificateRequest>" % _NAME
)
_LEFT_OUT = re.compile(_INSTRUCTION)


@dataclass(frozen=True)
class SignedInfoForm:
    """Content of a SignedInfo: URIs of signature method and digest, and the digest."""

    method: bytes
    digest_method: bytes
    digest: bytes


@dataclass(frozen=True)
class RenewalRequestForm:
    """Content of a request: environment, customer and PKCS#10 request (DER)."""

    environment: str
    customer_id: str
    request: bytes = field(repr=False)


@dataclass
class _Element:
    """Element of canonical XML; `written` is its name as it stands there."""

    written: tuple[bytes | None, bytes]
    namespaces: Mapping[bytes, bytes]
    attributes: Mapping[bytes, bytes]
    text: bytes = b""
    children: "list[_Element]" = field(default_factory=list)

    @property
    def name(self) -> tuple[bytes, bytes]:
        """Namespace and local name."""
        prefix, local = self.written
        return self.namespaces.get(prefix or b"", b""), local


def read_signed_info(octets: bytes) -> SignedInfoForm:
    """Read the canonical octets of a SignedInfo. Raises SignatureRefused.

    One program writes the same octets but for the digest, so its form is read once.
    """
    if len(octets) > LARGEST_SIGNED_INFO or _MARK in octets:
        refuse("SignedInfo is too long, or is no XML")
    match = _DIGEST_VALUE.search(octets)
    if match is None:
        form = _form(octets)
        return SignedInfoForm(form.method, form.digest_method, _decoded(form.digest))
    form = _cached_form(octets[: match.start(1)] + _MARK + octets[match.end(1) :])
    return SignedInfoForm(form.method, form.digest_method, _decoded(form.digest.replace(_MARK, match[1])))


def read_request(octets: bytes) -> RenewalRequestForm:
    """Read the canonical octets of a renewal's request. Raises SignatureRefused."""
    match = _REQUEST.fullmatch(octets) if len(octets) <= LARGEST_REQUEST else None
    if match is None or match[1] != match[match.re.groups]:
        refuse("the signature is not over a RenewCertificate request")
    outside = dict(_DECLARATION.findall(match[2]))
    if outside.get(match[1] or b"") != SERVICE:
        refuse("the request is of another namespace")
    for attributes in (match[3], match[5], match[7], match[9]):
        default = dict(_DECLARATION.findall(attributes or b"")).get(b"", outside.get(b"", b""))
        if attributes is not None and default:
            refuse("a part of the request is of another namespace")
    return RenewalRequestForm(_plain(match[4]), _plain(match[6]), _decoded(match[10]))


@lru_cache(maxsize=256)
def _cached_form(octets: bytes) -> SignedInfoForm:
    return _form(octets)


def _form(octets: bytes) -> SignedInfoForm:
    info = _read_element(octets)
    method, algorithm, reference = _parts(
        info, b"SignedInfo", b"CanonicalizationMethod", b"SignatureMethod", b"Reference"
    )
    _check_canonical(method)
    transforms, digest_method, digest = _parts(reference, b"Reference", b"Transforms", b"DigestMethod", b"DigestValue")
    _check_transforms(transforms)
    form = SignedInfoForm(_algorithm(algorithm), _algorithm(digest_method), digest.text)
    is_known = form.method in METHODS and form.digest_method in DIGESTS
    if not is_known or reference.attributes.get(b"URI") != b"":
        refuse("SignedInfo has another method, digest or reference")
    if algorithm.children or digest_method.children or digest.children:
        refuse("SignedInfo has further elements")
    return form


def _parts(element: _Element, name: bytes, *children: bytes) -> "list[_Element]":
    if element.name != (DS, name) or [child.name for child in element.children] != [(DS, child) for child in children]:
        refuse("SignedInfo does not have exactly its elements")
    return element.children


def _algorithm(element: _Element) -> bytes:
    return element.attributes.get(b"Algorithm", b"")


def _check_canonical(method: _Element) -> None:
    is_exclusive, inside = _algorithm(method) == EXCLUSIVE, method.children
    if not is_exclusive and (_algorithm(method) != INCLUSIVE or inside):
        refuse("SignedInfo names another canonical form")
    if [element.name for element in inside] not in ([], [(EXCLUSIVE, b"InclusiveNamespaces")]) or any(
        element.children or len(set(element.attributes.get(b"PrefixList", b"").split())) > _MOST_PREFIXES
        for element in inside
    ):
        refuse("SignedInfo names another canonical form")


def _check_transforms(transforms: _Element) -> None:
    elements = transforms.children
    if not 0 < len(elements) <= 2 or any(element.name != (DS, b"Transform") for element in elements):  # noqa: PLR2004 - the shape
        refuse("SignedInfo has other transforms")
    if _algorithm(elements[0]) != _ENVELOPED or elements[0].children:
        refuse("SignedInfo has other transforms")
    for one in elements[1:]:
        _check_canonical(one)


def _read_element(octets: bytes) -> _Element:
    """Read one element of canonical XML, with all inside it. Raises SignatureRefused."""
    root = _Element((None, b""), {}, {})
    opened, at, count = [root], 0, 0
    while at < len(octets):
        token = _TOKEN.match(octets, at)
        if token is None:
            refuse("SignedInfo is not in its canonical form")
        at = token.end()
        closing, prefix, local, attributes, _instruction, text = token.groups()
        if text is not None:
            opened[-1].text += text
        elif closing:
            if opened.pop().written != (prefix, local) or attributes or not opened:
                refuse("SignedInfo is not in its canonical form")
        elif local is not None:
            count += 1
            if len(opened) > _DEEPEST or count > _MOST_ELEMENTS:
                refuse("SignedInfo has too many elements")
            declared = dict(_DECLARATION.findall(attributes))
            scope = {**opened[-1].namespaces, **declared} if declared else opened[-1].namespaces
            element = _Element((prefix, local), scope, dict(_ATTRIBUTE.findall(attributes)))
            opened[-1].children.append(element)
            opened.append(element)
    if opened != [root] or len(root.children) != 1 or root.text:
        refuse("SignedInfo is not in its canonical form")
    return root.children[0]


def _plain(text: bytes) -> str:
    """Return a value without instructions and without white space around it."""
    try:
        return _LEFT_OUT.sub(b"", text).replace(b"&#xD;", b"\r").decode().strip(" \t\r\n")
    except UnicodeDecodeError:
        refuse("the request is not in UTF-8")


def _decoded(text: bytes) -> bytes:
    """Return the octets of base64 with white space in it."""
    plain = _LEFT_OUT.sub(b"", text).replace(b"&#xD;", b"").translate(None, b" \t\r\n")
    try:
        octets = binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:
        octets = b""
    if not octets:
        refuse("a value is not in base64")
    return octets
