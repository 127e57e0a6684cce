"""Verification of a signed document, as by the gateway.

The returned octets are the signed ones, complete and without others.
"""

from cryptography import x509

from fuzz import messages
from fuzz.opinions import is_borne_out, parsers_agree
from fuzz.target import Target, must
from fuzz.xml_changing import change
from sinetti.domain.values import KeyPolicy
from sinetti.pki.key_policy import check_key_policy
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected
from sinetti.wire.xmldsig.signature import verify_document

_POLICY = KeyPolicy()


def accept(certificate: x509.Certificate) -> bool:
    """Accept every key that satisfies the policy, regardless of its holder."""
    return isinstance(check_key_policy(certificate.public_key(), _POLICY), str)


def check(octets: bytes) -> None:
    """Verify the document twice, and once more with the second opinion."""
    with parsers_agree():
        try:
            verified = verify_document(octets, accept)
        except (XmlRejected, SignatureMissing, SignatureInvalid):
            return
        must(verify_document(octets, accept) == verified, "the same document verifies in the same way again")
        is_borne_out(octets, verified)


TARGET = Target("document", check, lambda: dict(messages.documents()), change)
