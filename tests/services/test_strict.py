"""Leniency that the reference service is not documented to have.

Strict mode disables it. Otherwise each use is marked in the log.
"""

import logging
from datetime import timedelta

import pytest

from sinetti.domain.refusals import RejectionReason
from sinetti.domain.requests import STRICT, LenientBehaviour
from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from tests.support.authority import holder_key
from tests.support.scene import (
    REQUEST,
    accepted,
    enrolled,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    ordered,
    refused,
    renew_ask,
)


@pytest.fixture
def marks(caplog):
    """Return a function that returns the new leniency marks of the log, by kind."""
    caplog.set_level(logging.INFO, "sinetti.leniency")

    def seen() -> list[str]:
        found = [record.args[0] for record in caplog.records if record.name == "sinetti.leniency"]
        caplog.clear()
        return found

    return seen


@pytest.fixture
def strict(scene):
    """Return a scene without leniency, except for keys of other types."""
    return scene.but(leniency=STRICT)


def test_the_same_enrolment_again(strict):
    ids, key = ordered(strict), new_key()
    accepted(enrol(new_ask(ids, key), strict.ctx, REQUEST))
    assert refused(enrol(new_ask(ids, key), strict.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_USED


def test_renewals_again(scene, strict):
    held, key = enrolled(scene), new_key()
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, key), strict.ctx, REQUEST))
    assert refused(renew(renew_ask(held, key), strict.ctx, REQUEST)) is RejectionReason.ALREADY_RENEWED
    assert refused(renew(renew_ask(held, new_key()), strict.ctx, REQUEST)) is RejectionReason.ALREADY_RENEWED


def test_a_strict_refusal_leaves_what_it_found(scene, strict):
    """The bench may be switched back, and still answers again for issued certificates."""
    ids, key = ordered(scene), new_key()
    first = accepted(enrol(new_ask(ids, key), strict.ctx, REQUEST))
    refused(enrol(new_ask(ids, key), strict.ctx, REQUEST))
    assert accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST)) == first


def test_other_keys_are_a_matter_of_policy(strict):
    narrow = strict.but(policy=KeyPolicy(frozenset({KeyType.RSA_2048})))
    assert refused(enrol(new_ask(ordered(narrow), new_key()), narrow.ctx, REQUEST)) is RejectionReason.KEY_NOT_ACCEPTED


def test_every_kind_answer_is_marked(scene, marks):
    ids, key = ordered(scene), new_key()
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    assert marks() == [LenientBehaviour.KEY_TYPE]
    accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    assert marks() == [LenientBehaviour.SAME_REQUEST_ANSWERED, LenientBehaviour.KEY_TYPE]
    held = enrolled(scene)
    assert marks() == [LenientBehaviour.KEY_TYPE, LenientBehaviour.READY_AT_ONCE]
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, key := new_key()), scene.ctx, REQUEST))
    assert marks() == [LenientBehaviour.KEY_TYPE]
    accepted(renew(renew_ask(held, key), scene.ctx, REQUEST))
    assert marks() == [LenientBehaviour.SAME_REQUEST_ANSWERED, LenientBehaviour.KEY_TYPE]
    accepted(renew(renew_ask(held, new_key()), scene.ctx, REQUEST))
    assert marks() == [LenientBehaviour.RENEWED_AGAIN, LenientBehaviour.KEY_TYPE]


def test_what_the_real_service_gives_is_not_marked(scene, marks):
    key, other = holder_key(1, KeyType.RSA_2048), holder_key(2, KeyType.RSA_2048)
    ids = ordered(scene)
    waiting = scene.but(leniency=STRICT)
    accepted(enrol(new_ask(ids, key), waiting.ctx, REQUEST))
    scene.machine.forward(timedelta(seconds=2))
    retrieval_id = accepted(enrol(new_ask(ids, key), scene.ctx, REQUEST))
    assert marks() == [LenientBehaviour.SAME_REQUEST_ANSWERED]
    held = held_by(waiting, key, retrieval_id)
    in_the_window(scene, held)
    accepted(renew(renew_ask(held, other), waiting.ctx, REQUEST))
    assert marks() == []
