"""`sinetti authority revoke-many`: revoke many certificates at once.

More than ten take two officers, if the authority has officers.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    machine_officer,
    machine_user,
    opened_authority,
    past_instant,
    print_result,
    table_of,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, propose_act, rehearsed_letters, takes_two
from sinetti.cli.authority.serial_selection import Progress, issue_interval, serials_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.certificates.bulk_revocation import BulkRevocationCandidate, CertificateSelection
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import AT_ONCE, needs_second_approver
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.validation import pluralise
from sinetti.server.process_exit import request_id
from sinetti.services.approvals.approve import needs_approval
from sinetti.services.approvals.executors import bulk_context, bulk_parameters
from sinetti.services.revocation.bulk_revoke import (
    BulkRevocationRequest,
    BulkRevocationResult,
    BulkSelection,
    alone_lately,
    preview,
    rehearse,
    resume,
    revoke_many,
)

_REHEARSED = 2
"""Certificates whose letters a proposal has."""

_CHOICES = ("serials", "customer_id", "authority", "issued_between")


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = (
        "sinetti authority revoke-many --customer-id 1234567-1 --reason cessationOfOperation --officer anna "
        "--dir /srv/sinetti --dry-run"
    )
    summary = f"revoke many certificates; more than {AT_ONCE} take two officers"
    parser = command(commands, "revoke-many", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    which = parser.add_argument_group("certificates (all conditions must apply)")
    which.add_argument(
        "--serials", metavar="FILE", help="file with serial numbers in hex, one per line, - for standard input"
    )
    which.add_argument("--customer-id", metavar="ID", help="certificates of this organisation")
    which.add_argument("--authority", metavar="NAME", help="certificates of this issuing CA, by its name in `status`")
    which.add_argument(
        "--issued-between",
        nargs=2,
        metavar=("FROM", "UNTIL"),
        help="issued from the first time until before the second",
    )
    add_officer_option(parser)
    reasons = [reason.value for reason in RevocationReason if may_use_reason(RevokerRole.OPERATOR, reason)]
    parser.add_argument("--reason", choices=reasons, help="reason of RFC 5280")
    parser.add_argument(
        "--invalid-since", metavar="ISO", help="time since which the keys may be compromised, if earlier"
    )
    parser.add_argument("--dry-run", action="store_true", help="list the certificates and change nothing")
    parser.add_argument("--resume", action="store_true", help="continue interrupted runs, which were approved")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    if parsed.resume:
        return _resume(parsed)
    ask = _ask(parsed)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        ctx = authority.ctx
        selection = preview(ask, ctx)
        alone = alone_lately(ask.officer, ctx)
        is_many = bool(selection.going) and needs_second_approver(len(selection.going), alone)
        is_proposed = is_many and takes_two(TwoPersonAct.BULK_REVOCATION, authority)
        if parsed.dry_run:
            _show("dry-run", selection, parsed, _dry(selection, _second_officer(alone) if is_proposed else ""))
            return 0
        if is_proposed:
            print_error(_table(selection, f"{_counted(selection)}."))
            audit = ctx.audit_entry(machine_user(), request_id())
            sending = partial(rehearse, selection.going[:_REHEARSED], ask.reason, ctx, audit)
            context = {**bulk_context(ask, selection), "letters": rehearsed_letters(sending, authority)}
            parameters = bulk_parameters(ask, selection, ctx)
            return propose_act(TwoPersonAct.BULK_REVOCATION, parameters, context, parsed, authority)
        is_limited = needs_approval(TwoPersonAct.BULK_REVOCATION, ctx)
        outcome = revoke_many(replace(ask, is_limited=is_limited), ctx, request_id(), Progress("revoked"))
    return _report_result(outcome, parsed)


def _resume(parsed: argparse.Namespace) -> int:
    """Continue the approved runs that were interrupted."""
    if parsed.reason is not None or any(getattr(parsed, name) is not None for name in _CHOICES):
        raise OptionError("--resume continues what was approved: leave out the reason and the selection")
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        done = resume(authority.ctx, request_id(), Progress("revoked"))
    rows = [{"proposal": one.proposal_id, "count": len(one.serials), "reason": one.reason.value} for one in done]
    columns = ("proposal", "count", "reason")
    print_result(rows, as_json=parsed.json, table=lambda: table_of(columns, rows, nothing="No run was interrupted."))
    return 0


def _ask(parsed: argparse.Namespace) -> BulkRevocationRequest:
    if parsed.reason is None:
        raise OptionError("--reason is missing: give a reason of RFC 5280")
    issued = issue_interval(parsed.issued_between)
    serials = serials_of(parsed.serials, "revoked") if parsed.serials is not None else None
    wanted = CertificateSelection(serials, parsed.customer_id, parsed.authority, issued)
    return BulkRevocationRequest(
        wanted,
        RevocationReason(parsed.reason),
        machine_officer(),
        past_instant("--invalid-since", parsed.invalid_since) if parsed.invalid_since is not None else None,
    )


def _report_result(outcome: BulkRevocationResult, parsed: argparse.Namespace) -> int:
    proposal, selection = outcome.proposal, outcome.selection
    for one in outcome.resumed:
        print_note(f"Completed the interrupted revocation of {_certificates(len(one.serials))} for {one.reason}.")
    if proposal is not None and proposal.approved_at is None:
        # Another command of this user revoked certificates since the selection was counted.
        raise OptionError(
            f"in all, more than {AT_ONCE} would be revoked in 24 hours: run the command again to propose it"
        )
    if proposal is None:
        _show("nothing", selection, parsed, f"{_counted(selection)}.")
        print_note("There are no certificates to revoke.")
        return 0
    _show("done", selection, parsed, f"Revoked: {_counted(selection)}.")
    print_note("They can no longer be renewed. Their revocation lists are published now, or by the running service")
    print_note("if the key of a CA is not here. The holders need new certificates.")
    return 0


def _show(result: str, selection: BulkSelection, parsed: argparse.Namespace, last: str) -> None:
    """Print the certificates to be revoked. `last` is the last line of the table."""
    value: dict[str, Any] = {
        "result": result,
        "count": len(selection.going),
        "along": len(selection.along),
        "passed_over": selection.passed_over,
        "proposal": None,
        "expires": None,
        "certificates": [_row(row, selection) for row in selection.going],
    }
    print_result(value, as_json=parsed.json, table=lambda: _table(selection, last))


def _row(row: BulkRevocationCandidate, selection: BulkSelection) -> dict[str, Any]:
    return {
        "serial": row.serial,
        "customer_id": row.customer_id,
        "channel": row.channel,
        "authority": row.authority,
        "not_after": instant(row.not_after),
        "along": row.serial in selection.along,
    }


def _table(selection: BulkSelection, last: str) -> str:
    return "\n".join([*_lines(selection.going), last])


def _dry(selection: BulkSelection, second: str) -> str:
    return f"{_counted(selection, ' would be revoked')}. Nothing was changed (--dry-run).{second}"


def _second_officer(alone: int) -> str:
    """Report that so many certificates take two officers."""
    before = f", with the {alone} that were revoked by this user in the last 24 hours," if alone else ""
    return f" They{before} are more than {AT_ONCE}, so two officers must approve."


def _counted(selection: BulkSelection, verb: str = "") -> str:
    along = f", including {len(selection.along)} renewals of others" if selection.along else ""
    over = f"; {selection.passed_over} skipped (already revoked or expired)" if selection.passed_over else ""
    return f"{_certificates(len(selection.going))}{along}{',' if along and verb else ''}{verb}{over}"


def _certificates(count: int) -> str:
    return pluralise(count, "certificate")


def _lines(rows: Iterable[BulkRevocationCandidate]) -> Iterable[str]:
    for row in rows:
        yield f"{row.serial}  {row.customer_id}  {row.channel}  until {row.not_after:%Y-%m-%d}"
