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
from tests.support.scene import (
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


def certificates(scene):
    return models.Certificate.objects.using(scene.db.alias)


def test_the_signer_is_away_while_enrolling(scene):
    ids, key = ordered(scene), new_key()
    scene.signer.away = True
    for _ in range(2):
        answer = enrol(new_ask(ids, key), scene.ctx, REQUEST)
        assert answer == Rejection(RejectionReason.UNAVAILABLE, language=Language.SV)
    assert certificates(scene).get().state == CertificateState.RESERVED
    assert refused(enrol(new_ask(ids, new_key()), scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED
    scene.signer.away = False
    collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))
    assert certificates(scene).count() == 1


def test_the_signer_is_away_while_renewing(scene):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    scene.signer.away = True
    assert refused(renew(renew_ask(held, key), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    scene.signer.away = False
    new = held_by(scene, key, accepted(renew(renew_ask(held, key), scene.ctx, REQUEST)))
    assert certificates(scene).get(predecessor__serial=held.serial).serial == new.serial


def test_a_reservation_lives_as_it_was_decided_however_late_it_is_signed(scene):
    ids, key = ordered(scene), new_key()
    scene.signer.away = True
    refused(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    decided = scene.clock.now
    scene.clock.forward(20 * DAY)
    scene.signer.away = False
    collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))
    assert certificates(scene).get().not_before == decided


def test_the_signer_signs_something_else(scene):
    """Nothing wrong is stored, and the same request works later."""
    ids, key = ordered(scene), new_key()
    scene.signer.garbling = True
    assert enrol(new_ask(ids, key), scene.ctx, REQUEST) == OUR_FAULT
    assert certificates(scene).get().sha256 is None
    scene.signer.garbling = False
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))


@pytest.mark.parametrize("failure", [OperationalError("server closed the connection"), InterfaceError("is closed")])
def test_the_register_is_away(scene, monkeypatch, failure):
    ids, key = ordered(scene), new_key()

    def away(*_):
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(transactions, "reserve_certificate", away)
        answer = enrol(new_ask(ids, key), scene.ctx, REQUEST)
        assert answer == Rejection(RejectionReason.UNAVAILABLE, language=Language.SV), "the caller is proven"
    retrieval_id = accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    with monkeypatch.context() as patched:
        patched.setattr(transactions, "find_by_retrieval_id", away)
        assert retrieve(get_ask(retrieval_id), scene.ctx, REQUEST) == Rejection(RejectionReason.UNAVAILABLE)
    collected(scene, retrieval_id)


def test_any_other_fault_before_the_proof_is_the_doors(scene, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(transactions, "find_transfer_ids", fail)
    with pytest.raises(ZeroDivisionError):
        enrol(new_ask(ordered(scene), new_key()), scene.ctx, REQUEST)


# A CA issues nothing past its own end, and no lifetime is shortened.


def test_a_ca_that_ends_in_less_than_730_days_issues_no_more(scene):
    last = last_issuance_time(ca_certificate(), YEARS_2)
    scene.clock.now = last + SECOND
    ids, key = ordered(scene), new_key()
    answer = enrol(new_ask(ids, key), scene.ctx, REQUEST)
    assert answer == Rejection(RejectionReason.UNAVAILABLE, language=Language.SV)
    assert not certificates(scene).exists()
    assert not models.UsedKey.objects.using(scene.db.alias).exists()
    kept = models.RejectedRequest.objects.using(scene.db.alias).get()
    assert (kept.reason, kept.operation) == (RejectionReason.UNAVAILABLE, "new")
    scene.clock.now = last
    collected(scene, accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)))


def test_a_ca_that_ends_in_less_than_730_days_renews_no_more(scene):
    scene.clock.now = last_issuance_time(ca_certificate(), YEARS_2) - 690 * DAY
    held = enrolled(scene)
    in_the_window(scene, held)
    assert refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    assert scene.certificate(held.serial).renewed_by is None


def test_the_channels_next_ca_takes_over(scene):
    """The current CA of the channel signs the renewal.

    Here the CA of the other channel stands in for it.
    """
    held = enrolled(scene)
    in_the_window(scene, held)
    sftp = scene.ctx.issuing[Channel.SFTP]
    moved = scene.but(issuing={**scene.ctx.issuing, Channel.WS: sftp})
    new = renewed(moved, held)
    assert scene.certificate(new.serial).authority == sftp


def test_what_lint_finds_is_our_fault_and_nothing_is_signed(scene):
    signed = scene.signer.signatures
    assert enrol(new_ask(ordered(scene), new_key()), scene.but(country="finland").ctx, REQUEST) == OUR_FAULT
    assert scene.signer.signatures == signed
    assert not certificates(scene).exists()


@pytest.mark.parametrize(("life", "window"), LIVES_AND_WINDOWS.values(), ids=LIVES_AND_WINDOWS)
def test_a_life_has_the_window_of_the_rule_and_is_too_early_before(life, window, sqlite_scene):
    scene = sqlite_scene.but(validity=life)
    held = enrolled(scene)
    row = certificates(scene).get(serial=held.serial)
    assert row.renewable_from == row.not_after - window
    scene.clock.now = row.renewable_from - SECOND
    found = refused(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    assert found is RejectionReason.TOO_EARLY
    scene.clock.now = row.renewable_from
    renewed(scene, held)


def test_the_refusal_of_one_office_says_nothing_of_another(scene):
    """One of two scenes on one database lacks its signer, and the other answers."""
    ids, key = ordered(scene), new_key()
    away = scene.but(signer=replace(scene.signer, away=True))
    assert refused(enrol(new_ask(ids, key), away.ctx, REQUEST)) is RejectionReason.UNAVAILABLE
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
