"""Digest and record of a clerk's confirmation by a passkey."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Environment
from sinetti.services.staff.passkeys import Assertion, ClerkDecision, digest_of, needs_passkey, record
from tests.support.authority import NOW
from tests.support.clerks import a_clerk

DECISION = ClerkDecision(
    TwoPersonAct.BULK_REVOCATION, "bulk-revocation:1", "user.2", NOW, NOW + timedelta(days=1), {"serials": ["0a"]}
)
OTHERS = {
    "another act": {"act": TwoPersonAct.SIGNATORY},
    "another proposal": {"subject": "bulk-revocation:2"},
    "another proposer": {"proposer": "user.3"},
    "another end": {"expires": NOW + timedelta(days=2)},
    "another certificate": {"parameters": {"serials": ["0b"]}},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_the_digest_covers_what_is_confirmed(sqlite_scene, changes):
    clerk = a_clerk(sqlite_scene)
    assert digest_of(DECISION, clerk) == digest_of(DECISION, clerk)
    assert digest_of(replace(DECISION, **changes), clerk) != digest_of(DECISION, clerk)


def test_the_digest_is_one_clerk_s(sqlite_scene):
    one, other = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "ben")
    assert digest_of(DECISION, one) != digest_of(DECISION, other)
    production = replace(one, ctx=replace(one.ctx, environment=Environment.PRODUCTION))
    assert digest_of(DECISION, one) != digest_of(DECISION, production)


def test_who_confirms_with_a_passkey(sqlite_scene):
    clerk = a_clerk(sqlite_scene)
    production = replace(clerk, ctx=replace(clerk.ctx, environment=Environment.PRODUCTION))
    assert [needs_passkey(clerk, has_passkey=one) for one in (True, False)] == [True, False]
    assert needs_passkey(production, has_passkey=False)


def test_the_record_has_all_that_its_verification_needs(scene):
    clerk = a_clerk(scene)
    record(DECISION, Assertion("n", "c", "a", "s", "k", -7), clerk)
    row = models.AuditEvent.objects.using(scene.db.alias).get(action="act-asserted")
    facts = json.loads(bytes(row.octets))["facts"]
    assert (row.object, row.actor) == (DECISION.subject, clerk.actor.name)
    assert facts == {
        "act": "bulk-revocation", "sha256": digest_of(DECISION, clerk).hex(), "proposed_by": "user:2",
        "nonce": "n", "client_data": "c", "authenticator_data": "a", "signature": "s",
        "public_key": "k", "algorithm": -7,
    }  # fmt: skip
