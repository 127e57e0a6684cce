"""Receipts: read as written, and nothing else is a receipt."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import signxml
from lxml import etree

from sinetti.wire import receipts
from sinetti.wire.receipts import NAMESPACE, InvalidReceipt, Receipt, is_delivery_id, read_receipt, render_receipt
from sinetti.wire.xmldsig import signature
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support import xml_signing

SEAL = signer_for_key(xml_signing.key("p256"), xml_signing.certificate("p256"))
RECEIPT = Receipt(
    "3c8f0f5e-0d5c-4c1e-9a64-0d0b3f6f2f10",
    "ab" * 32,
    datetime(2027, 1, 11, 8, tzinfo=UTC),
    "0123456-7",
    "Mäki & Söner <Oy>",
    "4f" * 19,
)


def anybody(_certificate):
    return True


@pytest.mark.parametrize("name", ["Malliyritys Oy", "Mäki & Söner <Oy>", ""])
def test_what_is_written_is_read(name):
    receipt = replace(RECEIPT, name=name)
    assert read_receipt(render_receipt(receipt, SEAL), anybody) == receipt


def test_a_year_of_three_digits_is_read_as_it_was_written():
    early = replace(RECEIPT, received=datetime(999, 1, 11, 8, tzinfo=UTC))
    assert read_receipt(render_receipt(early, SEAL), anybody) == early


def test_another_library_takes_its_signature():
    octets = render_receipt(RECEIPT, SEAL)
    certificate = signxml.util.add_pem_header(
        etree.fromstring(octets).findtext(f".//{{{xml_signing.DS}}}X509Certificate")
    )
    expected = signxml.SignatureConfiguration(require_x509=True)
    verified = signxml.XMLVerifier().verify(octets, x509_cert=certificate, expect_config=expected)
    assert verified.signed_xml.findtext(f"{{{NAMESPACE}}}sha256") == "ab" * 32


def test_what_no_xml_can_hold_is_not_written():
    with pytest.raises(ValueError, match=r"."):
        render_receipt(replace(RECEIPT, name="\x00"), SEAL)


def signed(change):
    """Change a receipt before it is signed."""
    octets = render_receipt(RECEIPT, SEAL)
    start, end = octets.index(b"<ds:Signature"), octets.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    return signature.sign_document(change(octets[:start] + octets[end:]), SEAL, SignatureProfile.EXCLUSIVE)


NONE = {
    "another document": lambda _: b"<report/>",
    "another namespace": lambda whole: whole.replace(b"receipt:1", b"receipt:2"),
    "something more": lambda whole: whole.replace(b"<name>", b"<more/><name>"),
    "something missing": lambda whole: whole.replace(b"<sha256>" + b"ab" * 32 + b"</sha256>", b""),
    "text between": lambda whole: whole.replace(b"<name>", b"more<name>"),
    "elements within": lambda whole: whole.replace(b"<serial>", b"<serial><x/>"),
    "a digest that is none": lambda whole: whole.replace(b"ab" * 32, b"AB" * 32),
    "an id that is none": lambda whole: whole.replace(b"3c8f0f5e-", b"../"),
    "a serial that is none": lambda whole: whole.replace(b"4f" * 19, b"4f" * 19 + b"4"),
    "elements within a value of any text": lambda whole: whole.replace(b"0123456-7", b"0123456<x/>-7"),
    "elements within the name": lambda whole: whole.replace(b"<name>", b"<name><x/>"),
    "a time in another form": lambda whole: whole.replace(b"08:00:00Z", b"08:00:00+02:00"),
    "a time without its noughts": lambda whole: whole.replace(b"2027-01-11T08:00", b"2027-1-11T8:00"),
    "a time in other digits": lambda whole: whole.replace(b"2027-", "٢٠٢٧-".encode()),
}


@pytest.mark.parametrize("change", NONE.values(), ids=NONE)
def test_what_is_no_receipt(change):
    with pytest.raises(InvalidReceipt):
        read_receipt(signed(change), anybody)


def test_the_helper_above_signs_what_is_one():
    assert read_receipt(signed(lambda whole: whole), anybody) == RECEIPT


UNTRUSTED = {
    "changed after signing": (lambda whole: whole.replace(b"0123456-7", b"0123456-8"), anybody, SignatureInvalid),
    "not signed": (lambda _: f'<receipt xmlns="{NAMESPACE}"/>'.encode(), anybody, SignatureMissing),
    "signed by somebody else": (lambda whole: whole, lambda _: False, SignatureInvalid),
    "no XML": (lambda _: b"hello", anybody, ValueError),
}


@pytest.mark.parametrize(("change", "accepts", "why"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_what_is_not_trusted(change, accepts, why):
    with pytest.raises(why):
        read_receipt(change(render_receipt(RECEIPT, SEAL)), accepts)


@pytest.mark.parametrize("text", ["a", "A" * 64, "3c8f0f5e-0d5c"])
def test_delivery_ids(text):
    assert is_delivery_id(text)


@pytest.mark.parametrize("text", ["", "A" * 65, "a b", "../a", "a\n", "ä", "a_b"])
def test_no_delivery_ids(text):
    assert not is_delivery_id(text)


def test_the_header_is_one_that_http_takes():
    assert receipts.HEADER == "Delivery-Id"
