"""`sinetti authority call-early`: call for early replacement of certificates.

It is used after an incident. The same command undoes a call.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sinetti.api.serializers import instant, reached_row
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    machine_officer,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.authority.serial_selection import Progress, is_serial, serials_of
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.certificates.early_replacement import EarlyReplacementCall, EarlyReplacementCandidate
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
        "sinetti authority call-early --authority ws-1 --over 2d --reason 'incident 7' --dir /srv/sinetti --dry-run"
    )
    summary = "ask holders to renew certificates early"
    parser = command(commands, "call-early", summary, _run, example)
    add_dir(parser)
    which = parser.add_argument_group("certificates (all conditions must apply)")
    one = which.add_mutually_exclusive_group()
    one.add_argument("--serial", metavar="SERIAL", help="serial number in hex, from `status --customer-id ID`")
    one.add_argument(
        "--serials", metavar="FILE", help="file with serial numbers in hex, one per line, - for standard input"
    )
    which.add_argument("--customer-id", metavar="ID", help="certificates of this organisation")
    which.add_argument("--authority", metavar="NAME", help="certificates of this issuing CA, by its name in `status`")
    parser.add_argument("--over", metavar="TIME", help="time over which renewals are spread, such as 10m, 12h or 2d")
    parser.add_argument("--reason", metavar="TEXT", help="reason, kept in the register")
    explanation_options = parser.add_argument_group("explanation for holders (in all languages, or in none)")
    for language in Language:
        explanation_options.add_argument(
            f"--explanation-{language}", metavar="TEXT", help=f"explanation in the language {language}"
        )
    explanation_options.add_argument("--explanation-url", metavar="URL", help="page with more information (https)")
    parser.add_argument("--dry-run", action="store_true", help="list the certificates and change nothing")
    calls_made = parser.add_argument_group("open early renewals").add_mutually_exclusive_group()
    calls_made.add_argument("--list", action="store_true", help="list open early renewals")
    calls_made.add_argument("--undo", metavar="CALL", help="end an early renewal: the usual renewal time applies again")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    if parsed.list:
        return _list(parsed)
    if parsed.undo is not None:
        return _undo(parsed)
    ask = _ask(parsed)
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        if parsed.dry_run:
            selection = preview(ask, ctx)
            counted = _counted(selection, " would be opened for early renewal")
            last = f"{_format_reach(selection)}\n{counted}. Nothing was changed (--dry-run)."
            _show("dry-run", selection, None, parsed, last)
            return 0
        # Before the call: who is reached, and who an operator has to inform in another way.
        if (selection := preview(ask, ctx)).going:
            print_error(_format_reach(selection))
        outcome = call_early(ask, ctx, request_id(), Progress("opened"))
    return _done(outcome, parsed)


def _check_alone(option: str, parsed: argparse.Namespace) -> None:
    """Raise OptionError for options that do not apply together with this one.

    An operator could think that they count.
    """
    if any(getattr(parsed, name) not in {None, False} for name in (*_CHOICES, *_WORDS, "over", "dry_run")):
        sentence = f"{option} cannot be combined with a selection, --reason, an explanation, --over or --dry-run"
        raise OptionError(sentence)


def _list(parsed: argparse.Namespace) -> int:
    """List the calls in force."""
    _check_alone("--list", parsed)
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
    shown = [{**row, "state": "done" if row["done"] else "incomplete: run call-early again"} for row in rows]
    return table_of(_CALLS, shown, fold={"officer", "reason", "state"}, nothing="No early renewal is open.")


def _undo(parsed: argparse.Namespace) -> int:
    """Undo a call."""
    _check_alone("--undo", parsed)
    with opened_authority(parsed.dir) as authority:
        call = cancel(parsed.undo, machine_officer(), authority.ctx, request_id(), Progress("put back"))
    value = {"result": "undone", "call": call.call_id}
    print_result(value, as_json=parsed.json, table=lambda: "Early renewal ended. The usual renewal time applies again.")
    return 0


def _ask(parsed: argparse.Namespace) -> EarlyReplacementRequest:
    if parsed.reason is None:
        sentence = "--reason is missing: give the reason, which the register keeps"
        raise OptionError(sentence)
    serials: tuple[Serial, ...] | None = None
    if parsed.serial is not None:
        serial = parsed.serial.strip().casefold()
        if not is_serial(serial):
            sentence = "--serial: this is not a serial number in hex, as `status --customer-id` prints it"
            raise OptionError(sentence)
        serials = (Serial(serial),)
    elif parsed.serials is not None:
        serials = serials_of(parsed.serials, "called")
    wanted = CertificateSelection(serials, parsed.customer_id, parsed.authority)
    texts = {one: getattr(parsed, f"explanation_{one}") for one in Language}
    explanation = {one: words for one, words in texts.items() if words is not None} or None
    return EarlyReplacementRequest(
        wanted, machine_officer(), parsed.reason, Explanation(explanation, parsed.explanation_url), _over(parsed.over)
    )


def _over(text: str | None) -> timedelta:
    found = _OVER.fullmatch(text or "")
    if found is None:
        sentence = "--over is missing: give the time over which renewals are spread, such as 10m, 12h or 2d"
        raise OptionError(sentence)
    return int(found[1]) * _UNITS[found[2]]


def _done(outcome: EarlyReplacementResult, parsed: argparse.Namespace) -> int:
    call, selection = outcome.call, outcome.selection
    for one in outcome.resumed:
        what = "opening" if one.undone_at is None else "end"
        print_note(f"Completed the interrupted {what} of {pluralise(len(one.serials), 'certificate')} ({one.call_id}).")
    if call is None:
        _show("nothing", selection, None, parsed, f"{_counted(selection)}.")
        print_note("There are no certificates to open for early renewal.")
        return 0
    _show("done", selection, call, parsed, f"Early renewal opened: {_counted(selection)}.")
    print_note(
        f"They can be renewed from now on. Agents are asked to renew by {call.ends:%Y-%m-%d %H:%M} UTC, spread over "
        "that time."
    )
    print_note("To send the messages now: sinetti authority notices plan, then notices send")
    print_note(f"To undo it: sinetti authority call-early --dir {parsed.dir} --undo {call.call_id}")
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
        f"{one.sms} by SMS, {one.unreached} not reachable. "
        f"{pluralise(one.emails, 'e-mail')} and {pluralise(one.texts, 'text message')} to send, one for each person. "
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
    passed = f"; {over} skipped (revoked, expired, renewed or already open)" if over else ""
    return f"{pluralise(len(selection.going), 'certificate')}{verb}{passed}"
