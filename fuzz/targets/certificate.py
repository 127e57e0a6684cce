"""Certificates and bundles: their parsing, extensions and issuers."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fuzz import der_changing, material
from fuzz.target import Target, must
from sinetti.client.requests.soap_client import distrust_reason
from sinetti.domain.values import Environment
from sinetti.gateway.revocation.crl import is_authority, points_of
from sinetti.gateway.x509.end_entity import InvalidCertificate, parse_certificate
from sinetti.gateway.x509.path_validation import authority_of, build_paths, trust_store_of
from sinetti.pki import chain, policy_oids
from sinetti.pki.encoding import certificate_der, certificate_pem, load_certificate, serial_hex

_ANCHORS = (material.certificate(material.CA), material.certificate(material.ROOT))
_TRUSTED = trust_store_of(_ANCHORS)


def check(octets: bytes) -> None:
    """Read the octets as one certificate, as a bundle, and as a caller's certificate."""
    _presented(octets)
    try:
        bundle = chain.load_bundle(octets)
        must(bundle, "a bundle is not empty")
    except ValueError:
        bundle = ()
    try:
        certificate = load_certificate(octets)
    except ValueError:
        must(not bundle, "of a bundle the first can be read")
        return
    der = certificate_der(certificate)
    must(der_changing.whole(der), "a certificate is a whole")
    must(not bundle or bundle[0] == certificate, "of a bundle the first is taken")
    must(load_certificate(certificate_pem(der)) == certificate, "what was read can be written and read")
    _extensions(certificate)
    _issuers(certificate)


def _presented(octets: bytes) -> None:
    try:
        leaf = parse_certificate(octets)
    except InvalidCertificate:
        return
    must(leaf.customer_id.isprintable() and leaf.customer_id.isascii(), "a customer's id can stand in a header")
    must(
        leaf.is_holders is policy_oids.is_holder_certificate(leaf.certificate),
        "one verdict on whether it is a holder's",
    )
    anchors = chain.anchors_of(_ANCHORS)
    for path in build_paths(leaf.certificate, _TRUSTED):
        must(path.above[-1].certificate in anchors, "a path ends at an anchor")


def _extensions(certificate: x509.Certificate) -> None:
    """Check the functions that read extensions.

    They raise at most ValueError, and return False for an extension that they cannot read.
    """
    for environment in (None, *Environment):
        policy_oids.signs_responses(certificate, environment)
    policy_oids.channel_from_policy(certificate)
    holders = policy_oids.is_holder_certificate(certificate)
    chain.is_valid_at(certificate, material.NOW)
    for look in (policy_oids.is_ocsp_responder, is_authority):
        try:
            found = look(certificate)
        except ValueError:
            must(not holders, "what cannot be read is no holder's")
            continue
        must(not (found and holders), "a holder's certificate is for nothing else")
    try:
        points_of(certificate, _ANCHORS[0])
        serial_hex(certificate.serial_number)
    except ValueError:
        pass
    authority_of(certificate)


def _issuers(certificate: x509.Certificate) -> None:
    """Check that the key of each returned issuer verifies the signature."""
    for issuer in chain.issuers_of(certificate, _ANCHORS):
        certificate.verify_directly_issued_by(issuer)
    found = chain.find_issuer(certificate, _ANCHORS, material.NOW)
    must(found is None or found in _ANCHORS, "the issuer is one of the anchors")
    chain.build_chain(certificate, (*_ANCHORS, certificate))
    chain.issuers_of(_ANCHORS[0], (certificate,))
    try:
        certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return  # wire never returns a signer whose key does not load
    if not distrust_reason(certificate, _ANCHORS, material.NOW):
        must(not policy_oids.is_ocsp_responder(certificate), "who signs answers is no OCSP responder")


def _seeds() -> dict[str, bytes]:
    kinds = (*material.KINDS, material.CA, material.ROOT, material.RESPONDER)
    made = {kind: material.der(kind) for kind in kinds}
    pem = b"".join(material.certificate(kind).public_bytes(Encoding.PEM) for kind in (material.CA, material.ROOT))
    return made | {"bundle": pem, "other-names": _with_names(), "bit-strings": _with_bit_strings()}


def _with_bit_strings() -> bytes:
    """Return the same with BIT STRINGs for its names, which no attribute here has."""
    (outer,) = der_changing.parse(_with_names())
    for node in outer.below():
        if node.content == b"0123456-7":
            node.tag, node.content = 3, b"\x000123456-7"
    return der_changing.signed_again(outer.octets(), material.CA)


def _with_names() -> bytes:
    """Return a certificate with every kind of name in it."""
    directory = x509.DirectoryName(material.certificate("p256").subject)
    names = x509.SubjectAlternativeName(
        [directory, x509.DNSName("a.example"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]
    )
    point = x509.DistributionPoint([directory], None, None, [directory])
    builder = (
        x509.CertificateBuilder()
        .subject_name(material.certificate("p256").subject)
        .issuer_name(material.certificate(material.CA).subject)
        .public_key(material.key("p256").public_key())
        .serial_number(1)
        .not_valid_before(material.NOW)
        .not_valid_after(material.NOW)
        .add_extension(names, critical=True)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(b"1", [directory], 1), critical=False)
        .add_extension(x509.NameConstraints([directory], None), critical=True)
    )
    return certificate_der(builder.sign(material.key(material.CA), hashes.SHA256(), ecdsa_deterministic=True))


TARGET = Target("certificate", check, _seeds, der_changing.changing_and_signing(material.CA))
