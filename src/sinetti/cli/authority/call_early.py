"""`sinetti authority call-early`: call for early replacement of certificates.

It is used after an incident. The same command shows, narrows and ends a call (docs/operators/incident-reach.md).
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sinetti.api.serializers import instant, reached_row
from sinetti.cli.authority.call_selection import (
    add_selection,
    check_alone,
    has_sms,
    note_silence,
    selection_of,
    write_phone_list,
)
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    machine_officer,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.authority.serial_selection import Progress
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.certificates.early_replacement import EarlyReplacementCall, EarlyReplacementCandidate
from sinetti.database.notifications.call_reach import CallStatus, UnreachedItem
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Language
from sinetti.server.process_exit import request_id
from sinetti.services.revocation.early_replacement import (
    EarlyReplacementRequest,
    EarlyReplacementResult,
    EarlyReplacementSelection,
    call_early,
    cancel,
    list_status,
    narrow,
    preview,
    read_status,
)

_OVER = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CALLS = ("call", "count", "replaced", "heard", "unreached", "begins", "ends", "reason", "state")
_WORDS = ("reason", "explanation_fi", "explanation_sv", "explanation_en", "explanation_url")
_OPTIONS = (*_WORDS, "over", "dry_run", "phone_list")
_COUNTED = {
    "replaced": "replaced",
    "heard": "heard",
    "unreached": "not reached",
    "expired_or_revoked": "expired or revoked",
}
_NAMED = 50


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = (
        "sinetti authority call-early --authority ws-1 --over 2d --reason 'incident 7' --dir /srv/sinetti --dry-run"
    )
    summary = "ask holders to renew certificates early"
    parser = command(commands, "call-early", summary, _run, example)
    parser.add_argument(
        "action", nargs="?", choices=["status"], metavar="status", help="show the calls in force, or one call"
    )
    parser.add_argument("call", nargs="?", metavar="CALL", help="ID of the call to show")
    add_dir(parser)
    add_selection(parser)
    parser.add_argument("--over", metavar="TIME", help="time over which renewals are spread, such as 10m, 12h or 2d")
    parser.add_argument("--reason", metavar="TEXT", help="reason, kept in the register")
    explanation_options = parser.add_argument_group("explanation for holders (in all languages, or in none)")
    for language in Language:
        explanation_options.add_argument(
            f"--explanation-{language}", metavar="TEXT", help=f"explanation in the language {language}"
        )
    explanation_options.add_argument("--explanation-url", metavar="URL", help="page with more information (https)")
    parser.add_argument("--dry-run", action="store_true", help="list the certificates and change nothing")
    parser.add_argument(
        "--phone-list", metavar="FILE", type=Path, help="write the people whom no message reaches to this CSV file"
    )
    calls_made = parser.add_argument_group("calls in force").add_mutually_exclusive_group()
    calls_made.add_argument("--end", metavar="CALL", help="end a call: the usual renewal time applies again")
    calls_made.add_argument("--narrow", metavar="CALL", help="limit a call to the selected certificates")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    if parsed.action is not None:
        return _status(parsed)
    if parsed.end is not None:
        return _end(parsed)
    if parsed.narrow is not None:
        return _narrow(parsed)
    ask = _ask(parsed)
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        selection = preview(ask, ctx, has_sms=has_sms(authority))
        if selection.going:
            note_silence(authority)
        if parsed.phone_list is not None:
            write_phone_list(parsed.phone_list, selection.phone_calls)
        if parsed.dry_run:
            counted = _counted(selection, " would be opened for early renewal")
            last = f"{format_reach(selection)}\n{counted}. Nothing was changed (--dry-run)."
            _show("dry-run", selection, None, parsed, last)
            return 0
        # Before the call: who is reached, and who an operator has to inform in another way.
        if selection.going:
            print_error(format_reach(selection))
        outcome = call_early(ask, ctx, request_id(), Progress("opened"))
    return _done(outcome, parsed)


def _status(parsed: argparse.Namespace) -> int:
    """Show the calls in force, or one call with its unreached certificates."""
    check_alone("status", parsed, *_OPTIONS, "end", "narrow")
    with opened_authority(parsed.dir) as authority:
        if parsed.call is None:
            rows = [status_row(one) for one in list_status(authority.ctx)]
            print_result(rows, as_json=parsed.json, table=lambda: _call_table(rows))
            return 0
        found = read_status(parsed.call, authority.ctx)
    unreached = [unreached_row(one) for one in found.unreached]
    messages = found.messages
    counts = {"sent": messages.sent, "waiting": messages.waiting, "failed": messages.failed}
    row = {**status_row(found.status), "messages": counts, "certificates": unreached}
    print_result(row, as_json=parsed.json, table=lambda: _status_lines(row))
    return 0


def status_row(one: CallStatus) -> dict[str, Any]:
    """Return the state of a call as JSON."""
    return {
        "call": one.call_id,
        "kind": one.kind.value,
        "officer": one.officer,
        "reason": one.reason,
        "count": one.count,
        "replaced": one.replaced,
        "heard": one.heard,
        "unreached": one.unreached,
        "expired_or_revoked": one.ended,
        "begins": instant(one.begins),
        "ends": instant(one.ends),
        "done": instant(one.done_at),
        "ended": instant(one.undone_at),
    }


def unreached_row(one: UnreachedItem) -> dict[str, str]:
    """Return a certificate that no program and no message has reached as JSON."""
    return {"serial": one.serial, "organisation": one.organisation, "customer_id": one.customer_id}


def _call_table(rows: list[dict[str, Any]]) -> Sequence[Block]:
    shown = [{**row, "state": "done" if row["done"] else "incomplete: run call-early again"} for row in rows]
    return table_of(_CALLS, shown, fold={"reason", "state"}, nothing="No early renewal is open.")


def _status_lines(row: dict[str, Any]) -> str:
    messages, listed = row["messages"], row["certificates"]
    counts = ", ".join(f"{row[name]} {words}" for name, words in _COUNTED.items())
    lines = [
        f"{pluralise(row['count'], 'certificate')}: {counts}.",
        f"Messages: {messages['sent']} sent, {messages['waiting']} waiting, {messages['failed']} failed.",
    ]
    lines += [f"not reached: {one['serial']}  {one['customer_id']}  {one['organisation']}" for one in listed[:_NAMED]]
    if row["unreached"] > _NAMED:
        lines.append(f"and {row['unreached'] - _NAMED} more: --json lists up to 1000")
    return "\n".join(lines)


def _end(parsed: argparse.Namespace) -> int:
    """End a call."""
    check_alone("--end", parsed, *_OPTIONS)
    with opened_authority(parsed.dir) as authority:
        call = cancel(parsed.end, machine_officer(), authority.ctx, request_id(), Progress("put back"))
    value = {"result": "ended", "call": call.call_id}
    print_result(value, as_json=parsed.json, table=lambda: "Early renewal ended. The usual renewal time applies again.")
    return 0


def _narrow(parsed: argparse.Namespace) -> int:
    """Limit a call to a selection."""
    if any(getattr(parsed, name) not in {None, False} for name in _OPTIONS):
        raise OptionError("--narrow takes a selection, and no other option")
    with opened_authority(parsed.dir) as authority:
        kept, dropped = narrow(parsed.narrow, selection_of(parsed), machine_officer(), authority.ctx, request_id())
    value = {"result": "narrowed", "call": parsed.narrow, "kept": kept, "left_out": dropped}
    text = f"{pluralise(kept, 'certificate')} stay in the call. The usual renewal time applies again to {dropped}."
    print_result(value, as_json=parsed.json, table=lambda: text)
    return 0


def _ask(parsed: argparse.Namespace) -> EarlyReplacementRequest:
    if parsed.reason is None:
        raise OptionError("--reason is missing: give the reason, which the register keeps")
    wanted = selection_of(parsed)
    texts = {one: getattr(parsed, f"explanation_{one}") for one in Language}
    explanation = {one: words for one, words in texts.items() if words is not None} or None
    return EarlyReplacementRequest(
        wanted, machine_officer(), parsed.reason, Explanation(explanation, parsed.explanation_url), _over(parsed.over)
    )


def _over(text: str | None) -> timedelta:
    found = _OVER.fullmatch(text or "")
    if found is None:
        fault = "--over is missing" if text is None else f"--over: {text!r} is not a number with m, h or d"
        raise OptionError(f"{fault}: give the time over which renewals are spread, such as 10m, 12h or 2d")
    return int(found[1]) * _UNITS[found[2]]


def _done(outcome: EarlyReplacementResult, parsed: argparse.Namespace) -> int:
    call, selection = outcome.call, outcome.selection
    for one in outcome.resumed:
        what = "end" if one.undone_at is not None else "narrowing" if one.is_narrowing else "opening"
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
    print_note(f"To end it: sinetti authority call-early --dir {parsed.dir} --end {call.call_id}")
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


def format_reach(selection: EarlyReplacementSelection) -> str:
    """Return the reach of a call or drill as sentences."""
    one = selection.reached
    people = "person" if one.people_unreached == 1 else "people"
    return (
        f"Of {pluralise(len(selection.going), 'certificate')}: {one.program} by program, {one.email} by e-mail, "
        f"{one.sms} by SMS, {one.telephone} by telephone only, {one.unreached - one.telephone} not reachable. "
        f"{pluralise(one.emails, 'e-mail')} and {pluralise(one.texts, 'text message')} to send, one for each person. "
        f"{one.people_unreached} {people} cannot be reached by message."
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
