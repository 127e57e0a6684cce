"""Ceremonies for later CAs and for revoked ones: results, refusals, and their acceptance."""

from dataclasses import replace
from datetime import timedelta
from functools import cache, partial

import pytest

from sinetti.ca.ceremony.plan import parse_plan
from sinetti.ca.ceremony.production import check_request
from sinetti.ca.ceremony.registry import MadeKind
from sinetti.ca.ceremony.sets import (
    AnchorsData,
    CeremonyKind,
    DistrustData,
    DistrustLine,
    LinkKind,
    ListData,
    RequestSet,
    RevocationLine,
    parse_request_set,
    parse_result_set,
)
from sinetti.ca.ceremony.verification import verify_certified, verify_lists, verify_revoked
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import read_list
from sinetti.ca.hierarchy_config import with_policy_arc
from sinetti.ca.hierarchy_model import CaRole, CaSpec
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment, KeyType
from sinetti.pki.chain import issuers_of
from sinetti.pki.encoding import certificate_der, generate_key, sha256_hex
from sinetti.pki.policy_oids import find_arc
from sinetti.pki.trust_lists.verification import ListReader, verify_anchors, verify_distrust
from tests.ca.ceremony.making import LATER, LISTS, csr, empty, founded, lists, request, serial_of
from tests.support import golden
from tests.support.ceremonies import NOW, QUICK, ROOTS, URL, plan_text
from tests.support.killed import KilledError
from tests.support.officers import ARC

ISSUING = CaSpec(
    "Data Providers Test Issuing CA v2",
    CaRole.ISSUING,
    "Sinetti Intermediate Test CA v1",
    KeyType.EC_P256,
    timedelta(days=2922),
    Channel.WS,
)
ROOT = CaSpec("Sinetti Root Test CA v2", CaRole.ROOT, None, KeyType.EC_P256, timedelta(days=7305))
INTERMEDIATE = CaSpec(
    "Sinetti Intermediate Test CA v2", CaRole.INTERMEDIATE, ROOT.name, KeyType.EC_P256, timedelta(days=5479)
)
THIRD = replace(ROOT, name="Sinetti Root Test CA v3")
OLD = "DataProvidersTestIssuingCAv1"


@cache
def key(name):
    return generate_key(KeyType.EC_P256)


def begun():
    """Return a medium after its founding, which has keys of later roots and intermediate CAs."""
    medium = founded()[0]
    medium.more = {one.file_name: key(one.file_name) for one in (ROOT, INTERMEDIATE, THIRD)}
    return medium


def certify(medium, *specs, number=1, created=LATER, **changes):
    """Return the request for later CAs."""
    states = dict.fromkeys(medium.registry.certificates(), CaState.ISSUING)
    states |= {one.file_name: CaState.STANDBY for one in specs}
    online = (one for one in specs if one.role in {CaRole.ISSUING, CaRole.SERVICES})
    head = RequestSet(CeremonyKind.CERTIFY, Environment.TEST, URL, created, "7" * 64)
    head = replace(head, authority=medium.registry.authority, authorities=specs, anchors=AnchorsData(number, states))
    return replace(
        head, requests={one.file_name: csr(one.file_name, key(one.file_name), one.name) for one in online}, **changes
    )


def plan_for(wanted):
    return parse_plan(plan_text(wanted.kind, request=wanted).encode())


def known(medium):
    return {name: medium.registry.issuer(name) for name in medium.registry.certificates()}


def root_certificates(medium):
    return tuple(medium.registry.certificates()[name] for name in medium.registry.roots)


def test_a_successor_of_an_issuing_ca():
    medium = begun()
    before, wanted = known(medium), certify(medium, ISSUING)
    result = medium.make(plan_for(wanted), wanted)
    assert (parse_request_set(wanted.octets), parse_result_set(result.octets)) == (wanted, result)
    certified = verify_certified(before, wanted, result)
    new = certified.issuers[ISSUING.file_name].certificate
    assert issuers_of(new, [medium.registry.certificates()[ROOTS[1]]])
    assert new.not_valid_after_utc == LATER + ISSUING.lifetime - timedelta(seconds=1)
    assert (result.lists, result.links) == ({}, {})
    entry = next(one for one in certified.anchors.authorities if one.certificate == new)
    assert (entry.role, entry.channel, entry.state) == ("issuing", Channel.WS, CaState.STANDBY)
    assert len(certified.anchors.authorities) == 6
    reader = ListReader(Environment.TEST, root_certificates(medium))
    assert verify_anchors(result.anchors, reader, LATER) == certified.anchors


def test_a_root_and_an_intermediate_ca_have_keys_of_the_medium_lists_and_links():
    medium = begun()
    before, wanted = known(medium), certify(medium, ROOT, INTERMEDIATE)
    old = root_certificates(medium)
    result = medium.make(plan_for(wanted), wanted)
    certified = verify_certified(before, wanted, parse_result_set(result.octets))
    assert result.links.keys() == {(kind, ROOT.file_name) for kind in LinkKind}
    assert result.lists.keys() == {(one.file_name, shard) for one in (ROOT, INTERMEDIATE) for shard in (0, 1)}
    new = certified.issuers[ROOT.file_name].certificate
    for roots in (old, (new,), (*old, new)):
        assert verify_anchors(result.anchors, ListReader(Environment.TEST, roots), LATER) == certified.anchors
    # The next list is signed by the new root; readers of the old one follow newWithOld.
    later = {"created": LATER + timedelta(hours=1), "nonce": "8" * 64}
    before, again = known(medium), certify(medium, ISSUING, number=2, **later)
    second = medium.make(plan_for(again), again)
    certified = verify_certified(before, again, second)
    for roots in (old, (new,)):
        reader = ListReader(Environment.TEST, roots)
        assert verify_anchors(second.anchors, reader, LATER + timedelta(hours=1)).number == 2
    verify_lists(known(medium), *made_lists(medium))


def made_lists(medium):
    """Return a request and result for the lists of all CAs on the medium."""
    names = dict.fromkeys(one.name for one in medium.registry.items if one.kind is MadeKind.LIST)
    rows = tuple(ListData(name, shard, 9_999_999_999_999, ()) for name in names for shard in (0, 1))
    wanted = replace(lists(medium, created=LATER + timedelta(hours=2)), lists=rows)
    return wanted, medium.make(LISTS, wanted)


def test_a_third_root_is_reached_from_the_first_one_and_the_second_one():
    medium = begun()
    first = root_certificates(medium)
    for number, spec in enumerate((ROOT, THIRD), 1):
        wanted = certify(medium, spec, number=number, created=LATER + timedelta(hours=number), nonce=f"{number}" * 64)
        before = known(medium)
        result = medium.make(plan_for(wanted), wanted)
        verify_certified(before, wanted, result)
    second, third = root_certificates(medium)[1:]
    for roots in (first, (second,), (third,)):
        assert verify_anchors(result.anchors, ListReader(Environment.TEST, roots), LATER + timedelta(hours=2))


def test_interrupted_the_same_octets_are_signed():
    whole = begun()
    wanted = certify(whole, ROOT, INTERMEDIATE)
    whole.make(plan_for(wanted), wanted)
    # Two certificates, two links, four lists, and a list of anchors with two signatures.
    assert len(whole.steps) == 2 * 10
    for count in (0, 3, 5, 7, 9, 16, 19):  # in a certificate, both links, a list, and both signatures
        medium, left = begun(), [count]

        def kill(_reached, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KilledError

        before = known(medium)
        with pytest.raises(KilledError):
            medium.make(plan_for(wanted), wanted, kill)
        stored = {one.identity: one.tbs for one in medium.registry.items}
        result = medium.make(plan_for(wanted), wanted)
        assert stored.items() <= {one.identity: one.tbs for one in medium.registry.items}.items()
        assert medium.make(plan_for(wanted), wanted) == result
        verify_certified(before, wanted, result)


def refused(medium, wanted, why):
    with pytest.raises(CeremonyError, match=why):
        check_request(plan_for(wanted), wanted, medium.registry)


def test_requests_for_later_cas_that_are_refused():
    medium = begun()
    good = certify(medium, ISSUING)
    check_request(plan_for(good), good, medium.registry)
    plan, name = plan_for(good), ISSUING.file_name
    longer = replace(good, authorities=(replace(ISSUING, lifetime=timedelta(days=3000)),))
    states = good.anchors.states
    wrong = {
        "a longer life": longer,
        "no anchors": replace(good, anchors=None),
        "lists": replace(good, lists=lists(medium).lists),
        "a name that is taken": certify(medium, replace(ISSUING, name="Data Providers Test Issuing CA v1")),
        "a parent of another role": certify(medium, replace(ISSUING, parent="Sinetti Root Test CA v1")),
        "a parent that is not there": certify(medium, replace(ISSUING, parent="Other Test CA")),
        "no CSR": replace(good, requests={}),
        "a CSR of the root": replace(good, requests={**good.requests, ROOT.file_name: csr(OLD)}),
        "the key of another CA": replace(good, requests={name: csr(OLD, cn=ISSUING.name)}),
        "the state of one CA": replace(good, anchors=AnchorsData(1, {name: CaState.STANDBY})),
        "a state that is none here": replace(good, anchors=AnchorsData(1, {**states, name: CaState.PENDING})),
        "the state of another CA": replace(good, anchors=AnchorsData(1, {**states, "Other": CaState.ISSUING})),
    }
    of_the_plan = {"a longer life", "no anchors"}
    attempts = {
        case: partial(check_request, plan if case in of_the_plan else plan_for(wanted), wanted, medium.registry)
        for case, wanted in wrong.items()
    }
    said = golden.refusals(attempts, CeremonyError)
    medium.make(plan, good)
    check_request(plan, good, medium.registry)  # the same request again, after an interruption
    again = replace(good, nonce="9" * 64)
    second = certify(medium, replace(ISSUING, name="Data Providers Test Issuing CA v3"), nonce="9" * 64)
    attempts = {
        "the same CA again": lambda: check_request(plan_for(again), again, medium.registry),
        "the same number again": lambda: check_request(plan_for(second), second, medium.registry),
    }
    said += golden.refusals(attempts, CeremonyError)
    golden.check("sentences/ceremonies/requests-for-later-cas", {"en.txt": said})


def test_results_for_later_cas_that_were_changed():
    medium = begun()
    before, wanted = known(medium), certify(medium, ROOT, INTERMEDIATE)
    result = medium.make(plan_for(wanted), wanted)
    other = begun()
    foreign = other.make(plan_for(wanted), wanted)
    some = next(iter(result.links))
    lists_of_other = {**result.lists, (ROOT.file_name, 0): result.lists[ROOT.file_name, 1]}
    cases = {
        "no certificate": replace(result, certificates={}),
        "the certificate of another CA": replace(
            result, certificates={**result.certificates, ROOT.file_name: result.certificates[INTERMEDIATE.file_name]}
        ),
        "lists of another shard": replace(result, lists=lists_of_other),
        "a broken link": replace(result, links={**result.links, some: b"0"}),
        "no links": replace(result, links={}),
        "links in another order": replace(
            result, links=dict(zip(result.links, reversed(result.links.values()), strict=True))
        ),
        "anchors of another medium": replace(result, anchors=foreign.anchors),
        "no anchors": replace(result, anchors=b""),
        "of another request": replace(result, request="0" * 64),
    }
    attempts = {case: partial(verify_certified, before, wanted, wrong) for case, wrong in cases.items()}
    said = golden.stable_text(golden.refusals(attempts, CeremonyError))
    golden.check("sentences/ceremonies/results-for-later-cas", {"en.txt": said})
    states = replace(wanted.anchors, states={})
    with pytest.raises(CeremonyError, match="request"):
        verify_certified(before, replace(wanted, anchors=states), result)
    del before[OLD]
    with pytest.raises(CeremonyError, match="anchors"):
        verify_certified(before, wanted, result)


def revoke(medium, reason=RevocationReason.CA_COMPROMISE, *, name=OLD, created=LATER, number=1, **changes):
    """Return the request to revoke an issuing CA."""
    since = NOW + timedelta(hours=1) if reason is RevocationReason.CA_COMPROMISE else None
    entry = RevokedEntry(serial_of(medium, name), NOW + timedelta(hours=2), reason, since)
    row = DistrustLine(name, since, LATER + timedelta(hours=72)) if since else None
    return replace(
        lists(medium, (entry,), created=created),
        kind=CeremonyKind.REVOKE,
        revocations=(RevocationLine(name, reason, since),),
        distrust=DistrustData(number, (row,)) if row else None,
        **changes,
    )


def test_a_stolen_ca_is_on_the_list_of_its_parent_and_on_that_of_distrust():
    medium = begun()
    wanted = revoke(medium)
    result = medium.make(plan_for(wanted), wanted)
    assert (parse_request_set(wanted.octets), parse_result_set(result.octets)) == (wanted, result)
    found = verify_revoked(known(medium), wanted, result)
    assert found == verify_distrust(result.distrust, ListReader(Environment.TEST, root_certificates(medium)), LATER)
    der = certificate_der(medium.registry.certificates()[OLD])
    assert [(one.name, one.sha256) for one in found.authorities] == [(OLD, sha256_hex(der))]
    assert read_list(result.lists[ROOTS[1], 1]).entries == wanted.lists[2].entries


def test_a_ca_that_was_superseded_is_not_distrusted():
    medium = begun()
    wanted = revoke(medium, RevocationReason.SUPERSEDED)
    result = medium.make(plan_for(wanted), wanted)
    assert verify_revoked(known(medium), wanted, result) is None
    assert result.distrust == b""
    # The yearly lists afterwards keep the entry.
    yearly = lists(medium, wanted.lists[2].entries, created=LATER + timedelta(hours=1))
    check_request(LISTS, yearly, medium.registry)


def test_requests_to_revoke_that_are_refused():
    medium = begun()
    good = revoke(medium)
    plan, (line,), (row,) = plan_for(good), good.revocations, good.distrust.rows
    check_request(plan, good, medium.registry)
    with pytest.raises(CeremonyError, match="plan"):
        check_request(plan, replace(good, revocations=(replace(line, since=NOW),)), medium.registry)
    root = replace(good, revocations=(replace(line, name=ROOTS[0]),))
    refused(medium, root, "root")
    refused(medium, replace(good, revocations=(replace(line, name="OtherCA"),)), "root")
    refused(medium, replace(good, lists=lists(medium).lists), "exactly")
    other = RevokedEntry(serial_of(medium, "ServicesTestIssuingCAv1"), NOW, "superseded")
    more = lists(medium, (*good.lists[2].entries, other)).lists
    refused(medium, replace(good, lists=more), "exactly")
    (entry,) = good.lists[2].entries
    later_theft = lists(medium, (replace(entry, invalidity_date=NOW),)).lists
    refused(medium, replace(good, lists=later_theft), "exactly")
    refused(medium, replace(good, distrust=None), "exactly")
    later = replace(row, since=NOW)
    refused(medium, replace(good, distrust=DistrustData(1, (later,))), "exactly")
    quiet = revoke(medium, RevocationReason.SUPERSEDED)
    refused(medium, replace(quiet, distrust=good.distrust), "exactly")
    refused(medium, replace(good, anchors=AnchorsData(1, {})), "content")
    for wrong in (replace(row, name="OtherCA"), replace(row, bridge_until=LATER + timedelta(hours=73))):
        rows = (row, wrong) if wrong.name == "OtherCA" else (wrong,)
        refused(medium, replace(good, distrust=DistrustData(1, rows)), "bridge")
    medium.make(plan, good)
    check_request(plan, good, medium.registry)


def test_an_entry_of_distrust_is_never_taken_back():
    medium = begun()
    first = revoke(medium)
    medium.make(plan_for(first), first)
    second = "DataProvidersSFTPTestIssuingCAv1"
    at = {"created": LATER + timedelta(hours=1), "nonce": "9" * 64}
    entries = first.lists[2].entries

    def again(number, rows):
        wanted = revoke(medium, name=second, **at)
        both = (*entries, *wanted.lists[2].entries)
        wanted = replace(wanted, lists=lists(medium, both, created=at["created"]).lists)
        return replace(wanted, distrust=DistrustData(number, (*wanted.distrust.rows, *rows)))

    refused(medium, again(1, first.distrust.rows), "number 1")
    refused(medium, again(2, ()), "never")
    good = again(2, first.distrust.rows)
    verify_revoked(known(medium), good, medium.make(plan_for(good), good))


def test_results_of_a_revocation_that_were_changed():
    medium = begun()
    wanted = revoke(medium)
    result = medium.make(plan_for(wanted), wanted)
    foreign = begun()
    other = revoke(foreign, nonce="9" * 64, number=2)
    signed = foreign.make(plan_for(other), other)
    for wrong in (replace(result, distrust=b""), replace(result, distrust=signed.distrust)):
        with pytest.raises(CeremonyError, match="distrust"):
            verify_revoked(known(medium), wanted, wrong)
    with pytest.raises(CeremonyError, match="lists"):
        verify_revoked(known(medium), wanted, replace(result, lists={}))


def test_plans_of_later_kinds_that_are_refused():
    medium = begun()
    text = plan_text(CeremonyKind.CERTIFY, request=certify(medium, ROOT))
    row = text[text.index("\n[[authorities]]") :]
    cases = {
        "two roots": text + row.replace("v2", "v3"),
        "a CA twice": text + row,
        "no parent": text.replace('role = "root"', 'role = "intermediate"'),
    }
    attempts = {case: partial(parse_plan, wrong.encode()) for case, wrong in cases.items()}
    said = golden.refusals(attempts, CeremonyError)
    text = plan_text(CeremonyKind.REVOKE, request=revoke(medium))
    row = text[text.index("\n[[revocations]]") :]
    cases = {
        "a CA twice": text + row,
        "an instant of another reason": text.replace("cACompromise", "superseded"),
        "an instant in words": text.replace("2026-03-02T13:00:00Z", "yesterday"),
        "another reason": text.replace("cACompromise", "certificateHold"),
    }
    attempts = {case: partial(parse_plan, wrong.encode()) for case, wrong in cases.items()}
    said += golden.refusals(attempts, CeremonyError)
    golden.check("sentences/ceremonies/plans-of-later-kinds", {"en.txt": said})


def test_a_successor_has_the_arc_of_the_cas_before():
    text, medium = plan_text(hierarchy=with_policy_arc(QUICK, Environment.TEST, ARC)), empty()
    medium.make(parse_plan(text.encode()), request())
    before, wanted = known(medium), certify(medium, ISSUING)
    made = verify_certified(before, wanted, medium.make(plan_for(wanted), wanted))
    assert find_arc([made.issuers[ISSUING.file_name].certificate]) == ARC
    assert {find_arc([one.certificate]) for name, one in before.items() if name not in ROOTS} == {ARC}
