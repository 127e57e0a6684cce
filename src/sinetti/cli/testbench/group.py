"""`sinetti testbench …`: bench with a clock to set, sample certificates, codes."""

import argparse
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import NoReturn

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.log_format import configure_logging
from sinetti.ca.hierarchy_config import PRESETS
from sinetti.cli.authority.common import EXIT_CODES, OptionError, run_command, zoned_instant
from sinetti.cli.core import verbose_log
from sinetti.cli.core.commands import CommandGroup, Options, Output, argument, flag, option
from sinetti.cli.core.invocation import CURRENT
from sinetti.cli.core.output import print_error, print_line
from sinetti.domain.validation import ValidationError
from sinetti.domain.values import CustomerIdError, KeyType
from sinetti.infra.clock import instant_or_none, utc_now
from sinetti.server.process_exit import exit_process, raise_if_interrupted
from sinetti.testbench.bench import BenchOptions, run_bench
from sinetti.testbench.core.clock import RANGE, ClockOutOfRange
from sinetti.testbench.core.layout import bench_clock
from sinetti.testbench.core.summary import format_summary
from sinetti.testbench.core.totp import NoSecret, seconds_remaining, totp
from sinetti.testbench.endpoints.documentation import PATH as DOCUMENTATION_PATH
from sinetti.testbench.samples.files import FolderTaken, SamplePaths, write_sample, write_samples
from sinetti.testbench.samples.generator import (
    CUSTOMER_ID,
    CUSTOMER_NAME,
    SampleCertificate,
    SampleHierarchy,
    SampleRequest,
    SampleState,
)

_HIGHEST_PORT = 65_535
_ALL = "all"
EXAMPLE = "sinetti testbench serve --dir ./bench --now 2027-01-01T12:00:00Z"

verbs = CommandGroup(
    "sinetti testbench",
    "run a local authority whose clock you set",
    guard=run_command,
    example=EXAMPLE,
    epilog=EXIT_CODES,
)
register = verbs.register


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


@dataclass(frozen=True)
class BenchServeOptions(Options):
    """Options of `serve`."""

    root: Path = option("DIR", "folder of the bench; a new or empty one is filled", name="--dir")
    port: int = option("PORT", "port for SOAP (default: a free one, kept in DIR)", type=_port, default=0)
    http: bool = flag("use plain HTTP for SOAP")
    preset: str | None = option(None, "hierarchy of CAs (default: default)", choices=PRESETS)
    now: str | None = option("ISO", "set the clock, which then stands still")
    strict: bool = flag("be as strict as the real service is known to be")
    docs: Path | None = option("DIR", "documentation to serve (default: build/docs of a clone)", type=_site)
    log_requests: bool = flag("print a line to standard error for each request")
    json: bool = flag("print the JSON line, on a terminal too")
    until_stdin_closes: bool = flag("stop when standard input is closed")


@verbs.command(EXAMPLE)
def serve(options: BenchServeOptions) -> NoReturn:
    """Run the test bench, and create it if DIR is empty."""
    configure_logging(leniency=True)
    verbose_log.set_level()
    if options.until_stdin_closes:
        Thread(target=_stop_when_stdin_closes, daemon=True).start()
    bench = BenchOptions(
        options.root,
        options.port,
        options.http,
        options.preset,
        None if options.now is None else zoned_instant("--now", options.now),
        options.strict,
        print_error if options.log_requests else None,
        options.docs,
    )
    as_json = options.json or sys.stdout is None or not sys.stdout.isatty()
    run_bench(bench, lambda line: _say_ready(line, bench, as_json=as_json))
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


@verbs.command(
    "sinetti testbench certificate --state revoked --out ./revoked",
    also=[flag("print paths and serial number as JSON", name="--json")],
)
def certificate(
    *,
    state: str = option(
        None,
        "state of the certificate; all creates one of each in DIR/STATE",
        choices=[*(state.value for state in SampleState), _ALL],
    ),
    out: Path = option("DIR", "new or empty folder"),
    now: str | None = option("ISO", "time at which the certificate has the state (default: now)"),
    key: KeyType = option(None, "type of the key (default: ec-p256)", default="ec-p256"),
    customer_id: str = option("ID", f"customer ID (default: {CUSTOMER_ID})", default=CUSTOMER_ID),
    name: str = option("NAME", f"name of the organisation (default: {CUSTOMER_NAME})", default=CUSTOMER_NAME),
    force: bool = flag("replace samples in DIR, and no other files"),
) -> Output:
    """Create a sample certificate with key, chain, trusted CAs and revocation lists."""
    at = utc_now() if now is None else zoned_instant("--now", now)
    states = list(SampleState) if state == _ALL else [SampleState(state)]
    try:
        requests = [SampleRequest(state, key, customer_id, name) for state in states]
        hierarchy = SampleHierarchy(at)
    except ClockOutOfRange as bad:
        raise OptionError(f"--now: {RANGE}") from bad
    except CustomerIdError as bad:
        raise OptionError(f"--customer-id: {bad}") from bad
    except ValidationError as bad:
        raise OptionError(f"--name: {str(bad).removeprefix('name is ')}") from bad
    samples = [hierarchy.sample(request) for request in requests]
    try:
        if state == _ALL:
            places = write_samples(samples, out, replace=force)
        else:
            places = (write_sample(samples[0], out, replace=force),)
    except FolderTaken as taken:
        raise OptionError(str(taken)) from taken
    except OSError as bad:
        raise OptionError(f"--out: {out} cannot be written: {bad.strerror}") from bad
    records = [_sample_record(*pair) for pair in zip(samples, places, strict=True)]
    notes = [
        f"Sample certificate ({sample.state}) of {customer_id} with serial number {sample.serial}: {place.folder}"
        for sample, place in zip(samples, places, strict=True)
    ]
    notes.append(f"For tests only: no service trusts it. For a command to try, see {places[0].folder / 'README.txt'}.")
    return Output(records if state == _ALL else records[0], (), note="\n".join(notes))


def _sample_record(sample: SampleCertificate, paths: SamplePaths) -> dict[str, str | None]:
    return {
        "state": sample.state.value,
        "serial": sample.serial,
        "not_before": instant_or_none(sample.certificate.not_valid_before_utc),
        "not_after": instant_or_none(sample.certificate.not_valid_after_utc),
        "now": instant_or_none(sample.now),
        "key": str(paths.key),
        "certificate": str(paths.certificate),
        "chain": str(paths.chain),
        "anchors": str(paths.anchors),
        "crl": str(paths.crl),
        "crls": str(paths.crls),
    }


@verbs.command("sinetti testbench code JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
def code(*, secret: str = argument("SECRET", "value of totp_secret from the bench")) -> str:
    """Show the verification code of a demo account."""
    # Sign-in uses the machine's clock, not the bench's.
    now = utc_now()
    try:
        print_line(totp(secret, now))
    except NoSecret as bad:
        raise OptionError(f"SECRET: {bad}") from bad
    return f"Use it once. The next code comes in {seconds_remaining(now)} seconds."
