"""Signatures in the form of .NET's SignedXml.

The Signature is in the default namespace, SignedInfo in inclusive C14N, and the Reference is `""`.
"""

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def signed(document: str, key: rsa.RSAPrivateKey, key_info: str) -> str:
    """Sign a whole document with the enveloped transform alone.

    White space is kept, and line ends are as XML reads them.
    """
    digest = hashlib.sha256(
        etree.tostring(etree.fromstring(document.encode()).getroottree(), method="c14n", with_comments=False)
    )
    info = (
        f'<SignedInfo><CanonicalizationMethod Algorithm="{INCLUSIVE}" />'
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" />'
        f'<Reference URI=""><Transforms><Transform Algorithm="{DS}enveloped-signature" /></Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256" />'
        f"<DigestValue>{base64.b64encode(digest.digest()).decode()}</DigestValue></Reference></SignedInfo>"
    )
    draft = etree.fromstring(_placed(document, f'<Signature xmlns="{DS}">{info}</Signature>').encode())
    found = draft.find(f".//{{{DS}}}SignedInfo")
    # As a document of its own, with the declarations around it: lxml's inclusive form of a part in place is wrong.
    info_alone = etree.fromstring(etree.tostring(found, with_tail=False)).getroottree()
    value = key.sign(
        etree.tostring(info_alone, method="c14n", with_comments=False), padding.PKCS1v15(), hashes.SHA256()
    )
    signature = (
        f'<Signature xmlns="{DS}">{info}<SignatureValue>{base64.b64encode(value).decode()}</SignatureValue>'
        f"<KeyInfo>{key_info}</KeyInfo></Signature>"
    )
    return _placed(document, signature)


def _placed(document: str, signature: str) -> str:
    """Insert the signature as AppendChild does, right before the end tag.

    White space that stands there comes before the signature.
    """
    end = document.rindex("</")
    return document[:end] + signature + document[end:]
