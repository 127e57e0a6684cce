"""Permission to renew a certificate, and the single reason for a rejection."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, IssuanceApproval, Replay
from sinetti.domain.certificates.renewal import RenewalContext, authenticate_signer, decide_renewal
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import LENIENT, STRICT
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, Language, Serial, ValidityPeriod
from tests.domain.facts import (
    AROUND,
    CLOSED,
    HELD_KEY,
    INSTANTS,
    NEW_KEY,
    NOW,
    ONE_DAY,
    ONE_SECOND,
    OTHER_KEY,
    WITHDRAWN,
    certificate,
    lineage,
)

IN_THE_WINDOW = certificate(NOW + 30 * ONE_DAY)
PLAIN = RenewalContext(None, None, repeat_count=0, key_known=False, validity=VALIDITY, leniency=LENIENT)
RENEWAL = certificate(NOW + VALIDITY, "42" * 19, key=NEW_KEY, predecessor=IN_THE_WINDOW.serial)
UNFETCHED = replace(RENEWAL, state=CertificateState.ISSUED)
RESERVED = replace(RENEWAL, state=CertificateState.RESERVED, sha256=None, recorded_at=None)
REVOKED = replace(RENEWAL, revoked_at=NOW, revocation_reason=RevocationReason.UNSPECIFIED)
VOID = replace(REVOKED, state=CertificateState.SUPERSEDED)


def reason_of(decision: IssuanceApproval | Replay | Rejection) -> RejectionReason | str:
    """Return the reason of a rejection, or a word for the other outcomes."""
    match decision:
        case Rejection(reason=reason):
            return reason
        case IssuanceApproval():
            return "approved"
        case Replay():
            return "again"


PROOFS = {
    "ours, of this customer": (IN_THE_WINDOW, "0123456-7", None),
    "the id differs in blanks only": (IN_THE_WINDOW, " 0123456-7 ", None),
    "not issued here": (None, "0123456-7", RejectionReason.SIGNER_UNKNOWN),
    "of another customer": (IN_THE_WINDOW, "7654321-0", RejectionReason.CUSTOMER_MISMATCH),
    "revoked": (replace(IN_THE_WINDOW, revoked_at=NOW), "0123456-7", RejectionReason.SIGNER_REVOKED),
    "of another customer, and revoked: the customer comes first": (
        replace(IN_THE_WINDOW, revoked_at=NOW),
        "7654321-0",
        RejectionReason.CUSTOMER_MISMATCH,
    ),
}


@pytest.mark.parametrize(("signer", "customer_id", "refused_for"), PROOFS.values(), ids=PROOFS)
def test_prove_signer(signer, customer_id, refused_for):
    proof = authenticate_signer(signer, customer_id)
    if refused_for is None:
        assert proof is signer
    else:
        assert proof == Rejection(refused_for, language=Language.SV if signer else None)


INSTANT_CASES = {
    "the second the window opens": (NOW + RENEWAL_WINDOW, "approved"),
    "one second too early": (NOW + RENEWAL_WINDOW + ONE_SECOND, RejectionReason.TOO_EARLY),
    "61 days before the end": (NOW + 61 * ONE_DAY, RejectionReason.TOO_EARLY),
    "59 days before the end": (NOW + 59 * ONE_DAY, "approved"),
    "the last valid second": (NOW, "approved"),
    "one second after the end": (NOW - ONE_SECOND, RejectionReason.SIGNER_EXPIRED),
    "long after the end": (NOW - 800 * ONE_DAY, RejectionReason.SIGNER_EXPIRED),
}


@pytest.mark.parametrize(("ends", "expected"), INSTANT_CASES.values(), ids=INSTANT_CASES)
def test_when_it_may_be_renewed(ends, expected):
    assert reason_of(decide_renewal(certificate(ends), NEW_KEY, PLAIN, NOW)) == expected


def opened_early(held: Certificate) -> Certificate:
    """Return the certificate after an officer opened its renewal window."""
    return replace(held, renewable_from=NOW)


def of_customer(customer) -> Certificate:
    return replace(IN_THE_WINDOW, lineage=lineage(customer))


EARLY = certificate(NOW + 61 * ONE_DAY)
EXPIRED = certificate(NOW - ONE_SECOND)
ORDER_CASES = {
    # The same key again is answered before anything else is looked at …
    "same key": (IN_THE_WINDOW, replace(PLAIN, same_key=RENEWAL, key_known=True), "again"),
    "same key, not yet fetched": (IN_THE_WINDOW, replace(PLAIN, same_key=UNFETCHED, key_known=True), "again"),
    "same key, only reserved": (IN_THE_WINDOW, replace(PLAIN, same_key=RESERVED, key_known=True), "again"),
    "same key, the signer has expired since": (EXPIRED, replace(PLAIN, same_key=RENEWAL, key_known=True), "again"),
    "same key, the organisation is closed since": (of_customer(CLOSED), replace(PLAIN, same_key=RENEWAL), "again"),
    "same key, only reserved, and the organisation is closed since": (
        of_customer(CLOSED),
        replace(PLAIN, same_key=replace(RESERVED, lineage=lineage(CLOSED)), key_known=True),
        RejectionReason.NOT_ENTITLED,
    ),
    # … but only as long as that renewal lives.
    "same key, that renewal is revoked": (
        IN_THE_WINDOW,
        replace(PLAIN, same_key=REVOKED, key_known=True),
        RejectionReason.KEY_REUSED,
    ),
    "same key, that renewal is voided": (
        IN_THE_WINDOW,
        replace(PLAIN, same_key=VOID, key_known=True),
        RejectionReason.KEY_REUSED,
    ),
    "same key, that renewal has expired": (
        EXPIRED,
        replace(PLAIN, same_key=certificate(NOW - ONE_SECOND, "42" * 19), key_known=True),
        RejectionReason.SIGNER_EXPIRED,
    ),
    "same key, and nothing is kind": (
        IN_THE_WINDOW,
        replace(PLAIN, same_key=RENEWAL, key_known=True, leniency=STRICT),
        RejectionReason.ALREADY_RENEWED,
    ),
    # Each reason stands before all that follow it.
    "expired, closed, renewed, key known": (
        replace(EXPIRED, lineage=lineage(CLOSED)),
        replace(PLAIN, successor=RENEWAL, key_known=True),
        RejectionReason.SIGNER_EXPIRED,
    ),
    "closed, too early, renewed, key known": (
        replace(EARLY, lineage=lineage(CLOSED)),
        replace(PLAIN, successor=RENEWAL, key_known=True),
        RejectionReason.NOT_ENTITLED,
    ),
    "channel withdrawn": (of_customer(WITHDRAWN), PLAIN, RejectionReason.NOT_ENTITLED),
    "too early, renewed, key known": (
        EARLY,
        replace(PLAIN, successor=RENEWAL, key_known=True),
        RejectionReason.TOO_EARLY,
    ),
    "renewed, key known": (
        IN_THE_WINDOW,
        replace(PLAIN, successor=RENEWAL, key_known=True),
        RejectionReason.ALREADY_RENEWED,
    ),
    "key known": (IN_THE_WINDOW, replace(PLAIN, key_known=True), RejectionReason.KEY_REUSED),
    "an officer opened the window earlier": (opened_early(EARLY), PLAIN, "approved"),
    # A renewal that was not retrieved may be made again, three times.
    "renewed, not fetched": (IN_THE_WINDOW, replace(PLAIN, successor=UNFETCHED), "approved"),
    "renewed, only reserved": (IN_THE_WINDOW, replace(PLAIN, successor=RESERVED), "approved"),
    "made again for the third time": (
        IN_THE_WINDOW,
        replace(PLAIN, successor=UNFETCHED, repeat_count=2),
        "approved",
    ),
    "made again for the fourth time": (
        IN_THE_WINDOW,
        replace(PLAIN, successor=UNFETCHED, repeat_count=3),
        RejectionReason.ALREADY_RENEWED,
    ),
    "renewed, not fetched, key known": (
        IN_THE_WINDOW,
        replace(PLAIN, successor=UNFETCHED, key_known=True),
        RejectionReason.KEY_REUSED,
    ),
    "renewed, not fetched, and nothing is kind": (
        IN_THE_WINDOW,
        replace(PLAIN, successor=UNFETCHED, leniency=STRICT),
        RejectionReason.ALREADY_RENEWED,
    ),
}


@pytest.mark.parametrize(("held", "situation", "expected"), ORDER_CASES.values(), ids=ORDER_CASES)
def test_order_of_checks(held, situation, expected):
    assert reason_of(decide_renewal(held, NEW_KEY, situation, NOW)) == expected


def test_what_an_approval_carries():
    approval = decide_renewal(IN_THE_WINDOW, NEW_KEY, replace(PLAIN, successor=UNFETCHED), NOW)
    assert approval == IssuanceApproval(
        lineage=IN_THE_WINDOW.lineage,
        key=NEW_KEY,
        span=ValidityPeriod(NOW, NOW + VALIDITY),
        predecessor=IN_THE_WINDOW.serial,
        supersedes=UNFETCHED,
    )


def test_what_again_carries():
    assert decide_renewal(IN_THE_WINDOW, NEW_KEY, replace(PLAIN, same_key=RENEWAL), NOW) == Replay(RENEWAL)


def test_too_early_says_when_it_opens_and_how_long_the_present_one_works():
    assert decide_renewal(EARLY, NEW_KEY, PLAIN, NOW) == Rejection(
        RejectionReason.TOO_EARLY, opens=NOW + ONE_DAY, ended=NOW + 61 * ONE_DAY, language=Language.SV
    )


def test_expired_says_when_it_ended():
    assert decide_renewal(EXPIRED, NEW_KEY, PLAIN, NOW) == Rejection(
        RejectionReason.SIGNER_EXPIRED, ended=NOW - ONE_SECOND, language=Language.SV
    )


CALENDAR = {
    "from a leap day two ordinary years on": (
        datetime(2028, 2, 29, 12, tzinfo=UTC),
        datetime(2030, 2, 28, 12, tzinfo=UTC),
    ),
    "over a leap day: a day short of the date": (
        datetime(2027, 3, 1, 12, tzinfo=UTC),
        datetime(2029, 2, 28, 12, tzinfo=UTC),
    ),
    "over no leap day: the same date": (datetime(2029, 3, 1, 12, tzinfo=UTC), datetime(2031, 3, 1, 12, tzinfo=UTC)),
}


@pytest.mark.parametrize(("now", "ends"), CALENDAR.values(), ids=CALENDAR)
def test_a_certificate_lives_730_days_of_24_hours(now, ends):
    approval = decide_renewal(certificate(now), NEW_KEY, PLAIN, now)
    assert approval.span == ValidityPeriod(now, ends)


@given(ends=INSTANTS, distance=AROUND)
def test_it_may_be_renewed_from_60_days_before_the_end_to_the_last_second(ends, distance):
    held = certificate(ends)
    opens = ends - timedelta(seconds=60 * 86_400)
    for edge in (opens, ends):
        now = edge + distance
        decision = decide_renewal(held, NEW_KEY, PLAIN, now)
        if now < opens:
            assert decision == Rejection(RejectionReason.TOO_EARLY, opens=opens, ended=ends, language=Language.SV)
        elif now > ends:
            assert decision == Rejection(RejectionReason.SIGNER_EXPIRED, ended=ends, language=Language.SV)
        else:
            assert decision.span.not_before == now
            assert (decision.span.not_after - now).total_seconds() == 730 * 86_400


@given(ends=INSTANTS)
def test_whoever_comes_back_when_it_opens_is_approved(ends):
    held = certificate(ends)
    refusal = decide_renewal(held, NEW_KEY, PLAIN, held.renewable_from - ONE_SECOND)
    assert isinstance(decide_renewal(held, NEW_KEY, PLAIN, refusal.opens), IssuanceApproval)
    assert isinstance(decide_renewal(held, NEW_KEY, PLAIN, refusal.ended), IssuanceApproval)


@given(ends=INSTANTS, distance=AROUND)
def test_the_old_and_the_new_one_are_valid_together(ends, distance):
    held = certificate(ends)
    decision = decide_renewal(held, OTHER_KEY, PLAIN, ends - abs(distance))
    if isinstance(decision, IssuanceApproval):
        assert decision.span.not_before <= held.span.not_after < decision.span.not_after
        assert decision.predecessor == held.serial != Serial("42" * 19)
        assert decision.key != HELD_KEY
