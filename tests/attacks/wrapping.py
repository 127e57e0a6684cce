"""Shapes of wrapping: a valid message with a forged value beside it.

The attacker has the message but not its key, and wants the service to act on his own value.
"""

import hashlib

from lxml import etree

from tests.attacks.messages import (
    BROKEN,
    ELSEWHERE,
    MISSING,
    TAKEN,
    Attack,
    Given,
    Make,
    change,
    encode,
    otherwise,
    value_of,
)
from tests.support.xml_signing import DS, ENVELOPED, EXCLUSIVE, INCLUSIVE, MORE, OURS, PLACE, transform

_END = "</ds:Signature>"
_MANIFEST = f"{DS}Manifest"


def digest_of(document: str) -> bytes:
    """Return SHA-256 over the exclusive canonical form."""
    return hashlib.sha256(etree.tostring(etree.fromstring(document), method="c14n", exclusive=True)).digest()


def _unsigned(given: Given) -> str:
    return given.draft().replace(PLACE, "")


def _object(inside: str) -> str:
    return f'<ds:Object Id="signed">{inside}</ds:Object>{_END}'


def _forged_with_object(inside: str) -> Make:
    """Put the signature onto the forged document, with an Object inside it."""

    def make(given: Given) -> str:
        parts = inside.replace("{unsigned}", _unsigned(given)).replace("{message}", given.message)
        return given.forged_with(given.signature.replace(_END, _object(given.filled(parts))))

    return make


def _signature_in(before: str, after: str) -> Make:
    """Move the signature into another element, last in the forged document."""
    return lambda given: given.forged_with(before + given.signature + after)


def _signed_by_attacker(given: Given) -> str:
    """Sign the forged document with an unknown key and certificate.

    The function returns the Signature alone.
    """
    text = given.signed(given.draft(given.evil), signer=None, kind="other-p256")
    return text[text.index("<ds:Signature ") : text.index(_END) + len(_END)]


def _two(first_is_right: bool) -> Make:
    def make(given: Given) -> str:
        pair = (given.signature, _signed_by_attacker(given))
        return given.forged_with("".join(pair if first_is_right else pair[::-1]))

    return make


PLACES = {
    "the signature on a forged document": Attack(lambda given: given.forged_with(given.signature), BROKEN),
    "the signed document as a child of a forged one": Attack(
        lambda given: given.forged_with(given.message), ("PKI001", "covers-something-else")
    ),
    "the signed document inside a value of a forged one": Attack(
        lambda given: given.forged.replace("<CustomerName>", f"<CustomerName>{given.message}"),
        ("PKI001", "covers-something-else"),
    ),
    "the signed document, unsigned, in an Object of its signature": Attack(_forged_with_object("{unsigned}"), BROKEN),
    "the signed document, signature and all, in an Object": Attack(_forged_with_object("{message}"), ELSEWHERE),
    "the forged document in an Object of the signature": Attack(
        lambda given: given.message.replace(_END, _object(given.forged)), BROKEN
    ),
    "the forged document within the signed one": Attack(
        lambda given: given.message.replace("<ds:Signature ", f"{given.forged}<ds:Signature "),
        ("PKI001", "signature-invalid"),
    ),
    "the forged document after the signature": Attack(
        lambda given: given.message.replace(_END, _END + given.forged), ("PKI001", "covers-something-else")
    ),
    "the forged document before the signed one": Attack(
        lambda given: given.forged + given.message, ("PKI001", "malformed")
    ),
    "the forged document behind the signed one": Attack(
        lambda given: given.message + given.forged, ("PKI001", "malformed")
    ),
    "the value twice, the forged one first": Attack(
        change("<{field}>", "<{field}>{evil}</{field}><{field}>"), ("PKI001", "signature-invalid")
    ),
    "the value twice, the forged one last": Attack(
        change("</{field}>", "</{field}><{field}>{evil}</{field}>"), ("PKI001", "signature-invalid")
    ),
    "the value again after the signature": Attack(
        change(_END, _END + "<{field}>{evil}</{field}>"), ("PKI001", "covers-something-else")
    ),
    "the forged value in an Object": Attack(
        change(_END, "<ds:Object><{field}>{evil}</{field}></ds:Object>" + _END), BROKEN
    ),
    "the forged value within KeyInfo": Attack(
        change("<ds:X509Data>", "<{field}>{evil}</{field}><ds:X509Data>"), BROKEN
    ),
    "the forged value within X509Data, which is not read": Attack(
        change("<ds:X509Certificate>", "<{field}>{evil}</{field}><ds:X509Certificate>"), TAKEN
    ),
    "the signature within another child": Attack(
        _signature_in("<Extensions>", "</Extensions>"), ("PKI001", "covers-something-else")
    ),
    "the signature within a value": Attack(
        lambda given: given.forged.replace("<CustomerName>", f"<CustomerName>{given.signature}"),
        ("PKI001", "covers-something-else"),
    ),
    "the signature before the other children": Attack(
        lambda given: given.forged.replace("<Environment>", f"{given.signature}<Environment>"), ELSEWHERE
    ),
    "the signature of the right document before its children": Attack(
        lambda given: _unsigned(given).replace("<Environment>", f"{given.signature}<Environment>"), ELSEWHERE
    ),
    "the signature between the children": Attack(
        lambda given: given.forged.replace("<CustomerName>", f"{given.signature}<CustomerName>"), ELSEWHERE
    ),
    "the signature twice": Attack(lambda given: given.message.replace(_END, _END + given.signature), ELSEWHERE),
    "an empty signature after it": Attack(_signature_in("", f'<Signature xmlns="{DS}"/>'), ELSEWHERE),
    "two signatures, the attacker's last": Attack(_two(first_is_right=True), ELSEWHERE),
    "two signatures, the attacker's first": Attack(_two(first_is_right=False), ELSEWHERE),
    "two signatures, one within the other's KeyInfo": Attack(
        lambda given: given.forged_with(
            _signed_by_attacker(given).replace("<ds:KeyInfo>", f"<ds:KeyInfo>{given.signature}")
        ),
        ELSEWHERE,
    ),
    "two signatures, one within the other's SignedInfo": Attack(
        lambda given: given.forged_with(
            _signed_by_attacker(given).replace("<ds:SignedInfo>", f"<ds:SignedInfo>{given.signature}")
        ),
        ELSEWHERE,
    ),
    "the signature alone, as the document": Attack(lambda given: given.signature, ("Fault", "covers-something-else")),
    "the signature in a comment": Attack(_signature_in("<!--", "-->"), MISSING),
    "the signature in a CDATA section": Attack(_signature_in("<![CDATA[", "]]>"), ("PKI001", "signature-missing")),
    "the signature in a processing instruction": Attack(_signature_in("<?signature ", "?>"), MISSING),
    "the signature as text of a value": Attack(
        lambda given: given.forged.replace("<CustomerName>", f"<CustomerName><![CDATA[{given.signature}]]>"),
        ("PKI001", "signature-missing"),
    ),
    "no signature": Attack(lambda given: given.forged, MISSING),
}
"""Shapes of the places of the signed document, the forged one and the signature."""


def _covering(what: str, uri: str) -> Make:
    """Cover an Object by its Id with the holder's signature, below a forged document."""

    def make(given: Given) -> str:
        inside = given.filled(what).replace("{unsigned}", _unsigned(given))
        named = f'<ds:Object xmlns:ds="{DS}" Id="signed">{inside}</ds:Object>'
        return given.signed(
            given.draft(given.evil),
            reference=f'URI="{uri}"',
            transforms=(transform(EXCLUSIVE),),
            after_key_info=f'<P:Object Id="signed">{inside}</P:Object>',
            digest_value=digest_of(named),
        )

    return make


def _enveloping(given: Given) -> str:
    """Return the signature alone, which covers the Object with the signed document."""
    document = _covering("{unsigned}", "#signed")(given)
    return document[document.index("<ds:Signature ") : document.index(_END) + len(_END)]


def _value_by_id(given: Given) -> str:
    """Cover one value by its Id with the holder's signature.

    The CustomerName is not the signed one.
    """
    part = f'<{given.field} Id="signed">{given.good}</{given.field}>'
    draft = given.draft().replace(f"<{given.field}>", f'<{given.field} Id="signed">').replace("Kaiku", "Kuiske")
    return given.signed(draft, reference='URI="#signed"', digest_value=digest_of(part))


def _second(uri: str) -> Make:
    """Sign the right document and a second Reference to forged content."""

    def make(given: Given) -> str:
        digest = encode(digest_of(given.forged))
        return given.signed(
            second_reference=(
                f'<P:Reference URI="{uri}"><P:Transforms>{"".join(OURS.transforms)}</P:Transforms>'
                f'<P:DigestMethod Algorithm="{OURS.digest}"/><P:DigestValue>{digest}</P:DigestValue></P:Reference>'
            )
        )

    return make


def _without_reference(given: Given) -> str:
    before, _, rest = given.message.partition("<ds:Reference ")
    return before + rest.partition("</ds:Reference>")[2]


_IN_MANIFEST = (
    f'<ds:Manifest><ds:Reference URI=""><ds:DigestMethod Algorithm="{OURS.digest}"></ds:DigestMethod>'
    "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:Manifest>"
)
REFERENCES = {
    "a Reference to an Object that holds the signed document": Attack(_covering("{unsigned}", "#signed"), BROKEN),
    "an enveloping signature: the document in its Object": Attack(_enveloping, ("Fault", "covers-something-else")),
    "a Reference by XPointer to an Object": Attack(_covering("{unsigned}", "#xpointer(id('signed'))"), BROKEN),
    "a Reference to a Manifest": Attack(_covering(_IN_MANIFEST, "#signed"), BROKEN),
    "a Reference to one value by its Id": Attack(_value_by_id, ("PKI001", "covers-something-else")),
    "a Reference to an Id that is nowhere": Attack(otherwise(reference='URI="#signed"'), ELSEWHERE),
    "a Reference to the root by XPointer": Attack(otherwise(reference='URI="#xpointer(/)"'), ELSEWHERE),
    "a Reference to an empty Id": Attack(otherwise(reference='URI="#"'), ELSEWHERE),
    "a Reference to a blank": Attack(otherwise(reference='URI=" "'), ELSEWHERE),
    "a Reference to a file": Attack(otherwise(reference='URI="file:///etc/hostname"'), ELSEWHERE),
    "a Reference to an address": Attack(otherwise(reference='URI="http://localhost/signed.xml"'), ELSEWHERE),
    "a Reference to an attachment": Attack(otherwise(reference='URI="cid:signed"'), ELSEWHERE),
    "a Reference without URI": Attack(otherwise(reference=""), ELSEWHERE),
    "a Reference whose URI is written small": Attack(otherwise(reference='uri=""'), ELSEWHERE),
    "a Reference whose URI has a namespace": Attack(otherwise(reference='P:URI=""'), ELSEWHERE),
    "a Reference with a second URI in a namespace, which is not read": Attack(
        otherwise(reference='URI="" P:URI="#signed"'), TAKEN
    ),
    "a Reference that says it is a Manifest, which is not read": Attack(
        otherwise(reference=f'URI="" Type="{_MANIFEST}"'), TAKEN
    ),
    "two References, the second to the document": Attack(_second(""), BROKEN),
    "two References, the second to an Id": Attack(_second("#signed"), BROKEN),
    "no Reference": Attack(_without_reference, BROKEN),
}
"""Shapes of the References of the signature."""


def _forged_digest(given: Given) -> str:
    return encode(digest_of(given.forged))


def _digest(before: str, after: str) -> Make:
    """Forge the document and write its own digest near the right one.

    The pattern holds `{digest}` and `{right}`.
    """

    def make(given: Given) -> str:
        right = f"<ds:DigestValue>{value_of(given, 'DigestValue')}</ds:DigestValue>"
        pattern = before + after
        written = pattern.replace("{digest}", _forged_digest(given)).replace("{value}", value_of(given, "DigestValue"))
        signature = given.signature
        assert right in signature
        return given.forged_with(signature.replace(right, written.replace("{right}", right)))

    return make


def _part(name: str, given: Given) -> str:
    begin = given.signature.index(f"<ds:{name}>")
    return given.signature[begin : given.signature.index(f"</ds:{name}>") + len(f"</ds:{name}>")]


def _info(pattern: str) -> Make:
    """Forge the document and write the attacker's SignedInfo beside the right one.

    The pattern holds `{theirs}` and `{right}`.
    """

    def make(given: Given) -> str:
        right = _part("SignedInfo", given)
        theirs = right.replace(value_of(given, "DigestValue"), _forged_digest(given))
        written = pattern.replace("{theirs}", theirs).replace("{right}", right)
        return given.forged_with(given.signature.replace(right, written))

    return make


def _parts(*names: str) -> Make:
    """Write the parts of the signature in another order or number."""

    def make(given: Given) -> str:
        inside = "".join(_part(name, given) for name in names)
        return given.message.replace(given.signature, f'<ds:Signature xmlns:ds="{DS}">{inside}</ds:Signature>')

    return make


_SIGNED_INFO = "SignedInfo", "SignatureValue", "KeyInfo"
SIGNED_INFO = {
    "C14N of SignedInfo changed": Attack(
        change(f'Method Algorithm="{EXCLUSIVE}"', f'Method Algorithm="{INCLUSIVE}"'), BROKEN
    ),
    "the signature method changed": Attack(change("ecdsa-sha256", "ecdsa-sha512"), BROKEN),
    "the digest method changed": Attack(change(f'"{OURS.digest}"', f'"{MORE}sha384"'), BROKEN),
    "the digest changed": Attack(_digest("<ds:DigestValue>{digest}</ds:DigestValue>", ""), BROKEN),
    "the URI changed": Attack(change('URI=""', 'URI="#signed"'), ELSEWHERE),
    "the second transform taken away": Attack(
        change(f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform>', ""), BROKEN
    ),
    "the second transform exchanged": Attack(
        change(f'Transform Algorithm="{EXCLUSIVE}"', f'Transform Algorithm="{INCLUSIVE}"'), BROKEN
    ),
    "the enveloped transform taken away": Attack(
        change(f'<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform>', ""), BROKEN
    ),
    "an InclusiveNamespaces put in": Attack(
        change(
            f'Method Algorithm="{EXCLUSIVE}">',
            f'Method Algorithm="{EXCLUSIVE}"><e:InclusiveNamespaces xmlns:e="{EXCLUSIVE}" PrefixList="c"/>',
        ),
        BROKEN,
    ),
    "an attribute put on SignedInfo": Attack(change("<ds:SignedInfo>", '<ds:SignedInfo Id="signed">'), BROKEN),
    "white space within SignedInfo": Attack(change("<ds:Reference ", "\n<ds:Reference "), BROKEN),
    "the forged digest in a comment before the right one": Attack(
        _digest("<ds:DigestValue><!--{digest}-->{value}</ds:DigestValue>", ""), BROKEN
    ),
    "the forged digest in a second DigestValue": Attack(
        _digest("<ds:DigestValue>{digest}</ds:DigestValue>", "{right}"), BROKEN
    ),
    "the forged digest in an Object": Attack(
        lambda given: given.forged_with(
            given.signature.replace(_END, _object(f"<ds:DigestValue>{_forged_digest(given)}</ds:DigestValue>"))
        ),
        BROKEN,
    ),
    "the forged digest first in the signature": Attack(
        lambda given: given.forged_with(
            given.signature.replace(
                "<ds:SignedInfo>", f"<ds:DigestValue>{_forged_digest(given)}</ds:DigestValue><ds:SignedInfo>"
            )
        ),
        BROKEN,
    ),
    "two SignedInfos, the attacker's first": Attack(_info("{theirs}{right}"), BROKEN),
    "two SignedInfos, the attacker's last": Attack(_info("{right}{theirs}"), BROKEN),
    "two SignedInfos, one within the other": Attack(
        lambda given: _info("{theirs}")(given).replace(
            "</ds:SignedInfo>", _part("SignedInfo", given) + "</ds:SignedInfo>"
        ),
        BROKEN,
    ),
    "the right SignedInfo in an Object, the attacker's in its place": Attack(
        lambda given: str(_info("{theirs}")(given)).replace(_END, _object(_part("SignedInfo", given))), BROKEN
    ),
    "SignedInfo within another element": Attack(_info("<ds:Info>{right}</ds:Info>"), BROKEN),
    "SignedInfo in no namespace": Attack(lambda given: given.message.replace("ds:SignedInfo>", "SignedInfo>"), BROKEN),
    "SignedInfo in another namespace": Attack(
        change("<ds:SignedInfo>", '<ds:SignedInfo xmlns:ds="urn:example:signature">'), BROKEN
    ),
    "the parts in another order": Attack(_parts("KeyInfo", "SignedInfo", "SignatureValue"), BROKEN),
    "two SignatureValues": Attack(_parts("SignedInfo", "SignatureValue", "SignatureValue", "KeyInfo"), BROKEN),
    "no SignatureValue": Attack(_parts("SignedInfo", "KeyInfo"), BROKEN),
    "no KeyInfo": Attack(_parts("SignedInfo", "SignatureValue"), BROKEN),
    "two KeyInfos": Attack(_parts(*_SIGNED_INFO, "KeyInfo"), BROKEN),
    "no SignedInfo": Attack(_parts("SignatureValue", "KeyInfo"), BROKEN),
}
"""Shapes of SignedInfo and the rest of the signature, changed after signing."""
