"""`sinetti authority ca readiness`: readers of the newest trust lists."""

import argparse
from collections import Counter

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import add_dir, command, opened_authority, print_result, table_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.client.results import ExitCode
from sinetti.database.authorities import trust_lists
from sinetti.domain.authorities.readiness import ReaderKind, ReaderState, TrustReader
from sinetti.domain.usage import TrustListNumbers
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.services.authorities.trust_lists import newest_list

_COLUMNS = ("kind", "name", "customer_id", "state", "anchors", "distrust", "seen")


def register_readiness(verbs: Commands) -> None:
    """Add the command to the group `ca`."""
    parser = command(
        verbs,
        "readiness",
        "show which gateways and programs have the newest lists of anchors and distrust",
        _run,
        "sinetti authority ca readiness --dir /srv/sinetti",
    )
    add_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        db, now = authority.ctx.db, authority.ctx.now()
        lists = {kind: newest_list(kind, db) for kind in TrustListKind}
        newest = TrustListNumbers(**{kind.value: 0 if one is None else one.number for kind, one in lists.items()})
        found = [*trust_lists.list_gateways(db), *trust_lists.list_programs(db, now)]
    rows = [(one, one.state(newest)) for one in found]
    counts = Counter((one.kind, state) for one, state in rows)
    open_rows = [_row(one, state) for one, state in rows if state is not ReaderState.NEWEST]
    result = {
        "anchors": newest.anchors,
        "distrust": newest.distrust,
        **{f"{kind.value}s": {state.value: counts[kind, state] for state in ReaderState} for kind in ReaderKind},
        "readers": open_rows,
    }
    known = {one.kind for one in found}
    nothing = " ".join(
        f"All {kind.value}s have the newest lists." if kind in known else f"No {kind.value} has reported its lists."
        for kind in ReaderKind
    )
    blocks = table_of(_COLUMNS, open_rows, fold={"name"}, nothing=nothing)
    print_result(result, as_json=parsed.json, table=lambda: blocks)
    for kind in ReaderKind:
        parts = ", ".join(f"{counts[kind, state]} {state.value}" for state in ReaderState)
        print_note(f"{kind.value}s: {parts} (anchors {newest.anchors}, distrust {newest.distrust})")
    return ExitCode.REFUSED if open_rows else ExitCode.DONE


def _row(one: TrustReader, state: ReaderState) -> dict[str, str | int | None]:
    numbers = one.numbers
    return {
        "kind": one.kind.value,
        "name": one.name,
        "customer_id": one.customer_id,
        "state": state.value,
        "anchors": None if numbers is None else numbers.anchors,
        "distrust": None if numbers is None else numbers.distrust,
        "seen": instant(one.seen),
    }
