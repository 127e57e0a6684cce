"""Seals on documents, made with a certificate of the store."""

import base64
import re

import pytest

from sinetti.ca.issuance import build_tbs
from sinetti.ca.issuance_request import LeafProfile
from sinetti.ca.profiles import encode_signed
from sinetti.client.messages import document_messages, messages
from sinetti.client.results import UsageError
from sinetti.client.store import document_signature, files, generations, key_storage
from sinetti.client.store.generations import NameState
from sinetti.domain.values import Language
from sinetti.pki import chain, encoding
from sinetti.pki.encoding import sign
from sinetti.wire.soap.schema_types import SERVICE, Operation
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.client import double
from tests.client.conftest import NAME
from tests.client.test_renew import END, OPENS, SECOND
from tests.support import authority

DOCUMENT = b'<?xml version="1.0" encoding="UTF-8"?>\n<report xmlns="urn:example"><pay>100</pay></report>\n'
ANCHORS = chain.load_bundle(double.anchors("holders").encode())


@pytest.fixture
def held(holder):
    holder.enrol()
    return document_signature.signing_certificate(holder.store, NAME, holder.now)


NO_XML = {"no XML": b"hello", "two roots": b"<a/><b/>", "nothing": b""}


@pytest.mark.parametrize("octets", NO_XML.values(), ids=NO_XML)
def test_what_is_no_xml_is_not_sealed(octets, held):
    with pytest.raises(ValueError, match=r"."):
        document_signature.sign_document(octets, held, SignatureProfile.EXCLUSIVE)


@pytest.mark.parametrize("operation", list(Operation))
def test_no_request_to_the_certificate_service_is_sealed(operation, held):
    """Such a seal would be a renewal for an attacker.

    The attacker would put a request among the documents.
    """
    request = f'<x:{operation.request} xmlns:x="{SERVICE}"><Environment>TEST</Environment></x:{operation.request}>'
    with pytest.raises(ValueError, match="message to the certificate service"):
        document_signature.sign_document(request.encode(), held, SignatureProfile.EXCLUSIVE)


def test_nothing_is_sealed_with_an_expired_certificate(holder):
    holder.enrol()
    assert document_signature.signing_certificate(holder.store, NAME, END)
    with pytest.raises(UsageError) as bad:
        document_signature.signing_certificate(holder.store, NAME, END + SECOND)
    assert bad.value.message.text == document_messages.SEAL_EXPIRED_SIGNER


@pytest.mark.parametrize("during", ["open_key", "certificate"])
def test_a_renewal_that_comes_into_use_while_somebody_seals(holder, monkeypatch, during):
    """Half of the set was read before the renewal, and half after it.

    The client reads it again and calls no store damaged.
    """
    holder.enrol()
    old, swapped = holder.live.resolve().name, []
    holder.at(OPENS).renew()
    new = holder.live.resolve().name
    files.swap_live(holder.folder, old)
    module, name = (generations, "certificate_in_use") if during == "certificate" else (key_storage, "open_key")
    read = getattr(module, name)

    def meanwhile(*given):
        found = read(*given) if during == "certificate" else None
        if not swapped:
            swapped.append(files.swap_live(holder.folder, new))
        return found or read(*given)

    monkeypatch.setattr(module, name, meanwhile)
    held = document_signature.signing_certificate(holder.store, NAME, holder.now)
    assert old != new
    assert held.serial == new
    assert key_storage.belongs(held.certificate, held.key)


def test_nothing_is_sealed_with_a_certificate_that_begins_later(holder):
    holder.enrol()
    assert document_signature.signing_certificate(holder.store, NAME, holder.now - generations.CLOCK_SKEW)
    with pytest.raises(UsageError) as bad:
        document_signature.signing_certificate(holder.store, NAME, holder.now - generations.CLOCK_SKEW - SECOND)
    assert bad.value.message.text == document_messages.SEAL_EARLY_SIGNER
    assert "valid only from 2 March 2026 at 14:00" in messages.render(bad.value.message, Language.EN)


def test_what_is_known_to_be_revoked_seals_nothing(holder):
    holder.enrol()
    generations.remember(holder.folder, NameState(revoked=holder.live.resolve().name))
    with pytest.raises(UsageError) as bad:
        document_signature.signing_certificate(holder.store, NAME, holder.now)
    assert bad.value.message.text == document_messages.SEAL_REVOKED_SIGNER


def test_who_seals_has_to_be_in_the_store(holder):
    with pytest.raises(UsageError) as bad:
        document_signature.signing_certificate(holder.store, NAME, holder.now)
    assert bad.value.message.text == messages.UNKNOWN_NAME
    holder.enrol(service="http://127.0.0.1:9/")
    with pytest.raises(UsageError) as bad:
        document_signature.signing_certificate(holder.store, NAME, holder.now)
    assert bad.value.message.text == messages.NOT_ENROLLED


MALFORMED = {
    "a negative serial": (b"\xa0\x03\x02\x01\x02\x02\x13.", b"\xa0\x03\x02\x01\x02\x02\x13\x85"),
    "a CN that is no UTF-8": (b"\x0c\x090123456-7", b"\x0c\x09\xff123456-7"),
    "a CN that is a bit string": (b"\x0c\x090123456-7", b"\x03\x09\x00123456-7"),
    "an O that is no UTF-8": (b"Sinisiipi", b"\xfe" * 9),
}


def malformed(key, by_key, wrong):
    """Return a certificate for a key that is malformed in one respect.

    Apart from `wrong`, it looks like the test authority's. `by_key` signs it.
    """
    tbs = build_tbs(authority.leaf_plan(key.public_key()), authority.issuer(), LeafProfile.HOLDER)
    changed = re.sub(wrong[0], wrong[1].replace(b"\\", rb"\\"), tbs, count=1, flags=re.DOTALL)
    assert changed != tbs
    return encode_signed(changed, by_key.public_key(), sign(by_key, changed))


def sealed_with(key, certificate):
    """Seal with a certificate that no library would sign with.

    The signature does not cover KeyInfo, so the certificate can be replaced.
    """
    usual = encoding.certificate_der(authority.holder_certificate(key))
    sealed = sign_document(DOCUMENT, signer_for_key(key, usual), SignatureProfile.EXCLUSIVE)
    shown = re.search(rb"X509Certificate>\n(.*)\n</ds:X509Certificate", sealed, re.DOTALL)[1]
    return sealed.replace(shown, base64.b64encode(certificate))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_certificate_from_the_service_is_no_fit(wrong):
    key, ca_key = authority.holder_key(4), authority.authority().key(authority.issuer().key_name)
    certificate = encoding.load_certificate(malformed(key, ca_key, wrong))
    found = generations.reason_not_installable(certificate, authority.CUSTOMER_ID, ANCHORS, authority.NOW)
    assert found.text == messages.CERTIFICATE_UNREADABLE
    assert found.values["why"].text in {"its serial number is negative", "the name in it cannot be read"}
