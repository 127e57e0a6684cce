"""SignedInfo of the service's answers: the one form that response signers sign."""

import re
from functools import lru_cache

from sinetti.authority.signer.canonical_xml import DS, EXCLUSIVE
from sinetti.authority.signer.der import refuse
from sinetti.pki.encoding import PublicKey, hash_for
from sinetti.pki.key_policy import is_rsa

_FAMILY_URI = b"http://www.w3.org/2001/04/xmldsig-more#"
_SHA256 = b"http://www.w3.org/2001/04/xmlenc#sha256"
_TRANSFORM = b'<ds:Transform Algorithm="%s"></ds:Transform>'


def check_answer(octets: bytes, key: PublicKey) -> None:
    """Check the canonical octets of an answer's SignedInfo.

    `wire/xmldsig/signature.py` writes them. Nothing else has this form: a signature over it is one of an answer alone.
    Raises SignatureRefused.
    """
    if not _form(f"{'rsa' if is_rsa(key) else 'ecdsa'}-{hash_for(key).name}").fullmatch(octets):
        refuse("they are not the SignedInfo of an answer")


@lru_cache(maxsize=8)
def _form(method: str) -> re.Pattern[bytes]:
    transforms = _TRANSFORM % (DS + b"enveloped-signature")
    before = (
        b'<ds:SignedInfo xmlns:ds="%s">'
        b'<ds:CanonicalizationMethod Algorithm="%s"></ds:CanonicalizationMethod>'
        b'<ds:SignatureMethod Algorithm="%s"></ds:SignatureMethod>'
        b'<ds:Reference URI=""><ds:Transforms>%s'
    ) % (DS, EXCLUSIVE, _FAMILY_URI + method.encode(), transforms)
    after = b'</ds:Transforms><ds:DigestMethod Algorithm="%s"></ds:DigestMethod><ds:DigestValue>' % _SHA256
    end = b"</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    # The last letter of 32 octets in base64 has two bits that are zero.
    digest = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
    both = b"(?:%s)?" % re.escape(_TRANSFORM % EXCLUSIVE)
    return re.compile(re.escape(before) + both + re.escape(after) + digest + re.escape(end))
