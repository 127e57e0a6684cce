"""`sinetti authority reconcile`: put back what a restored register has forgotten."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from sinetti.actions.reconcile import Reconciled, reconcile
from sinetti.cli.output import tell
from sinetti.cli.server.common import add_dir, command, opened, put, request_id
from sinetti.cli.server.passphrases import add_passphrase_file, passphrase_of
from sinetti.holder.outcome import ExitCode

if TYPE_CHECKING:
    from sinetti.cli.common import Commands


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority reconcile --dir /srv/sinetti"
    summary = "put back into the register what the journals know: after a backup was restored"
    parser = command(commands, "reconcile", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("--json", action="store_true", help="print what was done for programs")


def _run(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir, passphrase_of(parsed)) as authority:
        done = reconcile(authority.office, authority.journal, request_id())
    put(asdict(done), as_json=parsed.json, table=lambda: _lines(done))
    if done.failed:
        tell("Put all nodes' journals into one folder and run this again (docs/journal.md).")
        return ExitCode.STORE
    return 0


def _lines(done: Reconciled) -> str:
    lines = [f"restored  {serial}" for serial in done.restored]
    lines += [f"not restored  {serial}" for serial in done.failed]
    counted = f"{len(done.restored)} certificates restored, {len(done.failed)} not;"
    return "\n".join([*lines, f"{counted} {done.finished} reservations finished, {done.given_up} given up"])
