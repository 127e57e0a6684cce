"""`sinetti testbench …`: the authority on a clock that its user sets."""

import argparse
import os
import signal
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from sinetti.authority.log_format import configure_logging
from sinetti.ca.hierarchy_config import PRESETS
from sinetti.cli.authority.common import command, group, zoned_instant
from sinetti.cli.core.output import print_line
from sinetti.cli.testbench import certificate, code
from sinetti.server.process_exit import exit_process, raise_if_interrupted
from sinetti.testbench.bench import BenchOptions, run_bench

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

_HIGHEST_PORT = 65_535
EXAMPLE = "sinetti testbench serve --dir ./bench --now 2027-01-01T12:00:00Z"


def register(subparsers: "Commands") -> None:
    """Add the commands to the parser."""
    commands = group(subparsers, "testbench", "run an authority on a clock of your own", EXAMPLE)
    serve = command(commands, "serve", "make a bench where it is missing, and serve it on loopback", _serve, EXAMPLE)
    serve.add_argument(
        "--dir", metavar="DIR", type=Path, required=True, help="its folder; an empty or new one is filled"
    )
    serve.add_argument(
        "--port", metavar="PORT", type=_port, default=0, help="for SOAP (default: a free one, kept in DIR)"
    )
    serve.add_argument("--http", action="store_true", help="SOAP over plain http")
    serve.add_argument("--preset", choices=PRESETS, help="names and keys of the CAs (default: default)")
    serve.add_argument("--now", metavar="ISO", help="set the clock, and let it stand still")
    serve.add_argument("--strict", action="store_true", help="take away what the real service is not known to give")
    serve.add_argument(
        "--docs", metavar="DIR", type=_site, help="the documentation site to serve (default: build/docs of a clone)"
    )
    serve.add_argument(
        "--until-stdin-closes", action="store_true", help="stop with the program that started it and holds its input"
    )
    certificate.register(commands)
    code.register(commands)


def _serve(parsed: argparse.Namespace) -> int:
    configure_logging(leniency=True)
    if parsed.until_stdin_closes:
        Thread(target=_stop_when_stdin_closes, daemon=True).start()
    now = zoned_instant("--now", parsed.now) if parsed.now is not None else None
    options = BenchOptions(parsed.dir, parsed.port, parsed.http, parsed.preset, now, parsed.strict, parsed.docs)
    run_bench(options, _say_ready)
    exit_process()


def _say_ready(line: str) -> None:
    raise_if_interrupted()
    print_line(line)


def _stop_when_stdin_closes() -> None:
    """Stop when the process that started this one ends and closes its end of the pipe."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _site(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "index.html").is_file():
        sentence = f"{text} has no index.html; run `make docs` in a clone, then write --docs build/docs"
        raise argparse.ArgumentTypeError(sentence)
    return folder


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _HIGHEST_PORT:
        sentence = f"{text!r} is no port"
        raise argparse.ArgumentTypeError(sentence)
    return int(text)
