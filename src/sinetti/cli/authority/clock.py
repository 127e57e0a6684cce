"""`sinetti authority clock`: show and accept the machine's clock.

It reports if the clock is trusted, and accepts the time where an operator has to.
"""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.proposals import OFFICER, require_approval
from sinetti.cli.core.blocks import Block, Record
from sinetti.cli.core.commands import Output, flag
from sinetti.cli.core.output import print_error, show_error
from sinetti.cli.core.output import show as print_blocks
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.operations.clock_check import difference
from sinetti.infra.clock import format_instant
from sinetti.services.issuance.clock_guard import ClockStatus, accept_clock, describe_problem

verbs = operator_commands(
    "clock", "show or accept the machine's clock", "sinetti authority clock show --dir /srv/sinetti"
)
register = verbs.register


@verbs.command()
def show(run: AuthorityRun) -> Output:
    """Show whether the clock is trusted."""
    row = _row(run.authority.clock.look())
    return Output(row, _blocks(row))


@verbs.command(also=[OFFICER])
def accept(run: AuthorityRun, *, yes: bool = flag("do not ask for confirmation")) -> None:
    """Accept the present time; later times that were stored are ignored."""
    clock = run.authority.clock
    before = _row(clock.look())
    show_error(_blocks(before))
    if not yes:
        if not sys.stdin.isatty():
            raise OptionError("clock accept asks for confirmation, but standard input is not a terminal: give --yes")
        print_error(f"Is {before['machine']} the correct time? [y/N] ", end="")
        if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
            raise OptionError("nothing was changed: correct the machine's clock, then run the command again")
    require_approval(TwoPersonAct.RESUME, {"newest": before["newest"]}, run, now=before["machine"])
    accept_clock(clock, *run.by)
    print_blocks(_blocks(_row(clock.look())))


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
    return None if at is None else format_instant(at)


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
