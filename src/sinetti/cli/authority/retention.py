"""`sinetti authority retention`: list and erase personal data past its period."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import add_dir, command, group, machine_user, opened_authority, print_result
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, OutputTable, Paragraph, Row
from sinetti.server.process_exit import request_id
from sinetti.services.monitoring.retention import ExpiredRecords, apply_retention, plan_retention

_CALLED = {
    "people": "people",
    "refusals": "refusals",
    "messages": "messages",
    "unconfirmed": "unconfirmed accounts",
    "unused": "unused accounts",
    "requests": "authorisation requests",
    "files": "files of organisations",
    "callers": "network addresses",
    "proposals": "proposals",
}
"""Names of the erased data in an operator's words."""


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority retention plan --dir /srv/sinetti"
    below = group(commands, "retention", "show or erase personal data whose retention period has ended", example)
    plan = command(below, "plan", "show what would be erased, and change nothing", _plan, example)
    example = "sinetti authority retention apply --dir /srv/sinetti"
    summary = "erase personal data whose retention period has ended, permanently"
    apply = command(below, "apply", summary, _apply, example)
    for parser in (plan, apply):
        add_dir(parser)
        parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _plan(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        records = _row(plan_retention(authority.settings.periods, authority.ctx))
    print_result(records, as_json=parsed.json, table=lambda: _blocks(records))
    return 0


def _apply(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        done = asdict(apply_retention(authority.settings.periods, authority.ctx, request_id(), machine_user()))
    words = ", ".join(f"{count} {_CALLED[name]}" for name, count in done.items())
    print_result(done, as_json=parsed.json, table=lambda: f"Erased: {words}.")
    return 0


def _row(past: ExpiredRecords) -> dict[str, Any]:
    until = past.cutoffs
    before = {
        "people": until.people,
        "refusals": until.refusals,
        "messages": until.messages,
        "unconfirmed": until.unconfirmed,
        "unused": until.people,
        "requests": until.people,
        "files": until.messages,
        "callers": until.callers,
        "proposals": until.people,
    }
    found = {name: list(getattr(past, name)) for name in before}
    return {name: {"before": instant(before[name]), "count": len(ids), "ids": ids} for name, ids in found.items()}


def _blocks(records: dict[str, Any]) -> Sequence[Block]:
    counted = [Row((_CALLED[name], str(one["count"]), f"older than {one['before']}")) for name, one in records.items()]
    named = [Paragraph(f"{_CALLED[name]}  {one}") for name in records for one in records[name]["ids"]]
    return (OutputTable((), counted, right=frozenset({1}), fold=frozenset({2})), *named)
