"""Shapes of text: values changed after signing, comments, namespaces, encodings.

Comments and processing instructions stand in values and around them.
"""

import base64
import hashlib
import re
import unicodedata
from dataclasses import replace

from tests.attacks.messages import (
    BROKEN,
    NO_XML,
    OTHER_CUSTOMER,
    TAKEN,
    Attack,
    Given,
    Make,
    change,
    forge,
    otherwise,
    value_of,
)
from tests.support.authority import CUSTOMER_ID
from tests.support.xml_signing import DS, ENVELOPED_ALONE, INCLUSIVE, lines

BY_SCHEMA = ("PKI001", "signature-invalid")
"""Answers that differ because the SOAP endpoint validates the schema first.

It does so before it verifies the signature. The gateway knows no schema.
"""

INCLUSIVELY = replace(ENVELOPED_ALONE, info_c14n=INCLUSIVE)
"""Signature manner of .NET: inclusive C14N of the document and of SignedInfo."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ROOT = "<c:{root} "

VALUES = {
    "the value changed": Attack(change("{good}", "{evil}"), BROKEN),
    "the environment changed": Attack(
        change("<Environment>TEST<", "<Environment>PRODUCTION<"), ("PKI002", "signature-invalid")
    ),
    "an environment that there is not": Attack(change("<Environment>TEST<", "<Environment>test<"), BY_SCHEMA),
    "the customer's id changed": Attack(change(CUSTOMER_ID, OTHER_CUSTOMER), BROKEN),
    "the customer's id left out": Attack(change(f"<CustomerId>{CUSTOMER_ID}</CustomerId>", ""), BY_SCHEMA),
    "the customer's name changed": Attack(change("Kaiku", "Kuiske"), BROKEN),
    "the customer's name left out": Attack(change("<CustomerName>Ääni &amp; Kaiku Oy</CustomerName>", ""), BROKEN),
    "a letter written as letter and accent": Attack(
        lambda given: given.message.replace("Ääni", unicodedata.normalize("NFD", "Ääni")), BROKEN
    ),
    "a letter of another alphabet": Attack(change("Kaiku", "Kaіku"), BROKEN),  # noqa: RUF001 - that is the point
    "a blank after a value": Attack(change("{good}<", "{good} <"), BROKEN),
    "a line break within a value": Attack(change("{begin}{end}", "{begin}\n{end}"), BROKEN),
    "a zero-width space within a value": Attack(change("Kaiku", "Kai\u200bku"), BROKEN),
    "a line break between elements": Attack(change("<CustomerId>", "\n  <CustomerId>"), BROKEN),
    "a line break before the signature": Attack(change("<ds:Signature ", "\n<ds:Signature "), BROKEN),
    "a line break after the signature": Attack(change("</ds:Signature>", "</ds:Signature>\n"), BROKEN),
    "text between elements": Attack(change("<CustomerId>", "text<CustomerId>"), BY_SCHEMA),
    "text after the signature": Attack(change("</ds:Signature>", "</ds:Signature>text"), BY_SCHEMA),
    "elements in another order": Attack(
        lambda given: given.message.replace("<Environment>TEST</Environment>", "").replace(
            "<CustomerName>", "<Environment>TEST</Environment><CustomerName>"
        ),
        BY_SCHEMA,
    ),
    "an element more": Attack(change("<CustomerId>", "<Replace>all</Replace><CustomerId>"), BY_SCHEMA),
    "an element renamed": Attack(lambda given: given.message.replace("CustomerName>", "CustomerNick>"), BY_SCHEMA),
    "an element within a value": Attack(change("{begin}{end}", "{begin}<b/>{end}"), BY_SCHEMA),
    "the value within an element of its own": Attack(change("{good}", "<b>{good}</b>"), BY_SCHEMA),
    "the root renamed": Attack(
        lambda given: given.message.replace(f"c:{given.root}", "c:GetCertificateRequest"),
        ("PKI001", "signature-invalid"),
    ),
    "an attribute on the root": Attack(change(_ROOT, _ROOT + 'Id="signed" '), BY_SCHEMA),
    "an attribute on a value": Attack(change("<{field}>", '<{field} encoding="hex">'), BY_SCHEMA),
    "a place of a schema on the root": Attack(
        change(_ROOT, _ROOT + f'xmlns:xsi="{_XSI}" xsi:schemaLocation="urn:x http://localhost/x.xsd" '), BROKEN
    ),
    "xsi:type on a value": Attack(change("<{field}>", f'<{{field}} xmlns:xsi="{_XSI}" xsi:type="c:x">'), BY_SCHEMA),
    "xsi:nil on a value": Attack(change("<{field}>", f'<{{field}} xmlns:xsi="{_XSI}" xsi:nil="true">'), BY_SCHEMA),
    "an attachment's name for the value": Attack(
        change("{good}", '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:evil"/>'), BY_SCHEMA
    ),
    "XInclude for the value": Attack(
        change(
            "{good}", '<x:include xmlns:x="http://www.w3.org/2001/XInclude" parse="text" href="file:///etc/hostname"/>'
        ),
        BY_SCHEMA,
    ),
    "a value empty": Attack(change("{good}", ""), BY_SCHEMA),
}
"""Shapes of the message's values, each changed after signing."""


def _in_base64(name: str, inside: str) -> Make:
    """Insert a text into the middle of a base64 value of the signature."""

    def make(given: Given) -> str:
        text = value_of(given, name)
        half = len(text) // 2
        return given.message.replace(text, text[:half] + inside + text[half:], 1)

    return make


def _signed_with(before: str, after: str) -> Make:
    """Let the holder himself sign a document with this text in it."""
    return lambda given: given.signed(given.draft().replace(given.filled(before), given.filled(after)))


def _rewritten(name: str, end: str, width: int) -> Make:
    """Write a base64 value of the signature with other line breaks."""

    def make(given: Given) -> str:
        text = value_of(given, name)
        return given.message.replace(text, lines(base64.b64decode(text), end, width), 1)

    return make


def _base64(name: str, before: str, after: str) -> Make:
    def make(given: Given) -> str:
        text = value_of(given, name)
        return given.message.replace(text, text.replace(before, after) if before else text + after, 1)

    return make


def _spare_bits(given: Given) -> str:
    """Set the unused bits of the last base64 letter; the octets stay the same."""
    text = value_of(given, "SignatureValue")
    assert text.endswith("==")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(text[-3]) | 1]
    assert other != text[-3]
    return given.message.replace(text, f"{text[:-3]}{other}==", 1)


COMMENTS = {
    "a comment within the value": Attack(change("{begin}{end}", "{begin}<!-- evil -->{end}"), TAKEN),
    "a comment at each end of the value": Attack(change("{good}", "<!-- a -->{good}<!-- b -->"), TAKEN),
    "the forged value in a comment before the right one": Attack(change("{good}", "<!--{evil}-->{good}"), TAKEN),
    "a comment within the customer's id": Attack(
        change(CUSTOMER_ID, f"{CUSTOMER_ID[:3]}<!---->{CUSTOMER_ID[3:]}"), TAKEN
    ),
    "a comment within the environment": Attack(change(">TEST<", ">TE<!-- PRODUCTION -->ST<"), TAKEN),
    "a comment that cuts a longer id to another customer's": Attack(
        lambda given: given.signed(given.draft().replace(CUSTOMER_ID, f"{CUSTOMER_ID}<!---->8")),
        ("PKI003", None),
    ),
    "a signed comment within the value": Attack(_signed_with("{begin}{end}", "{begin}<!-- evil -->{end}"), TAKEN),
    "the forged value's element in a comment": Attack(
        change("<{field}>", "<!--<{field}>{evil}</{field}>--><{field}>"), TAKEN
    ),
    "the right value's element in a comment": Attack(
        change("<{field}>{good}</{field}>", "<!--<{field}>{good}</{field}>--><{field}>{evil}</{field}>"), BROKEN
    ),
    "a comment before the document": Attack(lambda given: f"<!-- {given.forged} -->{given.message}", TAKEN),
    "a comment behind the document": Attack(lambda given: f"{given.message}<!-- {given.forged} -->", TAKEN),
    "a comment between elements": Attack(change("<CustomerId>", "<!-- between --><CustomerId>"), TAKEN),
    "a comment after the signature": Attack(change("</ds:Signature>", "</ds:Signature><!-- after -->"), TAKEN),
    "a comment within SignedInfo": Attack(change("<ds:Reference ", "<!-- here --><ds:Reference "), TAKEN),
    "a comment within the digest": Attack(_in_base64("DigestValue", "<!-- AAAA -->"), TAKEN),
    "a comment within the signature's value": Attack(_in_base64("SignatureValue", "<!-- AAAA -->"), TAKEN),
    "a comment within the certificate": Attack(_in_base64("X509Certificate", "<!-- AAAA -->"), TAKEN),
    "a comment within an attribute, which is none": Attack(
        change('URI=""', 'URI="&lt;!-- --&gt;"'), ("PKI030", "covers-something-else")
    ),
    "a comment with two hyphens": Attack(change("{good}", "<!-- -- -->{good}"), NO_XML),
    "an instruction within the value": Attack(change("{begin}{end}", "{begin}<?evil?>{end}"), BROKEN),
    "an instruction between elements": Attack(change("<CustomerId>", "<?evil?><CustomerId>"), BROKEN),
    "an instruction within SignedInfo": Attack(change("<ds:Reference ", "<?evil?><ds:Reference "), BROKEN),
    "an instruction within the digest": Attack(_in_base64("DigestValue", "<?evil?>"), BROKEN),
    "an instruction within the signature's value": Attack(_in_base64("SignatureValue", "<?evil?>"), TAKEN),
    "a signed instruction within the value": Attack(_signed_with("{begin}{end}", "{begin}<?evil {evil}?>{end}"), TAKEN),
    "an instruction before the document": Attack(
        lambda given: f"<?xml-stylesheet href='http://localhost/x.xsl'?>{given.message}", ("whole", "signature-invalid")
    ),
    "an instruction behind the document": Attack(
        lambda given: f"{given.message}<?evil?>", ("whole", "signature-invalid")
    ),
    "the value as a CDATA section": Attack(change("{good}", "<![CDATA[{good}]]>"), TAKEN),
    "half of the value as a CDATA section": Attack(change("{begin}{end}", "{begin}<![CDATA[{end}]]>"), TAKEN),
    "an empty CDATA section within the value": Attack(change("{begin}{end}", "{begin}<![CDATA[]]>{end}"), TAKEN),
    "the forged element as a CDATA section": Attack(
        change("<{field}>", "<![CDATA[<{field}>{evil}</{field}>]]><{field}>"), BY_SCHEMA
    ),
    "a CDATA section within the digest": Attack(_in_base64("DigestValue", "<![CDATA[]]>"), TAKEN),
    "the first letter as a character reference": Attack(
        lambda given: given.message.replace(f">{given.good}<", f">&#x{ord(given.good[0]):x};{given.good[1:]}<"), TAKEN
    ),
    "an entity that is not declared": Attack(change("{good}", "&evil;"), NO_XML),
    "an entity of a DOCTYPE": Attack(
        lambda given: (
            f'<!DOCTYPE a [<!ENTITY evil "{given.evil}">]>' + given.message.replace(f">{given.good}<", ">&evil;<")
        ),
        NO_XML,
    ),
    "an attribute's value from a DOCTYPE": Attack(
        lambda given: f'<!DOCTYPE a [<!ATTLIST {given.field} Id CDATA "x">]>{given.message}', NO_XML
    ),
}
"""Shapes of comments: the value is read whole or refused, never in part."""

_DEFAULT = ' xmlns="{namespace}"'
_VALUES = re.compile(r"<(\w+)>")


def by_default(given: Given) -> str:
    """Write the root in the default namespace, undeclared again on each value."""
    draft = given.draft().replace("<c:", "<").replace("</c:", "</").replace("xmlns:c", "xmlns")
    return _VALUES.sub(r'<\1 xmlns="">', draft)


NAMESPACES = {
    "the root's namespace by default, taken back on each value": Attack(
        lambda given: given.signed(by_default(given)), TAKEN
    ),
    "the root's namespace by default, taken back on each value but one": Attack(
        lambda given: given.signed(by_default(given)).replace(f'<{given.field} xmlns="">', f"<{given.field}>"),
        BY_SCHEMA,
    ),
    "the root's prefix renamed": Attack(
        lambda given: given.message.replace("xmlns:c=", "xmlns:d=").replace("<c:", "<d:").replace("</c:", "</d:"),
        BROKEN,
    ),
    "the root's prefix bound to another namespace": Attack(
        change("{namespace}", "urn:example:other"), ("Fault", "signature-invalid")
    ),
    "the root's namespace with another case": Attack(
        lambda given: given.message.replace(given.namespace, given.namespace.upper()), ("Fault", "signature-invalid")
    ),
    "the root's prefix bound anew below": Attack(change("<{field}>", '<{field} xmlns:c="urn:example:other">'), TAKEN),
    "a value in the root's namespace": Attack(
        change("<{field}>{good}</{field}>", "<c:{field}>{good}</c:{field}>"), BY_SCHEMA
    ),
    "a value in the root's namespace by default": Attack(change("<{field}>", "<{field}" + _DEFAULT + ">"), BY_SCHEMA),
    "all values in the root's namespace by default": Attack(change(_ROOT, "<c:{root}" + _DEFAULT + " "), BY_SCHEMA),
    "the forged value in a namespace of its own, before the right one": Attack(
        change("<{field}>", '<e:{field} xmlns:e="urn:evil">{evil}</e:{field}><{field}>'), BY_SCHEMA
    ),
    "a declaration that nothing uses": Attack(change(_ROOT, _ROOT + 'xmlns:unused="urn:unused" '), TAKEN),
    "a declaration that nothing uses, under inclusive C14N": Attack(
        change(_ROOT, _ROOT + 'xmlns:unused="urn:unused" '), BROKEN, of=INCLUSIVELY
    ),
    "a declaration that nothing uses, of a relative name": Attack(
        change(_ROOT, _ROOT + 'xmlns:unused="relative" '), ("PKI030", "malformed")
    ),
    "a relative namespace name, and a digest of nothing": Attack(
        lambda given: given.signed(digest_value=hashlib.sha256(b"").digest()).replace(
            given.filled(_ROOT), given.filled(_ROOT) + 'xmlns:unused="relative" '
        ),
        ("PKI030", "malformed"),
    ),
    "a relative namespace name on SignedInfo": Attack(
        forge("<ds:SignedInfo>", '<ds:SignedInfo xmlns:unused="relative">'), ("PKI030", "malformed")
    ),
    "the signature in another namespace": Attack(
        change(f'xmlns:ds="{DS}"', 'xmlns:ds="urn:example:signature"'), ("PKI001", "signature-missing")
    ),
    "the signature in a namespace that looks like it": Attack(
        change(f'xmlns:ds="{DS}"', f'xmlns:ds="{DS[:-1]}"'), ("PKI001", "signature-missing")
    ),
    "the signature in XML Signature 1.1's namespace": Attack(
        change(f'xmlns:ds="{DS}"', 'xmlns:ds="http://www.w3.org/2009/xmldsig11#"'), ("PKI001", "signature-missing")
    ),
    "the signature in no namespace": Attack(
        lambda given: given.message.replace(f' xmlns:ds="{DS}"', "").replace("ds:", ""), ("PKI001", "signature-missing")
    ),
    "the signature's prefix renamed": Attack(
        lambda given: (
            given.message.replace("xmlns:ds", "xmlns:dsig").replace("<ds:", "<dsig:").replace("</ds:", "</dsig:")
        ),
        BROKEN,
    ),
    "the signature in the default namespace": Attack(
        lambda given: given.message.replace("xmlns:ds", "xmlns").replace("<ds:", "<").replace("</ds:", "</"), BROKEN
    ),
    "the signature's prefix declared on the root": Attack(
        lambda given: given.message.replace(f' xmlns:ds="{DS}"', "").replace(
            given.filled(_ROOT), given.filled(_ROOT) + f'xmlns:ds="{DS}" '
        ),
        TAKEN,
    ),
    "a prefix that is not declared": Attack(change("<CustomerId>", "<u:x/><CustomerId>"), NO_XML),
    "the prefix xml bound to another namespace": Attack(change(_ROOT, _ROOT + 'xmlns:xml="urn:evil" '), NO_XML),
    "a prefix taken back": Attack(change("<{field}>", '<{field} xmlns:c="">'), NO_XML),
    "one attribute twice, by two prefixes": Attack(
        change("<{field}>", '<{field} xmlns:p="urn:p" xmlns:q="urn:p" p:a="1" q:a="2">'), NO_XML
    ),
    "xml:id on the root": Attack(change(_ROOT, _ROOT + 'xml:id="signed" '), BY_SCHEMA),
    "xml:base on the root": Attack(change(_ROOT, _ROOT + 'xml:base="http://localhost/" '), BY_SCHEMA),
    "xml:space on a value": Attack(change("<{field}>", '<{field} xml:space="preserve">'), BY_SCHEMA),
    "xml:lang on the root, under inclusive C14N": Attack(
        change(_ROOT, _ROOT + 'xml:lang="fi" '), BY_SCHEMA, of=INCLUSIVELY
    ),
    "xml:base on the signature": Attack(change("<ds:Signature ", '<ds:Signature xml:base="http://localhost/" '), TAKEN),
    "xml:base on the signature, under inclusive C14N": Attack(
        change("<ds:Signature ", '<ds:Signature xml:base="http://localhost/" '), BROKEN, of=INCLUSIVELY
    ),
    "an Id on the signature": Attack(change("<ds:Signature ", '<ds:Signature Id="signed" '), TAKEN),
}
"""Shapes of namespaces: similar names, and declarations that C14N may not cover."""


def _declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>'


def _as(encoding: str, declared: str | None = None, start: bytes = b"") -> Make:
    """Write the signed document in another encoding.

    The SOAP endpoint gets the whole envelope in that encoding (`test_wrapping.py`).
    """
    return lambda given: start + (_declared(declared or encoding) + given.message).encode(encoding)


ENCODINGS = {
    "the twin in ISO-8859-1": Attack(_as("iso-8859-1"), (None, "malformed")),
    "the twin in ISO-8859-1 that says UTF-8": Attack(_as("iso-8859-1", "utf-8"), (None, "malformed")),
    "the twin in UTF-16": Attack(_as("utf-16"), (None, "malformed")),
    "the twin in UTF-16 that says UTF-8": Attack(_as("utf-16", "utf-8"), (None, "malformed")),
    "the twin in UTF-16 without byte order mark": Attack(_as("utf-16-be", "utf-16"), (None, "malformed")),
    "the twin in UTF-32": Attack(_as("utf-32"), (None, "malformed")),
    "the twin in UTF-8 that says UTF-7": Attack(_as("utf-8", "utf-7"), (None, "malformed")),
    "the twin in UTF-8 that says ISO-8859-1": Attack(_as("utf-8", "iso-8859-1"), (None, "malformed")),
    "a byte order mark of UTF-8": Attack(_as("utf-8", start=b"\xef\xbb\xbf"), (None, "whole")),
    "two byte order marks": Attack(_as("utf-8", start=b"\xef\xbb\xbf" * 2), (None, "malformed")),
    "XML 1.1": Attack(
        lambda given: b'<?xml version="1.1" encoding="utf-8"?>' + given.message.encode(), (None, "malformed")
    ),
    "a less-than sign in two octets": Attack(
        lambda given: given.message.encode().replace(b"<CustomerId>", b"\xc0\xbcCustomerId>"), NO_XML
    ),
    "a NUL within": Attack(lambda given: given.message.encode().replace(b"Kaiku", b"Kai\0ku"), NO_XML),
    "half of a pair of surrogates": Attack(
        lambda given: given.message.encode().replace(b"Kaiku", b"Kai\xed\xa0\x80ku"), NO_XML
    ),
    "line ends of CR and LF, signed with LF": Attack(
        lambda given: given.signed(given.draft().replace("><C", ">\n<C")).replace("\n", "\r\n"), TAKEN
    ),
    "line ends of CR alone, signed with LF": Attack(
        lambda given: given.signed(given.draft().replace("><C", ">\n<C")).replace("\n", "\r"), TAKEN
    ),
    "line ends as character references of CR": Attack(
        lambda given: given.signed(given.draft().replace("><C", ">\n<C")).replace("\n<C", "&#13;\n<C"),
        ("PKI030", "signature-invalid"),
    ),
    "a character reference of LF within the value": Attack(change("{begin}{end}", "{begin}&#10;{end}"), BROKEN),
    "CR as character references in all base64": Attack(otherwise(line_end="&#13;\n"), TAKEN),
    "the signature's value in lines of CR and LF": Attack(_rewritten("SignatureValue", "\r\n", 20), TAKEN),
    "the signature's value in lines of one letter": Attack(_rewritten("SignatureValue", "\n", 1), TAKEN),
    "the certificate in one line": Attack(_rewritten("X509Certificate", "", 76), TAKEN),
    "the certificate in lines with character references of CR": Attack(
        _rewritten("X509Certificate", "&#13;\n", 64), TAKEN
    ),
    "the certificate in armour": Attack(
        change("<ds:X509Certificate>", "<ds:X509Certificate>-----BEGIN CERTIFICATE-----"), BROKEN
    ),
    "base64 without its end": Attack(_base64("SignatureValue", "=", ""), BROKEN),
    "base64 with something after its end": Attack(_base64("SignatureValue", "", "AAAA"), BROKEN),
    "base64 with a star within": Attack(_in_base64("SignatureValue", "*"), BROKEN),
    "base64 with a no-break space within": Attack(_in_base64("SignatureValue", "\u00a0"), BROKEN),
    "base64 of addresses": Attack(_base64("X509Certificate", "M", "-"), BROKEN),
    "base64 whose spare bits are set": Attack(_spare_bits, TAKEN),
    "the other quotation marks around the URI": Attack(change('URI=""', "URI=''"), TAKEN),
    "a space within tags": Attack(change("<CustomerId>", "<CustomerId >"), TAKEN),
    "an empty element as two tags": Attack(change('sha256"/>', 'sha256"></ds:DigestMethod>'), TAKEN),
    "an ampersand as its number": Attack(change("&amp;", "&#38;"), TAKEN),
    "an ampersand escaped twice": Attack(change("&amp;", "&amp;amp;"), BROKEN),
    "base64 with an element within": Attack(_in_base64("SignatureValue", "<b/>"), BROKEN),
}
"""Octets with two possible readings."""
