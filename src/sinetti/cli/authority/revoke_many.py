"""`sinetti authority revoke-many`: revoke many certificates at once.

More than ten wait for a second officer.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    OptionError,
    add_dir,
    command,
    opened_authority,
    past_instant,
    print_result,
    table_of,
    zoned_instant,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.serial_selection import Progress, serials_of
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.certificates.bulk_revocation import BulkRevocationCandidate, CertificateSelection
from sinetti.domain.certificates.bulk_revocation import (
    AT_ONCE,
    BulkRevocationProposal,
    check_cli_officer,
    needs_second_approver,
)
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.validation import pluralise
from sinetti.server.process_exit import request_id
from sinetti.services.revocation.bulk_revoke import (
    BulkRevocationRequest,
    BulkRevocationResult,
    BulkSelection,
    alone_lately,
    approve,
    look_at_proposal,
    open_proposals,
    preview,
    revoke_many,
    withdraw,
)

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

_PROPOSALS = ("proposal", "officer", "reason", "count", "expires")
_CHOICES = ("serials", "customer_id", "authority", "issued_between")


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = (
        "sinetti authority revoke-many --customer-id 1234567-1 --reason cessationOfOperation --officer a17 "
        "--dir /srv/sinetti --dry-run"
    )
    summary = f"revoke many certificates; more than {AT_ONCE} need a second officer"
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
    parser.add_argument("--officer", metavar="ID", help="opaque ID of the operator, kept in the audit log")
    reasons = [reason.value for reason in RevocationReason if may_use_reason(RevokerRole.OPERATOR, reason)]
    parser.add_argument("--reason", choices=reasons, help="reason of RFC 5280")
    parser.add_argument(
        "--invalid-since", metavar="ISO", help="time since which the keys may be compromised, if earlier"
    )
    parser.add_argument("--dry-run", action="store_true", help="list the certificates and change nothing")
    proposals = parser.add_argument_group("proposals").add_mutually_exclusive_group()
    proposals.add_argument("--list", action="store_true", help="list open proposals")
    proposals.add_argument(
        "--approve", metavar="PROPOSAL", help="approve the proposal of another officer, and revoke at once"
    )
    proposals.add_argument("--withdraw", metavar="PROPOSAL", help="withdraw your own proposal")
    parser.add_argument("--yes", action="store_true", help="with --approve: do not ask for confirmation")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    if parsed.list:
        return _list(parsed)
    if parsed.officer is None:
        sentence = "--officer is missing: give an opaque ID of the operator; the audit log keeps it"
        raise OptionError(sentence)
    check_cli_officer(parsed.officer)
    if parsed.withdraw is not None:
        return _withdraw(parsed)
    if parsed.approve is not None:
        return _approve(parsed)
    if parsed.yes:
        sentence = "--yes needs --approve: small revocations are not confirmed, and large ones need a second officer"
        raise OptionError(sentence)
    ask = _ask(parsed)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        ctx = authority.ctx
        if parsed.dry_run:
            selection = preview(ask, ctx)
            second = _second_officer(len(selection.going), ask.officer, alone_lately(ask.officer, ctx))
            _show("dry-run", selection, None, parsed, _dry(selection, second))
            return 0
        outcome = revoke_many(ask, ctx, request_id(), Progress("revoked"))
    return _report_result(outcome, parsed)


def _check_alone(option: str, parsed: argparse.Namespace, *others: str) -> None:
    """Raise OptionError for options that do not apply to an existing proposal.

    An operator could think that they count.
    """
    if any(getattr(parsed, name) not in {None, False} for name in ("reason", "invalid_since", *others)) or any(
        getattr(parsed, name) is not None for name in _CHOICES
    ):
        left_out = ", ".join(f"--{name.replace('_', '-')}" for name in ("invalid_since", *others))
        sentence = f"{option} uses the proposal: leave out the reason, the selection and {left_out}"
        raise OptionError(sentence)


def _list(parsed: argparse.Namespace) -> int:
    """List the proposals that wait for a second officer."""
    _check_alone("--list", parsed, "officer", "dry_run", "yes")
    with opened_authority(parsed.dir) as authority:
        rows = [_proposal_row(one) for one in open_proposals(authority.ctx)]
    print_result(rows, as_json=parsed.json, table=lambda: _proposal_table(rows))
    if rows:
        print_note(
            f"Another officer approves it: sinetti authority revoke-many --dir {parsed.dir} --approve PROPOSAL "
            "--officer OTHER"
        )
    return 0


def _proposal_row(one: BulkRevocationProposal) -> dict[str, Any]:
    return {
        "proposal": one.proposal_id,
        "officer": one.officer,
        "reason": one.reason.value,
        "count": len(one.serials),
        "expires": instant(one.expires),
    }


def _proposal_table(rows: list[dict[str, Any]]) -> Sequence[Block]:
    return table_of(_PROPOSALS, rows, fold={"officer"}, nothing="There are no proposals.")


def _withdraw(parsed: argparse.Namespace) -> int:
    """Withdraw a proposal."""
    _check_alone("--withdraw", parsed, "dry_run", "yes")
    with opened_authority(parsed.dir) as authority:
        one = withdraw(parsed.withdraw, parsed.officer, authority.ctx, request_id())
    done = {"result": "withdrawn", "proposal": one.proposal_id, "count": len(one.serials)}
    print_result(
        done, as_json=parsed.json, table=lambda: f"Proposal withdrawn. Not revoked: {_certificates(len(one.serials))}."
    )
    return 0


def _approve(parsed: argparse.Namespace) -> int:
    """Show a proposal, ask for confirmation, and revoke its certificates."""
    _check_alone("--approve", parsed)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        ctx = authority.ctx
        proposal, selection = look_at_proposal(parsed.approve, parsed.officer, ctx)
        if parsed.dry_run:
            _show("dry-run", selection, proposal, parsed, _dry(selection, ""))
            return 0
        print_error(_table(selection, f"{_counted(selection)}."))
        if not parsed.yes:
            _ask_a_person(proposal, len(selection.going))
        outcome = approve(parsed.approve, parsed.officer, ctx, request_id(), Progress("revoked"))
    return _report_result(outcome, parsed)


def _ask_a_person(proposal: BulkRevocationProposal, count: int) -> None:
    """Ask the operator if these certificates are to be revoked.

    Raises OptionError if the operator does not confirm, or standard input is no terminal.
    """
    if not sys.stdin.isatty():
        sentence = (
            "--approve asks for confirmation, but standard input is not a terminal: check the list, then give --yes"
        )
        raise OptionError(sentence)
    print_error(f"Revoke these {count} for {proposal.reason}, as {proposal.officer} proposed? [y/N] ", end="")
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        sentence = "nothing was revoked, and the proposal stays open until it expires"
        raise OptionError(sentence)


def _ask(parsed: argparse.Namespace) -> BulkRevocationRequest:
    if parsed.reason is None:
        sentence = "--reason is missing: give a reason of RFC 5280"
        raise OptionError(sentence)
    issued = None
    if parsed.issued_between is not None:
        first, last = (zoned_instant("--issued-between", text) for text in parsed.issued_between)
        if first >= last:
            sentence = "--issued-between: the first time must be before the second"
            raise OptionError(sentence)
        issued = (first, last)
    serials = serials_of(parsed.serials, "revoked") if parsed.serials is not None else None
    wanted = CertificateSelection(serials, parsed.customer_id, parsed.authority, issued)
    return BulkRevocationRequest(
        wanted, RevocationReason(parsed.reason), parsed.officer, _invalid_since(parsed.invalid_since)
    )


def _invalid_since(text: str | None) -> datetime | None:
    return past_instant("--invalid-since", text) if text is not None else None


def _report_result(outcome: BulkRevocationResult, parsed: argparse.Namespace) -> int:
    proposal, selection = outcome.proposal, outcome.selection
    for one in outcome.resumed:
        print_note(f"Completed the interrupted revocation of {_certificates(len(one.serials))} for {one.reason}.")
    if proposal is None:
        _show("nothing", selection, None, parsed, f"{_counted(selection)}.")
        print_note("There are no certificates to revoke.")
        return 0
    done = proposal.done_at is not None
    result, word = ("done", "Revoked") if done else ("proposed", "Proposed")
    _show(result, selection, proposal, parsed, f"{word}: {_counted(selection)}.")
    if done:
        print_note("They can no longer be renewed. Their revocation lists are published now, or by the running service")
        print_note("if the key of a CA is not here. The holders need new certificates.")
        return 0
    print_note(
        f"Nothing is revoked yet. More than {AT_ONCE} in 24 hours need a second officer, who approves by "
        f"{_until(proposal)}:"
    )
    print_note(f"sinetti authority revoke-many --dir {parsed.dir} --approve {proposal.proposal_id} --officer OTHER")
    return EXIT_ACTION_REQUIRED


def _until(proposal: BulkRevocationProposal) -> str:
    return f"{proposal.expires:%Y-%m-%d %H:%M} UTC"


def _show(
    result: str,
    selection: BulkSelection,
    proposal: BulkRevocationProposal | None,
    parsed: argparse.Namespace,
    last: str,
) -> None:
    """Print the certificates to be revoked.

    The list is printed only where it was not shown before. `last` is the last line of the table.
    """
    value: dict[str, Any] = {
        "result": result,
        "count": len(selection.going),
        "along": len(selection.along),
        "passed_over": selection.passed_over,
        "proposal": proposal.proposal_id if proposal else None,
        "expires": instant(proposal.expires) if proposal else None,
        "certificates": [_row(row, selection) for row in selection.going],
    }
    was_listed = result == "done" and parsed.approve is not None
    print_result(value, as_json=parsed.json, table=lambda: last if was_listed else _table(selection, last))


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


def _second_officer(count: int, officer: str, alone: int) -> str:
    """Report that so many certificates need a second officer."""
    if not count or not needs_second_approver(count, alone):
        return ""
    they = (
        "They"
        if needs_second_approver(count, 0)
        else f"With the {alone} that {officer} revoked in the last 24 hours, they"
    )
    return f" {they} are more than {AT_ONCE}, so a second officer must approve."


def _counted(selection: BulkSelection, verb: str = "") -> str:
    along = f", including {len(selection.along)} renewals of others" if selection.along else ""
    over = f"; {selection.passed_over} skipped (already revoked or expired)" if selection.passed_over else ""
    return f"{_certificates(len(selection.going))}{along}{',' if along and verb else ''}{verb}{over}"


def _certificates(count: int) -> str:
    return pluralise(count, "certificate")


def _lines(rows: Iterable[BulkRevocationCandidate]) -> Iterable[str]:
    for row in rows:
        yield f"{row.serial}  {row.customer_id}  {row.channel}  until {row.not_after:%Y-%m-%d}"
