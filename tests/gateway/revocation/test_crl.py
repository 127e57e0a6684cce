"""CRLs as a source of statuses: scope, lifetime, and a folder of CRLs."""

import os
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.profiles import key_usage
from sinetti.gateway.revocation import crl as crl_module
from sinetti.gateway.revocation.crl import CrlSource, InvalidCrl, SerialSet, read_list
from sinetti.gateway.revocation.source import (
    FRESHNESS,
    GOOD,
    MISSING,
    NO_ANSWER,
    NOT_FOR_THIS,
    NOT_KNOWN,
    OLD,
    REVOKED,
    FallbackSource,
    RevocationStatus,
)
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.path_validation import authority_of
from tests.gateway.material import DAY, HOUR, SECOND, certificate, crl, holder, issuing, key, leaf, loaded, scope
from tests.support import authority
from tests.support.authority import NOW

CERTIFICATE = loaded(holder())
SERIAL = CERTIFICATE.serial_number
POINT = authority.issuer().crl_url
WEEK = 7 * DAY
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
HOLD = (x509.CRLReason(x509.ReasonFlags.certificate_hold), False)
ON_HOLD = x509.ReasonFlags.certificate_hold
TAKEN_BACK = (x509.CRLReason(x509.ReasonFlags.remove_from_crl), False)
DELTA = [(x509.DeltaCRLIndicator(1), True)]
SOME = frozenset({ON_HOLD})


def asked(*ders, now=NOW, freshness=FRESHNESS, of=CERTIFICATE, by=None):
    return CrlSource(ders).status(of, by or issuing(), now, freshness)


FRESH = {
    "made just now": (NOW, NOW, GOOD),
    "as old as may be": (NOW, NOW + HOUR, GOOD),
    "a second older": (NOW, NOW + HOUR + SECOND, OLD),
    "five minutes ahead": (NOW + 300 * SECOND, NOW, GOOD),
    "a second more ahead": (NOW + 301 * SECOND, NOW, OLD),
}


@pytest.mark.parametrize(("made", "now", "answer"), FRESH.values(), ids=FRESH)
def test_freshness_goes_by_this_update(made, now, answer):
    assert asked(crl(at=made), now=now) == answer


def test_next_update_is_an_end_whatever_the_freshness():
    assert asked(crl(life=HOUR), now=NOW + HOUR, freshness=WEEK) == GOOD
    assert asked(crl(life=HOUR), now=NOW + HOUR + SECOND, freshness=WEEK) == OLD
    assert asked(crl(life=WEEK), now=NOW + 2 * HOUR, freshness=WEEK) == GOOD


KINDS = {
    "everything": ({}, GOOD),
    "the shard that the certificate names": ({"scope": scope(POINT)}, GOOD),
    "one of several names": ({"scope": scope("http://elsewhere.example/a.crl", POINT)}, GOOD),
    "another shard": ({"scope": scope(POINT.replace("-1.", "-2."))}, NOT_FOR_THIS),
    "user certificates": ({"scope": scope(only_contains_user_certs=True)}, GOOD),
    "CA certificates": ({"scope": scope(only_contains_ca_certs=True)}, NOT_FOR_THIS),
    "attribute certificates": ({"scope": scope(only_contains_attribute_certs=True)}, NOT_FOR_THIS),
    "an indirect list": ({"scope": scope(indirect_crl=True)}, NOT_FOR_THIS),
    "some reasons": ({"scope": scope(only_some_reasons=frozenset({ON_HOLD}))}, NOT_FOR_THIS),
    "a delta": ({"more": [(x509.DeltaCRLIndicator(1), True)]}, NOT_FOR_THIS),
    "one that names a delta": (
        {"more": [(x509.FreshestCRL([x509.DistributionPoint([x509.DNSName("a")], None, None, None)]), False)]},
        NOT_FOR_THIS,
    ),
    "an unknown critical extension": ({"more": [(UNKNOWN, True)]}, NOT_FOR_THIS),
    "an unknown extension that is not critical": ({"more": [(UNKNOWN, False)]}, GOOD),
    "a critical extension of an entry": ({"revoked": (7,), "entry": [(UNKNOWN, True)]}, NOT_FOR_THIS),
    "an entry with a reason": ({"revoked": (7,), "entry": [HOLD]}, GOOD),
    "on hold": ({"revoked": (SERIAL,), "entry": [HOLD]}, REVOKED),
    "the other CA's": ({"issuer": authority.services_issuer().certificate}, MISSING),
    "signed by somebody else": ({"signer": key("Nobody")}, NOT_FOR_THIS),
    "another key identifier": (
        {"more": [(x509.AuthorityKeyIdentifier(b"\x00" * 20, None, None), False)]},
        NOT_FOR_THIS,
    ),
    "octets that look like critical in a serial": ({"revoked": (0x0101FF,)}, GOOD),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "answer"), KINDS.values(), ids=KINDS)
def test_kinds_of_lists(changes, answer):
    assert asked(crl(**changes)) == answer


SEVERAL = {
    "revoked since": ([crl(at=NOW - SECOND), crl(revoked=(SERIAL,))], REVOKED),
    "taken off the newer one": ([crl(revoked=(SERIAL,), at=NOW - SECOND), crl()], REVOKED),
    "taken off, in the other order": ([crl(), crl(revoked=(SERIAL,), at=NOW - SECOND)], REVOKED),
    "on hold before, and taken off": ([crl(revoked=(SERIAL,), entry=[HOLD], at=NOW - SECOND), crl()], REVOKED),
    "a stale one beside a fresh one": ([crl(at=NOW - DAY, revoked=(SERIAL,)), crl()], REVOKED),
    "one past its end beside a fresh one": ([crl(at=NOW - 30 * DAY, revoked=(SERIAL,)), crl()], REVOKED),
    "one past its end alone": ([crl(at=NOW - 30 * DAY, revoked=(SERIAL,))], replace(OLD, listed=True)),
    "a stale one alone": ([crl(at=NOW - DAY, revoked=(SERIAL,))], replace(OLD, listed=True)),
    "a delta alone": ([crl(revoked=(SERIAL,), more=DELTA)], replace(NOT_FOR_THIS, listed=True)),
    "one from ahead of our clock beside a fresh one": ([crl(at=NOW + DAY, revoked=(SERIAL,)), crl()], REVOKED),
    "a delta beside a whole one": ([crl(revoked=(SERIAL,), more=DELTA), crl()], REVOKED),
    "a delta that takes it off": ([crl(revoked=(SERIAL,), more=DELTA, entry=[TAKEN_BACK]), crl()], GOOD),
    "a delta with a reason": ([crl(revoked=(SERIAL,), more=DELTA, entry=[HOLD]), crl()], REVOKED),
    "a list for some reasons": ([crl(revoked=(SERIAL,), scope=scope(only_some_reasons=SOME)), crl()], REVOKED),
    "a list of another shard": ([crl(revoked=(SERIAL,), scope=scope("http://x.example/2.crl")), crl()], REVOKED),
    "a list of CA certificates": ([crl(revoked=(SERIAL,), scope=scope(only_contains_ca_certs=True)), crl()], REVOKED),
    "an indirect list": ([crl(revoked=(SERIAL,), scope=scope(indirect_crl=True)), crl()], GOOD),
    "attribute certificates": (
        [crl(revoked=(SERIAL,), scope=scope(only_contains_attribute_certs=True)), crl()], GOOD,
    ),
    "an unknown critical extension": ([crl(revoked=(SERIAL,), more=[(UNKNOWN, True)]), crl()], GOOD),
    "signed by another key": ([crl(revoked=(SERIAL,), signer=key("Nobody")), crl()], GOOD),
    "two of one second: nobody can tell which is newer": ([crl(), crl(revoked=(SERIAL,))], REVOKED),
    "two of one second, in the other order": ([crl(revoked=(SERIAL,)), crl()], REVOKED),
    "on one of two scopes": ([crl(), crl(scope=scope(POINT), revoked=(SERIAL,), at=NOW - SECOND)], REVOKED),
    "a list of another shard helps nobody": (
        [crl(scope=scope("http://elsewhere.example/x.crl")), crl(at=NOW - DAY)], OLD,
    ),
    "nothing": ([], MISSING),
}  # fmt: skip


@pytest.mark.parametrize(("ders", "answer"), SEVERAL.values(), ids=SEVERAL)
def test_several_lists(ders, answer):
    assert asked(*ders) == answer


def test_a_ca_that_may_not_sign_lists_has_none():
    ca = certificate("CA", put=[(key_usage(key_cert_sign=True), True)])
    der = crl(issuer=ca, signer=key("CA"))
    assert asked(der, of=leaf(("CA", "CA")), by=authority_of(ca)) == NOT_FOR_THIS


def test_lists_about_cas_count_until_their_end():
    root, ca = certificate("Root"), certificate("CA", ("Root", "Root"))
    der = crl(issuer=root, signer=key("Root"), life=365 * DAY)
    assert asked(der, of=ca, by=authority_of(root), now=NOW + 365 * DAY) == GOOD
    assert asked(der, of=ca, by=authority_of(root), now=NOW + 365 * DAY + SECOND) == OLD
    only = crl(issuer=root, signer=key("Root"), scope=scope(only_contains_ca_certs=True), revoked=(ca.serial_number,))
    assert asked(only, of=ca, by=authority_of(root)) == REVOKED


def points(**changes):
    usual = {"full_name": [x509.UniformResourceIdentifier(POINT)], "relative_name": None, "reasons": None}
    point = x509.DistributionPoint(**(usual | {"crl_issuer": None} | changes))
    return leaf(("CA", "CA"), put=[(x509.CRLDistributionPoints([point]), False)])


POINTS = {
    "a plain one": ({}, GOOD),
    "one that names its own issuer, as real ones do": ({"crl_issuer": "own"}, GOOD),
    "one that names another issuer": ({"crl_issuer": "other"}, NOT_FOR_THIS),
    "one for some reasons": ({"reasons": frozenset({x509.ReasonFlags.key_compromise})}, NOT_FOR_THIS),
}


@pytest.mark.parametrize(("changes", "answer"), POINTS.values(), ids=POINTS)
def test_distribution_points(changes, answer):
    ca = certificate("CA")
    named = {"own": ca.subject, "other": authority.issuer().certificate.subject}.get(changes.get("crl_issuer"))
    if named is not None:
        changes = {"crl_issuer": [x509.DirectoryName(named)]}
    der = crl(issuer=ca, signer=key("CA"), scope=scope(POINT))
    assert asked(der, of=points(**changes), by=authority_of(ca)) == answer


def test_der_and_pem_are_read_and_nothing_else():
    pem = x509.load_der_x509_crl(crl()).public_bytes(Encoding.PEM)
    assert asked(pem) == GOOD
    third_version = crl().replace(b"\x02\x01\x01", b"\x02\x01\x02", 1)
    for octets in (b"", b"hello", holder(), pem[:-40], third_version):
        with pytest.raises(InvalidCrl):
            read_list(octets)


def test_serials():
    numbers = [1, 255, 256, 2**159, SERIAL]
    serials = SerialSet(b"".join(sorted(one.to_bytes(20, "big") for one in numbers)))
    assert len(serials) == 5
    assert all(one in serials for one in numbers)
    assert not any(one in serials for one in (0, 2, 257, 2**159 - 1, SERIAL + 1))
    assert 1 not in SerialSet(b"")


def test_a_folder_is_read_anew_when_it_changes(tmp_path, monkeypatch):
    ticks = [100.0]
    monkeypatch.setattr(crl_module.clock, "monotonic_seconds", lambda: ticks[0])
    lists = CrlSource(folder=tmp_path)

    def now():
        return lists.status(CERTIFICATE, issuing(), NOW, FRESHNESS)

    assert now() == MISSING
    (tmp_path / "issuing.crl").write_bytes(crl())
    (tmp_path / "README").write_text("no list")
    (tmp_path / ".new").write_bytes(crl(revoked=(SERIAL,)))
    assert now() == MISSING, "within the same second nothing is looked at"
    ticks[0] += 1
    assert now() == GOOD
    (tmp_path / "next").write_bytes(crl(revoked=(SERIAL,), at=NOW + SECOND))
    (tmp_path / "next").replace(tmp_path / "issuing.crl")
    lists.refresh()
    assert now() == REVOKED
    (tmp_path / "issuing.crl").unlink()
    ticks[0] += 1
    assert now() == MISSING


HIGHER = {
    "the newer one is stale": ([crl(number=2, at=NOW - 2 * HOUR), crl(number=1)], OLD),
    "the newer one is stale, and the older one has the certificate": (
        [crl(number=2, at=NOW - 2 * HOUR), crl(number=1, revoked=(SERIAL,))],
        REVOKED,
    ),
    "the newer one is from the future and has the certificate": (
        [crl(number=1), crl(number=2, at=NOW + DAY, revoked=(SERIAL,))],
        REVOKED,
    ),
    "the newer one is fresh": ([crl(number=2), crl(number=1, at=NOW - DAY)], GOOD),
    "both have one number": ([crl(number=1, at=NOW - DAY), crl(number=1)], GOOD),
    "one has no number": ([crl(number=2, at=NOW - DAY), crl(number=None)], GOOD),
    "the newer one has another scope": ([crl(number=2, at=NOW - DAY, scope=scope(POINT)), crl(number=1)], GOOD),
    "the newer one is another CA's": (
        [crl(number=2, at=NOW - DAY, issuer=authority.services_issuer().certificate), crl(number=1)],
        GOOD,
    ),
    "the newer one has another signer": ([crl(number=2, at=NOW - DAY, signer=key("Nobody")), crl(number=1)], GOOD),
    "the newer one is of a kind that is not supported": (
        [crl(number=2, at=NOW - DAY, more=[(UNKNOWN, True)]), crl(number=1)],
        GOOD,
    ),
}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(("ders", "answer"), HIGHER.values(), ids=HIGHER)
def test_of_two_lists_of_one_scope_the_higher_number_wins(ders, answer, is_reversed):
    found = asked(*(reversed(ders) if is_reversed else ders))
    assert replace(found, listed=False) == answer


def test_an_older_list_that_is_put_back_does_not_count(tmp_path):
    lists, file = CrlSource(folder=tmp_path), tmp_path / "a.crl"
    answers = []
    for octets in (crl(number=2, revoked=(SERIAL,)), crl(number=1), None, crl(number=1), crl(number=3)):
        file.unlink(missing_ok=True)
        if octets is not None:
            file.write_bytes(octets)
        lists.refresh()
        answers.append(lists.status(CERTIFICATE, issuing(), NOW, FRESHNESS))
        numbers = [one.read.number for one in lists.signed_by(issuing())]
        answers.append(numbers)
    assert answers == [REVOKED, [2], REVOKED, [2], MISSING, [], REVOKED, [2], GOOD, [3]]


def test_the_date_of_a_file_makes_no_list_fresh(tmp_path):
    (tmp_path / "issuing.crl").write_bytes(crl(at=NOW - DAY))
    os.utime(tmp_path / "issuing.crl", (NOW.timestamp(), NOW.timestamp()))
    assert CrlSource(folder=tmp_path).status(CERTIFICATE, issuing(), NOW, FRESHNESS) == OLD


def test_a_folder_that_is_not_there_has_no_lists(tmp_path):
    assert CrlSource(folder=tmp_path / "no").status(CERTIFICATE, issuing(), NOW, FRESHNESS) == MISSING


def test_each_signature_is_computed_once_though_another_file_changes(tmp_path, monkeypatch):
    (tmp_path / "issuing.crl").write_bytes(crl())
    lists, counted = CrlSource(folder=tmp_path), []
    whole = crl_module._signed
    monkeypatch.setattr(crl_module, "_signed", lambda *given: counted.append(1) or whole(*given))
    for _ in range(3):
        assert lists.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == GOOD
    assert len(counted) == 1
    (tmp_path / "more.crl").write_bytes(crl(revoked=(SERIAL,), at=NOW + SECOND))
    lists.refresh()
    assert lists.status(CERTIFICATE, issuing(), NOW, FRESHNESS) == REVOKED
    assert len(counted) == 2


LISTED = replace(OLD, listed=True)


class Says:
    def __init__(self, answer):
        self.answer = answer

    def status(self, *_):
        return self.answer

    above = status


SOURCES = {
    "the first that knows": ([NO_ANSWER, REVOKED, GOOD], REVOKED),
    "the first of all": ([GOOD, NO_ANSWER], GOOD),
    "revoked by the second": ([GOOD, REVOKED], REVOKED),
    "revoked by the first": ([REVOKED, GOOD], REVOKED),
    "revoked by the last of three": ([NO_ANSWER, GOOD, REVOKED], REVOKED),
    "one whose CA does not know it": ([NOT_KNOWN, GOOD], NOT_KNOWN),
    "one whose CA does not know it, and a list that has it": ([NOT_KNOWN, REVOKED], REVOKED),
    "on a stale list, and good": ([LISTED, GOOD], REVOKED),
    "good, and on a stale list": ([GOOD, LISTED], REVOKED),
    "on a stale list, and not known": ([LISTED, NO_ANSWER], LISTED),
    "not known, and on a stale list": ([NO_ANSWER, LISTED], replace(NO_ANSWER, listed=True)),
    "nobody: why the first does not": ([NO_ANSWER, MISSING], NO_ANSWER),
    "nobody there": ([], MISSING),
}


@pytest.mark.parametrize(("answers", "told"), SOURCES.values(), ids=SOURCES)
def test_several_sources(answers, told):
    found = FallbackSource([Says(one) for one in answers]).status(CERTIFICATE, issuing(), NOW, FRESHNESS)
    assert found == told
    assert isinstance(found, RevocationStatus)
    assert found.why in {
        None,
        verdict_texts.NO_LIST,
        verdict_texts.NO_ANSWER,
        verdict_texts.NOT_KNOWN,
        verdict_texts.OLD_LIST,
    }


SOURCES_ABOVE = {
    "nobody there": ([], MISSING),
    "no list": ([MISSING, MISSING], MISSING),
    "the second has one": ([MISSING, GOOD], GOOD),
    "revoked by the second": ([GOOD, REVOKED], REVOKED),
    "a stale list and a good one": ([OLD, GOOD], OLD),
    "on a stale list, and good": ([GOOD, LISTED], REVOKED),
}


@pytest.mark.parametrize(("answers", "told"), SOURCES_ABOVE.values(), ids=SOURCES_ABOVE)
def test_several_sources_about_a_ca(answers, told):
    assert FallbackSource([Says(one) for one in answers]).above(CERTIFICATE, issuing(), NOW) == told
