"""Concurrent requests through the SOAP endpoint, on both databases.

One request wins, and one request gives one certificate.
"""

from dataclasses import replace

import pytest

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.services.organisations import registration
from tests.api.drafts import new_draft, renew_draft
from tests.support.registers import crowd
from tests.support.scene import new_key

pytestmark = pytest.mark.long


def together(drafts, answer):
    """Send each draft from a thread of its own, all at the same moment."""
    bodies = [(draft.body(), draft.headers()) for draft in drafts]
    return crowd(drafts[0].scene.db, len(drafts), lambda number: answer(*bodies[number]))


def live(counter):
    """Return the certificates that a holder could have."""
    rows = registration.certificates(counter.scene.ctx)
    return [row for row in rows if not row.revoked and row.state is not CertificateState.SUPERSEDED]


def test_transfer_ids_are_spent_once_by_fifty_at_once(any_counter):
    draft = new_draft(any_counter)
    rivals = [replace(draft, key=new_key()) for _ in range(50)]
    answers = together(rivals, any_counter.ask)
    assert sorted((answer.status, answer.code) for answer in answers) == [("FAIL", "PKI006")] * 49 + [("OK", None)]
    assert len(live(any_counter)) == len(registration.certificates(any_counter.scene.ctx)) == 1


@pytest.mark.long
@pytest.mark.parametrize("make", [new_draft, renew_draft])
def test_the_same_request_a_hundred_times_gives_one_certificate(make, any_counter):
    draft = make(any_counter)
    before = len(registration.certificates(any_counter.scene.ctx))
    answers = together([draft] * 100, any_counter.ask)
    assert {answer.code for answer in answers} == {None}
    assert len({answer.retrieval_id for answer in answers}) == 1
    assert len(registration.certificates(any_counter.scene.ctx)) == before + 1


def test_fifty_renewals_with_keys_of_their_own_leave_one(any_counter):
    """A renewal that was not retrieved may be made again three times.

    Each voids the one before.
    """
    draft = renew_draft(any_counter)
    answers = together([replace(draft, key=new_key()) for _ in range(50)], any_counter.ask)
    accepted = [answer.retrieval_id for answer in answers if answer.status == "OK"]
    assert 1 <= len(accepted) <= 4
    assert {answer.code for answer in answers} <= {None, "PKI022", "PKI035"}
    assert len(live(any_counter)) == 2, "the old one, and one renewal"
