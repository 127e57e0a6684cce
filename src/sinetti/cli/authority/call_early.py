"""`sinetti authority call-early`: call for early replacement of certificates.

It is used after an incident. The same command undoes a call.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sinetti.api.serializers import instant, reached_row
from sinetti.cli.authority.common import OptionError, add_dir, command, opened_authority, print_result, table_of
from sinetti.cli.authority.serial_selection import Progress, is_serial, serials_of
from sinetti.cli.core.output import print_error
from sinetti.cli.core.terminal import Block
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.certificates.early_replacement import EarlyReplacementCall, EarlyReplacementCandidate
from sinetti.domain.certificates.bulk_revocation import check_cli_officer
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Language, Serial
from sinetti.server.process_exit import request_id
from sinetti.services.revocation.early_replacement import (
    EarlyReplacementRequest,
    EarlyReplacementResult,
    EarlyReplacementSelection,
    call_early,
    cancel,
    count_opened,
    list_active,
    preview,
)

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

_OVER = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CALLS = ("call", "officer", "count", "begins", "ends", "reason", "state")
_CHOICES = ("serial", "serials", "customer_id", "authority")
_WORDS = ("reason", "explanation_fi", "explanation_sv", "explanation_en", "explanation_url")


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = (
        "sinetti authority call-early --authority ws-1 --over 2d --reason 'incident 7' --officer a17 "
        "--dir /srv/sinetti --dry-run"
    )
    summary = "let certificates be renewed from now on, and have their programs told to"
    parser = command(commands, "call-early", summary, _run, example)
    add_dir(parser)
    which = parser.add_argument_group("which certificates (all that is given has to apply)")
    one = which.add_mutually_exclusive_group()
    one.add_argument("--serial", metavar="SERIAL", help="one, in hex, as `status --customer-id ID` prints it")
    one.add_argument("--serials", metavar="FILE", help="serials in hex, one a line; - for standard input")
    which.add_argument("--customer-id", metavar="ID", help="those of one organisation")
    which.add_argument("--authority", metavar="NAME", help="those of one issuing CA, as `status` names it")
    parser.add_argument("--over", metavar="TIME", help="spread over this time: 10m, 12h or 2d")
    parser.add_argument("--officer", metavar="ID", help="who does it: an opaque id, kept in audit rows")
    parser.add_argument("--reason", metavar="TEXT", help="why, for those who look into the register later")
    explanation_options = parser.add_argument_group(
        "what programs are told (explanations in all languages, or in none)"
    )
    for language in Language:
        explanation_options.add_argument(
            f"--explanation-{language}", metavar="TEXT", help=f"what happened, in the language {language}"
        )
    explanation_options.add_argument("--explanation-url", metavar="URL", help="a page that says more, https")
    parser.add_argument(
        "--dry-run", action="store_true", help="list and count what would be called, and change nothing"
    )
    calls_made = parser.add_argument_group("calls that stand").add_mutually_exclusive_group()
    calls_made.add_argument("--list", action="store_true", help="list them")
    calls_made.add_argument("--undo", metavar="CALL", help="let it count no more: back to the rule")
    parser.add_argument("--json", action="store_true", help="print for programs")


def _run(parsed: argparse.Namespace) -> int:
    if parsed.list:
        return _list(parsed)
    if parsed.officer is None:
        sentence = "--officer: say who does it, by an opaque id that stays in audit rows"
        raise OptionError(sentence)
    check_cli_officer(parsed.officer)
    if parsed.undo is not None:
        return _undo(parsed)
    ask = _ask(parsed)
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        if parsed.dry_run:
            selection = preview(ask, ctx)
            counted = _counted(selection, " would be called")
            last = f"{_format_reach(selection)}\n{counted}. Nothing was done (--dry-run)."
            _show("dry-run", selection, None, parsed, last)
            return 0
        # Before the call: who is reached, and who an operator has to inform in another way.
        if (selection := preview(ask, ctx)).going:
            print_error(_format_reach(selection))
        outcome = call_early(ask, ctx, request_id(), Progress("opened"))
    return _done(outcome, parsed)


def _check_alone(option: str, parsed: argparse.Namespace, *others: str) -> None:
    """Raise OptionError for options that do not apply together with this one.

    An operator could think that they count.
    """
    if any(getattr(parsed, name) not in {None, False} for name in (*_CHOICES, *_WORDS, "over", "dry_run", *others)):
        sentence = f"{option} takes no choice, no reason, no explanation, no --over and no --dry-run"
        raise OptionError(sentence)


def _list(parsed: argparse.Namespace) -> int:
    """List the calls in force."""
    _check_alone("--list", parsed, "officer")
    with opened_authority(parsed.dir) as authority:
        rows = [_call_row(one, count_opened(one, authority.ctx)) for one in list_active(authority.ctx)]
    print_result(rows, as_json=parsed.json, table=lambda: _call_table(rows))
    return 0


def _call_row(one: EarlyReplacementCall, count: int) -> dict[str, Any]:
    return {
        "call": one.call_id,
        "officer": one.officer,
        "reason": one.reason,
        "count": count,
        "begins": instant(one.begins),
        "ends": instant(one.ends),
        "done": instant(one.done_at),
    }


def _call_table(rows: list[dict[str, Any]]) -> Sequence[Block]:
    shown = [{**row, "state": "done" if row["done"] else "cut short: run call-early again"} for row in rows]
    return table_of(_CALLS, shown, fold={"officer", "reason", "state"}, nothing="No call for early replacement stands.")


def _undo(parsed: argparse.Namespace) -> int:
    """Undo a call."""
    _check_alone("--undo", parsed)
    with opened_authority(parsed.dir) as authority:
        call = cancel(parsed.undo, parsed.officer, authority.ctx, request_id(), Progress("put back"))
    value = {"result": "undone", "call": call.call_id}
    print_result(
        value, as_json=parsed.json, table=lambda: "Undone: these certificates may be renewed when the rule says."
    )
    return 0


def _ask(parsed: argparse.Namespace) -> EarlyReplacementRequest:
    if parsed.reason is None:
        sentence = "--reason: say why, for those who look into the register later"
        raise OptionError(sentence)
    serials: tuple[Serial, ...] | None = None
    if parsed.serial is not None:
        serial = parsed.serial.strip().casefold()
        if not is_serial(serial):
            sentence = "--serial: this is no serial in hex, as `status --customer-id` prints it"
            raise OptionError(sentence)
        serials = (Serial(serial),)
    elif parsed.serials is not None:
        serials = serials_of(parsed.serials, "called")
    wanted = CertificateSelection(serials, parsed.customer_id, parsed.authority)
    texts = {one: getattr(parsed, f"explanation_{one}") for one in Language}
    explanation = {one: words for one, words in texts.items() if words is not None} or None
    return EarlyReplacementRequest(
        wanted, parsed.officer, parsed.reason, Explanation(explanation, parsed.explanation_url), _over(parsed.over)
    )


def _over(text: str | None) -> timedelta:
    found = _OVER.fullmatch(text or "")
    if found is None:
        sentence = "--over: say over which time they are spread, like 10m, 12h or 2d"
        raise OptionError(sentence)
    return int(found[1]) * _UNITS[found[2]]


def _done(outcome: EarlyReplacementResult, parsed: argparse.Namespace) -> int:
    call, selection = outcome.call, outcome.selection
    for one in outcome.resumed:
        what = "call" if one.undone_at is None else "undoing"
        print_error(
            f"Finished what was cut short: the {what} of {pluralise(len(one.serials), 'certificate')} ({one.call_id})."
        )
    if call is None:
        _show("nothing", selection, None, parsed, f"{_counted(selection)}.")
        print_error("Nothing is left to call.")
        return 0
    _show("done", selection, call, parsed, f"Called: {_counted(selection)}.")
    print_error(
        f"They may be renewed from now on. Programs that ask are told to, spread until {call.ends:%Y-%m-%d %H:%M} UTC."
    )
    print_error("Messages leave once they are planned and sent (sinetti authority notices).")
    print_error(f"To undo it: sinetti authority call-early --dir {parsed.dir} --undo {call.call_id} --officer ID")
    return 0


def _show(
    result: str,
    selection: EarlyReplacementSelection,
    call: EarlyReplacementCall | None,
    parsed: argparse.Namespace,
    last: str,
) -> None:
    value: dict[str, Any] = {
        "result": result,
        "count": len(selection.going),
        "passed_over": selection.passed_over,
        **reached_row(selection.reached),
        "call": call.call_id if call else None,
        "begins": instant(call.begins) if call else None,
        "ends": instant(call.ends) if call else None,
        "certificates": [_row(row) for row in selection.going],
    }
    print_result(value, as_json=parsed.json, table=lambda: "\n".join([*_lines(selection.going), last]))


def _format_reach(selection: EarlyReplacementSelection) -> str:
    """Return the reach of the call as a sentence."""
    one = selection.reached
    people = "person" if one.people_unreached == 1 else "people"
    return (
        f"Of {pluralise(len(selection.going), 'certificate')}: {one.program} by program, {one.email} by e-mail, "
        f"{one.sms} by text message, {one.unreached} by none of these. "
        f"{pluralise(one.emails, 'e-mail')} and {pluralise(one.texts, 'text message')} leave, one for each person; "
        f"{one.people_unreached} {people} cannot be reached."
    )


def _row(row: EarlyReplacementCandidate) -> dict[str, Any]:
    return {
        "serial": row.serial,
        "customer_id": row.customer_id,
        "channel": row.channel,
        "authority": row.authority,
        "not_after": instant(row.candidate.not_after),
    }


def _lines(rows: Iterable[EarlyReplacementCandidate]) -> Iterable[str]:
    for row in rows:
        yield f"{row.serial}  {row.customer_id}  {row.channel}  until {row.candidate.not_after:%Y-%m-%d}"


def _counted(selection: EarlyReplacementSelection, verb: str = "") -> str:
    over = selection.passed_over
    passed = f"; {over} passed over (revoked, ended, renewed, or called already)" if over else ""
    return f"{pluralise(len(selection.going), 'certificate')}{verb}{passed}"
