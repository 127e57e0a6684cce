"""Settings of approvals: a stricter value counts at once, a lower one by officers.

docs/operators/officers.md describes them.
"""

import secrets
from collections.abc import Mapping

from sinetti.database.approvals import officers, settings
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct, policy_of
from sinetti.domain.approvals.officers import can_act, is_founded
from sinetti.domain.approvals.proposals import roles_of
from sinetti.infra.toml_tables import SettingsError
from sinetti.services.context import ServiceContext

_SERVICE = "service"


def keep_strictest(wanted: ApprovalPolicy, ctx: ServiceContext) -> ApprovalPolicy:
    """Return the policy in effect, and store each value that is stricter than before.

    Until the authority has enough officers, the file alone counts. Raises SettingsError for a number that is higher
    than before, and that the officers in force could not reach.
    """
    roles = roles_of(officers.list_officers(ctx.db))
    if not is_founded(roles, ctx.environment):
        return wanted
    stored = settings.read_settings(ctx.db)
    before = ctx.facts.current(ctx.db, ctx.now()).record.strictest(policy_of(stored, ApprovalPolicy()))
    policy = wanted.strictest(before)
    for act in TwoPersonAct:
        people = policy.people_for(act)
        if people > before.people_for(act) and not can_act(act, roles, people):
            raise SettingsError(
                f"authority.toml: {act} = {people} under [approvals] takes more officers than there are: write a lower "
                "number, add officers, then raise it"
            )
    if policy.values != stored:
        settings.write_settings(ctx.db, policy.values, ctx.audit_entry(_SERVICE, secrets.token_hex(16)))
    return policy


def lower_settings(wanted: Mapping[str, str], ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Store values that officers have approved."""
    settings.write_settings(ctx.db, wanted, ctx.audit_entry(actor, request_id))
