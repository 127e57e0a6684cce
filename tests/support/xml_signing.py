"""XML signatures as programs in the field make them, and some to be refused.

The module is independent of `wire.xmldsig`.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from sinetti.pki.encoding import PrivateKey

DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = DS + "enveloped-signature"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
PLACE = "{signature}"

_HASHES = {"1": hashes.SHA1, "256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


@cache
def key(kind: str):
    """Generate a key of one kind, once per run."""
    match kind:
        case "p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "other-p256":
            return ec.generate_private_key(ec.SECP256R1())
        case "p384":
            return ec.generate_private_key(ec.SECP384R1())
        case "p521":
            return ec.generate_private_key(ec.SECP521R1())
        case "rsa-1024":
            return rsa.generate_private_key(65_537, 1024)  # noqa: S505 - a key to be refused
        case "rsa-e3":
            return rsa.generate_private_key(3, 2048)
        case _:
            return rsa.generate_private_key(65_537, 2048)


@cache
def certificate(kind: str) -> bytes:
    """Make a self-signed certificate (DER) of `key(kind)`.

    The wire package does not check the issuer.
    """
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "0123456-7")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key(kind).public_key())
    builder = builder.serial_number(1 << 70).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    made = builder.not_valid_after(datetime(2028, 1, 1, tzinfo=UTC)).sign(key(kind), hashes.SHA256())
    return made.public_bytes(Encoding.DER)


def lines(octets: bytes, end: str = "\n", width: int = 76) -> str:
    """Return octets as base64 in lines."""
    text = base64.b64encode(octets).decode()
    return end.join(text[at : at + width] for at in range(0, len(text), width))


def transform(algorithm: str, inside: str = "") -> str:
    """Return one ds:Transform, with `P:` for the prefix of the signature."""
    return f'<P:Transform Algorithm="{algorithm}">{inside}</P:Transform>'


def kept(prefixes: str) -> str:
    """Return an InclusiveNamespaces element."""
    return f'<e:InclusiveNamespaces xmlns:e="{EXCLUSIVE}" PrefixList="{prefixes}"/>'


@dataclass(frozen=True)
class Shape:
    """Form of a signature; the default is our own exclusive recipe.

    The texts use the prefix `P:`. `signer` (key, certificate in DER) replaces `kind`. `sign` makes SignatureValue in
    another way, from that key and the canonical SignedInfo. `digest_value` replaces the document's digest in
    DigestValue.
    """

    prefix: str = "ds"
    kind: str = "p256"
    method: str = MORE + "ecdsa-sha256"
    method_inside: str = ""
    info_c14n: str = EXCLUSIVE
    info_prefixes: str | None = None
    reference: str = 'URI=""'
    transforms: tuple[str, ...] = (transform(ENVELOPED), transform(EXCLUSIVE))
    document_c14n: str = EXCLUSIVE
    document_prefixes: str | None = None
    digest: str = SHA256
    digest_inside: str = ""
    line_end: str = "\n"
    key_info: str = "<P:X509Data><P:X509Certificate>{certificate}</P:X509Certificate></P:X509Data>"
    second_reference: str = ""
    after_key_info: str = ""
    info_comment: str = ""
    attributes: str = ""
    signer: tuple[PrivateKey, bytes] | None = None
    sign: Callable[[PrivateKey, bytes], bytes] | None = None
    digest_value: bytes | None = None


OURS = Shape()
ENVELOPED_ALONE = Shape(transforms=(transform(ENVELOPED),), document_c14n=INCLUSIVE)


def signed(document: str, shape: Shape = OURS) -> bytes:
    """Sign a document with the placeholder `{signature}`."""
    bare = etree.fromstring(document.replace(PLACE, "").encode())
    digest = shape.digest_value
    if digest is None:
        canonical = _c14n(bare.getroottree(), shape.document_c14n, shape.document_prefixes)
        digest = hashlib.new("sha" + shape.digest.rpartition("sha")[2], canonical).digest()
    draft = document.replace(PLACE, _signature(shape, digest, b""))
    info = next(etree.fromstring(draft.encode()).iter(f"{{{DS}}}SignedInfo"))
    value = _sign(shape, _c14n(info, shape.info_c14n, shape.info_prefixes))
    return document.replace(PLACE, _signature(shape, digest, value)).encode()


def envelope(payload: bytes, *, declarations: str = "", header: str = "<s:Header/>", start: str = "") -> bytes:
    """Put a payload into a SOAP envelope.

    `declarations`, `header` and `start` add namespace declarations, headers and octets before it.
    """
    begin = f'{start}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"{declarations}>{header}<s:Body>'
    return begin.encode() + payload.removeprefix(b"\xef\xbb\xbf") + b"</s:Body></s:Envelope>"


def _c14n(node, algorithm: str, prefixes: str | None) -> bytes:
    listed = prefixes.split() if prefixes else None
    exclusive = algorithm.startswith(EXCLUSIVE)
    if not exclusive and isinstance(
        node, etree._Element
    ):  # a subset inherits xml:lang of its ancestors (C14N 1.0, 2.4)
        above = {
            name: text
            for one in reversed([*node.iterancestors()])
            for name, text in one.attrib.items()
            if "XML/1998" in name
        }
        node = etree.fromstring(etree.tostring(node, with_tail=False))
        node.attrib.update(above)
    return etree.tostring(
        node,
        method="c14n",
        exclusive=exclusive,
        with_comments=algorithm.endswith("omments"),
        inclusive_ns_prefixes=listed,
    )


def _signature(shape: Shape, digest: bytes, value: bytes) -> str:
    info_inside = kept(shape.info_prefixes) if shape.info_prefixes is not None else ""
    digest_end = f">{shape.digest_inside}</P:DigestMethod>" if shape.digest_inside else "/>"
    declared = f"xmlns:{shape.prefix}" if shape.prefix else "xmlns"
    text = (
        f'<P:Signature {declared}="{DS}"{shape.attributes}><P:SignedInfo>{shape.info_comment}'
        f'<P:CanonicalizationMethod Algorithm="{shape.info_c14n}">{info_inside}</P:CanonicalizationMethod>'
        f'<P:SignatureMethod Algorithm="{shape.method}">{shape.method_inside}</P:SignatureMethod>'
        f"<P:Reference {shape.reference}><P:Transforms>{''.join(shape.transforms)}</P:Transforms>"
        f'<P:DigestMethod Algorithm="{shape.digest}"{digest_end}'
        f"<P:DigestValue>{base64.b64encode(digest).decode()}</P:DigestValue>"
        f"</P:Reference>{shape.second_reference}</P:SignedInfo>"
        f"<P:SignatureValue>{lines(value, shape.line_end)}</P:SignatureValue>"
        f"<P:KeyInfo>{shape.key_info}</P:KeyInfo>{shape.after_key_info}</P:Signature>"
    )
    presented = shape.signer[1] if shape.signer else certificate(shape.kind)
    text = text.replace("{certificate}", lines(presented, shape.line_end))
    return text.replace("P:", f"{shape.prefix}:" if shape.prefix else "")


def _sign(shape: Shape, octets: bytes) -> bytes:
    signer = shape.signer[0] if shape.signer else key(shape.kind)
    if shape.sign is not None:
        return shape.sign(signer, octets)
    hashing = _HASHES[shape.method.rpartition("sha")[2]]()
    if isinstance(signer, rsa.RSAPrivateKey):
        return signer.sign(octets, padding.PKCS1v15(), hashing)
    return beside(signer, signer.sign(octets, ec.ECDSA(hashing)))


def beside(signer: ec.EllipticCurvePrivateKey, plain: bytes) -> bytes:
    """Convert an ECDSA signature from DER to r and s concatenated."""
    width = (signer.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(plain))
