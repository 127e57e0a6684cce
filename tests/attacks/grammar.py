"""Shapes at the edge of XML's grammar, where two parsers may differ.

Some change parts of a signature that no verifier reads.
"""

from tests.attacks.messages import BROKEN, NO_XML, TAKEN, Attack, change
from tests.support.xml_signing import DS

_BY_SCHEMA = ("PKI001", "signature-invalid")
_KEY_INFO = "<ds:KeyInfo>"
_X509 = "<ds:X509Data>"


def _in_key_info(attribute: str) -> Attack:
    return Attack(change(_KEY_INFO, f"<ds:KeyInfo {attribute}>"), NO_XML)


GRAMMAR = {
    "a reference to half of a pair of surrogates": Attack(change("{good}", "&#xD800;{good}"), NO_XML),
    "a reference to NUL": Attack(change("{good}", "&#0;{good}"), NO_XML),
    "a reference to no character": Attack(change("{good}", "&#xFFFE;{good}"), NO_XML),
    "a reference beyond Unicode": Attack(change("{good}", "&#x110000;{good}"), NO_XML),
    "a reference without its end": Attack(change("{good}", "&#49{good}"), NO_XML),
    "the octets of no character": Attack(change("{good}", "\uffff{good}"), NO_XML),
    "the end of a CDATA section in text": Attack(change("{good}", "]]>{good}"), NO_XML),
    "an XML declaration within": Attack(change("<Environment>", "<?xml version='1.0'?><Environment>"), NO_XML),
    "an instruction called XmL": Attack(change(_KEY_INFO, f"<?XmL a?>{_KEY_INFO}"), NO_XML),
    "a name with two colons": Attack(change(_X509, f"{_X509}<a:b:c xmlns:a='urn:a'/>"), NO_XML),
    "the prefix xmlns bound": _in_key_info("xmlns:xmlns='urn:x'"),
    "the namespace of xml by another prefix": _in_key_info("xmlns:q='http://www.w3.org/XML/1998/namespace'"),
    "the namespace of xmlns as the default": _in_key_info("xmlns='http://www.w3.org/2000/xmlns/'"),
    "one attribute twice": _in_key_info("a='1' a='2'"),
    "attributes without a blank between": _in_key_info("a='1'b='2'"),
    "a less-than sign in an attribute": _in_key_info("a='<'"),
    "a form feed as white space": Attack(change("<ds:SignatureValue>", "<ds:SignatureValue>&#12;"), NO_XML),
    "a next-line sign as white space of base64": Attack(
        change("<ds:SignatureValue>", "<ds:SignatureValue>\u0085"), BROKEN
    ),
    "a byte order mark within base64": Attack(change("<ds:X509Certificate>", "<ds:X509Certificate>\ufeff"), BROKEN),
    "a letter of another width within base64": Attack(
        change("<ds:SignatureValue>", "<ds:SignatureValue>\uff21"), BROKEN
    ),
    "a next-line sign between elements": Attack(change("<CustomerId>", "\u0085<CustomerId>"), _BY_SCHEMA),
    "a DOCTYPE in a comment": Attack(change("<Environment>", "<!-- <!DOCTYPE x> --><Environment>"), TAKEN),
    "a blank in an end tag": Attack(change("</CustomerId>", "</CustomerId\n >"), TAKEN),
    "a default namespace on the signature": Attack(change("<ds:Signature ", '<ds:Signature xmlns="urn:x" '), TAKEN),
    "text within the signature": Attack(change("<ds:SignatureValue>", "text<ds:SignatureValue>"), TAKEN),
    "a certificate in another namespace beside the certificate": Attack(
        change(_X509, f'{_X509}<X509Certificate xmlns="urn:x">QUJD</X509Certificate>'), TAKEN
    ),
    "a second KeyInfo within X509Data": Attack(change(_X509, f"{_X509}<ds:KeyInfo/>"), TAKEN),
    "a revocation list beside the certificate": Attack(
        change("</ds:X509Data>", "<ds:X509CRL>QUJD</ds:X509CRL></ds:X509Data>"), TAKEN
    ),
    "MgmtData beside the certificate": Attack(change(_KEY_INFO, f"{_KEY_INFO}<ds:MgmtData>x</ds:MgmtData>"), BROKEN),
    "XML Signature by a second prefix": Attack(change(_KEY_INFO, f'<ds:KeyInfo xmlns:q="{DS}">'), TAKEN),
}
"""Shapes at the edge of the grammar.

Both parsers refuse what is not XML. Parts that no verifier reads change nothing in the accepted content.
"""
