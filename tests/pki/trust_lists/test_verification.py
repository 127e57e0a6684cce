"""Decision on trust lists: each signer that counts, and each that does not."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from sinetti.ca.hierarchy_builder import authority_plan
from sinetti.ca.issuance import new_serial
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Environment, KeyType
from sinetti.pki.encoding import certificate_der, generate_key, sha256_hex
from sinetti.pki.trust_lists.lists import (
    AnchorEntry,
    AnchorRole,
    DistrustEntry,
    InvalidTrustList,
    SignedList,
    TrustListKind,
)
from sinetti.pki.trust_lists.verification import (
    HeldLists,
    check_newer,
    is_root_link,
    verify_anchors,
    verify_distrust,
    verify_next,
    verify_stored_anchors,
)
from tests.support import golden
from tests.support.authority import NOW, authority, ocsp_responder, response_signer
from tests.support.trust_lists import (
    anchors_list,
    by_responder,
    by_root,
    cross_certificate,
    distrust_list,
    new_root,
    reader_of,
    root_of,
    root_sha256,
    rsa_authority,
    signature_of,
    successor,
)

BUILT = authority()
ROOT, INTERMEDIATE, ISSUING = (one.file_name for one in BUILT.hierarchy.authorities[:3])
ANCHORS, DISTRUST = anchors_list(BUILT), distrust_list(BUILT)
READER = reader_of(BUILT)
NEW_KEY, NEW_ROOT, NEW_WITH_OLD, OLD_WITH_NEW = successor()
FOLLOWED = replace(
    ANCHORS,
    number=2,
    authorities=(AnchorEntry(NEW_ROOT, AnchorRole.ROOT, None, CaState.ISSUING), *ANCHORS.authorities),
    links=(NEW_WITH_OLD, OLD_WITH_NEW),
)
BY_NEW = SignedList(FOLLOWED.payload, (signature_of(FOLLOWED, NEW_KEY, NEW_ROOT),)).octets
BY_LINK = SignedList(FOLLOWED.payload, (signature_of(FOLLOWED, NEW_KEY, NEW_WITH_OLD),)).octets


@pytest.mark.parametrize("built", [BUILT, rsa_authority()], ids=["EC", "RSA"])
def test_the_root_signs_both_lists(built):
    anchors, distrust = anchors_list(built), distrust_list(built)
    assert verify_anchors(by_root(anchors, built), reader_of(built), NOW) == anchors
    assert verify_distrust(by_root(distrust, built), reader_of(built), NOW) == distrust


@pytest.mark.parametrize("built", [BUILT, rsa_authority()], ids=["EC", "RSA"])
def test_the_responder_of_the_services_ca_signs_distrust_alone(built):
    distrust = distrust_list(built)
    assert verify_distrust(by_responder(distrust, built), reader_of(built), NOW) == distrust
    with pytest.raises(InvalidTrustList, match="root"):
        verify_anchors(by_responder(anchors_list(built), built), reader_of(built), NOW)


def by(name, found, *chain, built=BUILT):
    return SignedList(found.payload, (signature_of(found, *built.entries[name], *chain),)).octets


def with_wrong_signature(found):
    one = signature_of(found, *BUILT.entries[ROOT])
    wrong = one.signature[:-1] + bytes([one.signature[-1] ^ 1])
    return SignedList(found.payload, (replace(one, signature=wrong),)).octets


def of_the_other_kind(found):
    other = DISTRUST if found is ANCHORS else ANCHORS
    return SignedList(found.payload, (signature_of(other, *BUILT.entries[ROOT]),)).octets


UP = (BUILT.certificate(INTERMEDIATE),)
FOREIGN = generate_key(KeyType.EC_P256)
LOOKALIKE = new_root(BUILT, BUILT.hierarchy.authorities[0].name, FOREIGN)
NOT_COUNTED = {
    "no signature": lambda found: SignedList(found.payload, ()).octets,
    "a wrong signature": with_wrong_signature,
    "a signature over the other kind": of_the_other_kind,
    "a signature over another number": lambda found: (
        SignedList(replace(found, number=7).payload, (signature_of(found, *BUILT.entries[ROOT]),)).octets
    ),
    "a root of the same name": lambda found: (
        SignedList(found.payload, (signature_of(found, FOREIGN, LOOKALIKE),)).octets
    ),
    "the certificate of the root, and another key": lambda found: (
        SignedList(found.payload, (signature_of(found, FOREIGN, root_of(BUILT)),)).octets
    ),
    "an intermediate CA": lambda found: by(INTERMEDIATE, found),
    "an issuing CA": lambda found: by(ISSUING, found, *UP),
    "the services CA": lambda found: by(BUILT.hierarchy.services.file_name, found, *UP),
    "a signer of responses": lambda found: (
        SignedList(
            found.payload,
            (signature_of(found, *response_signer(), BUILT.certificate(BUILT.hierarchy.services.file_name), *UP),),
        ).octets
    ),
    "the root with a chain": lambda found: by(ROOT, found, *UP),
    "a new root without link": lambda found: (
        SignedList(found.payload, (signature_of(found, NEW_KEY, NEW_ROOT),)).octets
    ),
}


@pytest.mark.parametrize("sign", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_other_signers_do_not_count(sign):
    with pytest.raises(InvalidTrustList, match="root"):
        verify_anchors(sign(ANCHORS), READER, NOW)
    with pytest.raises(InvalidTrustList, match="neither"):
        verify_distrust(sign(DISTRUST), READER, NOW)


def test_one_signature_that_counts_is_enough():
    signatures = (signature_of(ANCHORS, FOREIGN, LOOKALIKE), signature_of(ANCHORS, *BUILT.entries[ROOT]))
    assert verify_anchors(SignedList(ANCHORS.payload, signatures).octets, READER, NOW) == ANCHORS


def responder_octets(chain=None, name=None):
    built = name or BUILT.hierarchy.services.file_name
    one = ocsp_responder(built)
    above = (BUILT.certificate(built), *UP) if chain is None else chain
    return SignedList(DISTRUST.payload, (signature_of(DISTRUST, one.key, one.certificate, *above),)).octets


RESPONDERS = {
    "of the distrusted CA": (responder_octets(name=ISSUING), NOW),
    "without its chain": (responder_octets(chain=()), NOW),
    "with half of its chain": (responder_octets(chain=(BUILT.certificate(BUILT.hierarchy.services.file_name),)), NOW),
    "with the chain of another CA": (responder_octets(chain=(BUILT.certificate(ISSUING), *UP)), NOW),
    "after its end": (responder_octets(), NOW + timedelta(days=61)),
    "before its begin": (responder_octets(), NOW - timedelta(hours=2)),
}


@pytest.mark.parametrize(("octets", "now"), RESPONDERS.values(), ids=RESPONDERS)
def test_a_responder_does_not_count(octets, now):
    with pytest.raises(InvalidTrustList, match="neither"):
        verify_distrust(octets, READER, now)


def test_a_responder_does_not_count_once_a_ca_above_it_is_distrusted():
    octets = by_responder(DISTRUST, BUILT)
    for name in (BUILT.hierarchy.services.file_name, INTERMEDIATE, ROOT):
        distrusted = {sha256_hex(certificate_der(BUILT.certificate(name)))}
        with pytest.raises(InvalidTrustList, match="neither"):
            verify_distrust(octets, replace(READER, distrusted=distrusted), NOW)


def test_a_distrusted_or_ended_root_signs_no_list():
    octets = by_root(ANCHORS, BUILT)
    for reader, now in (
        (replace(READER, distrusted_by_root={root_sha256(BUILT)}), NOW),
        (READER, NOW + timedelta(days=7306)),
    ):
        with pytest.raises(InvalidTrustList, match="root"):
            verify_anchors(octets, reader, now)


def test_a_stored_list_counts_if_its_signer_was_valid_when_it_was_issued():
    assert verify_stored_anchors(by_root(ANCHORS, BUILT), READER) == ANCHORS
    late = replace(ANCHORS, issued=NOW + timedelta(days=7306))
    with pytest.raises(InvalidTrustList, match="root"):
        verify_stored_anchors(by_root(late, BUILT), READER)


def test_a_list_of_another_authority_or_environment_is_refused():
    named = replace(READER, authority=root_sha256(BUILT))
    assert verify_anchors(by_root(ANCHORS, BUILT), named, NOW) == ANCHORS
    for reader in (replace(READER, authority="ab" * 32), replace(READER, environment=Environment.PRODUCTION)):
        with pytest.raises(InvalidTrustList, match="authority"):
            verify_anchors(by_root(ANCHORS, BUILT), reader, NOW)
        with pytest.raises(InvalidTrustList, match="authority"):
            verify_distrust(by_root(DISTRUST, BUILT), reader, NOW)


def test_a_new_root_counts_by_new_with_old():
    assert is_root_link(NEW_WITH_OLD)
    assert verify_anchors(by_root(FOLLOWED, BUILT), READER, NOW) == FOLLOWED


def test_lists_of_the_new_root_count_by_link_or_by_itself():
    assert verify_anchors(BY_LINK, READER, NOW) == FOLLOWED
    assert verify_anchors(BY_NEW, reader_of(BUILT, NEW_ROOT), NOW) == FOLLOWED  # the old one by oldWithNew
    assert verify_anchors(by_root(FOLLOWED, BUILT), reader_of(BUILT, NEW_ROOT, root_of(BUILT)), NOW) == FOLLOWED


def third():
    """Return the root after the next one, whose link is below a link."""
    key, spec = generate_key(KeyType.EC_P384), BUILT.hierarchy.authorities[0]
    root = new_root(BUILT, "Sinetti Root Test CA v3", key)
    like = authority_plan(BUILT.hierarchy, spec, key.public_key(), new_serial(), NOW)
    link = cross_certificate(root, NEW_ROOT, NEW_KEY, like)
    entry = AnchorEntry(root, AnchorRole.ROOT, None, CaState.ISSUING)
    found = replace(FOLLOWED, number=3, authorities=(entry, *FOLLOWED.authorities), links=(link, *FOLLOWED.links))
    return found, signature_of(found, key, link, NEW_WITH_OLD)


def test_two_successions_later_the_first_root_still_leads_to_the_list():
    found, signature = third()
    assert verify_anchors(SignedList(found.payload, (signature,)).octets, READER, NOW) == found


ENTRY = AnchorEntry(LOOKALIKE, AnchorRole.ROOT, None, CaState.ISSUING)
LIKE = authority_plan(BUILT.hierarchy, BUILT.hierarchy.authorities[1], NEW_KEY.public_key(), new_serial(), NOW)
SHORT_LINK = cross_certificate(NEW_ROOT, root_of(BUILT), BUILT.key(ROOT), LIKE)
ADDITIONS = {
    "a root without link": replace(FOLLOWED, links=()),
    "a root with a link for another key": replace(FOLLOWED, authorities=(ENTRY, *ANCHORS.authorities)),
    "a root with oldWithNew alone": replace(FOLLOWED, links=(OLD_WITH_NEW,)),
    "a link with a path length, as intermediate CAs have": replace(FOLLOWED, links=(SHORT_LINK,)),
    "an intermediate CA as root": replace(
        ANCHORS, authorities=(*ANCHORS.authorities[:1], replace(ANCHORS.authorities[1], role=AnchorRole.ROOT))
    ),
    "a CA without its issuer": replace(ANCHORS, authorities=(ANCHORS.authorities[0], ANCHORS.authorities[2])),
    "an intermediate CA below an intermediate CA": replace(
        ANCHORS,
        authorities=(
            *ANCHORS.authorities[:2],
            replace(ANCHORS.authorities[2], role=AnchorRole.INTERMEDIATE, channel=None),
        ),
    ),
}


@pytest.mark.parametrize("found", ADDITIONS.values(), ids=ADDITIONS)
def test_a_list_with_a_ca_from_nowhere_is_refused(found):
    with pytest.raises(InvalidTrustList):
        verify_anchors(by_root(found, BUILT), READER, NOW)


def test_a_short_link_is_no_signer():
    octets = SignedList(FOLLOWED.payload, (signature_of(FOLLOWED, NEW_KEY, SHORT_LINK),)).octets
    with pytest.raises(InvalidTrustList, match="root"):
        verify_anchors(octets, READER, NOW)


def unreadable(key, subject):
    """Return a certificate whose extended key usage is no sequence."""
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 5, NOW, NOW + timedelta(days=1))
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x04\x00")
    return builder.add_extension(extension, critical=True).sign(key, SHA256())


def test_extensions_that_cannot_be_read_count_as_no_signer_and_no_link():
    broken = unreadable(FOREIGN, root_of(BUILT).subject)
    octets = SignedList(DISTRUST.payload, (signature_of(DISTRUST, FOREIGN, broken),)).octets
    with pytest.raises(InvalidTrustList, match="neither"):
        verify_distrust(octets, READER, NOW)
    with pytest.raises(InvalidTrustList, match="link"):
        verify_anchors(by_root(replace(ANCHORS, links=(broken,)), BUILT), READER, NOW)


def later(**members):
    return replace(DISTRUST, number=2, authorities=(replace(DISTRUST.authorities[0], **members),))


OLDER = {
    "the same number": (ANCHORS, replace(ANCHORS, issued=NOW + timedelta(1))),
    "a lower number": (replace(ANCHORS, number=3), FOLLOWED),
    "another authority": (ANCHORS, replace(ANCHORS, number=2, authority="ab" * 32)),
    "without an entry": (DISTRUST, replace(DISTRUST, number=2, authorities=())),
    "with a later theft": (DISTRUST, later(since=NOW)),
    "with a longer bridge": (DISTRUST, later(bridge_until=NOW + timedelta(hours=73))),
}


@pytest.mark.parametrize(("before", "new"), OLDER.values(), ids=OLDER)
def test_a_list_that_goes_back_is_refused(before, new):
    with pytest.raises(InvalidTrustList):
        check_newer(before, new)


def test_a_list_that_follows_is_taken():
    check_newer(ANCHORS, FOLLOWED)
    check_newer(DISTRUST, later(since=NOW - timedelta(hours=9), bridge_until=NOW + timedelta(hours=1)))


KIND = TrustListKind.DISTRUST
BY_RESPONDER = HeldLists(distrust=DISTRUST)
ALL_CAS = tuple(
    DistrustEntry(sha256_hex(certificate_der(one)), name, NOW, NOW) for name, (_, one) in BUILT.entries.items()
)
POISONED = replace(DISTRUST, authorities=ALL_CAS)
FOREIGN_NAME = replace(DISTRUST, authority="ab" * 32, authorities=())
NEXT = replace(DISTRUST, number=2)
TAKEN = {
    "a first list": (HeldLists(), by_responder(DISTRUST, BUILT), DISTRUST),
    "the same one": (BY_RESPONDER, by_responder(DISTRUST, BUILT), None),
    "a higher number": (BY_RESPONDER, by_responder(NEXT, BUILT), NEXT),
    "of a root, with entries less, after one of a responder": (
        HeldLists(distrust=POISONED), by_root(NEXT, BUILT), NEXT,
    ),
    "of a root, after another name of the authority": (HeldLists(distrust=FOREIGN_NAME), by_root(NEXT, BUILT), NEXT),
    "with the name that the list of anchors has": (
        HeldLists(ANCHORS, FOREIGN_NAME), by_responder(NEXT, BUILT), NEXT,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("held", "octets", "expected"), TAKEN.values(), ids=TAKEN)
def test_the_next_list_is_taken(held, octets, expected):
    assert verify_next(KIND, octets, held, READER, NOW) == expected


def test_the_next_list_of_anchors_is_taken():
    octets = by_root(ANCHORS, BUILT)
    assert verify_next(TrustListKind.ANCHORS, octets, HeldLists(distrust=POISONED), READER, NOW) == ANCHORS
    with pytest.raises(InvalidTrustList, match="root"):
        verify_next(TrustListKind.ANCHORS, octets, HeldLists(None, POISONED, is_by_root=True), READER, NOW)


LONG = replace(DISTRUST.authorities[0], bridge_until=NOW + timedelta(hours=73, seconds=1))
LATER = replace(DISTRUST.authorities[0], since=NOW + timedelta(hours=1, seconds=1))
NOT_NEXT = {
    "a number of the future": (HeldLists(), replace(DISTRUST, number=int(NOW.timestamp()) + 3601)),
    "a long bridge": (HeldLists(), replace(DISTRUST, authorities=(LONG,))),
    "a theft of the future": (HeldLists(), replace(DISTRUST, authorities=(LATER,))),
    "an entry less of a root": (HeldLists(None, DISTRUST, is_by_root=True), replace(NEXT, authorities=())),
    "another authority": (HeldLists(None, DISTRUST, is_by_root=True), replace(FOREIGN_NAME, number=2)),
}


def test_another_list_is_not_the_next():
    attempts = {
        case: partial(verify_next, KIND, by_root(new, BUILT), held, READER, NOW)
        for case, (held, new) in NOT_NEXT.items()
    }
    golden.check("sentences/trust-lists/not-the-next", {"en.txt": golden.refusals(attempts, InvalidTrustList)})


def test_an_entry_less_of_a_responder_is_not_the_next():
    with pytest.raises(InvalidTrustList, match="back"):
        verify_next(KIND, by_responder(replace(NEXT, authorities=()), BUILT), BY_RESPONDER, READER, NOW)
