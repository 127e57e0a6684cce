"""`sinetti authority revoke` and `revoke-many`: revoke one certificate, or many.

For keyCompromise, `revoke` also revokes every certificate renewed from it. With officers, what one user revokes alone
within 24 hours is limited over all commands: more than ten take two officers.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from sinetti.api.serializers import MEMBERS, certificate_json
from sinetti.authority.signer_memory import learn
from sinetti.cli.authority.common import (
    ActProposed,
    AuthorityRun,
    OptionError,
    machine_officer,
    operator_commands,
    past_instant,
)
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.proposals import OFFICER, propose_act, rehearsed_letters, takes_two
from sinetti.cli.authority.serial_selection import Progress, selection
from sinetti.cli.core.commands import Listing, Output, argument, flag, option
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.certificates.bulk_revocation import BulkRevocationCandidate, CertificateSelection
from sinetti.database.issuance import unregistered
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import AT_ONCE, needs_second_approver
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Serial
from sinetti.infra.clock import instant_or_none
from sinetti.services.approvals.approve import needs_approval
from sinetti.services.approvals.executors import bulk_context, bulk_parameters
from sinetti.services.revocation import bulk_revoke
from sinetti.services.revocation.bulk_revoke import (
    BulkRevocationRequest,
    BulkSelection,
    alone_lately,
    preview,
    rehearse,
)
from sinetti.services.revocation.revoke import RevocationRequest
from sinetti.services.revocation.revoke import revoke as revoke_certificate

_REHEARSED = 2
"""Certificates whose letters a proposal has."""

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


@commands.command(
    "sinetti authority revoke-many --customer-id 1234567-1 --reason cessationOfOperation --officer anna "
    "--dir /srv/sinetti --dry-run",
    also=[OFFICER, PASSPHRASE_FILE],
)
def revoke_many(
    run: AuthorityRun,
    *,
    selected: CertificateSelection = selection("revoked"),
    reason: RevocationReason | None = option(None, "reason of RFC 5280", choices=REASONS),
    invalid_since: str | None = option("ISO", "time since which the keys may be compromised, if earlier"),
    dry_run: bool = flag("list the certificates and change nothing"),
    resume: bool = flag("continue interrupted runs, which were approved"),
) -> Output:
    """Revoke many certificates; more than 10 take two officers."""
    if resume:
        if reason is not None or selected != CertificateSelection():
            raise OptionError("--resume continues what was approved: leave out the reason and the selection")
        return _resume(run)
    if reason is None:
        raise OptionError("--reason is missing: give a reason of RFC 5280")
    request = BulkRevocationRequest(
        selected,
        reason,
        machine_officer(),
        past_instant("--invalid-since", invalid_since) if invalid_since is not None else None,
    )
    ctx = run.ctx
    candidates = preview(request, ctx)
    alone = alone_lately(request.officer, ctx)
    is_many = bool(candidates.going) and needs_second_approver(len(candidates.going), alone)
    is_proposed = is_many and takes_two(TwoPersonAct.BULK_REVOCATION, run.authority)
    if dry_run:
        before = f", with the {alone} that were revoked by this user in the last 24 hours," if alone else ""
        second = f" They{before} are more than {AT_ONCE}, so two officers must approve." if is_proposed else ""
        counted = _counted(candidates, " would be revoked")
        return _output("dry-run", candidates, f"{counted}. Nothing was changed (--dry-run).{second}")
    if is_proposed:
        print_error(_table(candidates, f"{_counted(candidates)}."))
        sending = partial(rehearse, candidates.going[:_REHEARSED], reason, ctx, run.audit)
        context = {**bulk_context(request, candidates), "letters": rehearsed_letters(sending, run.authority)}
        parameters = bulk_parameters(request, candidates, ctx)
        propose_act(TwoPersonAct.BULK_REVOCATION, parameters, context, run.parsed, run.authority)
        raise ActProposed
    return _revoke_all(run, request)


def _revoke_all(run: AuthorityRun, request: BulkRevocationRequest) -> Output:
    """Revoke the certificates of a request, after what was interrupted."""
    is_limited = needs_approval(TwoPersonAct.BULK_REVOCATION, run.ctx)
    outcome = bulk_revoke.revoke_many(
        replace(request, is_limited=is_limited), run.ctx, run.request, Progress("revoked")
    )
    proposal, candidates = outcome.proposal, outcome.selection
    for interrupted in outcome.resumed:
        count = _certificates(len(interrupted.serials))
        print_note(f"Completed the interrupted revocation of {count} for {interrupted.reason}.")
    if proposal is None:
        return _output("nothing", candidates, f"{_counted(candidates)}.", "There are no certificates to revoke.")
    if proposal.approved_at is None:
        # Another command of this user revoked certificates since the selection was counted.
        raise OptionError(
            f"in all, more than {AT_ONCE} would be revoked in 24 hours: run the command again to propose it"
        )
    note = (
        "They can no longer be renewed. Their revocation lists are published now, or by the running service\n"
        "if the key of a CA is not here. The holders need new certificates."
    )
    return _output("done", candidates, f"Revoked: {_counted(candidates)}.", note)


def _resume(run: AuthorityRun) -> Output:
    """Continue the approved runs that were interrupted."""
    rows = [
        {"proposal": proposal.proposal_id, "count": len(proposal.serials), "reason": proposal.reason.value}
        for proposal in bulk_revoke.resume(run.ctx, run.request, Progress("revoked"))
    ]
    return Listing(rows, ("proposal", "count", "reason"), "No run was interrupted.").output()


def _output(result: str, selection: BulkSelection, last: str, note: str = "") -> Output:
    """Return the certificates to be revoked. `last` is the last line of the table."""
    value: dict[str, Any] = {
        "result": result,
        "count": len(selection.going),
        "along": len(selection.along),
        "passed_over": selection.passed_over,
        "proposal": None,
        "expires": None,
        "certificates": [_row(row, selection) for row in selection.going],
    }
    return Output(value, _table(selection, last), note=note)


def _row(row: BulkRevocationCandidate, selection: BulkSelection) -> dict[str, Any]:
    return {
        "serial": row.serial,
        "customer_id": row.customer_id,
        "channel": row.channel,
        "authority": row.authority,
        "not_after": instant_or_none(row.not_after),
        "along": row.serial in selection.along,
    }


def _table(selection: BulkSelection, last: str) -> str:
    rows = (
        f"{row.serial}  {row.customer_id}  {row.channel}  until {row.not_after:%Y-%m-%d}" for row in selection.going
    )
    return "\n".join([*rows, last])


def _counted(selection: BulkSelection, verb: str = "") -> str:
    along = f", including {len(selection.along)} renewals of others" if selection.along else ""
    over = f"; {selection.passed_over} skipped (already revoked or expired)" if selection.passed_over else ""
    return f"{_certificates(len(selection.going))}{along}{',' if along and verb else ''}{verb}{over}"


def _certificates(count: int) -> str:
    return pluralise(count, "certificate")
