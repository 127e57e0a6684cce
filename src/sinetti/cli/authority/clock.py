"""`sinetti authority clock`: show and accept the machine's clock.

It reports if the clock is trusted, and accepts the time where an operator has to.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    command,
    group,
    machine_user,
    opened_authority,
    print_result,
)
from sinetti.cli.authority.proposals import add_officer_option, propose_act, takes_two
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Record
from sinetti.cli.core.output import print_error, show_error
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.operations.clock_check import difference
from sinetti.server.process_exit import request_id
from sinetti.services.issuance.clock_guard import ClockStatus, accept_clock, describe_problem


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority clock show --dir /srv/sinetti"
    below = group(commands, "clock", "show or accept the machine's clock", example)
    show = command(below, "show", "show whether the clock is trusted", _show, example)
    add_dir(show)
    show.add_argument("--json", action="store_true", help="print the result as JSON")
    example = "sinetti authority clock accept --dir /srv/sinetti"
    summary = "accept the present time; later times that were stored are ignored"
    accept = command(below, "accept", summary, _accept, example)
    add_dir(accept)
    add_officer_option(accept)
    accept.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _show(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        row = _row(authority.clock.look())
    print_result(row, as_json=parsed.json, table=lambda: _blocks(row))
    return 0


def _accept(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        before = authority.clock.look()
        show_error(_blocks(_row(before)))
        if not parsed.yes:
            _ask(before)
        if takes_two(TwoPersonAct.RESUME, authority):
            shown = _row(before)
            parameters = {"newest": shown["newest"]}
            return propose_act(TwoPersonAct.RESUME, parameters, {"now": shown["machine"]}, parsed, authority)
        accept_clock(authority.clock, authority.ctx, machine_user(), request_id())
        after = authority.clock.look()
    print_result(_row(after), as_json=False, table=lambda: _blocks(_row(after)))
    return 0


def _ask(status: ClockStatus) -> None:
    """Ask the operator if this is the time.

    Raises OptionError if the operator does not confirm, or standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise OptionError("clock accept asks for confirmation, but standard input is not a terminal: give --yes")
    print_error(f"Is {_instant(status.readings.answered)} the correct time? [y/N] ", end="")
    if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
        raise OptionError("nothing was changed: correct the machine's clock, then run the command again")


def _row(status: ClockStatus) -> dict[str, Any]:
    ahead = difference(status.readings)
    return {
        "machine": _instant(status.readings.answered),
        "database": _instant(status.readings.database),
        "difference": round(ahead.total_seconds(), 3) if ahead is not None else None,
        "newest": _instant(status.readings.newest),
        "accepted": _instant(status.stored.accepted_at),
        "issuing": status.doubt is None,
        "reason": status.doubt,
        "problem": describe_problem(status),
    }


def _instant(at: datetime | None) -> str | None:
    return instant(at.replace(microsecond=0)) if at is not None else None


def _blocks(row: dict[str, Any]) -> Sequence[Block]:
    words = {
        "machine": row["machine"],
        "database": row["database"] or "no clock of its own",
        "difference": "-" if row["difference"] is None else f"{row['difference']:.3f} s",
        "newest stored": row["newest"] or "nothing is stored yet",
        "accepted": row["accepted"] or "never",
        "issuing": "yes" if row["issuing"] else f"no: {row['problem']}",
    }
    return (Record("", list(words.items())),)
