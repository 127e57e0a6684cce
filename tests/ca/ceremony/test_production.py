"""Results and refusals of ceremonies, and their acceptance by the online machine."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from sinetti.ca.ceremony.plan import parse_plan
from sinetti.ca.ceremony.production import check_request
from sinetti.ca.ceremony.registry import MadeKind, Registry, parse_registry
from sinetti.ca.ceremony.sets import CeremonyKind, OfficerLine, officers_statement
from sinetti.ca.ceremony.verification import verify_founding, verify_lists, verify_officers
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import read_list
from sinetti.ca.hierarchy_config import parse_hierarchy
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.domain.values import Environment, KeyType, Serial
from sinetti.pki.encoding import generate_key, verify
from tests.ca.ceremony.making import (
    LATER,
    LISTS,
    OFFICERS,
    ONLINE,
    PLAN,
    SPECS,
    csr,
    empty,
    founded,
    keys,
    lists,
    officers,
    request,
    serial_of,
)
from tests.support import golden
from tests.support.ceremonies import NOW, QUICK, ROOTS, URL, plan_text
from tests.support.killed import KilledError

HIERARCHY = PLAN.hierarchy
FIRST, OTHER = ONLINE[0], ONLINE[1]


def issuers(medium):
    return {name: medium.registry.issuer(name) for name in ROOTS}


def test_a_founding_makes_each_certificate_and_the_first_lists():
    medium, result = founded()
    certificates = verify_founding(HIERARCHY, request(), result)
    assert certificates.keys() == SPECS.keys()
    assert all(certificates[name].public_key() == keys()[name].public_key() for name in SPECS)
    assert result.lists.keys() == {(name, shard) for name in ROOTS for shard in (0, 1)}
    assert {read_list(der).number for der in result.lists.values()} == {int(NOW.timestamp() * 1000)}
    assert medium.registry.signing == ROOTS
    assert parse_registry(medium.registry.octets) == medium.registry


def test_interrupted_at_each_step_the_same_octets_are_signed():
    whole = empty()
    whole.make(PLAN, request())
    assert len(whole.steps) == 2 * (len(SPECS) + 4)
    for point in whole.steps:
        medium = empty()

        def kill(reached, point=point):
            if reached == point:
                raise KilledError

        with pytest.raises(KilledError):
            medium.make(PLAN, request(), kill)
        before = {one.identity: one.tbs for one in medium.registry.items}
        result = medium.make(PLAN, request())
        after = {one.identity: one.tbs for one in medium.registry.items}
        assert before.items() <= after.items()
        assert medium.make(PLAN, request()) == result
        verify_founding(HIERARCHY, request(), result)


def test_lists_and_officers():
    medium, _ = founded()
    entry = RevokedEntry(serial_of(medium, FIRST), NOW + timedelta(hours=1), "cACompromise")
    wanted = lists(medium, (entry,))
    result = medium.make(LISTS, wanted)
    verify_lists(issuers(medium), wanted, result)
    assert read_list(result.lists[ROOTS[1], 0]).entries == (entry,)
    assert read_list(result.lists[ROOTS[0], 0]).entries == ()
    named = officers(medium)
    result = medium.make(OFFICERS, named)
    root = medium.registry.certificates()[ROOTS[0]]
    verify_officers(root, named, result)
    assert verify(keys()[ROOTS[0]].public_key(), officers_statement(named, OFFICERS.officers), result.signature)


def refused(plan, wanted, registry, why):
    with pytest.raises(CeremonyError, match=why):
        check_request(plan, wanted, registry)


def with_requests(**changes):
    return replace(request(), requests={**request().requests, **changes})


SIGNED = csr(FIRST)
FOUNDINGS = {
    "of another kind": replace(request(), kind=CeremonyKind.LISTS),
    "of the other environment": replace(request(), environment=Environment.PRODUCTION),
    "of another day": replace(request(), created=NOW - timedelta(days=1)),
    "with lists": replace(request(), lists=lists(founded()[0]).lists),
    "with officers": replace(request(), officers=OFFICERS.officers),
    "of an authority that exists": replace(request(), authority="0" * 64),
    "with another address": replace(request(), base_url="http://other.example"),
    "an extra CSR": with_requests(ExtraCA=csr(FIRST)),
    "a CSR of the root": with_requests(**{ROOTS[0]: csr(ROOTS[0])}),
    "a CSR is missing": replace(request(), requests={FIRST: csr(FIRST)}),
    "a CSR with the name of another CA": with_requests(**{FIRST: csr(FIRST, cn="Evil CA")}),
    "two CSRs with one key": with_requests(**{FIRST: csr(FIRST, keys()[OTHER])}),
    "a CSR with a key of another type": with_requests(**{FIRST: csr(FIRST, generate_key(KeyType.EC_P384))}),
    "octets that are no CSR": with_requests(**{FIRST: b"0"}),
    "a CSR whose signature is wrong": with_requests(**{FIRST: SIGNED[:-1] + bytes([SIGNED[-1] ^ 1])}),
}


def test_requests_of_a_founding_that_are_refused():
    attempts = {case: partial(check_request, PLAN, wanted, None) for case, wanted in FOUNDINGS.items()}
    golden.check("sentences/ceremonies/foundings", {"en.txt": golden.refusals(attempts, CeremonyError)})


def test_a_second_founding_on_one_medium():
    medium, _ = founded()
    check_request(PLAN, request(), None)
    check_request(PLAN, request(), medium.registry)
    check_request(PLAN, request(), empty().registry)
    refused(PLAN, replace(request(), nonce="1" * 64), medium.registry, "another")


def test_a_medium_of_another_authority():
    medium, _ = founded()
    wanted = lists(medium)
    check_request(LISTS, wanted, medium.registry)
    for registry in (
        replace(medium.registry, environment=Environment.PRODUCTION),
        replace(medium.registry, base_url="http://other.example"),
        replace(medium.registry, custodians=("x", "y", "z")),
        empty().registry,
    ):
        refused(LISTS, wanted, registry, "another")
    refused(LISTS, wanted, None, "missing")
    refused(LISTS, replace(wanted, authority="0" * 64), medium.registry, "another")
    refused(LISTS, replace(wanted, authority=""), medium.registry, "another")
    refused(OFFICERS, replace(officers(medium), lists=wanted.lists), medium.registry, "content")
    refused(LISTS, replace(wanted, requests=request().requests), medium.registry, "content")


def test_data_of_lists_that_contradict_the_medium():
    medium, _ = founded()
    entry = RevokedEntry(serial_of(medium, FIRST), NOW + timedelta(hours=1), "cACompromise")
    first = lists(medium, (entry,))
    medium.make(LISTS, first)
    new = {"created": LATER + timedelta(hours=1)}
    check_request(LISTS, lists(medium, (entry,), **new), medium.registry)
    check_request(LISTS, first, medium.registry)  # the same request again, after an interruption
    old = first.lists[0].number
    cases = {
        "the number of another list": lists(medium, (entry,), old, nonce="7" * 64),
        "no entry": lists(medium, (), **new),
        "another reason": lists(medium, (replace(entry, reason="superseded"),), **new),
        "an entry more": lists(medium, (entry, replace(entry, serial=Serial("0bad"))), **new),
        "before the last list": lists(medium, (entry,), old + 9, created=LATER - timedelta(hours=1)),
        "without one CA": replace(lists(medium, (entry,), **new), lists=first.lists[:-1]),
        "one CA twice": replace(first, lists=(*first.lists, first.lists[0]), nonce="8" * 64),
        "another CA": replace(first, lists=(*first.lists, replace(first.lists[0], name="OtherCA"))),
    }
    attempts = {case: partial(check_request, LISTS, wanted, medium.registry) for case, wanted in cases.items()}
    said = golden.stable_text(golden.refusals(attempts, CeremonyError, NUMBER=old))
    golden.check("sentences/ceremonies/lists", {"en.txt": said})


def test_a_shard_that_was_opened_has_its_first_list():
    medium, _ = founded()
    wanted = lists(medium)
    more = replace(wanted, lists=(*wanted.lists, replace(wanted.lists[-1], shard=2)))
    result = medium.make(LISTS, more)
    verify_lists(issuers(medium), more, result)
    assert (ROOTS[1], 2) in result.lists


def test_an_entry_leaves_after_the_end_of_its_certificate():
    """RFC 5280, 3.3: it is on one list that is later than its end."""
    medium, _ = founded()
    serial = serial_of(medium, FIRST)
    entry = RevokedEntry(serial, NOW, "superseded")
    ends = medium.registry.certificates()[FIRST].not_valid_after_utc
    for days, can_leave in ((-1, False), (1, True)):
        at = ends + timedelta(days=days)
        plan = replace(LISTS, earliest=at - timedelta(days=1), latest=at + timedelta(days=9))
        medium.make(plan, lists(medium, (entry,), created=at))
        wanted = lists(medium, (), created=at + timedelta(hours=1), nonce="9" * 64)
        if can_leave:
            check_request(plan, wanted, medium.registry)
        else:
            refused(plan, wanted, medium.registry, "entry")


def test_a_number_that_was_stored_and_not_signed_is_spent():
    medium, _ = founded()

    def kill(reached):
        if reached.startswith("intended"):
            raise KilledError

    wanted = lists(medium)
    with pytest.raises(KilledError):
        medium.make(LISTS, wanted, kill)
    assert [one for one in medium.registry.items if one.kind is MadeKind.LIST and not one.made]
    refused(LISTS, replace(wanted, nonce="7" * 64), medium.registry, "number")
    medium.make(LISTS, wanted)


def test_a_register_that_is_damaged():
    for octets in (b"", b"{}", b"[]", empty().registry.octets.replace(b"TEST", b"NONE")):
        with pytest.raises(CeremonyError, match="damaged"):
            parse_registry(octets)
    assert isinstance(parse_registry(empty().registry.octets), Registry)


def other_hierarchy(text):
    return parse_hierarchy(text, Environment.TEST, URL)


def test_results_that_answer_another_request_or_a_rehearsal():
    _, result = founded()
    for changed, why in (
        (replace(result, is_rehearsal=True), "rehearsal"),
        (replace(result, request="0" * 64), "request"),
        (replace(result, kind=CeremonyKind.LISTS), "request"),
    ):
        with pytest.raises(CeremonyError, match=why):
            verify_founding(HIERARCHY, request(), changed)


def test_a_founding_that_does_not_fit_the_hierarchy():
    _, result = founded()
    for text in (
        QUICK.replace("lifetime_days = 7305", "lifetime_days = 7300"),
        QUICK.replace('organisation = "Sinetti"', 'organisation = "Other"'),
    ):
        with pytest.raises(CeremonyError, match="compare"):
            verify_founding(other_hierarchy(text), request(), result)


def changed_certificates(result, **changes):
    return replace(result, certificates={**result.certificates, **changes})


def test_certificates_that_were_changed(monkeypatch):
    _, result = founded()
    monkeypatch.setitem(keys(), ROOTS[0], generate_key(SPECS[ROOTS[0]].key_type))
    other = empty().make(PLAN, replace(request(), nonce="1" * 64))
    der = bytearray(result.certificates[FIRST])
    der[-1] ^= 1
    cases = {
        "a flipped bit": changed_certificates(result, **{FIRST: bytes(der)}),
        "no certificate": changed_certificates(result, **{FIRST: b"0"}),
        "another CA's": changed_certificates(result, **{FIRST: result.certificates[OTHER]}),
        "of another root": changed_certificates(result, **{ROOTS[0]: other.certificates[ROOTS[0]]}),
        "octets behind it": changed_certificates(result, **{FIRST: result.certificates[FIRST] + b"0"}),
    }
    for wrong in cases.values():
        with pytest.raises(CeremonyError, match="request"):
            verify_founding(HIERARCHY, request(), wrong)
    for wrong in (changed_certificates(result, ExtraCA=b""), replace(result, certificates={})):
        with pytest.raises(CeremonyError, match="exactly"):
            verify_founding(HIERARCHY, request(), wrong)


def test_a_root_with_the_key_of_an_online_ca(monkeypatch):
    """The online machine refuses a key that stands in two certificates."""
    monkeypatch.setitem(keys(), ROOTS[1], keys()[FIRST])
    result = empty().make(PLAN, request())
    with pytest.raises(CeremonyError, match="serial"):
        verify_founding(HIERARCHY, request(), result)


def test_lists_that_were_changed():
    medium, first = founded()
    wanted = lists(medium)
    result = medium.make(LISTS, wanted)
    name = (ROOTS[0], 0)
    long = medium.make(
        replace(LISTS, list_days=401),
        replace(wanted, nonce="3" * 64, lists=tuple(replace(one, number=one.number + 1) for one in wanted.lists)),
    )
    cases = {
        "the earlier list": replace(result, lists={**result.lists, name: first.lists[name]}),
        "the list of the shard": replace(result, lists={**result.lists, name: result.lists[ROOTS[0], 1]}),
        "no list": replace(result, lists={**result.lists, name: b"0"}),
    }
    for wrong in cases.values():
        with pytest.raises(CeremonyError, match=f"{ROOTS[0]}, shard 0"):
            verify_lists(issuers(medium), wanted, wrong)
    with pytest.raises(CeremonyError, match="exactly"):
        verify_lists(issuers(medium), wanted, replace(result, lists={}))
    again = replace(wanted, nonce="3" * 64, lists=tuple(replace(one, number=one.number + 1) for one in wanted.lists))
    with pytest.raises(CeremonyError, match="one"):
        verify_lists(issuers(medium), again, long)


def test_one_request_gets_one_set_of_officers():
    medium, _ = founded()
    named = officers(medium)
    result = medium.make(OFFICERS, named)
    assert medium.make(OFFICERS, named) == result
    other = parse_plan(plan_text(CeremonyKind.OFFICERS, officers=("dora", "fred")).encode())
    with pytest.raises(CeremonyError, match="other"):
        medium.make(other, named)
    assert medium.make(other, replace(named, nonce="7" * 64)).officers == other.officers


def test_a_medium_without_custodians_serves_for_officers_alone():
    medium, _ = founded()
    registry = replace(medium.registry, custodians=())
    check_request(OFFICERS, officers(medium), registry)
    refused(LISTS, lists(medium), registry, "other custodians")
    refused(OFFICERS, replace(officers(medium), authority="0" * 64), registry, "another authority")


def test_officers_that_the_root_has_not_signed():
    medium, _ = founded()
    named = officers(medium)
    result = medium.make(OFFICERS, named)
    certificates = medium.registry.certificates()
    more = (*result.officers, OfficerLine("eve", "approver", "ssh-ed25519 AAAA"))
    for root, wrong in (
        (certificates[ROOTS[0]], replace(result, officers=more)),
        (certificates[ROOTS[0]], replace(result, signature=b"")),
        (certificates[ROOTS[1]], result),
    ):
        with pytest.raises(CeremonyError, match="signed"):
            verify_officers(root, named, wrong)
    with pytest.raises(CeremonyError, match="request"):
        verify_officers(certificates[ROOTS[0]], replace(named, nonce="1" * 64), result)
