"""Chains of the log's keys: the changes that lead to a trusted key, and no others."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.wire.transparency.entries import format_entry, parse_entry
from sinetti.wire.transparency.key_rotation import ACTION, former_keys, rotation_facts
from sinetti.wire.transparency.notes import NoteSigner
from tests.support.logs import LOG_KEY, NEXT_KEY, ORIGIN, WRONG_KEY

THIRD_KEY = NoteSigner(ORIGIN, Ed25519PrivateKey.generate())


def change(old: NoteSigner, new: NoteSigner):
    context = ("operator", datetime(2027, 3, 1, tzinfo=UTC), "00" * 16)
    return parse_entry(format_entry(ACTION, "log", context, rotation_facts(old, new)))


def test_former_keys_are_those_that_changes_led_from():
    changes = [change(LOG_KEY, NEXT_KEY), change(WRONG_KEY, LOG_KEY), change(NEXT_KEY, THIRD_KEY)]
    assert former_keys(changes, [THIRD_KEY.verifier]) == [key.verifier for key in (THIRD_KEY, NEXT_KEY, LOG_KEY)]


def test_changes_to_other_keys_lead_nowhere():
    changes = [change(LOG_KEY, NEXT_KEY), change(NEXT_KEY, WRONG_KEY)]
    assert former_keys(changes, [THIRD_KEY.verifier]) == [THIRD_KEY.verifier]


def test_a_key_of_another_log_is_no_former_one():
    other = NoteSigner("other.example/log", LOG_KEY.key)
    assert former_keys([change(other, NEXT_KEY)], [NEXT_KEY.verifier]) == [NEXT_KEY.verifier]
