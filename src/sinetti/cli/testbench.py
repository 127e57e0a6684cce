"""`sinetti testbench …`: the authority on a clock of your own."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.ca.hierarchy import PRESETS
from sinetti.cli.server.common import command, log_to_stderr
from sinetti.testbench.bench import BenchOptions, run_bench
from sinetti.testbench.clock import ClockGoesBack

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = "sinetti testbench serve --dir ./bench --now 2027-01-01T12:00:00Z"


def register(subparsers: "Commands") -> None:
    """Add the commands to the parser."""
    parser = subparsers.add_parser("testbench", help="run an authority on a clock of your own")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = command(commands, "serve", "make a bench where it is missing, and serve it on loopback", _serve, EXAMPLE)
    serve.add_argument("--dir", metavar="DIR", type=Path, required=True, help="the bench's folder; an empty or new one is filled")
    serve.add_argument("--port", type=_port, default=0, help="for SOAP (default: a free one, kept in DIR)")
    serve.add_argument("--http", action="store_true", help="SOAP over plain http")
    serve.add_argument("--preset", choices=PRESETS, help="names and keys of the CAs (default: default)")
    serve.add_argument("--now", metavar="ISO", help="set the clock, and let it stand still")
    serve.add_argument("--strict", action="store_true", help="take away what the real service is not known to give")


def _serve(parsed: argparse.Namespace) -> int:
    log_to_stderr()
    now = _instant(parsed.now) if parsed.now else None
    options = BenchOptions(parsed.dir, parsed.port, parsed.http, parsed.preset, now, parsed.strict)
    run_bench(options, lambda line: print(line, flush=True))
    return 0


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:  # noqa: PLR2004 - the highest TCP port
        sentence = f"{text!r} is no port"
        raise argparse.ArgumentTypeError(sentence)
    return int(text)


def _instant(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        sentence = f"--now: write a time with its zone, like 2027-01-01T12:00:00Z, not {text!r}"
        raise ClockGoesBack(sentence)
    return parsed
