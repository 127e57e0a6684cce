"""Confirmations of clerks by a passkey, bound to exactly what was shown.

The challenge of the passkey is SHA-256 of a single-use nonce and of the digest of the proposal
(docs/e-service/clerks.md).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sinetti.database.common import audit_log
from sinetti.database.operations import authorities
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.approvals.proposals import Proposal
from sinetti.domain.values import Environment
from sinetti.services.staff.session import StaffSession


@dataclass(frozen=True)
class ClerkDecision:
    """A proposal of a clerk that another clerk confirms.

    `subject` is its object in audit rows, `proposer` the account's officer id. `parameters` are all that is confirmed.
    """

    act: TwoPersonAct
    subject: str
    proposer: str
    created: datetime
    expires: datetime
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Assertion:
    """Verified assertion of a passkey, in base64url, for its later verification.

    `public_key` is a SubjectPublicKeyInfo in base64, `algorithm` the number of COSE (pki/passkey_assertions.py).
    """

    nonce: str
    client_data: str
    authenticator_data: str
    signature: str
    public_key: str
    algorithm: int


def needs_passkey(clerk: StaffSession, *, has_passkey: bool) -> bool:
    """Return True if this clerk confirms with a passkey.

    In PRODUCTION every clerk does. In TEST a clerk who has none confirms with the recent second factor.
    """
    return has_passkey or clerk.ctx.environment is Environment.PRODUCTION


def digest_of(decision: ClerkDecision, clerk: StaffSession) -> bytes:
    """Return SHA-256 of the canonical octets of a confirmation.

    They contain the instance, the environment, the decision, its clerk, and the time until which it counts.
    """
    identity = authorities.identity(clerk.ctx.db)
    assert identity is not None  # noqa: S101 - an authority that was opened has one
    octets = Proposal(
        proposal_id=decision.subject,
        instance_id=identity.instance_id,
        environment=clerk.ctx.environment,
        act=decision.act,
        proposer=decision.proposer,
        proposer_key="",
        people=2,
        created=decision.created,
        expires=decision.expires,
        nonce="",
        parameters=decision.parameters,
        context={"approver": clerk.officer, "decision": "confirm"},
    ).octets
    return hashlib.sha256(octets).digest()


def record(decision: ClerkDecision, assertion: Assertion, clerk: StaffSession) -> None:
    """Write the assertion to the audit log, before the act. Raises NotStaff."""
    facts: dict[str, str | int] = {
        "act": decision.act.value,
        "sha256": digest_of(decision, clerk).hex(),
        "proposed_by": f"user:{decision.proposer.removeprefix('user.')}",
        "nonce": assertion.nonce,
        "client_data": assertion.client_data,
        "authenticator_data": assertion.authenticator_data,
        "signature": assertion.signature,
        "public_key": assertion.public_key,
        "algorithm": assertion.algorithm,
    }
    with clerk.act() as audit:
        audit_log.write(clerk.ctx.db, audit, "act-asserted", decision.subject, **facts)
