"""Promises of the vocabulary to every package.

They are closed lists, frozen values, and secrets that no traceback shows.
"""

from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from sinetti.domain import requests, values
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.models import IssuanceApproval, Replay
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import (
    LENIENT,
    STRICT,
    AcceptedResponse,
    CertificateResponse,
    EnrolRequest,
    LenientBehaviour,
    RenewRequest,
    RetrieveRequest,
)
from sinetti.domain.values import Environment, KeyPolicy, KeyType, ValidityPeriod
from tests.domain.facts import NEW_KEY, NOW, certificate, lineage, transfer_ids

FROZEN = {
    "an approval": (IssuanceApproval(lineage(), NEW_KEY, ValidityPeriod(NOW, NOW)), "key"),
    "again": (Replay(certificate(NOW)), "certificate"),
    "a refusal": (Rejection(RejectionReason.TOO_EARLY), "reason"),
    "a certificate": (certificate(NOW), "revoked_at"),
    "transfer ids": (transfer_ids(), "ended"),
    "leniency": (LENIENT, "replay_same_request"),
    "a key policy": (KeyPolicy(), "small_exponent"),
}


@pytest.mark.parametrize(("value", "field"), FROZEN.values(), ids=FROZEN)
def test_a_decision_cannot_be_changed_after_it_was_made(value, field):
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, None)


HIDING = {
    "the password": EnrolRequest(Environment.TEST, "1", None, "2", "SECRET", b"x"),
    "the request": EnrolRequest(Environment.TEST, "1", None, "2", "3", b"SECRET"),
    "the request of a renewal": RenewRequest(Environment.TEST, "1", None, b"SECRET", b"SECRET"),
    "the retrieval id": RetrieveRequest(Environment.TEST, "1", None, "SECRET"),
    "the certificate": CertificateResponse(b"SECRET"),
}


@pytest.mark.parametrize("ask", HIDING.values(), ids=HIDING)
def test_what_is_asked_shows_no_secret_in_a_trace(ask):
    assert "SECRET" not in repr(ask)


def test_an_answer_says_its_retrieval_id():
    assert AcceptedResponse("ab").retrieval_id == "ab"


def test_strict_turns_every_leniency_off():
    assert (
        requests.Leniency(replay_same_request=True, allow_repeated_renewal=True, retrieval_delay=timedelta(0))
        == LENIENT
    )
    assert (
        requests.Leniency(replay_same_request=False, allow_repeated_renewal=False, retrieval_delay=timedelta(seconds=2))
        == STRICT
    )


def test_the_lengths_of_the_facts_sheet():
    assert timedelta(seconds=730 * 86_400) == values.VALIDITY
    assert timedelta(seconds=60 * 86_400) == values.RENEWAL_WINDOW
    assert timedelta(seconds=14 * 86_400) == values.TRANSFER_IDS_LIVE


def test_every_key_is_taken_unless_a_policy_says_less_and_no_small_exponent_unless_it_says_so():
    assert KeyPolicy().types == frozenset(KeyType)
    assert KeyPolicy().small_exponent is False


@pytest.mark.parametrize("vocabulary", [RejectionReason, LenientBehaviour, Role])
def test_words_are_lower_case_with_hyphens(vocabulary):
    assert all(word.value == word.value.lower() and " " not in word.value for word in vocabulary)


HAS_TEXT = {
    "inside the name": ("orhone", True),
    "each word": ("oy kor", True),
    "a word that is not there": ("korhonen ab", False),
    "inside the ID": ("567-1", True),
    "the ID as a VAT number is written": ("12345671", True),
    "nothing typed": ("", True),
}


@pytest.mark.parametrize(("text", "expected"), HAS_TEXT.values(), ids=HAS_TEXT)
def test_a_search_finds_text_in_names_and_ids(text, expected):
    assert values.has_text(text, "Korhonen Oy", "1234567-1") is expected
