"""Unavailable dependencies: the answer "unavailable" and later retries.

Nothing is used up, and the same request works once the dependency is back.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError

from sinetti.ca.issuance import last_issuance_time
from sinetti.database import models
from sinetti.database.issuance import transactions
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Channel, Language
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from tests.domain.facts import LIVES_AND_WINDOWS
from tests.support.service_context import (
    DAY,
    REQUEST,
    SECOND,
    accepted,
    ca_certificate,
    collected,
    enrolled,
    get_ask,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
    renewed,
)

OUR_FAULT = Rejection(RejectionReason.INTERNAL, reference=REQUEST, language=Language.SV)
"""Rejection for an authenticated caller after an internal error.

It is in the language of the contact.
"""

YEARS_2 = timedelta(days=730)


def certificates(desk):
    return models.Certificate.objects.using(desk.db.alias)


def test_the_signer_is_away_while_enrolling(desk):
    ids, key = ordered(desk), new_key()
    desk.signer.away = True
    for _ in range(2):
        answer = enrol(new_ask(ids, key), desk.ctx, REQUEST)
        assert answer == Rejection(RejectionReason.UNAVAILABLE, language=Language.SV)
    assert certificates(desk).get().state == CertificateState.RESERVED
    assert refused(enrol(new_ask(ids, new_key()), desk.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED
    desk.signer.away = False
    collected(desk, accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST)))
    assert certificates(desk).count() == 1


def test_the_signer_is_away_while_renewing(desk):
    held, key = enrolled(desk), new_key()
    in_the_window(desk, held)
    desk.signer.away = True
    assert refused(renew(renew_ask(held, key), desk.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    desk.signer.away = False
    new = held_by(desk, key, accepted(renew(renew_ask(held, key), desk.ctx, REQUEST)))
    assert certificates(desk).get(predecessor__serial=held.serial).serial == new.serial


def test_a_reservation_lives_as_it_was_decided_however_late_it_is_signed(desk):
    ids, key = ordered(desk), new_key()
    desk.signer.away = True
    refused(enrol(new_ask(ids, key), desk.ctx, REQUEST))
    decided = desk.clock.now
    desk.clock.forward(20 * DAY)
    desk.signer.away = False
    collected(desk, accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST)))
    assert certificates(desk).get().not_before == decided


def test_the_signer_signs_something_else(desk):
    """Nothing wrong is stored, and the same request works later."""
    ids, key = ordered(desk), new_key()
    desk.signer.garbling = True
    assert enrol(new_ask(ids, key), desk.ctx, REQUEST) == OUR_FAULT
    assert certificates(desk).get().sha256 is None
    desk.signer.garbling = False
    accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))


@pytest.mark.parametrize("failure", [OperationalError("server closed the connection"), InterfaceError("is closed")])
def test_the_register_is_away(desk, monkeypatch, failure):
    ids, key = ordered(desk), new_key()

    def away(*_):
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(transactions, "reserve_certificate", away)
        answer = enrol(new_ask(ids, key), desk.ctx, REQUEST)
        assert answer == Rejection(RejectionReason.UNAVAILABLE, language=Language.SV), "the caller is proven"
    retrieval_id = accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))
    with monkeypatch.context() as patched:
        patched.setattr(transactions, "find_by_retrieval_id", away)
        assert retrieve(get_ask(retrieval_id), desk.ctx, REQUEST) == Rejection(RejectionReason.UNAVAILABLE)
    collected(desk, retrieval_id)


def test_any_other_fault_before_the_proof_is_the_doors(desk, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(transactions, "find_transfer_ids", fail)
    with pytest.raises(ZeroDivisionError):
        enrol(new_ask(ordered(desk), new_key()), desk.ctx, REQUEST)


# A CA issues nothing past its own end, and no lifetime is shortened.


def test_a_ca_that_ends_in_less_than_730_days_issues_no_more(desk):
    last = last_issuance_time(ca_certificate(), YEARS_2)
    desk.clock.now = last + SECOND
    ids, key = ordered(desk), new_key()
    answer = enrol(new_ask(ids, key), desk.ctx, REQUEST)
    assert answer == Rejection(RejectionReason.UNAVAILABLE, language=Language.SV)
    assert not certificates(desk).exists()
    assert not models.UsedKey.objects.using(desk.db.alias).exists()
    kept = models.RejectedRequest.objects.using(desk.db.alias).get()
    assert (kept.reason, kept.operation) == (RejectionReason.UNAVAILABLE, "new")
    desk.clock.now = last
    collected(desk, accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST)))


def test_a_ca_that_ends_in_less_than_730_days_renews_no_more(desk):
    desk.clock.now = last_issuance_time(ca_certificate(), YEARS_2) - 690 * DAY
    held = enrolled(desk)
    in_the_window(desk, held)
    assert refused(renew(renew_ask(held, new_key()), desk.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    assert desk.certificate(held.serial).renewed_by is None


def test_the_channels_next_ca_takes_over(desk):
    """The current CA of the channel signs the renewal.

    Here the CA of the other channel stands in for it.
    """
    held = enrolled(desk)
    in_the_window(desk, held)
    sftp = desk.ctx.issuing[Channel.SFTP]
    moved = desk.but(issuing={**desk.ctx.issuing, Channel.WS: sftp})
    new = renewed(moved, held)
    assert desk.certificate(new.serial).authority == sftp


def test_what_lint_finds_is_our_fault_and_nothing_is_signed(desk):
    signed = desk.signer.signatures
    assert enrol(new_ask(ordered(desk), new_key()), desk.but(country="finland").ctx, REQUEST) == OUR_FAULT
    assert desk.signer.signatures == signed
    assert not certificates(desk).exists()


@pytest.mark.parametrize(("life", "window"), LIVES_AND_WINDOWS.values(), ids=LIVES_AND_WINDOWS)
def test_a_life_has_the_window_of_the_rule_and_is_too_early_before(life, window, sqlite_desk):
    desk = sqlite_desk.but(validity=life)
    held = enrolled(desk)
    row = certificates(desk).get(serial=held.serial)
    assert row.renewable_from == row.not_after - window
    desk.clock.now = row.renewable_from - SECOND
    found = refused(renew(renew_ask(held, new_key()), desk.ctx, REQUEST))
    assert found is RejectionReason.TOO_EARLY
    desk.clock.now = row.renewable_from
    renewed(desk, held)


def test_the_refusal_of_one_office_says_nothing_of_another(desk):
    """One of two desks on one database lacks its signer, and the other answers."""
    ids, key = ordered(desk), new_key()
    away = desk.but(signer=replace(desk.signer, away=True))
    assert refused(enrol(new_ask(ids, key), away.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    accepted(enrol(new_ask(ids, key), desk.ctx, REQUEST))
