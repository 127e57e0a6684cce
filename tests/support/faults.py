"""Makes tests/vectors/faults/: signed messages with one fault each, as programs in six languages make them.

    python -m tests.support.faults

Each recipe has a name, the toolkit whose habit it is, and the fault that `sinetti explain` names in its headline. The
files are the same each time, octet for octet. The keys and certificates are those of tests/vectors/.
"""

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
)
from lxml import etree

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
FOLDER = VECTORS / "faults"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPED = f"{DS}enveloped-signature"
PLACE = "<!--signature-->"
NAME = "Mäkelä &amp; Söner Oy"


@cache
def key(name):
    """Return a private key of the vectors."""
    return load_pem_private_key((VECTORS / "keys" / f"{name}.pem").read_bytes(), None)


@cache
def der(name: str) -> bytes:
    """Return a certificate or a signing request of the vectors in DER."""
    if name.startswith(("next", "first")):
        request = x509.load_pem_x509_csr((VECTORS / "signing-requests" / f"{name}.pem").read_bytes())
        return request.public_bytes(Encoding.DER)
    found = x509.load_pem_x509_certificate((VECTORS / "certificates" / f"{name}.pem").read_bytes())
    return found.public_bytes(Encoding.DER)


def b64(octets: bytes, width: int = 0, end: str = "\n") -> str:
    """Return base64 on one line, or in lines of a width."""
    text = base64.b64encode(octets).decode()
    return end.join(text[at : at + width] for at in range(0, len(text), width)) if width else text


CSR = b64(der("next-rsa-2048"))


def document(**changed: str) -> str:
    """Return a renewal request with the place of its signature."""
    given = {
        "name": f"<CustomerName>{NAME}</CustomerName>",
        "csr": CSR,
        "id": "0123456-7",
        "root": "",
        "end": "",
    } | changed
    prefix = given.get("prefix", "cer")
    start, declared, none = (f"{prefix}:", f"xmlns:{prefix}", "") if prefix else ("", "xmlns", ' xmlns=""')
    name = given["name"].replace("<CustomerName>", f"<CustomerName{none}>")
    return (
        f'<{start}RenewCertificateRequest {declared}="{SERVICE}"{given["root"]}><Environment{none}>TEST</Environment>'
        f"<CustomerId{none}>{given['id']}</CustomerId>{name}<CertificateRequest{none}>{given['csr']}"
        f"</CertificateRequest>{given['end']}{PLACE}</{start}RenewCertificateRequest>"
    )


def pretty(octets: bytes, space: str = "  ") -> bytes:
    """Return a document laid out by libxml2."""
    root = etree.fromstring(octets)
    etree.indent(root, space)
    return etree.tostring(root, encoding="utf-8")


def c14n(octets: bytes, algorithm: str = EXCLUSIVE) -> bytes:
    """Return the canonical form of a document."""
    root = etree.fromstring(octets)
    return etree.tostring(
        root.getroottree(), method="c14n", exclusive="exc" in algorithm, with_comments="omments" in algorithm
    )


def bare(text: str) -> bytes:
    """Return a document without the place of its signature."""
    return text.replace(PLACE, "").encode()


Octets = Callable[[bytes], bytes]


def same(octets: bytes) -> bytes:
    """Change nothing."""
    return octets


@dataclass(frozen=True)
class Recipe:
    """Message with one fault; every step that is not named is correct.

    `digested`: from the document to the octets that are digested. `stated`: from those to the text of DigestValue.
    `info`: from the canonical SignedInfo to the octets that are signed. `sign`: from those to the signature. `value`:
    from it to the octets in SignatureValue; `written`: from those to its text. `certificate`: the text in KeyInfo.
    `sent`: from the signed request to that which is sent; `enveloped`: from the envelope to the file. `template`: from
    the text of ds:Signature to that which is used.
    """

    toolkit: str
    fault: str
    text: str = ""
    holder: str = "holder-rsa-2048"
    prefix: str = "ds"
    method: str = ""
    info_c14n: str = EXCLUSIVE
    transforms: tuple[str, ...] = (ENVELOPED, EXCLUSIVE)
    digest_method: str = SHA256
    digested: Octets | None = None
    stated: Callable[[bytes], str] = lambda octets: b64(hashlib.sha256(octets).digest())
    info: Octets = same
    sign: Callable[[object, bytes], bytes] | None = None
    value: Octets = same
    written: Callable[[bytes], str] = lambda octets: b64(octets, 76)
    certificate: str = ""
    template: Callable[[str], str] = lambda text: text
    sent: Octets = same
    declared: str = ""
    enveloped: Octets = same


def made(recipe: Recipe) -> bytes:
    """Return the file of a recipe."""
    text = recipe.text or document()
    plain = bare(text)
    form = EXCLUSIVE if EXCLUSIVE in recipe.transforms else INCLUSIVE
    digested = c14n(plain, form) if recipe.digested is None else recipe.digested(plain)
    draft = text.replace(PLACE, written_signature(recipe, recipe.stated(digested), ""))
    root = etree.fromstring(draft.encode())
    found = next(root.iter(f"{{{DS}}}SignedInfo"), None)
    info = b""
    if found is not None:
        exclusive = "exc" in recipe.info_c14n
        info = etree.tostring(found, method="c14n", exclusive=exclusive, with_comments=False)
    sign = recipe.sign or plain_sign
    value = recipe.written(recipe.value(sign(key(recipe.holder), recipe.info(info))))
    message = recipe.sent(text.replace(PLACE, written_signature(recipe, recipe.stated(digested), value)).encode())
    start = f'<soapenv:Envelope xmlns:soapenv="{SOAP}"{recipe.declared}><soapenv:Header/><soapenv:Body>'.encode()
    return recipe.enveloped(start + message + b"</soapenv:Body></soapenv:Envelope>")


def written_signature(recipe: Recipe, digest: str, value: str) -> str:
    """Return the text of ds:Signature."""
    method = recipe.method or (f"{MORE}rsa-sha256" if "rsa" in recipe.holder else f"{MORE}ecdsa-sha256")
    steps = "".join(f'<P:Transform Algorithm="{one}"></P:Transform>' for one in recipe.transforms)
    certificate = recipe.certificate or b64(der(recipe.holder), 64)
    text = (
        f'<P:Signature D="{DS}"><P:SignedInfo>'
        f'<P:CanonicalizationMethod Algorithm="{recipe.info_c14n}"></P:CanonicalizationMethod>'
        f'<P:SignatureMethod Algorithm="{method}"></P:SignatureMethod>'
        f'<P:Reference URI=""><P:Transforms>{steps}</P:Transforms>'
        f'<P:DigestMethod Algorithm="{recipe.digest_method}"></P:DigestMethod>'
        f"<P:DigestValue>{digest}</P:DigestValue></P:Reference></P:SignedInfo>"
        f"<P:SignatureValue>{value}</P:SignatureValue><P:KeyInfo><P:X509Data><P:X509Certificate>{certificate}"
        "</P:X509Certificate></P:X509Data></P:KeyInfo></P:Signature>"
    )
    text = recipe.template(text)
    name = f"{recipe.prefix}:" if recipe.prefix else ""
    return text.replace("P:", name).replace(" D=", f" xmlns:{recipe.prefix}=" if recipe.prefix else " xmlns=")


def plain_sign(private_key: object, octets: bytes, hashing: type[hashes.HashAlgorithm] = hashes.SHA256) -> bytes:
    """Sign as XML Signature says; ECDSA with a nonce from the message (RFC 6979)."""
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(octets, padding.PKCS1v15(), hashing())
    width = (private_key.key_size + 7) // 8
    found = private_key.sign(octets, ec.ECDSA(hashing(), deterministic_signing=True))
    return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(found))


def in_der(value: bytes) -> bytes:
    """Return an ECDSA signature in DER."""
    half = len(value) // 2

    def number(octets: bytes) -> bytes:
        octets = octets.lstrip(b"\0")
        octets = b"\0" + octets if octets[0] > 127 else octets
        return b"\x02" + bytes([len(octets)]) + octets

    both = number(value[:half]) + number(value[half:])
    return b"\x30" + bytes([len(both)]) + both


def pss(private_key: object, octets: bytes) -> bytes:
    """Sign by RSA-PSS without salt, so that the file is the same each time."""
    return private_key.sign(octets, padding.PSS(padding.MGF1(hashes.SHA256()), 0), hashes.SHA256())


def encrypted(octets_of: Octets) -> Callable[[object, bytes], bytes]:
    """Sign by encrypting with the private key, as openssl_private_encrypt does."""

    def sign(private_key: object, octets: bytes) -> bytes:
        return private_key.sign(octets_of(octets), padding.PKCS1v15(), NoDigestInfo())

    return sign


def signed_by(name: str) -> Callable[[object, bytes], bytes]:
    """Sign with another key."""
    return lambda _key, octets: plain_sign(key(name), octets)


def hashed(octets: bytes) -> bytes:
    """Return the SHA-256 digest."""
    return hashlib.sha256(octets).digest()


def cms(octets: bytes) -> bytes:
    """Return the certificates of a holder as PKCS#7, which stands where a plain value belongs."""
    del octets
    return pkcs7.serialize_certificates([x509.load_der_x509_certificate(der("holder-rsa-2048"))], Encoding.DER)


def swap(old: str, new: str) -> Octets:
    """Return a function that replaces a text, which must be there."""

    def change(octets: bytes) -> bytes:
        if old.encode() not in octets:
            raise ValueError(old)
        return octets.replace(old.encode(), new.encode())

    return change


def swap_text(old: str, new: str) -> Callable[[str], str]:
    """Return the same for the text of a signature."""
    return lambda text: swap(old, new)(text.encode()).decode()


def pem(octets: bytes, label: str = "CERTIFICATE") -> str:
    """Return octets in PEM."""
    return f"-----BEGIN {label}-----\n{b64(octets, 64)}\n-----END {label}-----\n"


def moved(first: str, second: str) -> Octets:
    """Return a function that lets two elements change places."""

    def change(octets: bytes) -> bytes:
        text = octets.decode()
        one, two = (re.search(f"<{name}.*?</{name}>", text, re.DOTALL)[0] for name in (first, second))
        return text.replace(one, "\0").replace(two, one).replace("\0", two).encode()

    return change


def to_header(octets: bytes) -> bytes:
    """Move the signature into the header of the envelope."""
    part = re.search(rb"<ds:Signature .*</ds:Signature>", octets, re.DOTALL)[0]
    header = b"<soapenv:Header>" + part + b"</soapenv:Header>"
    return octets.replace(part, b"").replace(b"<soapenv:Header/>", header)


def body_as_text(around: str = "{}") -> Octets:
    """Return a function that escapes the content of the Body."""

    def change(octets: bytes) -> bytes:
        body = re.search(rb"(?<=Body>).*(?=</soapenv:Body)", octets, re.DOTALL)[0]
        return octets.replace(body, around.format(html.escape(body.decode(), quote=False)).encode())

    return change


def moved_text(first: str, second: str) -> str:
    """Return a request in which two elements have changed places."""
    return moved(first, second)(document().encode()).decode()


def private_key() -> bytes:
    """Return a private key of the vectors in DER."""
    return key("next-p256").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def info_text(octets: bytes) -> bytes:
    """Return SignedInfo with short tags of empty elements."""
    return re.sub(rb"(<[^/<>][^<>]*)></[^<>]+>", rb"\1/>", octets)


def signature_element(recipe_text: str) -> Octets:
    """Return a function that yields another part of the signature for SignedInfo."""
    pattern = re.compile(recipe_text.encode(), re.DOTALL)
    return lambda info: pattern.search(info)[0]


def short(value: bytes) -> bytes:
    """Return an ECDSA value without the leading zeros of r and s."""
    return value[:32].lstrip(b"\0") + value[32:].lstrip(b"\0")


def request_of(name: str) -> bytes:
    """Return a signing request of a key of the vectors; of an Ed25519 key for ""."""
    private_key = key(name) if name else ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    return builder.sign(private_key, hashes.SHA256() if name else None).public_bytes(Encoding.DER)


def request_info() -> bytes:
    """Return a CertificationRequestInfo, which has no signature."""
    return x509.load_der_x509_csr(der("next-rsa-2048")).tbs_certrequest_bytes


TRANSFER = (("TransferId", "26797413622276691030625820358928"), ("TransferPassword", "aB3dE6gH9jK2mN5p"))


def plain_request(name: str, fields: tuple[tuple[str, str], ...], end: str = "") -> bytes:
    """Return a request that is not signed."""
    root = name[0].upper() + name[1:] if name.endswith("Request") else name
    inner = "".join(f"<{one}>{value}</{one}>" for one, value in fields)
    return (
        f'<cer:{root} xmlns:cer="{SERVICE}"><Environment>TEST</Environment><CustomerId>0123456-7</CustomerId>'
        f"{inner}{end}</cer:{root}>"
    ).encode()


LINES = document(csr=b64(der("next-rsa-2048"), 64))
CRLF = document(csr=b64(der("next-rsa-2048"), 76, "&#13;\n"))
SPACED = document(name="<CustomerName>Sinisiipi  Oy  Ab</CustomerName>")
DEFAULT = document(prefix="")
GARBLED = NAME.encode().decode("latin-1")
EC = "holder-p256"
ALONE = (ENVELOPED,)
XSI = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
MIXED = document(csr=f"{CSR}").replace("</CustomerId>", "</CustomerId><!-- note -->")


def info_declared(info: bytes) -> bytes:
    """Return SignedInfo with the declarations of its ancestors, as inclusive C14N writes it."""
    return info.replace(b" xmlns:ds=", f' xmlns:cer="{SERVICE}" xmlns:ds='.encode(), 1)


def r(toolkit: str, fault: str, **steps) -> Recipe:
    """Return a recipe."""
    return replace(Recipe(toolkit, fault), **steps)


RECIPES: dict[str, Recipe] = {
    # Laid out again.
    "transformer-indents": r(
        "Java javax.xml.transform", "indented-after-signing", enveloped=lambda one: pretty(one, "    ")
    ),
    "format-output": r("PHP DOMDocument", "indented-after-signing", sent=pretty),
    "pretty-print": r("Python lxml", "indented-after-signing", enveloped=pretty, holder=EC),
    "xmllint-format": r("C libxml2", "indented-after-signing", sent=lambda one: pretty(one, "\t")),
    "save-with-indentation": r(
        ".NET XmlWriter", "indented-after-signing", enveloped=lambda one: pretty(one).replace(b"\n", b"\r\n")
    ),
    "signature-on-a-line-of-its-own": r(
        "PHP DOMDocument",
        "indented-after-signing",
        text=document(end="\n"),
        digested=lambda one: c14n(one.replace(b"\n", b"")),
    ),
    "preserve-whitespace-off": r(".NET XmlDocument", "white-space-removed", digested=lambda one: c14n(pretty(one))),
    "minified": r("Node xmldom", "white-space-removed", digested=lambda one: c14n(pretty(one, "    "))),
    "tabs-removed": r("Java JAXB", "white-space-removed", digested=lambda one: c14n(pretty(one, "\t"))),
    # Line ends and base64.
    "base64-with-cr-lost": r(
        "Java Santuario", "line-ends-changed", text=LINES, digested=lambda one: c14n(one.replace(b"\n", b"&#13;\n"))
    ),
    "base64-with-cr-added": r(
        ".NET Convert", "line-ends-changed", text=CRLF, digested=lambda one: c14n(one.replace(b"&#13;", b""))
    ),
    "text-mode-file": r("C stdio", "line-ends-changed", text=LINES, digested=lambda one: one.replace(b"\n", b"\r\n")),
    "chunk-split": r("PHP chunk_split", "base64-wrapped", text=LINES, digested=lambda _: c14n(bare(document()))),
    "encodebytes": r(
        "Python base64",
        "base64-wrapped",
        digested=lambda _: c14n(bare(document(csr=b64(der("next-rsa-2048"), 76) + "\n"))),
    ),
    "mime-encoder": r(
        "Java Base64.getMimeEncoder",
        "base64-wrapped",
        digested=lambda _: c14n(bare(document(csr=b64(der("next-rsa-2048"), 76, "&#13;\n")))),
    ),
    "match-64": r("Node Buffer", "base64-wrapped", digested=lambda _: c14n(bare(LINES))),
    # Entities.
    "htmlspecialchars-twice": r("PHP htmlspecialchars", "entities-escaped-twice", sent=swap("&amp; S", "&amp;amp; S")),
    "htmlentities": r("PHP htmlentities", "entities-escaped-twice", sent=swap("ä &amp; Sö", "ä &amp;amp; S&amp;ouml;")),
    "addslashes": r(
        "PHP addslashes",
        "entities-escaped-twice",
        text=document(name='<CustomerName>Kone\'en "Oy"</CustomerName>'),
        sent=swap('Kone\'en "Oy"', 'Kone\\\'en \\"Oy\\"'),
    ),
    "escape-then-dom": r(
        "Python xml.sax.saxutils", "entities-escaped-twice", digested=lambda one: c14n(swap("&amp;", "&amp;amp;")(one))
    ),
    "escaped-quotes-in-template": r(
        "Node template string",
        "entities-escaped-twice",
        text=document(name='<CustomerName>"Kone" Oy</CustomerName>'),
        digested=swap('"Kone"', "&quot;Kone&quot;"),
    ),
    "security-element-escape": r(
        ".NET SecurityElement.Escape",
        "entities-escaped-twice",
        text=document(name="<CustomerName>Kone'en Oy</CustomerName>"),
        sent=swap("Kone'en", "Kone&amp;apos;en"),
    ),
    "raw-ampersand-signed": r("C sprintf", "entities-escaped-twice", digested=swap("&amp;", "&")),
    # White space in values.
    "trim-after-signing": r(
        "Java String.trim", "text-trimmed", digested=lambda one: c14n(swap("0123456-7<", "0123456-7 <")(one))
    ),
    "leading-blank-lost": r(
        "Node xml2js trim", "text-trimmed", digested=lambda one: c14n(swap(">0123456-7", "> 0123456-7")(one)), holder=EC
    ),
    "collapsed": r(
        ".NET NormalizeWhitespace",
        "text-trimmed",
        text=document(name="<CustomerName>Sinisiipi Oy Ab</CustomerName>"),
        digested=lambda _: c14n(bare(SPACED)),
    ),
    "spaces-added": r("PHP sprintf", "text-trimmed", text=SPACED, digested=lambda one: c14n(one.replace(b"  ", b" "))),
    "newline-of-readline": r("Python readline", "text-trimmed", digested=lambda one: c14n(swap("Oy</", "Oy\n</")(one))),
    "no-break-space": r(
        "Java Swing", "text-trimmed", digested=lambda one: c14n(swap("Söner Oy", "Söner\u00a0Oy")(one))
    ),
    # Elements.
    "sorted-map": r("Python dict", "elements-reordered", sent=moved("CustomerId", "CustomerName")),
    "hash-map": r("Java HashMap", "elements-reordered", sent=moved("Environment", "CertificateRequest")),
    "object-keys": r(
        "Node xml2js",
        "elements-reordered",
        digested=lambda one: c14n(moved("CustomerId", "Environment")(one)),
        holder=EC,
    ),
    "empty-element-dropped": r(
        ".NET XmlSerializer",
        "element-dropped",
        text=document(name=""),
        digested=lambda one: c14n(one.replace(b"<CertificateR", b"<CustomerName></CustomerName><CertificateR")),
    ),
    "null-element-dropped": r(
        "Java JAXB",
        "element-dropped",
        text=document(name=""),
        digested=lambda one: c14n(
            one.replace(b"<CertificateR", b"<CustomerName>Sinisiipi Oy</CustomerName><CertificateR")
        ),
    ),
    "required-element-lost": r(
        "PHP SoapClient", "element-dropped", sent=lambda one: re.sub(rb"<CustomerId>.*?</CustomerId>", b"", one)
    ),
    "required-element-lost-with-its-value": r(
        "Node soap",
        "element-dropped",
        text=document(id="7654321-9"),
        sent=lambda one: re.sub(rb"<CustomerId>.*?</CustomerId>", b"", one),
    ),
    "element-added": r(
        "PHP SoapClient", "field-added", sent=swap("<CertificateR", "<RequestId>42</RequestId><CertificateR")
    ),
    "timestamp-added": r(
        "Java Spring-WS",
        "field-added",
        sent=swap("<Environment>", "<Timestamp>2027-01-01</Timestamp><Environment>"),
        holder=EC,
    ),
    "customer-name-added": r(
        "Python zeep", "field-added", digested=lambda one: c14n(re.sub(rb"<CustomerName>.*?</CustomerName>", b"", one))
    ),
    "csr-filled-in": r("Java JAXB", "value-filled-in-after-signing", digested=lambda _: c14n(bare(document(csr="")))),
    "id-filled-in": r(
        ".NET XmlDocument", "value-filled-in-after-signing", digested=lambda _: c14n(bare(document(id="")))
    ),
    "two-values-filled-in": r(
        "PHP DOMDocument", "value-filled-in-after-signing", digested=lambda _: c14n(bare(document(id="", csr="")))
    ),
    "placeholder": r(
        "Node template string",
        "value-filled-in-after-signing",
        digested=lambda _: c14n(bare(document(id="${customerId}"))),
    ),
    "format-fields": r(
        "Python str.format",
        "value-filled-in-after-signing",
        digested=lambda _: c14n(bare(document(csr="{csr}"))),
        holder=EC,
    ),
    "soapui-question-mark": r(
        "Java SoapUI", "value-filled-in-after-signing", digested=lambda _: c14n(bare(document(id="?")))
    ),
    # Values.
    "environment-changed": r(
        "PHP str_replace", "value-changed-after-signing", digested=lambda one: c14n(swap("TEST", "PRODUCTION")(one))
    ),
    "id-without-dash": r(
        "Python str.replace",
        "value-changed-after-signing",
        digested=lambda one: c14n(swap("0123456-7", "01234567")(one)),
    ),
    "upper-case": r(
        "Java String.toUpperCase",
        "value-changed-after-signing",
        text=document(name="<CustomerName>MÄKELÄ OY</CustomerName>"),
        digested=lambda one: c14n(swap("MÄKELÄ OY", "mäkelä oy")(one)),
    ),
    "pem-lines-removed": r(
        "Node forge",
        "value-changed-after-signing",
        digested=lambda _: c14n(bare(document(csr=pem(der("next-rsa-2048"), "CERTIFICATE REQUEST").rstrip()))),
    ),
    "plus-decoded": r(
        "PHP urldecode",
        "value-changed-after-signing",
        sent=lambda one: re.sub(rb"(?<=<CertificateRequest>)[^<]*", lambda found: found[0].replace(b"+", b" "), one),
    ),
    "stale-digest": r(
        "Node cache", "text-changed", digested=lambda _: c14n(bare(document(csr=b64(der("next-rsa-3072")), name="")))
    ),
    "name-edited": r("Python lxml", "text-changed", sent=swap("Söner Oy", "Pojat Oy")),
    # Characters.
    "mojibake-after-signing": r(
        "PHP utf8_encode", "characters-garbled", sent=lambda one: one.replace(NAME.encode(), GARBLED.encode())
    ),
    "mojibake-signed": r(
        "Java InputStreamReader",
        "characters-garbled",
        digested=lambda one: c14n(one.replace(NAME.encode(), GARBLED.encode())),
    ),
    "question-marks-signed": r(
        "C wcstombs",
        "characters-garbled",
        digested=lambda one: c14n(one.replace("ä".encode(), b"?").replace("ö".encode(), b"?")),
    ),
    "umlauts-removed": r(
        "PHP iconv translit",
        "characters-garbled",
        digested=lambda one: c14n(one.replace("ä".encode(), b"a").replace("ö".encode(), b"o")),
    ),
    "cp1252": r(
        ".NET Encoding.Default",
        "characters-garbled",
        text=document(name="<CustomerName>Kauppa € Oy</CustomerName>"),
        sent=lambda one: one.replace("€".encode(), "€".encode().decode("cp1252").encode()),
    ),
    "decomposed": r(
        "Node normalize",
        "characters-recoded",
        sent=lambda one: one.replace("ä".encode(), "a\u0308".encode()).replace("ö".encode(), "o\u0308".encode()),
    ),
    # Attributes and namespaces.
    "xsi-type": r(
        "PHP SoapClient",
        "attributes-added",
        declared=XSI,
        sent=swap("<Environment>", '<Environment xsi:type="xsd:string">'),
    ),
    "wsu-id": r(
        "Java WSS4J",
        "attributes-added",
        sent=swap("RenewCertificateRequest xmlns", 'RenewCertificateRequest Id="id-1" xmlns'),
    ),
    "jaxb-prefix": r(
        "Java JAXB",
        "prefix-renamed",
        digested=lambda one: c14n(one.replace(b"cer:", b"ns2:").replace(b":cer=", b":ns2=")),
    ),
    "wcf-prefix": r(
        ".NET WCF", "prefix-renamed", digested=lambda one: c14n(one.replace(b"cer:", b"q1:").replace(b":cer=", b":q1="))
    ),
    "zeep-prefix": r(
        "Python zeep", "prefix-renamed", sent=lambda one: one.replace(b"cer:", b"ns0:").replace(b":cer=", b":ns0=")
    ),
    "default-made-prefix": r("Node strong-soap", "prefix-renamed", digested=lambda _: c14n(bare(DEFAULT))),
    "odd-prefix": r(
        "C gSOAP", "prefix-renamed", digested=lambda one: c14n(one.replace(b"cer:", b"x7:").replace(b":cer=", b":x7="))
    ),
    "xsd-xsi-lost": r(
        ".NET XmlSerializer",
        "declarations-changed",
        transforms=ALONE,
        digested=lambda _: c14n(bare(document(root=XSI)), INCLUSIVE),
    ),
    "envelope-default": r("Node soap", "default-namespace-inherited", declared=' xmlns="urn:x"'),
    "children-in-default-namespace": r(
        "Node xmldom", "namespace-changed", text=DEFAULT, digested=lambda one: c14n(one.replace(b' xmlns=""', b""))
    ),
    "children-qualified-when-signed": r(
        "PHP createElementNS",
        "namespace-changed",
        digested=lambda one: c14n(re.sub(rb"<(/?)(?=[A-Z])", rb"<\1cer:", one)),
    ),
    "set-attribute-xmlns": r(
        "PHP setAttribute",
        "namespace-declaration-missing",
        digested=lambda one: c14n(one).replace(f' xmlns:cer="{SERVICE}"'.encode(), b""),
    ),
    # Canonicalisation.
    "inclusive-declared-exclusive": r(
        "Java javax.xml.crypto",
        "inclusive-instead-of-exclusive",
        text=document(root=' xmlns:unused="urn:u"'),
        digested=lambda one: c14n(one, INCLUSIVE),
    ),
    "exclusive-declared-inclusive": r(
        ".NET SignedXml",
        "exclusive-instead-of-inclusive",
        text=document(root=' xmlns:unused="urn:u"'),
        transforms=ALONE,
        digested=c14n,
    ),
    "with-comments": r(
        "Python signxml", "with-comments", text=MIXED, digested=lambda one: c14n(one, f"{EXCLUSIVE}WithComments")
    ),
    "in-the-envelope": r(
        "Java WSS4J",
        "signed-in-envelope",
        transforms=ALONE,
        declared=' xmlns:web="urn:web"',
        digested=lambda one: c14n(
            one.replace(
                b" xmlns:cer", f' xmlns:cer="{SERVICE}" xmlns:soapenv="{SOAP}" xmlns:web="urn:web" xmlns:D'.encode(), 1
            ).replace(f' xmlns:D="{SERVICE}"'.encode(), b"", 1),
            INCLUSIVE,
        ),
    ),
    "whole-envelope": r(
        "PHP WSSE",
        "signed-in-envelope",
        digested=lambda one: c14n(
            f'<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Header/><soapenv:Body>'.encode()
            + one
            + b"</soapenv:Body></soapenv:Envelope>"
        ),
    ),
    "body-alone": r(
        ".NET WSE",
        "signed-in-envelope",
        digested=lambda one: c14n(f'<soapenv:Body xmlns:soapenv="{SOAP}">'.encode() + one + b"</soapenv:Body>"),
    ),
    "attributes-unsorted": r(
        "Python string template", "not-canonicalised", text=document(end='<Extra b="2" a="1"></Extra>'), digested=same
    ),
    "short-empty-tags": r(
        "Node xmldom",
        "not-canonicalised",
        text=document(name="<CustomerName></CustomerName>"),
        digested=lambda one: one.replace(b"></CustomerName>", b"/>"),
    ),
    "newline-at-the-end": r("C fputs", "not-canonicalised", digested=lambda one: c14n(one) + b"\n"),
    "byte-order-mark": r(
        ".NET StreamWriter", "byte-order-mark-signed", digested=lambda one: b"\xef\xbb\xbf" + c14n(one)
    ),
    "save-xml": r(
        "PHP saveXML",
        "xml-declaration-signed",
        digested=lambda one: b'<?xml version="1.0" encoding="UTF-8"?>\n' + one + b"\n",
    ),
    "document-to-string": r(
        "Java Transformer",
        "xml-declaration-signed",
        digested=lambda one: b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>' + one,
    ),
    "tostring-with-declaration": r(
        "Python lxml", "xml-declaration-signed", digested=lambda one: b"<?xml version='1.0' encoding='UTF-8'?>\n" + one
    ),
    "unicode-encoding": r(
        ".NET Encoding.Unicode",
        "signed-in-another-encoding",
        digested=lambda one: c14n(one).decode().encode("utf-16-le"),
    ),
    "latin-1": r(
        "PHP utf8_decode", "signed-in-another-encoding", digested=lambda one: c14n(one).decode().encode("latin-1")
    ),
    "ascii-references": r(
        "Python ElementTree", "signed-in-another-encoding", digested=lambda one: etree.tostring(etree.fromstring(one))
    ),
    "binary-string": r(
        "Node Buffer latin1", "signed-in-another-encoding", digested=lambda one: one.decode().encode("latin-1")
    ),
    # The digest.
    "digest-in-hex": r("PHP hash", "digest-in-hex", stated=lambda one: hashed(one).hex()),
    "hexdigest-in-base64": r("Python hexdigest", "digest-in-hex", stated=lambda one: b64(hashed(one).hex().encode())),
    "digest-base64-twice": r(
        "Node digest base64", "digest-encoded-twice", stated=lambda one: b64(b64(hashed(one)).encode())
    ),
    "digest-of-hex": r("PHP hash twice", "digested-twice", stated=lambda one: b64(hashed(hashed(one).hex().encode()))),
    "digest-of-digest": r(".NET TransformFinalBlock", "digested-twice", stated=lambda one: b64(hashed(hashed(one)))),
    "digest-sha-1": r(
        "Java MessageDigest",
        "digest-of-another-hash",
        stated=lambda one: b64(hashlib.sha1(one, usedforsecurity=False).digest()),
    ),
    "digest-sha-512": r("C OpenSSL", "digest-of-another-hash", stated=lambda one: b64(hashlib.sha512(one).digest())),
    "digest-cut-off": r("C strlen", "digest-wrongly-encoded", stated=lambda one: b64(hashed(one)[:30])),
    "digest-of-nothing": r("Python stream at its end", "nothing-digested", digested=lambda _: b""),
    "digest-of-the-content": r(
        "PHP innerXML",
        "part-digested",
        digested=lambda one: c14n(one)[c14n(one).index(b">") + 1 : c14n(one).rindex(b"</")],
    ),
    "digest-of-the-csr": r("Node crypto", "part-digested", digested=lambda _: der("next-rsa-2048")),
    "digest-of-text-content": r(
        "Python itertext", "part-digested", digested=lambda one: "".join(etree.fromstring(one).itertext()).encode()
    ),
    "template-in-digest": r(
        "C xmlsec1 template",
        "signature-left-in",
        digested=lambda one: c14n(document().replace(PLACE, written_signature(Recipe("", ""), "", "")).encode()),
    ),
    # What was signed.
    "digest-text-signed": r(
        "PHP openssl_sign", "digest-signed-directly", info=signature_element(r"(?<=DigestValue>)[^<]+")
    ),
    "digest-octets-signed": r(
        "Java Signature",
        "digest-signed-directly",
        info=lambda info: base64.b64decode(re.search(rb"DigestValue>([^<]+)", info)[1]),
    ),
    "digest-hex-signed": r(
        "Node crypto.sign",
        "digest-signed-directly",
        info=lambda info: base64.b64decode(re.search(rb"DigestValue>([^<]+)", info)[1]).hex().encode(),
        holder=EC,
    ),
    "document-signed": r(".NET RSA.SignData", "document-signed-directly", info=lambda _: c14n(bare(document()))),
    "document-text-signed": r(
        "Python cryptography", "document-signed-directly", info=lambda _: bare(document()), holder=EC
    ),
    "signed-info-text": r("PHP string template", "signed-info-not-canonicalised", info=info_text),
    "signed-info-with-declaration": r(
        "Java Transformer", "signed-info-not-canonicalised", info=lambda info: info + b"\n"
    ),
    "signed-info-xml-declaration": r(
        "PHP saveXML", "xml-declaration-signed", info=lambda info: b'<?xml version="1.0" encoding="UTF-8"?>\n' + info
    ),
    "signed-info-without-xmlns": r(
        "Node template string",
        "namespace-declaration-missing",
        info=lambda info: info.replace(f' xmlns:ds="{DS}"'.encode(), b""),
    ),
    "signed-info-short-without-xmlns": r(
        "C sprintf",
        "namespace-declaration-missing",
        info=lambda info: info_text(info.replace(f' xmlns:ds="{DS}"'.encode(), b"")),
        holder=EC,
    ),
    "signed-info-pretty": r("Python lxml", "white-space-removed", info=lambda info: c14n(pretty(info))),
    "signed-info-inclusive": r("Java Santuario", "inclusive-instead-of-exclusive", info=info_declared),
    "signed-info-exclusive": r(
        ".NET SignedXml",
        "exclusive-instead-of-inclusive",
        info_c14n=INCLUSIVE,
        info=lambda info: info.replace(f' xmlns:cer="{SERVICE}"'.encode(), b""),
    ),
    "signed-info-utf-16": r(
        ".NET Encoding.Unicode", "signed-in-another-encoding", info=lambda info: info.decode().encode("utf-16-le")
    ),
    "digest-filled-in": r(
        "C libxml2", "digest-filled-in-after-signing", info=lambda info: re.sub(rb"(?<=DigestValue>)[^<]+", b"", info)
    ),
    "reference-signed": r(
        "Node crypto",
        "other-part-signed",
        info=lambda info: c14n(
            re.search(rb"<ds:Reference.*</ds:Reference>", info, re.DOTALL)[0].replace(
                b"<ds:Reference", f'<ds:Reference xmlns:ds="{DS}"'.encode(), 1
            )
        ),
    ),
    "signed-info-inner": r(
        "PHP innerXML", "other-part-signed", info=lambda info: info[info.index(b">") + 1 : info.rindex(b"</")]
    ),
    "method-replaced": r(
        "Python str.replace", "signed-info-changed", info=lambda info: info.replace(b"rsa-sha256", b"rsa-sha512")
    ),
    "unknown-change": r(
        "Java DOM", "signed-info-changed", info=lambda info: info.replace(b"<ds:Reference", b'<ds:Reference Custom="x"')
    ),
    # The signature value.
    "value-base64-twice": r("Python b64encode", "signature-encoded-twice", value=lambda one: b64(one).encode()),
    "value-little-endian": r(".NET CryptoAPI", "signature-byte-order-reversed", value=lambda one: one[::-1]),
    "ecdsa-little-endian": r(
        "C CNG", "signature-byte-order-reversed", holder=EC, value=lambda one: one[:32][::-1] + one[32:][::-1]
    ),
    "value-in-hex": r("Node digest hex", "signature-in-hex", written=lambda one: one.hex()),
    "bin2hex": r("PHP bin2hex", "signature-in-hex", value=lambda one: one.hex().encode()),
    "ecdsa-der": r("Java SHA256withECDSA", "ecdsa-in-der", holder=EC, value=in_der),
    "ecdsa-der-base64-twice": r(
        "Node crypto.sign", "signature-encoded-twice", holder=EC, value=lambda one: b64(in_der(one)).encode()
    ),
    "value-cut-off": r("C strncpy", "signature-of-wrong-length", value=lambda one: one[:200]),
    "leading-zero": r("Java BigInteger", "signature-of-wrong-length", value=lambda one: b"\0" + one),
    "pkcs7": r("PHP openssl_pkcs7_sign", "cms-instead-of-signature", value=cms),
    "no-digestinfo": r("PHP openssl_private_encrypt", "digestinfo-missing", sign=encrypted(hashed)),
    "hex-encrypted": r(
        "Node privateEncrypt", "digestinfo-missing", sign=encrypted(lambda one: hashed(one).hex().encode())
    ),
    "pss-padding": r("Python cryptography", "pss-instead-of-pkcs1", sign=pss),
    "hash-signed": r("C EVP_DigestSign", "signature-of-a-hash", info=hashed),
    "sha-1-signed": r(
        "PHP openssl_sign", "signature-by-another-hash", sign=lambda one, octets: plain_sign(one, octets, hashes.SHA1)
    ),
    "sha-512-signed": r(
        "Java Signature", "signature-by-another-hash", sign=lambda one, octets: plain_sign(one, octets, hashes.SHA512)
    ),
    "ecdsa-named-rsa": r(".NET SignedXml", "method-of-another-key-type", holder=EC, method=f"{MORE}rsa-sha256"),
    # Keys and certificates.
    "new-key": r("Java KeyStore", "signed-with-the-new-key", sign=signed_by("next-rsa-2048")),
    "foreign-key": r("Python", "wrong-key", sign=signed_by("holder-renewed-p256"), holder=EC),
    "pem-certificate": r("Node fs.readFile", "pem-in-certificate", certificate=pem(der("holder-rsa-2048"))),
    "pem-in-base64": r(
        "PHP base64_encode", "pem-in-certificate", certificate=b64(pem(der("holder-rsa-2048")).encode())
    ),
    "certificate-base64-twice": r(
        ".NET ToBase64String", "certificate-encoded-twice", certificate=b64(b64(der("holder-rsa-2048")).encode())
    ),
    "csr-as-certificate": r("C OpenSSL", "other-content-in-value", certificate=b64(der("next-rsa-2048"))),
    "public-key-as-certificate": r(
        "Java getPublic",
        "other-content-in-value",
        certificate=b64(
            key("holder-rsa-2048").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ),
    ),
    "whole-chain": r(
        "Java CertPath",
        "chain-in-key-info",
        template=swap_text(
            "</P:X509Certificate>", f"</P:X509Certificate><P:X509Certificate>{b64(der('ca-ws'))}</P:X509Certificate>"
        ),
    ),
    "ca-certificate": r("Node pem chain", "ca-certificate-in-key-info", certificate=b64(der("ca-ws"))),
    "no-certificate": r(
        "Java KeyName",
        "not-one-certificate",
        template=lambda text: re.sub(
            "<P:X509Data>.*</P:X509Data>", "<P:KeyName>holder</P:KeyName>", text, flags=re.DOTALL
        ),
    ),
    "value-base64url": r(
        "Node base64url", "base64url", written=lambda one: base64.urlsafe_b64encode(one).decode().rstrip("=")
    ),
    "value-plus-lost": r("PHP $_POST", "plus-signs-lost", written=lambda one: b64(one).replace("+", " ")),
    "value-empty": r(".NET", "not-base64", written=lambda _: ""),
    # Methods and shape.
    "rsa-sha1": r(
        ".NET SignedXml",
        "method-not-taken",
        method=f"{DS}rsa-sha1",
        sign=lambda one, octets: plain_sign(one, octets, hashes.SHA1),
    ),
    "digest-method-sha1": r(
        "PHP xmlseclibs",
        "method-not-taken",
        digest_method=f"{DS}sha1",
        stated=lambda one: b64(hashlib.sha1(one, usedforsecurity=False).digest()),
    ),
    "c14n-11": r("Python signxml", "method-not-taken", info_c14n="http://www.w3.org/2006/12/xml-c14n11"),
    "xpath-transform": r(
        "C xmlsec1", "method-not-taken", transforms=(ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116")
    ),
    "no-enveloped": r("Node xml-crypto", "enveloped-transform-missing", transforms=(EXCLUSIVE,)),
    "order-of-transforms": r("PHP xmlseclibs", "transforms-in-wrong-order", transforms=(EXCLUSIVE, ENVELOPED)),
    "reference-by-id": r("Java WSS4J", "covers-something-else", template=swap_text('URI=""', 'URI="#id-1"')),
    "two-references": r(
        ".NET WSE",
        "several-references",
        template=lambda text: text.replace(
            "</P:Reference>", "</P:Reference>" + re.search("<P:Reference.*</P:Reference>", text)[0]
        ),
    ),
    "xades": r(
        "Java XAdES4j", "object-in-signature", template=swap_text("</P:KeyInfo>", "</P:KeyInfo><P:Object></P:Object>")
    ),
    "signature-first": r("Node xml-crypto", "signature-misplaced", sent=moved("Environment", "ds:Signature")),
    "in-the-header": r("Java WSS4J", "signature-outside", enveloped=to_header),
    "signature-namespace": r(
        "PHP createElement", "signature-in-another-namespace", sent=swap(f'xmlns:ds="{DS}"', 'xmlns:ds="urn:ds"')
    ),
    # The message.
    "cdata": r(
        "PHP SoapVar",
        "request-as-text",
        enveloped=lambda one: one.replace(b"Body>", b"Body><![CDATA[", 1).replace(
            b"</soapenv:Body", b"]]></soapenv:Body"
        ),
    ),
    "escaped": r("Node soap", "request-as-text", enveloped=body_as_text()),
    "string-argument": r(
        ".NET asmx", "request-as-text", enveloped=body_as_text('<Renew xmlns="urn:x"><xml>{}</xml></Renew>')
    ),
    "rpc-wrapper": r(
        "PHP SoapClient",
        "request-in-another-element",
        enveloped=lambda one: one.replace(b"Body>", b"Body><renewCertificate>", 1).replace(
            b"</soapenv:Body", b"</renewCertificate></soapenv:Body"
        ),
    ),
    "utf-16-file": r(".NET StringWriter", "not-utf-8", enveloped=lambda one: one.decode().encode("utf-16")),
    "declared-latin-1": r(
        "PHP header",
        "not-utf-8",
        enveloped=lambda one: b'<?xml version="1.0" encoding="ISO-8859-1"?>' + one.decode().encode("latin-1"),
    ),
    "bare-ampersand": r("C sprintf", "character-not-escaped", enveloped=swap("&amp;", "&")),
    "html-entity": r("PHP htmlentities", "character-not-escaped", enveloped=swap("ä", "&auml;")),
    "content-length-in-characters": r("Node content-length", "message-cut-off", enveloped=lambda one: one[:-4]),
    "multipart": r(
        "Java SAAJ MTOM",
        "http-headers-included",
        enveloped=lambda one: b"--uuid:1\r\nContent-Type: application/xop+xml\r\n\r\n" + one + b"\r\n--uuid:1--",
    ),
    "doctype": r("C libxml2", "doctype", enveloped=lambda one: b"<!DOCTYPE Envelope>" + one),
    "undeclared-prefix": r(
        "Node template string", "prefix-not-declared", enveloped=swap(f' xmlns:cer="{SERVICE}"', "")
    ),
    "soap-1.2": r(".NET WCF", "not-soap-1.1", enveloped=swap(SOAP, "http://www.w3.org/2003/05/soap-envelope")),
    # The request.
    "qualified-children": r(
        "PHP SoapClient", "child-elements-qualified", text=re.sub(r"<(/?)(?=[A-Z])", r"<\1cer:", document())
    ),
    "default-children": r("Node strong-soap", "child-elements-qualified", text=DEFAULT.replace(' xmlns=""', "")),
    "csr-pem-in-base64": r(
        "Python base64", "csr-in-pem", text=document(csr=b64(pem(der("next-rsa-2048"), "CERTIFICATE REQUEST").encode()))
    ),
    "csr-pem": r("C OpenSSL", "csr-in-pem", text=document(csr=pem(der("next-rsa-2048"), "CERTIFICATE REQUEST"))),
    "csr-base64-twice": r(".NET ToBase64String", "csr-encoded-twice", text=document(csr=b64(CSR.encode()))),
    "certificate-for-csr": r("Java KeyStore", "other-content-in-value", text=document(csr=b64(der("holder-rsa-2048")))),
    "csr-of-another-key": r(
        "C BIO", "csr-signature-invalid", text=document(csr=b64(der("next-rsa-2048")[:-1] + b"\0"))
    ),
    "csr-cut-off": r("C fread", "value-cut-off", text=document(csr=b64(der("next-rsa-2048")[:-40]))),
    "private-key-sent": r("Python open", "private-key-in-request", text=document(csr=b64(private_key()))),
    "json-string": r(
        "Node JSON.stringify", "value-escaped-for-another-format", written=lambda one: b64(one, 76, "\\n")
    ),
    "percent-encoded": r(
        "PHP http_build_query", "value-escaped-for-another-format", written=lambda one: b64(one).replace("+", "%2B")
    ),
    "other-namespace": r("Java wsimport", "operation-not-known", text=document().replace(SERVICE, f"{SERVICE}/")),
    "order-of-fields": r("PHP array", "elements-out-of-order", text=moved_text("CustomerId", "Environment")),
    "no-environment": r(
        "Node object", "element-missing", text=document().replace("<Environment>TEST</Environment>", "")
    ),
    "empty-customer-id": r(".NET string.Empty", "schema-violated", text=document(id="")),
    "unknown-element": r("Python dict", "schema-violated", text=document(end="<Language>fi</Language>")),
    "name-in-ascii": r(
        "C wcstombs", "characters-garbled", sent=lambda one: one.replace("ä".encode(), b"?").replace("ö".encode(), b"?")
    ),
    "ampersand-twice-and-more": r(
        "PHP htmlspecialchars",
        "entities-escaped-twice",
        sent=lambda one: swap("Söner Oy", "Pojat Oy")(swap("&amp;", "&amp;amp;")(one)),
    ),
    "typing-error": r("Python input", "value-changed-after-signing", sent=swap("Söner", "Söler")),
    "signature-beside-the-request": r(
        "Java WSS4J",
        "signature-outside",
        sent=lambda one: re.sub(rb"(<ds:Signature .*</ds:Signature>)(.*)$", rb"\2\1", one, flags=re.DOTALL),
    ),
    "no-key-info": r(
        ".NET SignedXml",
        "not-one-certificate",
        template=lambda text: re.sub("<P:KeyInfo>.*</P:KeyInfo>", "", text, flags=re.DOTALL),
    ),
    "namespace-lost": r(
        "Node xmldom",
        "namespace-changed",
        text=DEFAULT,
        sent=lambda one: one.replace(f' xmlns="{SERVICE}"'.encode(), b"").replace(b' xmlns=""', b""),
    ),
    "certificate-in-hex": r("Node toString hex", "certificate-encoded-twice", certificate=der("holder-rsa-2048").hex()),
    "declaration-in-the-body": r(
        "PHP saveXML",
        "xml-declaration-inside",
        sent=lambda one: b'<?xml version="1.0" encoding="UTF-8"?>\n' + one,
    ),
    "mark-in-the-body": r("PHP file_get_contents", "xml-declaration-inside", sent=lambda one: b"\xef\xbb\xbf" + one),
    "two-gaps-collapsed": r(
        "Node replace",
        "text-trimmed",
        text=document(name="<CustomerName>Kone ja Oy Ab</CustomerName>"),
        digested=lambda one: c14n(swap("Kone ja Oy Ab", "Kone  ja Oy   Ab")(one)),
    ),
    "children-with-their-own-prefix": r(
        ".NET XmlSerializer",
        "namespace-changed",
        sent=lambda one: re.sub(
            rb"<CustomerId>(.*?)</CustomerId>", rb'<d:CustomerId xmlns:d="urn:d">\1</d:CustomerId>', one
        ),
    ),
    "echo-of-the-digest": r(
        "C shell",
        "digest-signed-directly",
        info=lambda info: re.search(rb"DigestValue>([^<]+)", info)[1] + b"\n",
    ),
    "quotes-as-written": r(
        "Java StringEscapeUtils",
        "references-not-resolved",
        text=document(name="<CustomerName>&quot;Kone&quot; Oy</CustomerName>"),
        digested=same,
    ),
    "cdata-as-written": r(
        "PHP string template",
        "references-not-resolved",
        text=document(name="<CustomerName><![CDATA[Kone & Oy]]></CustomerName>"),
        digested=same,
    ),
    "prefix-list-only-applied": r(
        "Java Santuario",
        "prefix-list-differs",
        text=document(root=' xmlns:a="urn:a" xmlns:b="urn:b"'),
        digested=lambda one: etree.tostring(
            etree.fromstring(one), method="c14n", exclusive=True, inclusive_ns_prefixes=["a"]
        ),
    ),
    "utf-16-with-mark": r(
        "Java getBytes UTF-16",
        "signed-in-another-encoding",
        digested=lambda one: b"\xfe\xff" + c14n(one).decode().encode("utf-16-be"),
    ),
    "signed-info-template": r(
        "C sprintf", "white-space-removed", holder=EC, info=lambda info: info.replace(b"><", b">\n  <")
    ),
    "signed-info-single-quotes": r(
        "Python ElementTree", "signed-info-not-canonicalised", info=lambda info: info.replace(b'"', b"'")
    ),
    "value-as-latin-1-text": r(
        "Node binary string", "bytes-through-text", value=lambda one: one.decode("latin-1").encode()
    ),
    "value-with-replacements": r(
        "Java new String", "bytes-through-text", value=lambda one: one.decode("utf-8", "replace").encode()
    ),
    "csr-as-latin-1-text": r(
        "PHP utf8_encode", "bytes-through-text", text=document(csr=b64(der("next-p256").decode("latin-1").encode()))
    ),
    "ecdsa-zero-lost": r("Python to_bytes", "ecdsa-zeros-lost", text=document(id="0000205-7"), holder=EC, value=short),
    "gzip-body": r("Python gzip", "message-compressed-or-encoded", enveloped=lambda one: gzip.compress(one, mtime=0)),
    "form-body": r(
        "PHP http_build_query", "message-compressed-or-encoded", enveloped=lambda one: f"xml={quote(one)}".encode()
    ),
    "certificate-cut": r("C char array", "value-cut-off", certificate=b64(der("holder-rsa-2048"))[:1000]),
    "value-cut-at-255": r("C char array", "value-cut-off", written=lambda one: b64(one)[:255]),
    "system-byte": r(".NET ToString", "byte-array-as-text", written=lambda _: "System.Byte[]"),
    "bytes-repr": r("Python str", "byte-array-as-text", written=lambda one: f"b'{b64(one)}'"),
    "numbers-with-commas": r("Node Uint8Array", "byte-array-as-text", written=lambda one: ",".join(map(str, one))),
    "json-quotes": r("Node JSON.stringify", "byte-array-as-text", written=lambda one: f'"{b64(one)}"'),
    "customer-id-twice": r(
        "PHP array_merge",
        "element-not-expected",
        text=document().replace("<CustomerName>", "<CustomerId>0123456-7</CustomerId><CustomerName>"),
    ),
    "transfer-id-in-get": r(
        "Java JAXB", "element-not-expected", sent=lambda _: plain_request("getCertificateRequest", TRANSFER[:1])
    ),
    "signed-new-request": r(
        ".NET WCF",
        "element-not-expected",
        sent=lambda one: plain_request(
            "signNewCertificateRequest",
            (*TRANSFER, ("CertificateRequest", CSR)),
            re.search(rb"<ds:Signature .*</ds:Signature>", one, re.DOTALL)[0].decode(),
        ),
    ),
    "long-dash": r(".NET Word", "value-with-foreign-characters", text=document(id="0123456\u20137")),
    "excel-transfer-id": r(
        "C CSV",
        "value-with-foreign-characters",
        sent=lambda _: plain_request(
            "signNewCertificateRequest",
            (("TransferId", "2,67974136222767E+31"), TRANSFER[1], ("CertificateRequest", CSR)),
        ),
    ),
    "ids-swapped": r(
        "Node array",
        "transfer-ids-swapped",
        sent=lambda _: plain_request(
            "signNewCertificateRequest",
            (("TransferId", TRANSFER[1][1]), ("TransferPassword", TRANSFER[0][1]), ("CertificateRequest", CSR)),
        ),
    ),
    "same-key": r("Java KeyStore", "key-reused", text=document(csr=b64(request_of("holder-rsa-2048")))),
    "csr-of-ed25519": r("Python Ed25519", "key-not-accepted", text=document(csr=b64(request_of("")))),
    "csr-without-signature": r("C i2d_X509_REQ_INFO", "other-content-in-value", text=document(csr=b64(request_info()))),
    "csr-of-text": r("Node Buffer", "csr-unreadable", text=document(csr=b64(b"CN=0123456-7, O=Sinisiipi Oy, C=FI"))),
    "csr-in-hex": r("Node toString hex", "csr-encoded-twice", text=document(csr=der("next-rsa-2048").hex())),
    "public-key-for-csr": r(
        "Java PublicKey.getEncoded",
        "other-content-in-value",
        text=document(
            csr=b64(key("next-rsa-2048").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        ),
    ),
    "private-key-for-certificate": r(
        "PHP openssl_pkey_export", "private-key-in-request", certificate=b64(private_key())
    ),
    "signature-after-the-body": r(
        "Java WSS4J",
        "signature-outside",
        enveloped=lambda one: re.sub(
            rb"(<ds:Signature .*</ds:Signature>)(.*</soapenv:Body>)", rb"\2\1", one, flags=re.DOTALL
        ),
    ),
    "enveloping": r(
        "Java XMLSignature",
        "object-in-signature",
        sent=lambda one: f'<ds:Signature xmlns:ds="{DS}"><ds:Object>'.encode() + one + b"</ds:Object></ds:Signature>",
    ),
    "operation-for-request": r(
        "PHP SoapClient", "operation-not-known", sent=lambda _: plain_request("signNewCertificate", TRANSFER)
    ),
    "relative-declaration": r(
        "Node xmldom", "relative-namespace-name", sent=swap("<ds:KeyInfo>", '<ds:KeyInfo xmlns:x="xmlns">')
    ),
    "json-body": r(
        "Node JSON.stringify", "message-compressed-or-encoded", enveloped=lambda one: json.dumps(one.decode()).encode()
    ),
    "base64-body": r("Java Base64", "message-compressed-or-encoded", enveloped=lambda one: b64(one, 76).encode()),
    "bit-converter": r(
        ".NET BitConverter.ToString", "signature-in-hex", written=lambda one: "-".join(f"{octet:02X}" for octet in one)
    ),
    "arrays-to-string": r(
        "Java Arrays.toString",
        "byte-array-as-text",
        written=lambda one: str([octet - 256 if octet > 127 else octet for octet in one]),
    ),
    "value-in-ascii": r(
        "Java US_ASCII", "bytes-through-text", value=lambda one: one.decode("latin-1").encode("ascii", "replace")
    ),
    "hexadecimal-references": r(
        "Java Xerces",
        "signed-in-another-encoding",
        digested=lambda one: c14n(one).replace("ä".encode(), b"&#xE4;").replace("ö".encode(), b"&#xF6;"),
    ),
    "blank-line-at-the-end": r("PHP heredoc", "not-canonicalised", digested=lambda one: c14n(one) + b"\n\n"),
    "warning-before": r(
        "PHP display_errors",
        "http-headers-included",
        enveloped=lambda one: b"<br />\n<b>Warning</b>: x<br />\n" + one,
    ),
    "echo-after": r("PHP echo print", "http-headers-included", enveloped=lambda one: one + b"1"),
    "json-escapes": r("PHP json_encode", "entities-escaped-twice", sent=swap("ä", "\\u00e4")),
    "json-escapes-signed": r("Node JSON.stringify", "entities-escaped-twice", digested=swap("ä", "\\u00e4")),
    "tostring-in-the-envelope": r(
        "Python lxml",
        "signed-in-envelope",
        digested=lambda one: c14n(swap(" xmlns:cer", f' xmlns:soapenv="{SOAP}" xmlns:cer')(one), INCLUSIVE),
    ),
    "content-of-the-body": r(
        ".NET InnerXml",
        "signed-in-envelope",
        digested=lambda one: b"\n    " + c14n(one) + b"\n  ",
        sent=lambda one: b"\n    " + one + b"\n  ",
    ),
    "xelement-to-string": r(
        ".NET XElement", "white-space-removed", digested=lambda one: pretty(one).strip().replace(b"\n", b"\r\n")
    ),
    "signed-info-by-echo": r("C openssl dgst", "not-canonicalised", info=lambda info: info + b"\n"),
    "c14n-without-number-sign": r("PHP string template", "method-not-taken", info_c14n=EXCLUSIVE.removesuffix("#")),
    "chain-run-together": r(
        "PHP str_replace", "chain-in-key-info", certificate=b64(der("holder-rsa-2048")) + b64(der("holder-p256"))
    ),
    "certificate-of-json": r(
        "Node JSON", "value-escaped-for-another-format", certificate=b64(der("holder-rsa-2048")) + "\\n"
    ),
    "chain-of-octets": r("C memcpy", "chain-in-key-info", certificate=b64(der("holder-rsa-2048") + der("holder-p256"))),
    "promise-not-awaited": r("Node crypto.subtle", "byte-array-as-text", stated=lambda _: "[object Promise]"),
    "wrapped-twice": r(
        "PHP SoapClient",
        "request-in-another-element",
        sent=lambda one: (
            f'<cer:RenewCertificateRequest xmlns:cer="{SERVICE}">'.encode() + one + b"</cer:RenewCertificateRequest>"
        ),
    ),
    "without-body": r(
        "C sprintf",
        "request-in-another-element",
        enveloped=lambda one: re.sub(rb"</?soapenv:(Header/|Body)>", b"", one),
    ),
    "body-empty": r(
        "Java SAAJ",
        "not-one-request",
        enveloped=lambda one: re.sub(rb"(Body>).*(?=</soapenv:Body)", rb"\1", one, flags=re.DOTALL),
    ),
}


def language(toolkit: str) -> str:
    """Return the language of a toolkit."""
    return toolkit.split(maxsplit=1)[0]


def files() -> dict[str, bytes]:
    """Make every file, by its name in the folder, and the index."""
    index = [
        {"file": f"{name}.xml", "toolkit": recipe.toolkit, "language": language(recipe.toolkit), "fault": recipe.fault}
        for name, recipe in RECIPES.items()
    ]
    written = f"{json.dumps(index, indent=1, ensure_ascii=False)}\n".encode()
    return {**{f"{name}.xml": made(recipe) for name, recipe in RECIPES.items()}, "faults.json": written}


def main() -> None:
    """Write the folder."""
    FOLDER.mkdir(exist_ok=True)
    everything = files()
    for path in FOLDER.iterdir():
        if path.name not in everything:
            path.unlink()
    for name, octets in everything.items():
        (FOLDER / name).write_bytes(octets)


if __name__ == "__main__":
    main()
