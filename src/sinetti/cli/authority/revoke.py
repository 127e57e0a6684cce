"""`sinetti authority revoke`: revoke a certificate.

For keyCompromise, it also revokes every certificate renewed from it. With officers, what one user revokes alone within
24 hours is limited over all commands.
"""

from dataclasses import replace

from sinetti.api.serializers import MEMBERS, certificate_json
from sinetti.authority.signer_memory import learn
from sinetti.cli.authority.common import AuthorityRun, machine_officer, operator_commands, past_instant
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.core.commands import Output, argument, flag, option
from sinetti.database.issuance import unregistered
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.values import Serial
from sinetti.services.approvals.approve import needs_approval
from sinetti.services.revocation.revoke import RevocationRequest
from sinetti.services.revocation.revoke import revoke as revoke_certificate

commands = operator_commands()
register = commands.register

REASONS = [reason.value for reason in RevocationReason if may_use_reason(RevokerRole.OPERATOR, reason)]


@commands.command(
    "4f…c1 --reason keyCompromise",
    also=[PASSPHRASE_FILE, flag("print the revoked certificates as JSON", name="--json")],
)
def revoke(
    run: AuthorityRun,
    *,
    reason: RevocationReason = option(None, "reason of RFC 5280", choices=REASONS),
    invalid_since: str | None = option("ISO", "time since which the key may be compromised, if earlier"),
    spare: list[str] = option(
        "SERIAL", "with keyCompromise: serial number of a renewal to keep, because its key is safe"
    ),
    serial: str = argument("SERIAL", "serial number in hex, from `status --customer-id ID`"),
) -> Output:
    """Permanently revoke a certificate, and publish the revocation list."""
    ctx = run.ctx
    request = RevocationRequest(
        serial=Serial(serial.casefold()),
        reason=reason,
        revoker=RevokerRole.OPERATOR,
        invalidity_date=past_instant("--invalid-since", invalid_since) if invalid_since else None,
        excluded=tuple(Serial(excluded.casefold()) for excluded in spare),
    )
    if unregistered.find_revocation(ctx.db, request.serial) is None:
        learn(request.serial, ctx, run.authority.keys, run.authority.journal, run.audit)
    if needs_approval(TwoPersonAct.BULK_REVOCATION, ctx):
        request = replace(request, officer=machine_officer())
    rows = [certificate_json(row, ctx.now()) for row in revoke_certificate(request, *run.by)]
    if not rows:
        rows = [{**dict.fromkeys(MEMBERS), "serial": request.serial, "state": "revoked", "reason": reason.value}]
    note = (
        "The register lacks this certificate: find out who asked the signer for it."
        if rows[0]["customer_id"] is None
        else "It can no longer be renewed. The revocation list is published now, or by the running service if the\n"
        "key of the CA is not here. The holder needs a new certificate: sinetti authority order --customer-id "
        f"{rows[0]['customer_id']} --replaces {request.serial} …"
    )
    return Output(rows, "\n".join(f"revoked  {row['serial']}  {row['reason']}" for row in rows), note=note)
