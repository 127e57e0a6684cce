"""Refusals of the second opinion.

The cases are a wrong signature, a wrong value and other octets than the document's.
"""

import pytest

from fuzz import messages
from fuzz.opinions import holds_alone, is_borne_out, parsers_agree
from fuzz.target import DoesNotHold
from fuzz.targets.document import accept
from fuzz.xml_reading import Form, NotRead, read
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.signature import VerifiedDocument, verify_document

DOCUMENTS = dict(messages.documents())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_signed_document_is_borne_out(name):
    is_borne_out(DOCUMENTS[name], verify_document(DOCUMENTS[name], accept))


WRONG = {
    "other octets": lambda octets, found: (
        octets,
        VerifiedDocument(found.octets.replace(b">1<", b">2<"), found.certificate),
    ),
    "octets with the signature": lambda octets, found: (octets, VerifiedDocument(octets, found.certificate)),
    "another value signed": lambda octets, found: (octets.replace(b">1<", b">2<"), found),
    "another certificate": lambda octets, found: (
        octets,
        VerifiedDocument(found.octets, messages.seal("p384").certificate),
    ),
    "a shorter form": lambda octets, found: (octets, VerifiedDocument(found.octets[:-1], found.certificate)),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_not(wrong):
    octets = DOCUMENTS["p256-exclusive"]
    with pytest.raises(DoesNotHold):
        is_borne_out(*wrong(octets, verify_document(octets, accept)))


def test_a_parser_that_is_asked_too_much_is_noticed():
    with parsers_agree(), pytest.raises(DoesNotHold, match="asked"):
        parser.tree_of(b"<!DOCTYPE a><a/>")


def test_octets_that_read_otherwise_do_not_hold_alone():
    with pytest.raises((DoesNotHold, NotRead, parser.XmlRejected)):
        holds_alone(b"<a/><b/>")


FORMS = {
    "attributes in their order, escaped": (b'<a z="1" b="&#9;&quot;&lt;"/>', b'<a b="&#x9;&quot;&lt;" z="1"></a>'),
    "a comment in a text": (b"<a>1<!-- c -->2</a>", b"<a>12</a>"),
    "CR by reference": (b"<a>&#13;\r\n</a>", b"<a>&#xD;\n</a>"),
    "instructions around": (b"<?x y?><a/><?z?>", b"<?x y?>\n<a></a>\n<?z?>"),
    "declared where used": (b'<a xmlns:p="urn:p"><p:b/></a>', b'<a><p:b xmlns:p="urn:p"></p:b></a>'),
}


@pytest.mark.parametrize(("document", "form"), FORMS.values(), ids=FORMS)
def test_the_canonical_form_of_its_own(document, form):
    assert Form(exclusive=True).whole(read(document)) == form
