"""Shapes of signer: correctly signed messages by a key without authority.

The certificate of the key gives no right to the message.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.ca.hierarchy_builder import generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy, with_policy_arc
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance import attach_signature
from sinetti.ca.profiles import encode_header, encode_tlv
from sinetti.domain.values import Environment
from sinetti.pki.encoding import PrivateKey, certificate_der
from tests.attacks.messages import BROKEN, P256_ORDER, WHOLE, Attack, Given, Pair, Signer
from tests.support import authority
from tests.support.authority import BASE_URL, NOW, issue, issuer, leaf_plan
from tests.support.officers import ARC
from tests.support.xml_signing import MORE

_UNKNOWN: Pair = ("PKI031", "untrusted")


@cache
def attackers_key(kind: str = "p256") -> PrivateKey:
    """Return a key of the attacker's, made once per run."""
    match kind:
        case "p521":
            return ec.generate_private_key(ec.SECP521R1())
        case "rsa-1024":
            return rsa.generate_private_key(65_537, 1024)  # noqa: S505 - one to be refused
    return ec.generate_private_key(ec.SECP256R1())


def copied(certificate: x509.Certificate, key: object, by: object, **changed: object) -> x509.Certificate:
    """Copy a certificate for another key, signed by another key.

    The arguments in `changed` replace its issuer, subject or authority key identifier.
    """
    builder = x509.CertificateBuilder(
        changed.get("issuer", certificate.issuer),
        changed.get("subject", certificate.subject),
        key.public_key(),
        certificate.serial_number,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        [
            one
            for one in certificate.extensions
            if "identifier" not in changed or one.oid != x509.AuthorityKeyIdentifier.oid
        ],
    )
    if "identifier" in changed:
        builder = builder.add_extension(changed["identifier"], critical=False)
    return builder.sign(by, hashes.SHA256())


def _loaded(given: Given) -> x509.Certificate:
    return x509.load_der_x509_certificate(given.signer[1])


def _of(key: PrivateKey, certificate: x509.Certificate) -> Signer:
    return key, certificate_der(certificate)


def _self_signed(given: Given, kind: str = "p256") -> Signer:
    key = attackers_key(kind)
    certificate = _loaded(given)
    return _of(key, copied(certificate, key, key, issuer=certificate.subject))


def _same_names(given: Given) -> Signer:
    """Return a signer whose certificate has all data of the holder's.

    Subject, issuer, serial number, dates and extensions are the holder's. The keys are the attacker's.
    """
    return _of(attackers_key(), copied(_loaded(given), attackers_key(), attackers_key("ca")))


def _holders_key(given: Given) -> Signer:
    """Return the holder's own key and names, certified by the attacker's CA.

    Anyone who knows the public key can have such a certificate made.
    """
    return _of(given.signer[0], copied(_loaded(given), given.signer[0], attackers_key("ca")))


def _key_exchanged(given: Given) -> Signer:
    """Return the holder's certificate with another key in it.

    The CA's signature is left as it was.
    """
    before, after = (
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for key in (given.signer[0], attackers_key())
    )
    assert before in given.signer[1]
    return attackers_key(), given.signer[1].replace(before, after)


_FIELD, _A, _B = (
    bytes.fromhex(one)
    for one in (
        "00ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
        "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    )
)
"""Parameters of P-256 (SP 800-186, 3.2.1.3).

They are the prime as an INTEGER's octets and the two coefficients.
"""

_EC_PUBLIC_KEY, _PRIME_FIELD = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0101")


def _own_generator(given: Given) -> str:
    """Sign the forged document with the private key 1 (CVE-2020-0601).

    The certificate has the holder's own point, on P-256 with that very point as generator.
    """
    public, der = given.signer[0].public_key(), given.signer[1]
    assert isinstance(public, ec.EllipticCurvePublicKey)
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    field, curve = (
        encode_tlv(0x30, _PRIME_FIELD, encode_tlv(2, _FIELD)),
        encode_tlv(0x30, encode_tlv(4, _A), encode_tlv(4, _B)),
    )
    order = encode_tlv(2, b"\0" + P256_ORDER.to_bytes(32, "big"))
    group = encode_tlv(0x30, encode_tlv(2, b"\1"), field, curve, encode_tlv(4, point), order, encode_tlv(2, b"\1"))
    named = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    explicit = encode_tlv(0x30, encode_tlv(0x30, _EC_PUBLIC_KEY, group), encode_tlv(3, b"\0", point))
    signed_part = _loaded(given).tbs_certificate_bytes
    content = signed_part[len(encode_header(0x30, 256)) :].replace(named, explicit)
    behind = der[der.index(signed_part) + len(signed_part) :]
    presented = encode_tlv(0x30, encode_tlv(0x30, content), behind)

    def sign(_key: object, octets: bytes) -> bytes:
        # With k = 1 and the private key 1: r is the point's x, and s is the hash and r.
        r = int.from_bytes(point[1:33], "big") % P256_ORDER
        s = (int.from_bytes(sha256(octets).digest(), "big") + r) % P256_ORDER
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return given.signed(given.draft(given.evil), signer=(given.signer[0], presented), sign=sign)


def _by_a_leaf(given: Given) -> Signer:
    """Return a certificate issued by another holder, whose certificate acts as a CA."""
    other, der = given.other()
    above = x509.load_der_x509_certificate(der)
    return _of(attackers_key(), copied(_loaded(given), attackers_key(), other, issuer=above.subject))


def _not_registered(given: Given) -> Signer:
    """Return a certificate of the right CA that is not in the database."""
    key = attackers_key()
    return _of(key, issue(leaf_plan(key.public_key(), begins=_loaded(given).not_valid_before_utc), issuer()))


def _other_signature(given: Given) -> Signer:
    """Return the holder's certificate with the other s in its CA's signature.

    That signature holds too, over the same content.
    """
    certificate = _loaded(given)
    r, s = decode_dss_signature(certificate.signature)
    other = encode_dss_signature(r, P256_ORDER - s)
    return given.signer[0], attach_signature(certificate.tbs_certificate_bytes, other, issuer().certificate)


def _by_services_ca(given: Given) -> Signer:
    """Return a certificate with the holder's data, by the CA of the response signers."""
    by = authority.services_issuer()
    signer = authority.authority().key(by.key_name)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    made = copied(_loaded(given), attackers_key(), signer, issuer=by.certificate.subject, identifier=identifier)
    return _of(attackers_key(), made)


@cache
def _production() -> Signer:
    text = with_policy_arc(load_preset("default"), Environment.PRODUCTION, ARC)
    built = generate_hierarchy(parse_hierarchy(text, Environment.PRODUCTION, BASE_URL), NOW)
    plan = leaf_plan(attackers_key().public_key())
    return _of(attackers_key(), issue(plan, issuer(built=built), built=built))


def _authority(role: CaRole) -> Callable[[Given], Signer]:
    def choose(_given: Given) -> Signer:
        built = authority.authority()
        (spec, *_) = [one for one in built.hierarchy.authorities if one.role is role]
        return _of(*built.entries[spec.file_name])

    return choose


@cache
def _responder() -> Signer:
    responder = authority.ocsp_responder(issuer().key_name)
    return responder.key, certificate_der(responder.certificate)


def method_of(key: PrivateKey) -> str:
    """Return the signature method of a key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"{MORE}rsa-sha256"
    return f"{MORE}ecdsa-sha384" if key.curve.key_size > 256 else f"{MORE}ecdsa-sha256"


def _by(choose: Callable[[Given], Signer], answers: Pair) -> Attack:
    """Return an attack in which the signer signs the forged document in its own right."""

    def make(given: Given) -> str:
        signer = choose(given)
        return given.signed(given.draft(given.evil), signer=signer, method=method_of(signer[0]))

    return Attack(make, answers)


def _right_by(choose: Callable[[Given], Signer], answers: Pair) -> Attack:
    """Return an attack in which the signer signs the right document."""
    return Attack(lambda given: given.signed(signer=choose(given)), answers)


SIGNERS = {
    "self-signed, with the holder's names": _by(_self_signed, _UNKNOWN),
    "self-signed, P-521": _by(lambda given: _self_signed(given, "p521"), ("PKI030", "malformed")),
    "self-signed, RSA of 1024 bits": _by(lambda given: _self_signed(given, "rsa-1024"), ("PKI030", "malformed")),
    "a self-made chain with our names and numbers": _by(_same_names, _UNKNOWN),
    "a self-made chain over the holder's own key": _right_by(_holders_key, _UNKNOWN),
    "the holder's certificate with another key in it": _by(_key_exchanged, _UNKNOWN),
    "the holder's certificate with its CA's other signature": _right_by(_other_signature, ("PKI031", WHOLE)),
    "the holder's point on a curve whose generator the attacker chose": Attack(_own_generator, BROKEN),
    "a certificate that another holder issued": _by(_by_a_leaf, _UNKNOWN),
    "a certificate of our CA that the register does not hold": _by(_not_registered, ("PKI031", None)),
    "the same names in the other environment": _by(lambda _given: _production(), _UNKNOWN),
    "the service's own leaf, which signs answers": _by(
        lambda _given: _of(*authority.response_signer()), ("PKI031", "wrong-purpose")
    ),
    "a holder's certificate that the services CA issued": _by(_by_services_ca, ("PKI031", "wrong-purpose")),
    "an OCSP responder's leaf": _by(lambda _given: _responder(), ("PKI031", "wrong-purpose")),
    "the issuing CA": _by(_authority(CaRole.ISSUING), ("PKI031", "wrong-purpose")),
    "the services CA": _by(_authority(CaRole.SERVICES), ("PKI031", "wrong-purpose")),
    "the intermediate CA": _by(_authority(CaRole.INTERMEDIATE), ("PKI031", "wrong-purpose")),
    "the root CA": _by(_authority(CaRole.ROOT), ("PKI031", "wrong-purpose")),
    "another organisation's certificate": _by(lambda given: given.other(), ("PKI003", None)),
}
"""Shapes of signer, by name."""
