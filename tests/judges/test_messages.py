"""xmlsec1, signxml and bergshamra judge every signed message of the peers.

The messages are requests that the service accepted, and its answers.
"""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from lxml import etree

from sinetti.pki.chain import load_bundle
from sinetti.wire.soap.envelope import parse_envelope
from tests.judges.exchange import CASES
from tests.judges.signature_judges import JUDGES, Trusted, shown, signxml
from tests.support.postgres import skip_or_fail

pytestmark = pytest.mark.timeout(600)  # the first test waits until all peers have run

SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
INCLUSIVE = b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
BODY = re.compile(rb"<SOAP-ENV:Body>(.*)</SOAP-ENV:Body>", re.DOTALL)

EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=str)
EVERY_JUDGE = pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)


@pytest.fixture
def one(case, exchanges, standing):
    """Return the result of a case."""
    if case.peer not in standing:
        skip_or_fail(f"the peer {case.peer} cannot run here")
    assert exchanges[case].whole
    return exchanges[case]


def trusted(bundle: str, document: bytes) -> Trusted:
    """Return the CAs of a bundle, at an instant at which the signer is valid.

    The tests do not judge dates.
    """
    signer = x509.load_pem_x509_certificate(shown(document))
    return Trusted(tuple(load_bundle(Path(bundle).read_bytes())), signer.not_valid_before_utc + timedelta(hours=1))


def changed(document: bytes) -> bytes:
    """Change one character of the first value."""
    return re.sub(rb">(\w)", lambda found: b">" + (b"9" if found[1] != b"9" else b"8"), document, count=1)


def cannot_read(judge, document: bytes) -> bool:
    """Return True for a document that signxml 5.2 is known to misread.

    It has a Signature without a prefix and SignedInfo in inclusive C14N.
    """
    return (
        judge is signxml
        and b"<Signature " in document
        and b'CanonicalizationMethod Algorithm="' + INCLUSIVE in document
    )


@EVERY_CASE
@EVERY_JUDGE
def test_takes_every_answer(case, judge, one, peer_bench):
    answers = [BODY.search(place.read_bytes())[1] for place in one.messages("response")]
    assert len(answers) >= 4
    for answer in answers:
        by = trusted(peer_bench.ready["trust"]["services"], answer)
        assert judge(answer, by)
        assert not judge(changed(answer), by)


@EVERY_CASE
@EVERY_JUDGE
def test_takes_the_renewal_that_we_accepted(case, judge, one, peer_bench):
    """The judge accepts one of the documents that the envelope can yield.

    It accepts none of them after a change.
    """
    requests = [place.read_bytes() for place in one.messages("request")]
    (renewal,) = (octets for octets in requests if b"RenewCertificateRequest" in octets)
    ways = [etree.tostring(root, encoding="utf-8") for root in parse_envelope(renewal).candidates()]
    by = trusted(peer_bench.ready["trust"]["holders"], ways[0])
    assert any(judge(way, by) for way in ways) is not cannot_read(judge, ways[0])
    assert not any(judge(changed(way), by) for way in ways)


@EVERY_CASE
def test_the_peer_signed_by_the_recipe_that_it_was_told(case, one):
    (renewal,) = (
        place.read_bytes() for place in one.messages("request") if b"RenewCertificateRequest" in place.read_bytes()
    )
    (signature,) = etree.fromstring(renewal).iter(SIGNATURE)
    algorithms = [element.get("Algorithm") for element in signature.iter() if element.get("Algorithm")]
    exclusive = [name for name in algorithms if "exc-c14n" in name]
    inclusive = [name for name in algorithms if "REC-xml-c14n-20010315" in name]
    assert (len(exclusive), len(inclusive)) == {"exclusive": (2, 0), "inclusive": (0, 1)}[case.recipe]


@pytest.mark.parametrize("case", [case for case in CASES if case.peer == "java"], ids=str)
def test_the_jdk_breaks_its_base64_with_carriage_returns(case, one):
    """The breaks are character references.

    The service accepts this form as well as the single line of other programs.
    """
    assert [b"&#13;" in place.read_bytes() for place in one.messages("request")].count(True) == 1
