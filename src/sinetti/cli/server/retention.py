"""`sinetti authority retention`: which people's data is past its period, and erasing it."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sinetti.actions.retain import Past, apply_retention, plan_retention
from sinetti.cli.server.common import add_dir, command, group, opened, put, request_id
from sinetti.protocols.rows import instant

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    example = "sinetti authority retention plan --dir /srv/sinetti"
    below = group(commands, "retention", "erase people's data past its period", example)
    plan = command(below, "plan", "show what is past its period, and change nothing", _plan, example)
    example = "sinetti authority retention apply --dir /srv/sinetti"
    summary = "erase what is past its period, for good; the audit trail stays whole"
    apply = command(below, "apply", summary, _apply, example)
    for parser in (plan, apply):
        add_dir(parser)
        parser.add_argument("--json", action="store_true", help="print for programs")


def _plan(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir) as authority:
        shown = _row(plan_retention(authority.settings.periods, authority.office))
    put(shown, as_json=parsed.json, table=lambda: _lines(shown))
    return 0


def _apply(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir) as authority:
        done = asdict(apply_retention(authority.settings.periods, authority.office, request_id()))
    words = ", ".join(f"{count} {name}" for name, count in done.items())
    put(done, as_json=parsed.json, table=lambda: f"Erased: {words}.")
    return 0


def _row(past: Past) -> dict[str, Any]:
    found = {"people": past.people, "refusals": past.refusals, "messages": past.messages}
    before = asdict(past.cutoffs)
    return {name: {"before": instant(before[name]), "count": len(ids), "ids": list(ids)} for name, ids in found.items()}


def _lines(shown: dict[str, Any]) -> str:
    lines = [
        f"{name:<8}  {one['count']:>8}  past their period since before {one['before']}" for name, one in shown.items()
    ]
    lines += [f"{name}  {one}" for name in shown for one in shown[name]["ids"]]
    return "\n".join(lines)
