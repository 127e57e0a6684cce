"""Keys with a described curve, which every interface of the gateway rejects."""

from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.ca.profiles import key_usage
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FRESHNESS, GOOD, NO_ANSWER
from sinetti.gateway.ssh_authorized_keys import certificates_of, parse_offered
from sinetti.gateway.verdicts.verdict import Phrase, VerdictReason
from sinetti.gateway.web.trusted_proxies import from_headers, from_tls
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.pki.encoding import certificate_der
from sinetti.wire.xmldsig.errors import SignatureErrorCode, SignatureInvalid
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document, verify_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.gateway.material import Responder, certificate, holder, issuing, key, leaf, loaded
from tests.support import authority
from tests.support.authority import NOW
from tests.support.described import described

CA = certificate("CA")
NAMED = leaf(("CA", "CA"))
LEAF = described(NAMED, key("CA"))
DER = certificate_der(LEAF)
PEM = LEAF.public_bytes(Encoding.PEM)

SHOWN = {
    "DER": DER,
    "PEM": PEM,
    "a certificate": LEAF,
    "by a proxy": from_headers([quote(PEM)]).certificate,
    "by the server's own TLS": from_tls([PEM.decode()]).certificate,
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_a_caller_s_certificate_is_malformed(shown):
    verdict = Gateway([CA]).identify(shown, NOW)
    assert (verdict.reason, verdict.values) == (VerdictReason.MALFORMED, {"why": Phrase(verdict_texts.BAD_KEY)})
    assert Gateway([CA]).identify(NAMED, NOW).accepted


def test_a_signer_s_certificate_is_malformed():
    document = sign_document(b"<report/>", signer_for_key(key("0123456-7"), DER), SignatureProfile.EXCLUSIVE)
    assert Gateway([CA]).verify(document, NOW).verdict.reason is VerdictReason.MALFORMED
    with pytest.raises(SignatureInvalid, match=SignatureErrorCode.KEY_NOT_ACCEPTED):
        verify_document(document, lambda _: True)


def test_a_ca_issues_nothing():
    root, below = certificate("Root"), certificate("CA", ("Root", "Root"))
    odd = described(below, key("Root"))
    assert authority_of(odd) is None
    assert Gateway([root]).identify(NAMED, NOW, [below]).accepted
    assert Gateway([root]).identify(NAMED, NOW, [odd]).reason is VerdictReason.UNTRUSTED
    assert Gateway([root, odd]).identify(NAMED, NOW).reason is VerdictReason.UNTRUSTED


def test_the_key_of_an_ssh_certificate():
    words = key("0123456-7").public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()
    offered = parse_offered("bank", words[0].decode(), words[1].decode())
    files = [("named", certificate_der(NAMED)), ("der", DER), ("pem", PEM)]
    assert certificates_of(files, offered) == ((NAMED,), ("der", "pem"))


def test_a_delegate_for_ocsp():
    about, ca = loaded(holder()), authority.issuer()
    signs = authority.authority().key(ca.key_name)
    put = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
        (key_usage(digital_signature=True), True),
    ]
    plain = certificate("Responder", issuer=ca.certificate.subject, put=put, signed_by=signs)
    for delegate, answer in ((plain, GOOD), (described(plain, signs), NO_ANSWER)):
        responder = Responder(about=about, delegate=delegate, signer=key("Responder"))
        assert OcspSource(["http://o.example/"], responder).status(about, issuing(), NOW, FRESHNESS) == answer
