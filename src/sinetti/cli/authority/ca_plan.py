"""`sinetti authority ca plan`: timetable of the successions of all CAs."""

import argparse
from typing import Any

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import add_dir, command, opened_authority, print_result, table_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.database.authorities.successions import add_last_ends, list_planned
from sinetti.domain.authorities.timetable import DatedStep, SuccessionStep, Timetable, plan_successions

_COLUMNS = ("name", "step", "at", "state", "command")

_COMMANDS = {
    SuccessionStep.BEGIN: "ca begin --ca {name}",
    SuccessionStep.CEREMONY: "import-signed",
    SuccessionStep.INSTALL: "ca install {successor}",
    SuccessionStep.ACTIVATE: "ca activate {successor}",
    SuccessionStep.RETIRE: "ca retire {name}",
}


def register_plan(verbs: Commands) -> None:
    """Add the command to the group `ca`."""
    example = "sinetti authority ca plan --dir /srv/sinetti"
    parser = command(verbs, "plan", "show the timetable of the successions of all CAs", _run, example)
    add_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        now = ctx.now()
        planned = add_last_ends(ctx.db, list_planned(ctx.db, ctx.validity))
        found = [_timetable(one, is_late=one.is_late(now)) for one in plan_successions(planned, now)]
    rows = [{**step, "name": one["name"]} for one in found for step in one["steps"]]
    blocks = table_of(_COLUMNS, rows, fold={"command"}, nothing="No CA needs a successor.")
    print_result(found, as_json=parsed.json, table=lambda: blocks)
    return 0


def _timetable(one: Timetable, *, is_late: bool) -> dict[str, Any]:
    """Return a timetable as JSON, a step with its command where it has one."""
    return {
        "name": one.ca.name,
        "role": one.ca.role,
        "channel": one.ca.channel.value if one.ca.channel is not None else None,
        "not_after": instant(one.ends_at),
        "successor": one.successor,
        "waits_for": one.waits_for,
        "steps": [_step(step, one, is_late=is_late and step == one.next_step) for step in one.steps],
    }


def _step(step: DatedStep, one: Timetable, *, is_late: bool) -> dict[str, str | None]:
    state = "done" if step.is_done else "late" if is_late else "open"
    words = _COMMANDS.get(step.step, "").format(name=one.ca.name, successor=one.successor or "SUCCESSOR")
    return {
        "step": step.step.value,
        "at": instant(step.at),
        "state": state,
        "command": f"sinetti authority {words}" if words else None,
    }
