"""`sinetti authority drill`: exercise of a call for early replacement.

It changes nothing that a holder has. See docs/operators/incident-reach.md.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from sinetti.api.serializers import instant, reached_row
from sinetti.cli.authority.call_early import format_reach, unreached_row
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
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.client.results import ExitCode
from sinetti.domain.notifications.early_replacement import DrillAudience, ReachCurve
from sinetti.domain.validation import pluralise
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.server.process_exit import request_id
from sinetti.services.revocation.drills import (
    DrillReport,
    DrillRequest,
    begin_drill,
    list_drills,
    preview_drill,
    report_drill,
)

_OPTIONS = ("reason", "to", "dry_run", "phone_list")
_NOTHING = "The drill has reached nothing: no message was delivered, and no certificate signed a renewal."
_DRILLS = ("drill", "audience", "count", "created", "reason")


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority drill --every-certificate --to operators --reason 'yearly drill' --dir /srv/sinetti"
    parser = command(commands, "drill", "rehearse an incident: who would hear of it, and how fast", _run, example)
    ways = "list: list the drills; report: report on one"
    parser.add_argument("action", nargs="?", choices=["list", "report"], metavar="ACTION", help=ways)
    parser.add_argument("drill", nargs="?", metavar="DRILL", help="ID of the drill to report on")
    add_dir(parser)
    add_selection(parser)
    parser.add_argument(
        "--to",
        choices=[one.value for one in DrillAudience],
        help="recipients of messages that are marked as an exercise (default: none)",
    )
    parser.add_argument("--reason", metavar="TEXT", help="reason, kept in the register")
    parser.add_argument("--dry-run", action="store_true", help="show the reach, and store no drill")
    parser.add_argument(
        "--phone-list", metavar="FILE", type=Path, help="write the people whom no message reaches to this CSV file"
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="write the dated report here, as HTML and JSON")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    if parsed.action == "list":
        return _list(parsed)
    if parsed.action == "report":
        check_alone("report", parsed, *_OPTIONS)
        if parsed.drill is None:
            raise OptionError("report needs the ID of a drill: sinetti authority drill list")
        with opened_authority(parsed.dir) as authority:
            report = report_drill(parsed.drill, authority.ctx)
        return _show(report, parsed)
    return _begin(parsed)


def _list(parsed: argparse.Namespace) -> int:
    check_alone("list", parsed, *_OPTIONS, "out")
    with opened_authority(parsed.dir) as authority:
        found = list_drills(authority.ctx)
    rows = [
        {
            "drill": one.drill_id,
            "audience": one.audience.value,
            "count": one.count,
            "created": instant(one.created),
            "officer": one.officer,
            "reason": one.reason,
        }
        for one in found
    ]
    print_result(rows, as_json=parsed.json, table=lambda: drill_table(rows))
    return 0


def drill_table(rows: Iterable[Mapping[str, Any]]) -> Sequence[Block]:
    """Return drills as a table."""
    return table_of(_DRILLS, rows, fold={"reason"}, nothing="There was no drill.")


def _begin(parsed: argparse.Namespace) -> int:
    if parsed.reason is None and not parsed.dry_run:
        raise OptionError("--reason is missing: give the reason, which the register keeps")
    wanted, audience = selection_of(parsed), DrillAudience(parsed.to or DrillAudience.NONE)
    with opened_authority(parsed.dir) as authority:
        ctx, sms = authority.ctx, has_sms(authority)
        selection = preview_drill(wanted, ctx, has_sms=sms)
        if parsed.phone_list is not None:
            write_phone_list(parsed.phone_list, selection.phone_calls)
        if parsed.dry_run:
            value = {"result": "dry-run", "count": len(selection.going), **reached_row(selection.reached)}
            print_result(value, as_json=parsed.json, table=lambda: f"{format_reach(selection)} (--dry-run)")
            return 0
        ask = DrillRequest(wanted, machine_officer(), parsed.reason, audience)
        report = report_drill(begin_drill(ask, ctx, request_id(), has_sms=sms), ctx)
        is_silent = audience is DrillAudience.NONE or not authority.folder.notices.exists()
        if audience is not DrillAudience.NONE:
            note_silence(authority)
    if audience is not DrillAudience.NONE:
        print_note("To send the messages now: sinetti authority notices plan, then notices send")
        print_note(f"To report later: sinetti authority drill report {report.drill.drill_id} --dir {parsed.dir}")
    code = _show(report, parsed)
    return code if is_silent else ExitCode.DONE


def _show(report: DrillReport, parsed: argparse.Namespace) -> int:
    """Print a report; return 3 if nothing was reached."""
    row = report_row(report)
    if parsed.out is not None:
        _write(row, report, parsed.out)
    print_result(row, as_json=parsed.json, table=lambda: "\n".join(_lines(row)))
    return ExitCode.DONE if report.certificates.reached or report.delivered.reached else ExitCode.REFUSED


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
        "created": instant(drill.created),
        "reported": instant(report.reported_at),
        "expected": drill.reach,
        "certificates": _curve_row(report.certificates),
        "hints": report.hints,
        "messages": asdict(report.messages),
        "delivered": _curve_row(report.delivered),
        "answered": _curve_row(report.answered),
        "failed": report.problems,
        "unreached": [unreached_row(one) for one in report.unreached],
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
