"""`sinetti authority drill`: exercise of a call for early replacement.

It changes nothing that a holder has. See docs/operators/incident-reach.md.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Any

from sinetti.api.serializers import reached_row
from sinetti.cli.authority.call_early import (
    PHONE_LIST,
    check_alone,
    format_reach,
    has_sms,
    note_silence,
    unreached_row,
    write_phone_list,
)
from sinetti.cli.authority.common import AuthorityRun, OptionError, machine_officer, operator_commands
from sinetti.cli.authority.serial_selection import selection
from sinetti.cli.core.commands import Output, argument, flag, option, table_of
from sinetti.cli.core.invocation import print_note
from sinetti.client.results import ExitCode
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.notifications.early_replacement import DrillAudience, ReachCurve
from sinetti.domain.validation import pluralise
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.infra.clock import instant_or_none
from sinetti.services.revocation.drills import (
    DrillReport,
    DrillRequest,
    begin_drill,
    list_drills,
    preview_drill,
    report_drill,
)

commands = operator_commands()
register = commands.register

_OPTIONS = ("reason", "to", "dry_run", "phone_list")
_NOTHING = "The drill has reached nothing: no message was delivered, and no certificate signed a renewal."
_DRILLS = ("drill", "audience", "count", "created", "reason")


class _Action(StrEnum):
    LIST = "list"
    REPORT = "report"


@commands.command("--every-certificate --to operators --reason 'yearly drill'")
def drill(
    run: AuthorityRun,
    *,
    selected: CertificateSelection = selection("called", is_full=True),
    to: DrillAudience | None = option(None, "recipients of messages that are marked as an exercise (default: none)"),
    reason: str | None = option("TEXT", "reason, kept in the register"),
    dry_run: bool = flag("show the reach, and store no drill"),
    phone_list: Path | None = PHONE_LIST,
    out: Path | None = option("FOLDER", "write the dated report here, as HTML and JSON"),
    action: _Action | None = argument("ACTION", "list: list the drills; report: report on one", nargs="?"),
    drill_id: str | None = argument("DRILL", "ID of the drill to report on", nargs="?"),
) -> Output:
    """Rehearse an incident: who would hear of it, and how fast."""
    if action is _Action.LIST:
        check_alone("list", selected, run.parsed, *_OPTIONS, "out")
        return _list(run)
    if action is _Action.REPORT:
        check_alone("report", selected, run.parsed, *_OPTIONS)
        if drill_id is None:
            raise OptionError("report needs the ID of a drill: sinetti authority drill list")
        return _report(report_drill(drill_id, run.ctx), out)
    if reason is None and not dry_run:
        raise OptionError("--reason is missing: give the reason, which the register keeps")
    audience, sms = to or DrillAudience.NONE, has_sms(run.authority)
    candidates = preview_drill(selected, run.ctx, has_sms=sms)
    if phone_list is not None:
        write_phone_list(phone_list, candidates.phone_calls)
    if reason is None or dry_run:
        value = {"result": "dry-run", "count": len(candidates.going), **reached_row(candidates.reached)}
        return Output(value, f"{format_reach(candidates)} (--dry-run)")
    request = DrillRequest(selected, machine_officer(), reason, audience)
    report = report_drill(begin_drill(request, run.ctx, run.request, has_sms=sms), run.ctx)
    if audience is DrillAudience.NONE:
        return _report(report, out)
    note_silence(run.authority)
    print_note("To send the messages now: sinetti authority notices plan, then notices send")
    print_note(f"To report later: sinetti authority drill report {report.drill.drill_id} --dir {run.parsed.dir}")
    output = _report(report, out)
    return replace(output, code=ExitCode.DONE) if run.authority.folder.notices.exists() else output


def _list(run: AuthorityRun) -> Output:
    rows = [
        {
            "drill": item.drill_id,
            "audience": item.audience.value,
            "count": item.count,
            "created": instant_or_none(item.created),
            "officer": item.officer,
            "reason": item.reason,
        }
        for item in list_drills(run.ctx)
    ]
    return Output(rows, table_of(_DRILLS, rows, fold={"reason"}, nothing="There was no drill."))


def _report(report: DrillReport, folder: Path | None) -> Output:
    """Return a report, and write it to a folder; exit code 3 if nothing was reached."""
    row = report_row(report)
    if folder is not None:
        _write(row, report, folder)
    is_reached = report.certificates.reached or report.delivered.reached
    return Output(row, "\n".join(_lines(row)), ExitCode.DONE if is_reached else ExitCode.REFUSED)


def _write(row: Mapping[str, Any], report: DrillReport, folder: Path) -> None:
    """Write the dated report, readable by this user alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"drill-{report.drill.drill_id}-{report.reported_at:%Y%m%dT%H%M%SZ}"
    text = json.dumps(row, ensure_ascii=False, indent=2)
    for suffix, content in (("json", f"{text}\n"), ("html", report_html(row))):
        path = folder / f"{name}.{suffix}"
        write_atomic(path, content.encode(), PRIVATE)
        print_note(f"Written: {path}")


def report_row(report: DrillReport) -> dict[str, Any]:
    """Return a report as JSON; times are seconds from the start of the drill, or None."""
    drill = report.drill
    return {
        "drill": drill.drill_id,
        "audience": drill.audience.value,
        "officer": drill.officer,
        "reason": drill.reason,
        "created": instant_or_none(drill.created),
        "reported": instant_or_none(report.reported_at),
        "expected": drill.reach,
        "certificates": _curve_row(report.certificates),
        "hints": report.hints,
        "messages": asdict(report.messages),
        "delivered": _curve_row(report.delivered),
        "answered": _curve_row(report.answered),
        "failed": report.problems,
        "unreached": [unreached_row(unreached) for unreached in report.unreached],
    }


def report_html(row: Mapping[str, Any]) -> str:
    """Return a report as a page of its own, without scripts and links."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in _lines(row))
    cells = "".join(
        f"<tr>{''.join(f'<td>{escape(one[name])}</td>' for name in ('serial', 'organisation', 'customer_id'))}</tr>"
        for one in row["unreached"]
    )
    table = f"<h2>Not reached</h2><table><tr><th>Serial number<th>Organisation<th>ID</tr>{cells}</table>"
    title, listed = escape(row["created"]), table if cells else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Drill</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<style>body{font-family:sans-serif;line-height:1.4;max-width:60em;margin:1em auto;padding:0 1em}"
        "p{overflow-wrap:anywhere}"
        "td,th{text-align:left;vertical-align:top;padding:.2em 1em .2em 0}td:first-child{word-break:break-all}"
        "td:last-child{white-space:nowrap}"
        f"</style></head><body><h1>Drill of {title}</h1>{lines}{listed}</body></html>\n"
    )


def _curve_row(curve: ReachCurve) -> dict[str, Any]:
    return {
        "count": curve.count,
        "reached": curve.reached,
        "percent": curve.percent,
        "seconds_to_half": _seconds(curve.half),
        "seconds_to_nine_tenths": _seconds(curve.nine_tenths),
    }


def _seconds(time: timedelta | None) -> int | None:
    return None if time is None else int(time.total_seconds())


def _lines(row: Mapping[str, Any]) -> list[str]:
    """Return a report as sentences."""
    expected, messages = row["expected"], row["messages"]
    sums = {"delivered": "Messages delivered", "answered": "Messages confirmed by their readers"}
    ways = {"program": "program", "email": "e-mail", "sms": "SMS", "telephone": "telephone only"}
    reach = ", ".join(f"{expected[name]} by {words}" for name, words in ways.items())
    return [
        f"Drill {row['drill']} of {row['created']}, messages to: {row['audience']}. Reason: {row['reason']}",
        f"Reported {row['reported']}.",
        f"Expected reach of a call: {reach}.",
        *([] if row["certificates"]["reached"] or row["delivered"]["reached"] else [_NOTHING]),
        _sentence("Certificates reached", row["certificates"]),
        f"Certificates whose hint was requested (without proof, not counted as reached): {row['hints']}.",
        *(_sentence(words, row[name]) for name, words in sums.items() if row["audience"] != DrillAudience.NONE),
        f"Messages: {messages['sent']} sent, {messages['waiting']} waiting, {messages['failed']} failed.",
        *(f"Failed: {pluralise(count, 'message')}: {problem}" for problem, count in row["failed"].items()),
    ]


def _sentence(words: str, curve: Mapping[str, Any]) -> str:
    share = f"{words}: {curve['reached']} of {curve['count']} ({curve['percent']} %)"
    half, most = (
        "not yet" if curve[name] is None else str(timedelta(seconds=curve[name]))
        for name in ("seconds_to_half", "seconds_to_nine_tenths")
    )
    return f"{share}; half: {half}, nine tenths: {most}."
