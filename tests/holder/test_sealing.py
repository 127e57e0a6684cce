"""Seals on documents: made with a certificate of the store, checked by anybody who has the anchors."""

import base64
import re
from datetime import timedelta

import pytest

from sinetti.ca.issuing import LeafKind, prepare
from sinetti.ca.joining import joined
from sinetti.domain.values import Language
from sinetti.holder import generations, messages, sealing
from sinetti.holder.generations import Notes
from sinetti.holder.outcome import UsageError
from sinetti.holder.sealing import Fault, Signer
from sinetti.pki import chain, formats
from sinetti.pki.signing import sign
from sinetti.wire.xmldsig import Recipe, seal_of, sign_document
from tests.holder import double as doubles
from tests.holder.conftest import NAME
from tests.holder.test_renew import END, SECOND
from tests.support import authority

DOCUMENT = b'<?xml version="1.0" encoding="UTF-8"?>\n<report xmlns="urn:example"><pay>100</pay></report>\n'
ANCHORS = chain.load_bundle(doubles.anchors("holders").encode())


@pytest.fixture
def held(desk):
    desk.enrol()
    return sealing.holder_of(desk.store, NAME, desk.now)


@pytest.mark.parametrize("recipe", list(Recipe))
def test_a_seal_says_who_made_it(recipe, held):
    checked = sealing.check(sealing.seal(DOCUMENT, held, recipe), ANCHORS, authority.NOW)
    assert checked.fault is None
    assert checked.message.text == messages.SEAL_GOOD
    assert checked.message.values["customer_id"] == authority.CUSTOMER_ID
    assert checked.signer == Signer(authority.CUSTOMER_ID, authority.CUSTOMER_NAME, held.serial, END)
    assert b"<pay>100</pay>" in checked.octets
    assert b"Signature" not in checked.octets


CHECKS = {
    "one digit changed": (lambda sealed: sealed.replace(b"100", b"900"), 0, "holders", Fault.SIGNATURE_INVALID),
    "the signature taken out": (lambda _sealed: DOCUMENT, 0, "holders", Fault.SIGNATURE_MISSING),
    "other anchors": (lambda sealed: sealed, 0, "services", Fault.UNTRUSTED),
    "before the certificate began": (lambda sealed: sealed, -86_400, "holders", Fault.NOT_YET_VALID),
    "before the CA above it began": (lambda sealed: sealed, -4_000 * 86_400, "holders", Fault.NOT_YET_VALID),
    "after the CA above it ended": (lambda sealed: sealed, 30_000 * 86_400, "holders", Fault.EXPIRED),
    "other anchors, before they began": (lambda sealed: sealed, -4_000 * 86_400, "services", Fault.UNTRUSTED),
    "the last valid second": (lambda sealed: sealed, 730 * 86_400, "holders", None),
    "one second after the end": (lambda sealed: sealed, 730 * 86_400 + 1, "holders", Fault.EXPIRED),
}


@pytest.mark.parametrize(("change", "seconds", "role", "fault"), CHECKS.values(), ids=CHECKS)
def test_check(change, seconds, role, fault, held):
    sealed = change(sealing.seal(DOCUMENT, held, Recipe.EXCLUSIVE))
    anchors = chain.load_bundle(doubles.anchors(role).encode())
    checked = sealing.check(sealed, anchors, authority.NOW + timedelta(seconds=seconds))
    assert checked.fault is fault


def test_a_certificate_that_is_not_valid_yet(desk):
    key = authority.holder_key(3)
    later = authority.holder_certificate(key, begins=authority.NOW + timedelta(days=1))
    seal = doubles.xmldsig.seal_of(key, formats.certificate_der(later))
    sealed = doubles.xmldsig.sign_document(DOCUMENT, seal, Recipe.EXCLUSIVE)
    assert sealing.check(sealed, ANCHORS, authority.NOW).fault is Fault.NOT_YET_VALID


NO_XML = {"no XML": b"hello", "two roots": b"<a/><b/>", "nothing": b""}


@pytest.mark.parametrize("octets", NO_XML.values(), ids=NO_XML)
def test_what_is_no_xml_is_neither_sealed_nor_checked(octets, held):
    with pytest.raises(ValueError, match=r"."):
        sealing.seal(octets, held, Recipe.EXCLUSIVE)
    with pytest.raises(ValueError, match=r"."):
        sealing.check(octets, ANCHORS, authority.NOW)


def test_nothing_is_sealed_with_an_expired_certificate(desk):
    desk.enrol()
    assert sealing.holder_of(desk.store, NAME, END)
    with pytest.raises(UsageError) as bad:
        sealing.holder_of(desk.store, NAME, END + SECOND)
    assert bad.value.message.text == messages.SEAL_EXPIRED_SIGNER


def test_nothing_is_sealed_with_a_certificate_that_begins_later(desk):
    desk.enrol()
    assert sealing.holder_of(desk.store, NAME, desk.now - generations.CLOCK_SKEW)
    with pytest.raises(UsageError) as bad:
        sealing.holder_of(desk.store, NAME, desk.now - generations.CLOCK_SKEW - SECOND)
    assert bad.value.message.text == messages.SEAL_EARLY_SIGNER
    assert "valid only from 2 March 2026 at 14:00" in messages.render(bad.value.message, Language.EN)


def test_what_is_known_to_be_revoked_seals_nothing(desk):
    desk.enrol()
    generations.remember(desk.folder, Notes(revoked=desk.live.resolve().name))
    with pytest.raises(UsageError) as bad:
        sealing.holder_of(desk.store, NAME, desk.now)
    assert bad.value.message.text == messages.SEAL_REVOKED_SIGNER


CA_DATES = {
    "a CA that begins later": (authority.NOW - timedelta(days=1), Fault.NOT_YET_VALID, messages.SEAL_CA_NOT_YET),
    "a CA that has ended": (authority.NOW + timedelta(days=30_000), Fault.EXPIRED, messages.SEAL_CA_EXPIRED),
}


@pytest.mark.parametrize(("now", "fault", "text"), CA_DATES.values(), ids=CA_DATES)
def test_the_dates_of_the_ca_count_as_well(now, fault, text, held, monkeypatch):
    sealed = sealing.seal(DOCUMENT, held, Recipe.EXCLUSIVE)
    (ca,) = chain.issuers_of(held.certificate, ANCHORS)
    monkeypatch.setattr(sealing.dates, "_outside", lambda one, *_: outside(now, ca) if one == ca else None)
    checked = sealing.check(sealed, ANCHORS, now)
    assert (checked.fault, checked.message.text) == (fault, text)


def outside(now, ca):
    early = now < ca.not_valid_before_utc
    return early, ca.not_valid_before_utc if early else ca.not_valid_after_utc


def test_who_seals_has_to_be_in_the_store(desk):
    with pytest.raises(UsageError) as bad:
        sealing.holder_of(desk.store, NAME, desk.now)
    assert bad.value.message.text == messages.UNKNOWN_NAME
    desk.enrol(service="http://127.0.0.1:9/")
    with pytest.raises(UsageError) as bad:
        sealing.holder_of(desk.store, NAME, desk.now)
    assert bad.value.message.text == messages.NOT_ENROLLED


def test_a_cas_signature_is_no_holders_seal():
    """The holders' bundle has the root as an anchor, and the root issued itself."""
    built = authority.authority()
    root = next(spec.file_name for spec in built.hierarchy.authorities if spec.parent is None)
    key, certificate = built.entries[root]
    sealed = sign_document(DOCUMENT, seal_of(key, formats.certificate_der(certificate)), Recipe.EXCLUSIVE)
    checked = sealing.check(sealed, chain.load_bundle(built.holders_bundle), authority.NOW)
    assert checked.fault is Fault.WRONG_PURPOSE


MALFORMED = {
    "a negative serial": (b"\xa0\x03\x02\x01\x02\x02\x13.", b"\xa0\x03\x02\x01\x02\x02\x13\x85"),
    "a CN that is no UTF-8": (b"\x0c\x090123456-7", b"\x0c\x09\xff123456-7"),
    "a CN that is a bit string": (b"\x0c\x090123456-7", b"\x03\x09\x00123456-7"),
    "an O that is no UTF-8": (b"Sinisiipi", b"\xfe" * 9),
}


def malformed(key, by_key, wrong):
    """Give a certificate for a key that looks like the test authority's but for what is wrong, signed by some key."""
    tbs = prepare(authority.leaf_plan(key.public_key()), authority.issuer(), LeafKind.HOLDER)
    changed = re.sub(wrong[0], wrong[1].replace(b"\\", rb"\\"), tbs, count=1, flags=re.DOTALL)
    assert changed != tbs
    return joined(changed, by_key.public_key(), sign(by_key, changed))


def sealed_with(key, certificate):
    """Seal with a certificate that no library would sign with: KeyInfo is not under the signature."""
    usual = formats.certificate_der(authority.holder_certificate(key))
    sealed = sign_document(DOCUMENT, seal_of(key, usual), Recipe.EXCLUSIVE)
    shown = re.search(rb"X509Certificate>\n(.*)\n</ds:X509Certificate", sealed, re.DOTALL)[1]
    return sealed.replace(shown, base64.b64encode(certificate))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_certificate_is_refused_whoever_signed_it_and_nothing_of_it_is_shown(wrong):
    key, ca_key = authority.holder_key(4), authority.authority().key(authority.issuer().key_name)
    for by_key, fault in ((key, Fault.UNTRUSTED), (ca_key, Fault.SIGNATURE_INVALID)):
        checked = sealing.check(sealed_with(key, malformed(key, by_key, wrong)), ANCHORS, authority.NOW)
        assert (checked.fault, checked.signer, checked.octets) == (fault, None, None)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_certificate_from_the_service_is_no_fit(wrong):
    key, ca_key = authority.holder_key(4), authority.authority().key(authority.issuer().key_name)
    certificate = formats.load_certificate(malformed(key, ca_key, wrong))
    found = generations.misfit(certificate, authority.CUSTOMER_ID, ANCHORS, authority.NOW)
    assert found.text == messages.CERTIFICATE_UNREADABLE
    assert found.values["why"].text in {"its serial number is negative", "the name in it cannot be read"}


def test_of_a_signer_that_nobody_trusts_nothing_is_shown(held):
    sealed = sealing.seal(DOCUMENT, held, Recipe.EXCLUSIVE)
    checked = sealing.check(sealed, chain.load_bundle(doubles.anchors("services").encode()), authority.NOW)
    assert (checked.fault, checked.signer, checked.octets) == (Fault.UNTRUSTED, None, None)
