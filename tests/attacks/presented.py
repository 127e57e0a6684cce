"""Shapes of KeyInfo: statements of a signature about the owner of its key.

The signatures hold, or would hold by another key.
"""

import hashlib
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.attacks.messages import BROKEN, TAKEN, Attack, Given, Make, encode, with_value
from tests.attacks.methods import SPKI, public_of
from tests.support.xml_signing import OURS, lines


def _key_info(text: str) -> Make:
    """Let the holder sign the right document with another KeyInfo."""
    return lambda given: given.signed(key_info=_described(text, given.signer[1]))


def _described(text: str, der: bytes) -> str:
    certificate = x509.load_der_x509_certificate(der)
    public = public_of(der)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    point = encode(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    known = {
        "issuer": certificate.issuer.rfc4514_string(),
        "subject": certificate.subject.rfc4514_string(),
        "serial": str(certificate.serial_number),
        "identifier": encode(identifier),
        "digest": encode(hashlib.sha256(der).digest()),
        "info": encode(public.public_bytes(Encoding.DER, SPKI)),
        "point": point,
        "value": _KEY_VALUE.replace("{point}", point),
    }
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


_DS11 = "http://www.w3.org/2009/xmldsig11#"
_KEY_VALUE = (
    f'<P:KeyValue><d:ECKeyValue xmlns:d="{_DS11}"><d:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
    "<d:PublicKey>{point}</d:PublicKey></d:ECKeyValue></P:KeyValue>"
)
_ISSUER_SERIAL = (
    "<P:X509IssuerSerial><P:X509IssuerName>{issuer}</P:X509IssuerName><P:X509SerialNumber>{serial}"
    "</P:X509SerialNumber></P:X509IssuerSerial>"
)
_SECURITY_REFERENCE = (
    '<w:SecurityTokenReference xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">'
    '<w:Reference URI="#token"/></w:SecurityTokenReference>'
)
_OWN = OURS.key_info


def _data(inside: str) -> str:
    return f"<P:X509Data>{inside}</P:X509Data>"


def _presented(der: bytes) -> str:
    return f"<P:X509Certificate>{lines(der)}</P:X509Certificate>"


def _and_another(pattern: str) -> Make:
    """Present two certificates in one X509Data.

    They are the holder's (`{own}`) and another holder's (`{other}`).
    """

    def make(given: Given) -> str:
        texts = {"{own}": _presented(given.signer[1]), "{other}": _presented(given.other()[1])}
        text = pattern
        for name, value in texts.items():
            text = text.replace(name, value)
        return given.signed(key_info=text)

    return make


def _forged_by_other(key_info: str) -> Make:
    """Let another holder sign the forged document, in this holder's name."""

    def make(given: Given) -> str:
        key, der = given.other()
        text = key_info.replace("{theirs}", _described("{value}", der))
        return given.signed(given.draft(given.evil), signer=(key, given.signer[1]), key_info=text)

    return make


def _octets(change_octets: Callable[[bytes], bytes]) -> Attack:
    return Attack(with_value(change_octets, "X509Certificate"), BROKEN)


KEY_INFO = {
    "another holder's certificate": Attack(
        lambda given: given.signed(signer=(given.signer[0], given.other()[1])), BROKEN
    ),
    "another holder's key, with this one's certificate": Attack(_forged_by_other(_OWN), BROKEN),
    "another holder's key, with its KeyValue beside this one's certificate": Attack(
        _forged_by_other("{theirs}" + _OWN), BROKEN
    ),
    "two certificates, the signer's first": Attack(_and_another(_data("{own}{other}")), BROKEN),
    "two certificates, the signer's last": Attack(_and_another(_data("{other}{own}")), BROKEN),
    "two certificates in two X509Data": Attack(_and_another(_data("{other}") + _data("{own}")), BROKEN),
    "the same certificate twice": Attack(_and_another(_data("{own}{own}")), BROKEN),
    "another certificate within KeyValue": Attack(
        _and_another("<P:KeyValue>{other}</P:KeyValue>" + _data("{own}")), BROKEN
    ),
    "a certificate outside X509Data": Attack(_and_another("<P:KeyValue>{own}</P:KeyValue>"), BROKEN),
    "KeyValue alone": Attack(_key_info("{value}"), BROKEN),
    "KeyName alone": Attack(_key_info("<P:KeyName>{subject}</P:KeyName>"), BROKEN),
    "nothing in KeyInfo": Attack(_key_info(""), BROKEN),
    "RetrievalMethod alone": Attack(_key_info('<P:RetrievalMethod URI="http://localhost/key"/>'), BROKEN),
    "RetrievalMethod beside the certificate": Attack(
        _key_info(_OWN + '<P:RetrievalMethod URI="http://localhost/key"/>'), BROKEN
    ),
    "KeyInfoReference": Attack(_key_info(f'<d:KeyInfoReference xmlns:d="{_DS11}" URI="#key"/>'), BROKEN),
    "DEREncodedKeyValue": Attack(
        _key_info(f'<d:DEREncodedKeyValue xmlns:d="{_DS11}">{{info}}</d:DEREncodedKeyValue>'), BROKEN
    ),
    "SecurityTokenReference": Attack(_key_info(_SECURITY_REFERENCE), BROKEN),
    "SecurityTokenReference beside the certificate": Attack(_key_info(_SECURITY_REFERENCE + _OWN), BROKEN),
    "PGPData": Attack(_key_info("<P:PGPData><P:PGPKeyID>AAAA</P:PGPKeyID></P:PGPData>"), BROKEN),
    "X509IssuerSerial alone": Attack(_key_info(_data(_ISSUER_SERIAL)), BROKEN),
    "X509SKI alone": Attack(_key_info(_data("<P:X509SKI>{identifier}</P:X509SKI>")), BROKEN),
    "X509SubjectName alone": Attack(_key_info(_data("<P:X509SubjectName>{subject}</P:X509SubjectName>")), BROKEN),
    "X509Digest alone": Attack(
        _key_info(_data(f'<d:X509Digest xmlns:d="{_DS11}" Algorithm="{OURS.digest}">{{digest}}</d:X509Digest>')), BROKEN
    ),
    "X509IssuerSerial of another beside the certificate, which is not read": Attack(
        _key_info(
            _data(_ISSUER_SERIAL.replace("{serial}", "7") + "<P:X509Certificate>{certificate}</P:X509Certificate>")
        ),
        TAKEN,
    ),
    "KeyName of another beside the certificate, which is not read": Attack(
        _key_info("<P:KeyName>CN=7654321-0</P:KeyName>" + _OWN), TAKEN
    ),
    "an octet after the certificate": _octets(lambda der: der + b"\0"),
    "the certificate's last octet missing": _octets(lambda der: der[:-1]),
    "the certificate in BER, of no definite length": _octets(lambda der: b"\x30\x80" + der[4:] + b"\0\0"),
    "the certificate's PEM": _octets(lambda der: x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)),
    "the certificate twice in one element": _octets(lambda der: der + der),
    "the public key in place of the certificate": _octets(lambda der: public_of(der).public_bytes(Encoding.DER, SPKI)),
    "an empty certificate": Attack(_key_info(_data("<P:X509Certificate/>")), BROKEN),
}
"""Shapes of KeyInfo, which names the owner of the key."""
