"""`sinetti authority call-early`: call for early replacement of certificates.

It is used after an incident. The same command shows, narrows and ends a call (docs/operators/incident-reach.md).
"""

import argparse
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sinetti.api.serializers import reached_row
from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority.common import AuthorityRun, OptionError, machine_officer, operator_commands
from sinetti.cli.authority.serial_selection import Progress, selection
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.commands import Output, argument, flag, option, table_of
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_error
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.certificates.early_replacement import EarlyReplacementCall
from sinetti.database.notifications.call_reach import CallStatus, UnreachedItem
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.notifications.early_replacement import PhoneCall
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Language
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.infra.clock import instant_or_none
from sinetti.infra.spreadsheets import BOM, lines_of
from sinetti.services.revocation import early_replacement
from sinetti.services.revocation.early_replacement import (
    EarlyReplacementRequest,
    EarlyReplacementSelection,
    list_status,
    preview,
    read_status,
)
from sinetti.settings import notifications

commands = operator_commands()
register = commands.register

_OVER = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CALLS = ("call", "count", "replaced", "heard", "unreached", "begins", "ends", "reason", "state")
_OPTIONS = (
    *("reason", "explanation_fi", "explanation_sv", "explanation_en", "explanation_url"),
    *("over", "dry_run", "phone_list"),
)
_COUNTED = {
    "replaced": "replaced",
    "heard": "heard",
    "unreached": "not reached",
    "expired_or_revoked": "expired or revoked",
}
_NAMED = 50
_EXPLANATION = "explanation for holders (in all languages, or in none)"
_IN_FORCE = {"either": "calls", "heading": "calls in force"}
PHONE_LIST = option("FILE", "write the people whom no message reaches to this CSV file")


def _explanation(language: Language) -> Any:  # noqa: ANN401 - stands for the value
    return option("TEXT", f"explanation in the language {language}", heading=_EXPLANATION)


@commands.command(
    "sinetti authority call-early --authority ws-1 --over 2d --reason 'incident 7' --dir /srv/sinetti --dry-run"
)
def call_early(
    run: AuthorityRun,
    *,
    selected: CertificateSelection = selection("called", is_full=True),
    over: str | None = option("TIME", "time over which renewals are spread, such as 10m, 12h or 2d"),
    reason: str | None = option("TEXT", "reason, kept in the register"),
    explanation_fi: str | None = _explanation(Language.FI),
    explanation_sv: str | None = _explanation(Language.SV),
    explanation_en: str | None = _explanation(Language.EN),
    explanation_url: str | None = option("URL", "page with more information (https)", heading=_EXPLANATION),
    dry_run: bool = flag("list the certificates and change nothing"),
    phone_list: Path | None = PHONE_LIST,
    end: str | None = option("CALL", "end a call: the usual renewal time applies again", default=None, **_IN_FORCE),
    narrow: str | None = option("CALL", "limit a call to the selected certificates", default=None, **_IN_FORCE),
    action: str | None = argument("status", "show the calls in force, or one call", nargs="?", choices=["status"]),
    call: str | None = argument("CALL", "ID of the call to show", nargs="?"),
) -> Output:
    """Ask holders to renew certificates early."""
    if action is not None:
        check_alone("status", selected, run.parsed, *_OPTIONS, "end", "narrow")
        return _status(call, run)
    if end is not None:
        check_alone("--end", selected, run.parsed, *_OPTIONS)
        ended = early_replacement.cancel(end, machine_officer(), run.ctx, run.request, Progress("put back"))
        value = {"result": "ended", "call": ended.call_id}
        return Output(value, "Early renewal ended. The usual renewal time applies again.")
    if narrow is not None:
        return _narrow(narrow, selected, run)
    if reason is None:
        raise OptionError("--reason is missing: give the reason, which the register keeps")
    texts = {Language.FI: explanation_fi, Language.SV: explanation_sv, Language.EN: explanation_en}
    explanation = Explanation(
        {language: text for language, text in texts.items() if text is not None} or None, explanation_url
    )
    request = EarlyReplacementRequest(selected, machine_officer(), reason, explanation, _over(over))
    candidates = preview(request, run.ctx, has_sms=has_sms(run.authority))
    if candidates.going:
        note_silence(run.authority)
    if phone_list is not None:
        write_phone_list(phone_list, candidates.phone_calls)
    if dry_run:
        counted = _counted(candidates, " would be opened for early renewal")
        last = f"{format_reach(candidates)}\n{counted}. Nothing was changed (--dry-run)."
        return _output("dry-run", candidates, None, last)
    # Before the call: who is reached, and who an operator has to inform in another way.
    if candidates.going:
        print_error(format_reach(candidates))
    return _call(request, run)


def _over(text: str | None) -> timedelta:
    match = _OVER.fullmatch(text or "")
    if match is None:
        fault = "--over is missing" if text is None else f"--over: {text!r} is not a number with m, h or d"
        raise OptionError(f"{fault}: give the time over which renewals are spread, such as 10m, 12h or 2d")
    return int(match[1]) * _UNITS[match[2]]


def _call(request: EarlyReplacementRequest, run: AuthorityRun) -> Output:
    outcome = early_replacement.call_early(request, run.ctx, run.request, Progress("opened"))
    call, candidates = outcome.call, outcome.selection
    for interrupted in outcome.resumed:
        step = "end" if interrupted.undone_at is not None else "narrowing" if interrupted.is_narrowing else "opening"
        count = pluralise(len(interrupted.serials), "certificate")
        print_note(f"Completed the interrupted {step} of {count} ({interrupted.call_id}).")
    if call is None:
        note = "There are no certificates to open for early renewal."
        return _output("nothing", candidates, None, f"{_counted(candidates)}.", note)
    note = (
        f"They can be renewed from now on. Agents are asked to renew by {call.ends:%Y-%m-%d %H:%M} UTC, spread over "
        "that time.\n"
        "To send the messages now: sinetti authority notices plan, then notices send\n"
        f"To end it: sinetti authority call-early --dir {run.parsed.dir} --end {call.call_id}"
    )
    return _output("done", candidates, call, f"Early renewal opened: {_counted(candidates)}.", note)


def _output(
    result: str, candidates: EarlyReplacementSelection, call: EarlyReplacementCall | None, last: str, note: str = ""
) -> Output:
    value = {
        "result": result,
        "count": len(candidates.going),
        "passed_over": candidates.passed_over,
        **reached_row(candidates.reached),
        "call": call.call_id if call else None,
        "begins": instant_or_none(call.begins) if call else None,
        "ends": instant_or_none(call.ends) if call else None,
        "certificates": [
            {
                "serial": row.serial,
                "customer_id": row.customer_id,
                "channel": row.channel,
                "authority": row.authority,
                "not_after": instant_or_none(row.candidate.not_after),
            }
            for row in candidates.going
        ],
    }
    lines = (
        f"{row.serial}  {row.customer_id}  {row.channel}  until {row.candidate.not_after:%Y-%m-%d}"
        for row in candidates.going
    )
    return Output(value, "\n".join([*lines, last]), note=note)


def _narrow(call_id: str, selected: CertificateSelection, run: AuthorityRun) -> Output:
    """Limit a call to a selection."""
    if _has_any(_OPTIONS, run.parsed):
        raise OptionError("--narrow takes a selection, and no other option")
    kept, dropped = early_replacement.narrow(call_id, selected, machine_officer(), run.ctx, run.request)
    return Output(
        {"result": "narrowed", "call": call_id, "kept": kept, "left_out": dropped},
        f"{pluralise(kept, 'certificate')} stay in the call. The usual renewal time applies again to {dropped}.",
    )


def check_alone(name: str, selected: CertificateSelection, parsed: argparse.Namespace, *others: str) -> None:
    """Raise OptionError for a selection or `others` beside this option.

    An operator could think that they count.
    """
    if selected != CertificateSelection() or _has_any(others, parsed):
        listed = ", ".join(f"--{other.replace('_', '-')}" for other in others)
        raise OptionError(f"{name} cannot be combined with a selection" + (f", {listed}" if listed else ""))


def _has_any(names: Sequence[str], parsed: argparse.Namespace) -> bool:
    return any(getattr(parsed, name) not in {None, False} for name in names)


def _status(call_id: str | None, run: AuthorityRun) -> Output:
    """Return the calls in force, or one call with its unreached certificates."""
    if call_id is None:
        rows = [_status_row(call) for call in list_status(run.ctx)]
        return Output(rows, _call_table(rows))
    report = read_status(call_id, run.ctx)
    messages = report.messages
    row = {
        **_status_row(report.status),
        "messages": {"sent": messages.sent, "waiting": messages.waiting, "failed": messages.failed},
        "certificates": [unreached_row(item) for item in report.unreached],
    }
    return Output(row, _status_lines(row))


def _status_row(call: CallStatus) -> dict[str, Any]:
    return {
        "call": call.call_id,
        "kind": call.kind.value,
        "officer": call.officer,
        "reason": call.reason,
        "count": call.count,
        "replaced": call.replaced,
        "heard": call.heard,
        "unreached": call.unreached,
        "expired_or_revoked": call.ended,
        "begins": instant_or_none(call.begins),
        "ends": instant_or_none(call.ends),
        "done": instant_or_none(call.done_at),
        "ended": instant_or_none(call.undone_at),
    }


def unreached_row(unreached: UnreachedItem) -> dict[str, str]:
    """Return a certificate that no program and no message has reached as JSON."""
    return {"serial": unreached.serial, "organisation": unreached.organisation, "customer_id": unreached.customer_id}


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


def format_reach(selection: EarlyReplacementSelection) -> str:
    """Return the reach of a call or drill as sentences."""
    reach = selection.reached
    people = "person" if reach.people_unreached == 1 else "people"
    return (
        f"Of {pluralise(len(selection.going), 'certificate')}: {reach.program} by program, {reach.email} by e-mail, "
        f"{reach.sms} by SMS, {reach.telephone} by telephone only, {reach.unreached - reach.telephone} not reachable. "
        f"{pluralise(reach.emails, 'e-mail')} and {pluralise(reach.texts, 'text message')} to send, "
        "one for each person. "
        f"{reach.people_unreached} {people} cannot be reached by message."
    )


def has_sms(authority: Authority) -> bool:
    """Return True if the authority sends text messages.

    Without settings of messages it counts as one that does. Raises SettingsError for wrong settings.
    """
    path = authority.folder.notices
    return not path.exists() or notifications.read(path).sms is not None


def note_silence(authority: Authority) -> None:
    """Note on standard error that no message leaves without settings."""
    if not authority.folder.notices.exists():
        print_note(
            f"{authority.folder.notices} is missing, so no message leaves: copy deploy/notices.toml to begin with "
            "(docs/operators/notifications.md)"
        )


def write_phone_list(path: Path, calls: tuple[PhoneCall, ...]) -> None:
    """Write the people whom no message reaches as CSV, readable by this user alone."""
    rows = [["organisation", "customer_id", "name", "phone", "language", "certificates"]]
    for call in calls:
        person = call.person
        rows.append(
            [call.organisation, call.customer_id, person.name, person.phone, person.language.value, str(call.count)]
        )
    write_atomic(path, (BOM + lines_of(rows)).encode(), PRIVATE)
    print_note(f"{pluralise(len(calls), 'row')} of people to call by phone: {path}")


def _counted(selection: EarlyReplacementSelection, verb: str = "") -> str:
    over = selection.passed_over
    passed = f"; {over} skipped (revoked, expired, renewed or already open)" if over else ""
    return f"{pluralise(len(selection.going), 'certificate')}{verb}{passed}"
