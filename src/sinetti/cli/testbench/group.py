"""`sinetti testbench …`: the authority on a clock that its user sets."""

import argparse
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from threading import Thread

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.log_format import configure_logging
from sinetti.ca.hierarchy_config import PRESETS
from sinetti.cli.authority.common import command, group, zoned_instant
from sinetti.cli.core import verbose_log
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import CURRENT
from sinetti.cli.core.output import print_error, print_line
from sinetti.cli.testbench import certificate, code
from sinetti.server.process_exit import exit_process, raise_if_interrupted
from sinetti.testbench.bench import BenchOptions, run_bench
from sinetti.testbench.core.layout import bench_clock
from sinetti.testbench.core.summary import format_summary
from sinetti.testbench.endpoints.documentation import PATH as DOCUMENTATION_PATH

_HIGHEST_PORT = 65_535
EXAMPLE = "sinetti testbench serve --dir ./bench --now 2027-01-01T12:00:00Z"


def register(subparsers: Commands) -> None:
    """Add the commands to the parser."""
    commands = group(subparsers, "testbench", "run a local authority whose clock you set", EXAMPLE)
    serve = command(commands, "serve", "run the test bench, and create it if DIR is empty", _serve, EXAMPLE)
    serve.add_argument(
        "--dir", metavar="DIR", type=Path, required=True, help="folder of the bench; a new or empty one is filled"
    )
    serve.add_argument(
        "--port", metavar="PORT", type=_port, default=0, help="port for SOAP (default: a free one, kept in DIR)"
    )
    serve.add_argument("--http", action="store_true", help="use plain HTTP for SOAP")
    serve.add_argument("--preset", choices=PRESETS, help="hierarchy of CAs (default: default)")
    serve.add_argument("--now", metavar="ISO", help="set the clock, which then stands still")
    serve.add_argument("--strict", action="store_true", help="be as strict as the real service is known to be")
    serve.add_argument(
        "--docs", metavar="DIR", type=_site, help="documentation to serve (default: build/docs of a clone)"
    )
    serve.add_argument("--log-requests", action="store_true", help="print a line to standard error for each request")
    serve.add_argument("--json", action="store_true", help="print the JSON line, on a terminal too")
    serve.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input is closed")
    certificate.register(commands)
    code.register(commands)


def _serve(parsed: argparse.Namespace) -> int:
    configure_logging(leniency=True)
    verbose_log.set_level()
    if parsed.until_stdin_closes:
        Thread(target=_stop_when_stdin_closes, daemon=True).start()
    now = zoned_instant("--now", parsed.now) if parsed.now is not None else None
    log = print_error if parsed.log_requests else None
    options = BenchOptions(parsed.dir, parsed.port, parsed.http, parsed.preset, now, parsed.strict, log, parsed.docs)
    as_json = parsed.json or sys.stdout is None or not sys.stdout.isatty()
    run_bench(options, lambda line: _say_ready(line, options, as_json=as_json))
    exit_process()


def _say_ready(line: str, options: BenchOptions, *, as_json: bool) -> None:
    """Print the JSON line for programs, or the summary for a person."""
    raise_if_interrupted()
    CURRENT.has_json = as_json
    if as_json:
        print_line(line)
        return
    clock = bench_clock(DataDirectory(options.root.resolve()))
    width = shutil.get_terminal_size().columns
    ready = json.loads(line)
    ready["documentation_url"] = None if options.site is None else f"{ready['status_url']}{DOCUMENTATION_PATH}/"
    print_line(format_summary(ready, clock.now(), width, is_stopped=clock.is_stopped()))


def _stop_when_stdin_closes() -> None:
    """Stop when the process that started this one ends and closes its end of the pipe."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _site(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "index.html").is_file():
        raise argparse.ArgumentTypeError(
            f"{text} has no index.html; run `make docs` in a clone, then write --docs build/docs"
        )
    return folder


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)
