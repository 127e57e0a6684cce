"""Settings of approvals: a stricter value counts at once, a lower one by officers.

docs/operators/officers.md describes them.
"""

import secrets
from collections.abc import Mapping

from sinetti.database.approvals import officers, settings
from sinetti.domain.approvals.acts import ApprovalPolicy, policy_of
from sinetti.services.context import ServiceContext

_SERVICE = "service"


def keep_strictest(wanted: ApprovalPolicy, ctx: ServiceContext) -> ApprovalPolicy:
    """Return the policy in effect, and store each value that is stricter than before.

    Without officers, the file alone counts. The values at the time of the first officers are the first that are kept.
    """
    if not officers.has_officers(ctx.db):
        return wanted
    stored = settings.read_settings(ctx.db)
    found = wanted.strictest(policy_of(stored, wanted))
    if found.values != stored:
        settings.write_settings(ctx.db, found.values, ctx.audit_entry(_SERVICE, secrets.token_hex(16)))
    return found


def lower_settings(wanted: Mapping[str, str], ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Store values that officers have approved."""
    settings.write_settings(ctx.db, wanted, ctx.audit_entry(actor, request_id))
