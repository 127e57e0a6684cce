"""Signatures that the verifier accepts or rejects.

Other judges agree on our own signatures.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
import signxml
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from lxml import etree

from sinetti.wire.xmldsig import algorithms, parser, signature, signers
from sinetti.wire.xmldsig.algorithms import Canonical
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing, WrongReference
from sinetti.wire.xmldsig.parser import XmlRejected, parse
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.support import xml_signing
from tests.support.xml_signing import (
    DS,
    ENVELOPED,
    ENVELOPED_ALONE,
    EXCLUSIVE,
    INCLUSIVE,
    MORE,
    OURS,
    SHA256,
    kept,
    transform,
)

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "incomes-register"
DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- before --><t:Report xmlns:t="urn:t" xmlns:unused="urn:unused" '
    'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xml:lang="fi">\r\n  '
    "<Name a=\"1\" t:b='2'>Äiti &amp; isä<!-- in --></Name>"
    '<x xmlns="urn:x"><y/></x><![CDATA[ < ]]>\n{signature}\n<!-- after it --></t:Report>\n<!-- after -->'
)
KINDS = ("rsa-2048", "p256", "p384")


def anybody(certificate):
    return True


def refuses(document, why, accept=anybody):
    with pytest.raises((SignatureInvalid, SignatureMissing, XmlRejected), match=why):
        signature.verify_document(document, accept)


def seal(kind):
    return signers.signer_for_key(xml_signing.key(kind), xml_signing.certificate(kind))


def prefixes(number):
    return " ".join(f"p{one}" for one in range(number))


ACCEPTED = {
    "our own recipe": OURS,
    "enveloped alone: inclusive C14N of the document": ENVELOPED_ALONE,
    "inclusive SignedInfo (.NET's default), xml:lang taken along": replace(ENVELOPED_ALONE, info_c14n=INCLUSIVE),
    "the nearest xml:lang counts": replace(ENVELOPED_ALONE, info_c14n=INCLUSIVE, attributes=' Id="s" xml:lang="sv"'),
    "inclusive as a second transform": replace(
        OURS, transforms=(transform(ENVELOPED), transform(INCLUSIVE)), document_c14n=INCLUSIVE
    ),
    "default-namespace Signature": replace(OURS, prefix=""),
    "InclusiveNamespaces on both": replace(
        OURS,
        info_prefixes="unused t",
        transforms=(transform(ENVELOPED), transform(EXCLUSIVE, kept("unused"))),
        document_prefixes="unused",
    ),
    "an empty InclusiveNamespaces": replace(OURS, info_prefixes=""),
    "InclusiveNamespaces that names a prefix a thousand times": replace(OURS, info_prefixes="t " * 1000),
    "InclusiveNamespaces with as many prefixes as are taken": replace(OURS, info_prefixes=prefixes(32)),
    "CR as character reference in base64": replace(OURS, line_end="&#13;\n"),
    "comments in SignedInfo": replace(OURS, info_comment="<!-- hello -->"),
    "SHA-384 digest": replace(OURS, digest=MORE + "sha384"),
    "SHA-512 digest": replace(OURS, digest="http://www.w3.org/2001/04/xmlenc#sha512"),
    "ECDSA P-384": replace(OURS, kind="p384", method=MORE + "ecdsa-sha384"),
    "ECDSA P-256 with SHA-512": replace(OURS, method=MORE + "ecdsa-sha512"),
    "RSA": replace(OURS, kind="rsa-2048", method=MORE + "rsa-sha256"),
    "RSA SHA-384": replace(OURS, kind="rsa-2048", method=MORE + "rsa-sha384"),
    "RSA SHA-512": replace(OURS, kind="rsa-2048", method=MORE + "rsa-sha512"),
    "KeyValue, KeyName and X509SubjectName beside": replace(
        OURS,
        key_info="<P:KeyName>n</P:KeyName><P:KeyValue><P:RSAKeyValue/></P:KeyValue><P:X509Data><P:X509SubjectName>CN=x"
        "</P:X509SubjectName><P:X509Certificate>\n{certificate}\n</P:X509Certificate></P:X509Data>",
    ),
    "an Id on the signature": replace(OURS, attributes=' Id="s1"'),
}


@pytest.mark.parametrize("shape", ACCEPTED.values(), ids=ACCEPTED)
def test_is_verified(shape):
    verified = signature.verify_document(xml_signing.signed(DOCUMENT, shape), anybody)
    assert verified.certificate == xml_signing.certificate(shape.kind)
    assert b"Signature" not in verified.octets
    assert "Äiti &amp; isä".encode() in verified.octets


WITH_COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
FULL = kept("t").replace("/>", "><x/></e:InclusiveNamespaces>")
REFUSED = {
    "another reference": (replace(OURS, reference='URI="#x"'), "something other"),
    "no URI at all": (replace(OURS, reference=""), "something other"),
    "a reference to the outside": (replace(OURS, reference='URI="http://localhost/"'), "something other"),
    "an XPointer": (replace(OURS, reference='URI="#xpointer(/)"'), "something other"),
    "two references": (
        replace(OURS, second_reference='<P:Reference URI=""><P:DigestValue>AA==</P:DigestValue></P:Reference>'),
        "structure",
    ),
    "an Object": (replace(OURS, after_key_info="<P:Object>x</P:Object>"), "structure"),
    "no transform": (replace(OURS, transforms=()), "transforms"),
    "C14N alone": (replace(OURS, transforms=(transform(EXCLUSIVE),)), "transforms"),
    "C14N first": (replace(OURS, transforms=(transform(EXCLUSIVE), transform(ENVELOPED))), "transforms"),
    "enveloped twice": (replace(OURS, transforms=(transform(ENVELOPED),) * 2), "canonicalisation"),
    "three transforms": (replace(OURS, transforms=(*OURS.transforms, transform(EXCLUSIVE))), "transforms"),
    "something inside enveloped": (replace(OURS, transforms=(transform(ENVELOPED, "<x/>"),)), "transforms"),
    "a Transform by another name": (
        replace(OURS, transforms=(f'<P:Other Algorithm="{ENVELOPED}"/>',), document_c14n=INCLUSIVE),
        "transforms",
    ),
    "C14N with comments": (
        replace(OURS, transforms=(transform(ENVELOPED), transform(WITH_COMMENTS)), document_c14n=WITH_COMMENTS),
        "canonicalisation",
    ),
    "SignedInfo with comments": (replace(OURS, info_c14n=WITH_COMMENTS), "canonicalisation"),
    "C14N 1.1": (replace(OURS, info_c14n="http://www.w3.org/2006/12/xml-c14n11"), "canonicalisation"),
    "InclusiveNamespaces of inclusive C14N": (
        replace(OURS, info_c14n=INCLUSIVE, info_prefixes="t"),
        "canonicalisation",
    ),
    "InclusiveNamespaces with more prefixes than any program names": (
        replace(OURS, info_prefixes=prefixes(33)),
        "canonicalisation",
    ),
    "InclusiveNamespaces with an element inside": (
        replace(OURS, transforms=(transform(ENVELOPED), transform(EXCLUSIVE, FULL)), document_prefixes="t"),
        "canonicalisation",
    ),
    "XPath": (
        replace(OURS, transforms=(transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<P:XPath>1</P:XPath>"),)),
        "transforms",
    ),
    "XPath filter after enveloped": (
        replace(
            OURS, transforms=(transform(ENVELOPED), transform("http://www.w3.org/2002/06/xmldsig-filter2", "<x/>"))
        ),
        "canonicalisation",
    ),
    "XSLT": (
        replace(
            OURS, transforms=(transform(ENVELOPED), transform("http://www.w3.org/TR/1999/REC-xslt-19991116", "<x/>"))
        ),
        "canonicalisation",
    ),
    "SHA-1 digest": (replace(OURS, digest=DS + "sha1"), "digest"),
    "HMAC": (replace(OURS, method=MORE + "hmac-sha256"), "signature method"),
    "RSA with SHA-1": (replace(OURS, kind="rsa-2048", method=DS + "rsa-sha1"), "signature method"),
    "ECDSA with SHA-1": (replace(OURS, method=MORE + "ecdsa-sha1"), "signature method"),
    "DSA": (replace(OURS, method="http://www.w3.org/2009/xmldsig11#dsa-sha256"), "signature method"),
    "RSA-PSS": (replace(OURS, method="http://www.w3.org/2007/05/xmldsig-more#sha256"), "signature method"),
    "a length inside the signature method": (
        replace(OURS, method_inside="<P:HMACOutputLength>8</P:HMACOutputLength>"),
        "signature method",
    ),
    "an EC key under an RSA method": (replace(OURS, method=MORE + "rsa-sha256"), "does not match"),
    "an RSA key under an EC method": (replace(OURS, kind="rsa-2048"), "does not match"),
    "no certificate": (replace(OURS, key_info="<P:KeyName>n</P:KeyName>"), "exactly one"),
    "a key alone": (replace(OURS, key_info="<P:KeyValue><P:RSAKeyValue/></P:KeyValue>"), "exactly one"),
    "two certificates": (replace(OURS, key_info=OURS.key_info * 2), "exactly one"),
    "two certificates in one X509Data": (
        replace(
            OURS,
            key_info=OURS.key_info.replace("</P:X509Data>", "<P:X509Certificate>AA==</P:X509Certificate></P:X509Data>"),
        ),
        "exactly one",
    ),
    "RetrievalMethod beside": (replace(OURS, key_info=OURS.key_info + '<P:RetrievalMethod URI="#k"/>'), "exactly one"),
    "a certificate without X509Data": (
        replace(OURS, key_info="<P:KeyValue><P:X509Certificate>{certificate}</P:X509Certificate></P:KeyValue>"),
        "not inside an X509Data element",
    ),
    "a certificate deeper down": (
        replace(
            OURS,
            key_info=OURS.key_info.replace("<P:X509Data>", "<P:X509Data><P:X509Data>").replace(
                "</P:X509Data>", "</P:X509Data></P:X509Data>"
            ),
        ),
        "not inside an X509Data element",
    ),
    "an element inside the certificate": (
        replace(OURS, key_info="<P:X509Data><P:X509Certificate>{certificate}<x/></P:X509Certificate></P:X509Data>"),
        "base64",
    ),
    "no base64": (
        replace(OURS, key_info="<P:X509Data><P:X509Certificate>*</P:X509Certificate></P:X509Data>"),
        "base64",
    ),
    "an empty certificate": (
        replace(OURS, key_info="<P:X509Data><P:X509Certificate> </P:X509Certificate></P:X509Data>"),
        "base64",
    ),
    "no certificate in the base64": (
        replace(OURS, key_info="<P:X509Data><P:X509Certificate>AAAA</P:X509Certificate></P:X509Data>"),
        "cannot be read",
    ),
    "far too long": (
        replace(OURS, key_info=f"<P:X509Data><P:X509Certificate>{'AAAA' * 11_000}</P:X509Certificate></P:X509Data>"),
        "too long",
    ),
}


COSTLY = {"many prefixes": prefixes(5_000), "one prefix, named often": "t " * 20_000}


@pytest.mark.parametrize("named", COSTLY.values(), ids=COSTLY)
def test_no_forged_signature_makes_us_canonicalise_for_long(named, monkeypatch):
    """C14N looks for each prefix at each element.

    52,000 prefixes over 1,880 elements took 46 s, for any key at all.
    """
    document = xml_signing.signed(DOCUMENT, replace(OURS, info_prefixes="t")).decode()
    assert document.count('PrefixList="t"') == document.count("<ds:DigestValue>") == 1
    deep = ("<d>" * 90 + "</d>" * 90) * 20
    forged = document.replace('PrefixList="t"', f'PrefixList="{named}"')
    forged = forged.replace("<ds:DigestValue>", f"<ds:DigestValue>{deep}")
    looked_for, kept = [0], Canonical._kept
    monkeypatch.setattr(Canonical, "_kept", lambda form: looked_for.append(len(form.prefixes)) or kept(form))
    refuses(forged.encode(), "canonicalisation|base64")
    assert max(looked_for) <= 1


@pytest.mark.parametrize(("shape", "why"), REFUSED.values(), ids=REFUSED)
def test_is_refused(shape, why):
    try:
        document = xml_signing.signed(DOCUMENT, shape)
    except KeyError:  # a method that cannot be computed here: any value will do
        document = xml_signing.signed(DOCUMENT, OURS).replace(OURS.method.encode(), shape.method.encode())
    refuses(document, why)


ELSEWHERE = {
    "by its reference": xml_signing.signed(DOCUMENT, replace(OURS, reference='URI="#x"')),
    "by its place": xml_signing.signed(DOCUMENT.replace("{signature}", "<z>{signature}</z>")),
}


@pytest.mark.parametrize("document", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_covers_something_else_is_told_apart(document):
    with pytest.raises(WrongReference):
        signature.verify_document(document, anybody)


def test_something_in_the_digest_method_is_refused():
    inside = f'<ds:DigestMethod Algorithm="{SHA256}"><x/></ds:DigestMethod>'
    document = xml_signing.signed(DOCUMENT).replace(
        f'<ds:DigestMethod Algorithm="{SHA256}"/>'.encode(), inside.encode()
    )
    refuses(document, "digest method")


@pytest.mark.parametrize("shape", [OURS, ENVELOPED_ALONE], ids=["exclusive", "inclusive"])
def test_an_ampersand_in_a_namespace_name_is_refused(shape):
    """libxml2 does not escape it, against C14N 1.0, 2.3.

    The digested octets would be no XML, or would be read as another name.
    """
    named = DOCUMENT.replace('xmlns:unused="urn:unused"', 'xmlns:unused="urn:a&amp;b"')
    assert named != DOCUMENT
    refuses(xml_signing.signed(named, shape), "namespace name")


SIGNED = xml_signing.signed(DOCUMENT)
CHANGED = {
    "a changed text": (SIGNED.replace(b"&amp;", b"+"), "digest"),
    "a changed attribute": (SIGNED.replace(b'a="1"', b'a="2"'), "digest"),
    "a new element": (SIGNED.replace(b"<y/>", b"<y/><y/>"), "digest"),
    "a changed digest": (SIGNED.replace(b"<ds:DigestValue>", b"<ds:DigestValue>AAAA"), "does not match"),
    "a shorter signature": (SIGNED.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"), "does not match"),
    "no signature": (DOCUMENT.replace("{signature}", "").encode(), "no signature"),
    "no XML": (b"Signature", "well-formed"),
    "two byte order marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + SIGNED, "well-formed"),
    "a signature further in": (xml_signing.signed(DOCUMENT.replace("{signature}", "<z>{signature}</z>")), "last child"),
    "not last": (xml_signing.signed(DOCUMENT.replace("{signature}", "{signature}<z/>")), "last child"),
    "two signatures": (SIGNED.replace(b"<ds:Signature ", b"<ds:Signature/><ds:Signature "), "last child"),
    "one more inside": (SIGNED.replace(b"<ds:X509Data>", b"<ds:X509Data><ds:Signature/>"), "last child"),
    "the root is a signature": (f'<Signature xmlns="{DS}"/>'.encode(), "last child"),
    "a relative namespace": (
        SIGNED.replace(b'xmlns:unused="urn:unused"', b'xmlns:unused="rel"').replace(
            EXCLUSIVE.encode(), INCLUSIVE.encode()
        ),
        "canonical form",
    ),
}


@pytest.mark.parametrize(("document", "why"), CHANGED.values(), ids=CHANGED)
def test_a_changed_document_is_refused(document, why):
    refuses(document, why)


def test_the_presented_key_is_judged_before_it_verifies_anything():
    seen = []

    def nobody(certificate):
        seen.append(certificate)
        return False

    refuses(SIGNED.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"), "not accepted", nobody)
    assert [one.serial_number for one in seen] == [1 << 70]


def test_a_curve_that_openssl_does_not_know_is_unreadable(monkeypatch):
    broken = xml_signing.certificate("p384").replace(bytes.fromhex("06052b81040022"), bytes.fromhex("06052b8104007f"))
    monkeypatch.setattr(xml_signing, "certificate", lambda kind: broken)
    refuses(xml_signing.signed(DOCUMENT), "cannot be read")


def test_the_first_candidate_that_fits_counts_and_none_is_an_error():
    assert signature.verify_document([parse(b"<a/>"), parse(SIGNED)], anybody).certificate == xml_signing.certificate(
        "p256"
    )
    refuses([parse(b"<a/>"), parse(b"<a/>")], "no signature")
    refuses([], "extracted")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recipe", SignatureProfile)
def test_we_verify_what_we_sign_and_leave_the_rest_alone(kind, recipe):
    plain = DOCUMENT.replace("{signature}", "").encode()
    document = signature.sign_document(b"\xef\xbb\xbf" + plain, seal(kind), recipe)
    begin, end = document.index(b"<ds:Signature "), document.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    assert document[:begin] + document[end:] == plain
    verified = signature.verify_document(document, anybody)
    wanted = etree.tostring(
        etree.fromstring(plain).getroottree(),
        method="c14n",
        exclusive=recipe is SignatureProfile.EXCLUSIVE,
        with_comments=False,
    )
    assert verified == signature.VerifiedDocument(wanted, xml_signing.certificate(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recipe", SignatureProfile)
def test_xmlsec_accepts_what_we_sign(kind, recipe):
    document = signature.sign_document(DOCUMENT.replace("{signature}", "").encode(), seal(kind), recipe)
    root = etree.fromstring(document)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(xml_signing.certificate(kind), xmlsec.constants.KeyDataFormatCertDer)
    context.verify(xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recipe", SignatureProfile)
def test_signxml_accepts_what_we_sign(kind, recipe):
    document = signature.sign_document(DOCUMENT.replace("{signature}", "").encode(), seal(kind), recipe)
    if recipe is SignatureProfile.EXCLUSIVE:
        configuration = signxml.verifier.SignatureConfiguration()
    else:  # its default for an unnamed C14N is 1.1; XML Signature names 1.0
        configuration = signxml.verifier.SignatureConfiguration(
            default_reference_c14n_method=signxml.CanonicalizationMethod.CANONICAL_XML_1_0
        )
    signer = x509.load_der_x509_certificate(xml_signing.certificate(kind))
    signxml.XMLVerifier().verify(document, x509_cert=signer, expect_config=configuration)


SIGNXML = {
    "rsa, exclusive": ("rsa-2048", "rsa-sha256", signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0),
    "p256, exclusive": ("p256", "ecdsa-sha256", signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0),
    "p384, inclusive": ("p384", "ecdsa-sha384", signxml.CanonicalizationMethod.CANONICAL_XML_1_0),
    "rsa, inclusive": ("rsa-2048", "rsa-sha512", signxml.CanonicalizationMethod.CANONICAL_XML_1_0),
}


@pytest.mark.parametrize(("kind", "method", "c14n"), SIGNXML.values(), ids=SIGNXML)
def test_we_accept_what_signxml_signs(kind, method, c14n):
    signer = signxml.XMLSigner(signature_algorithm=method, c14n_algorithm=c14n)
    root = etree.fromstring(b'<a xmlns="urn:a" xmlns:b="urn:b"><c b:d="e">f</c></a>')
    certificate = x509.load_der_x509_certificate(xml_signing.certificate(kind))
    document = etree.tostring(signer.sign(root, key=xml_signing.key(kind), cert=[certificate]))
    assert signature.verify_document(document, anybody).certificate == xml_signing.certificate(kind)


@pytest.mark.parametrize("kind", ["rsa-2048", "p256"])
@pytest.mark.parametrize("shape", [*ACCEPTED.values()][:6], ids=[*ACCEPTED][:6])
def test_the_tests_own_signer_is_judged_too(kind, shape):
    method = MORE + ("rsa-sha256" if kind == "rsa-2048" else "ecdsa-sha256")
    root = etree.fromstring(xml_signing.signed(DOCUMENT, replace(shape, kind=kind, method=method)))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(xml_signing.certificate(kind), xmlsec.constants.KeyDataFormatCertDer)
    context.verify(xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature))


EMPTY = {"an empty root": b"<a/>", "with attributes": b'<?xml version="1.0"?>\n<!-- c --><a b=">" xmlns:c="urn:c" />\n'}


@pytest.mark.parametrize("document", EMPTY.values(), ids=EMPTY)
def test_an_empty_root_is_opened(document):
    for recipe in SignatureProfile:
        signed = signature.sign_document(document, seal("p256"), recipe)
        assert signature.verify_document(signed, anybody).octets.startswith(b"<a")


UNSIGNABLE = {
    "signed already": (SIGNED, "already"),
    "no XML": (b"hello", "well-formed"),
    "two byte order marks": (b"\xef\xbb\xbf\xef\xbb\xbf<a/>", "well-formed"),
    "a DOCTYPE": (b"<!DOCTYPE a><a/>", "DOCTYPE"),
    "no canonical form": (b'<a xmlns="relative"/>', "canonical"),
}


@pytest.mark.parametrize(("document", "why"), UNSIGNABLE.values(), ids=UNSIGNABLE)
def test_what_cannot_be_signed(document, why):
    with pytest.raises(ValueError, match=why):
        signature.sign_document(document, seal("p256"), SignatureProfile.EXCLUSIVE)


def test_only_rsa_and_ec_keys_sign():
    with pytest.raises(ValueError, match="only RSA and EC"):
        algorithms.algorithm_for(ed25519.Ed25519PrivateKey.generate().public_key())


def test_another_key_of_the_same_kind_does_not_verify():
    foreign = signers.DocumentSigner(xml_signing.certificate("p256"), seal("other-p256").sign, seal("p256").algorithm)
    document = signature.sign_document(b"<a></a>", foreign, SignatureProfile.EXCLUSIVE)
    refuses(document, "does not match")


def test_a_tail_is_kept_where_the_signature_is_the_only_child():
    document = xml_signing.signed("<a>one {signature} two</a>", ENVELOPED_ALONE)
    assert signature.verify_document(document, anybody).octets == b"<a>one  two</a>"


def real_messages():
    return sorted(VECTORS.glob("*.xml"))


@pytest.mark.skipif(not real_messages(), reason="the real messages are not beside this checkout")
@pytest.mark.parametrize("path", real_messages(), ids=lambda path: path.stem)
def test_real_messages_verify_and_do_not_with_one_character_changed(path):
    document = path.read_bytes()
    assert signature.verify_document(document, anybody).certificate
    begin = document.index(b"<Signature")
    for position in range(60, begin, max(1, begin // 60)):
        changed = bytearray(document)
        if changed[position] in b"0123456789abcdefghijklmnoprstuvyABCDEFGHIJKLMNOPRSTUVY":
            changed[position] ^= 0x01
            if not in_comment(document, position):
                refuses(bytes(changed), "match|well-formed")


def in_comment(document, position):
    return document.rfind(b"<!--", 0, position) > document.rfind(b"-->", 0, position)


@pytest.mark.skipif(not real_messages(), reason="the real messages are not beside this checkout")
def test_a_real_signature_is_refused_with_one_character_changed_in_it():
    document = real_messages()[0].read_bytes()
    for mark in (b"<DigestValue>", b"<SignatureValue>", b"<Modulus>"):
        at = document.index(mark) + len(mark) + 2
        changed = document[:at] + (b"A" if document[at : at + 1] != b"A" else b"B") + document[at + 1 :]
        if mark == b"<Modulus>":  # The verifier ignores KeyValue: the certificate alone has the key
            assert signature.verify_document(changed, anybody)
        else:
            refuses(changed, "does not match")


def test_a_prefix_list_may_name_the_default_namespace():
    """The parser beneath passes over `#default` unless its name is known.

    The source is Exclusive C14N 1.0, 4.
    """
    root = etree.fromstring(b'<a:r xmlns="urn:d" xmlns:a="urn:a"/>')
    with_default = Canonical(exclusive=True, prefixes=("#default",)).octets(root)
    assert with_default == b'<a:r xmlns="urn:d" xmlns:a="urn:a"></a:r>'
    assert Canonical(exclusive=True).octets(root) == b'<a:r xmlns:a="urn:a"></a:r>'


@pytest.mark.parametrize("old_library", [False, True])
def test_an_element_has_a_bounded_number_of_attributes(old_library, monkeypatch):
    """C14N sorts them in quadratic time, and an old libxml2 reads them so."""
    monkeypatch.setattr(parser, "_SLOW_WITH_ATTRIBUTES", old_library)
    many = " ".join(f'a{number}=""' for number in range(65))
    refuses(xml_signing.signed(DOCUMENT.replace("<y/>", f"<y {many}/>"), OURS), "attributes")
    signature.verify_document(xml_signing.signed(DOCUMENT.replace("<y/>", f"<y {many[:-6]}/>"), OURS), anybody)


def test_an_element_has_few_attributes_with_a_prefix():
    """C14N sorts those by the names of their namespaces."""
    many = [f'q:a{number}=""' for number in range(17)]
    for more in ("", 'b="" ' * 40):
        written = f'<y xmlns:q="urn:q" {more.replace("b", "{}")}'.format(*(f"b{number}" for number in range(40)))
        refuses(xml_signing.signed(DOCUMENT.replace("<y/>", f"{written} {' '.join(many)}/>"), OURS), "attributes")
        signature.verify_document(
            xml_signing.signed(DOCUMENT.replace("<y/>", f"{written} {' '.join(many[1:])}/>"), OURS), anybody
        )


BROKEN = {
    "cut off": b"<a><b>",
    "cut off in a tag": b"<a b='",
    "too deep for libxml2": b"<a>" * 300 + b"</a>" * 300,
    "too long for libxml2": b"<a>" + b"x" * 10_100_000 + b"</a>",
    "an unknown entity": b"<a>&b;</a>",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_parser_keeps_nothing_of_a_document_that_it_refused(broken):
    wanted = Canonical(exclusive=False).whole(parse(SIGNED))
    for _ in range(3):
        with pytest.raises(XmlRejected):
            parse(broken)
        with pytest.raises(XmlRejected):
            parser.tree_of(broken)
        assert Canonical(exclusive=False).whole(parse(SIGNED)) == wanted


def test_each_thread_has_a_parser_of_its_own():
    together = Barrier(4)

    def work(number):
        together.wait()
        for _ in range(200):
            with pytest.raises(XmlRejected):
                parser.tree_of(b"<a>" * number)
            assert parse(f"<a{number}/>".encode()).tag == f"a{number}"
        together.wait()
        return parser._OF_THREAD.parser, parser._OF_THREAD.parser

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(work, range(1, 5)))
    assert all(first is second for first, second in kept)
    assert len({id(first) for first, _ in kept} | {id(parser._OF_THREAD.parser)}) == 5


@pytest.mark.parametrize(("longest", "taken"), [(256, True), (257, False)])
def test_a_namespace_name_is_no_longer_than_programs_have_them(longest, taken):
    name = "urn:".ljust(longest, "x")
    document = xml_signing.signed(DOCUMENT.replace("<y/>", f'<y xmlns:q="{name}"/>'), OURS)
    if taken:
        signature.verify_document(document, anybody)
    else:
        refuses(document, "too long")


@pytest.mark.parametrize(
    ("declared", "elements", "taken"), [(64, 1_000, True), (20, 450_000, False), (8, 450_000, True)]
)
def test_a_large_document_has_few_declarations_in_scope(declared, elements, taken):
    """Inclusive C14N looks each of them up at each element."""
    names = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(declared))
    document = f"<a {names}>{'<b/>' * elements}</a>".encode()
    if taken:
        assert len(parse(document)) == elements
    else:
        refuses(document, "declarations are in scope")


def test_a_canonical_form_is_written_up_to_a_bound_and_no_further():
    """Exclusive C14N repeats a declaration at every element that relies on it."""
    root = parse(b'<d xmlns:p="urn:example:a-name-of-some-length">' + b"<p:a/>" * 100 + b"</d>")
    length = len(Canonical(exclusive=True).whole(root))
    assert length > 4000
    assert len(Canonical(exclusive=True).whole(root, length)) == length
    with pytest.raises(XmlRejected, match="too many elements"):
        Canonical(exclusive=True).whole(root, length - 1)
