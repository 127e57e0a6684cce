"""Every interface of the gateway refuses a key with a described curve."""

from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.ca.profiles import key_usage
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.ocsp import Answers
from sinetti.gateway.revocation.source import FRESHNESS, GOOD, NO_ANSWER
from sinetti.gateway.ssh_authorized_keys import certificates_of, read_offered
from sinetti.gateway.verdicts.verdict import Phrase, Reason
from sinetti.gateway.web.client_certificate import presented, presented_in_tls
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.pki.encoding import certificate_der
from sinetti.wire.xmldsig.errors import Flaw, SignatureInvalid
from sinetti.wire.xmldsig.signature import Recipe, seal_of, sign_document, verify_document
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
    "by a proxy": presented([quote(PEM)]).certificate,
    "by the server's own TLS": presented_in_tls([PEM.decode()]).certificate,
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_a_caller_s_certificate_is_malformed(shown):
    verdict = Gateway([CA]).identify(shown, NOW)
    assert (verdict.reason, verdict.values) == (Reason.MALFORMED, {"why": Phrase(verdict_texts.BAD_KEY)})
    assert Gateway([CA]).identify(NAMED, NOW).accepted


def test_a_signer_s_certificate_is_malformed():
    document = sign_document(b"<report/>", seal_of(key("0123456-7"), DER), Recipe.EXCLUSIVE)
    assert Gateway([CA]).verify(document, NOW).verdict.reason is Reason.MALFORMED
    with pytest.raises(SignatureInvalid, match=Flaw.KEY_NOT_ACCEPTED):
        verify_document(document, lambda _: True)


def test_a_ca_issues_nothing():
    root, below = certificate("Root"), certificate("CA", ("Root", "Root"))
    odd = described(below, key("Root"))
    assert authority_of(odd) is None
    assert Gateway([root]).identify(NAMED, NOW, [below]).accepted
    assert Gateway([root]).identify(NAMED, NOW, [odd]).reason is Reason.UNTRUSTED
    assert Gateway([root, odd]).identify(NAMED, NOW).reason is Reason.UNTRUSTED


def test_the_key_of_an_ssh_certificate():
    words = key("0123456-7").public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()
    offered = read_offered("bank", words[0].decode(), words[1].decode())
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
        assert Answers(["http://o.example/"], responder).status(about, issuing(), NOW, FRESHNESS) == answer
