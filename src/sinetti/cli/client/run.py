"""`sinetti run`: keep every certificate of a store current.

See docs/holders/agent.md.

It runs once or as a service.
"""

import argparse
import contextlib
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NoReturn

from sinetti.cli.client import common
from sinetti.cli.client.status import put_metrics, put_unusable
from sinetti.cli.core import invocation, output, progress, terminal
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Paragraph
from sinetti.cli.core.console import Console
from sinetti.cli.core.progress import ProgressBar
from sinetti.client.agent import runner
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.runner import NameResult, RunReport
from sinetti.client.agent.worker import AgentContext, RunCancelled
from sinetti.client.config import apply
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message, make_plural_message
from sinetti.client.model import Config, without_file
from sinetti.client.reporting import run_report, status
from sinetti.client.requests import log_proof, transport
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store.files import StoreError, StoreLocked
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.infra import clock
from sinetti.infra.unix_socket import sd_notify, watchdog_seconds

EXAMPLE = (
    "examples, for a daily timer, to see the plan, and as a service:\n  sinetti run --config "
    "/etc/sinetti/sinetti.toml\n  sinetti run --store /var/lib/sinetti --dry-run\n  sinetti run --store "
    "/var/lib/sinetti --every 1h"
)

_EVERY = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=7)

_STORE_AGAIN = timedelta(minutes=5)
"""Time after which a service retries a store that it could not use."""

_STRIDE = 30.0
"""Longest sleep in seconds.

After each, the agent notices that the machine slept or that its clock was set, and notifies systemd's watchdog.
"""


_OFTEN = 3
"""Names for which the same message is printed; further ones are only counted."""


_SHOW_CURSOR = b"\x1b[?25h\n"

_HANGUP = None if sys.platform == "win32" else signal.SIGHUP


@dataclass
class RunProgress:
    """Reports each completed name to a person, and the progress of all."""

    bar: ProgressBar
    console: Console
    repeated: dict[str, tuple[int, Message]] = field(default_factory=dict)
    """Messages by their text, each with the number of names that it was about."""

    def begin(self, total: int) -> None:
        """Set the number of names that may need an action."""
        self.bar.begin(total)

    def done(self, row: NameResult) -> None:
        """Report the result of one name."""
        for message in run_report.result_messages(row):
            if self._is_news(message):
                self.tell(message)
        self.bar.advance(row.seen.name)

    def ended(self) -> None:
        """Report for how many more names the same messages apply, after the last name."""
        for count, detail in self.repeated.values():
            if count > _OFTEN:
                self.tell(make_plural_message(messages.SAME_FOR_MORE, count - _OFTEN, message=detail))

    def _is_news(self, message: Message) -> bool:
        """Return True unless the same message was printed for several names already.

        A service that is away causes the same message for all of its names.
        """
        detail = message.values.get("message")
        if not isinstance(detail, Message):
            return True
        text = messages.render(detail, self.console.language)
        count = self.repeated.get(text, (0, detail))[0] + 1
        self.repeated[text] = count, detail
        return count <= _OFTEN

    def tell(self, message: Message) -> None:
        """Print a message while the bar is shown."""
        if not run_report.is_verbose(message):
            self.bar.between(self.console.tell)(message)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "run",
        help="renew all certificates on time and put them into use",
        description="Renews certificates that are due, puts new ones into use, and reports what needs action. Run it "
        "daily, hourly or as a service. It calls a service only when something is due.",
        epilog=EXAMPLE,
    )
    common.add_store(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="make one pass (default)")
    how.add_argument(
        "--every", metavar="TIME", help="run as a service, with a pass this often (30m, 1h) and when something is due"
    )
    how.add_argument("--dry-run", action="store_true", help="show what would be done and when, and do nothing")
    common.add_wait(parser)
    parser.add_argument("--json", action="store_true", help="print each pass as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Run the agent. An error of one name does not stop the others."""
    console = common.console_of(parsed)
    every = None if parsed.every is None else _every(parsed.every)
    try:
        common.require_store(parsed)
    except (OSError, UsageError) as bad:
        if not parsed.dry_run:
            _put_unusable(_agent(parsed, console, RunProgress(progress.bar(0), console), threading.Event()))
        if every is None or isinstance(bad, UsageError):
            raise
        # The store cannot be read: a service reports that and tries again.
    stop, wake = threading.Event(), threading.Event()
    with stop_signals(stop, wake, console, is_lasting=every is not None):
        if parsed.dry_run:
            return _show_plan(parsed, console, stop)
        if every is None:
            return _pass(parsed, console, stop).exit_code
        return _serve(parsed, console, every, (stop, wake))


def _serve(
    parsed: argparse.Namespace, console: Console, every: timedelta, events: tuple[threading.Event, threading.Event]
) -> ExitCode:
    """Make one pass after the other until a signal stops the agent.

    A pass that could not begin is repeated soon. The service keeps running while the store is away or damaged. A
    supervisor that had to restart it might take it for completed.
    """
    stop, wake = events
    _config(parsed, console)  # a wrong sinetti.toml ends the service before systemd takes it for started
    sd_notify("READY=1")
    while True:
        rest = every
        invocation.CURRENT.has_json = False  # each pass has a document
        try:
            end = _pass(parsed, console, stop)
            code = end.exit_code
            if end.next_due is not None:
                rest = min(
                    rest,
                    end.next_due - common.parse_instant(parsed.now) if parsed.now else (end.next_due - clock.utc_now()),
                )
        except StoreError as bad:
            code = console.fail(bad.message, ExitCode.STORE)
            rest = _SHORTEST if isinstance(bad, StoreLocked) else min(every, _STORE_AGAIN)
        if _slept(max(rest, _SHORTEST), wake, stop):
            sd_notify("STOPPING=1")
            return code


def _report_alive() -> float:
    sd_notify("WATCHDOG=1")
    return watchdog_seconds(_STRIDE)


def _slept(rest: timedelta, wake: threading.Event, stop: threading.Event) -> bool:
    """Sleep for `rest` and return True if the agent is to stop.

    The sleep ends by the clock that gets there first: the machine's clock, or a clock that counts while that is set.
    """
    until, end = clock.utc_now() + rest, clock.boottime_seconds() + rest.total_seconds()
    while clock.utc_now() < until and clock.boottime_seconds() < end:
        if wake.wait(min(_report_alive(), max(end - clock.boottime_seconds(), 0.01))):
            break
    wake.clear()
    return stop.is_set()


def _pass(parsed: argparse.Namespace, console: Console, stop: threading.Event) -> RunReport:
    bar = progress.bar(0, language=console.language)
    watch = RunProgress(bar, console)
    agent = _agent(parsed, console, watch, stop)
    try:
        with bar:
            end = runner.run_once(agent, stop, watch)
            watch.ended()
    except OSError as bad:
        _put_unusable(agent)
        raise StoreError(error_reasons.store_unusable(bad, parsed.store)) from bad
    for message in run_report.summary(end) if end.rows else (make_message(messages.STORE_EMPTY),):
        console.tell(message)
    _tell_of_the_clock(end, agent, console)
    if parsed.json:
        common.print_json(run_report.as_json(end, agent.run.now, agent.config.care, console.language))
    return replace(end, exit_code=max(end.exit_code, _put_metrics(agent, console)))


def _tell_of_the_clock(end: RunReport, agent: AgentContext, console: Console) -> None:
    behind = sum(row.seen.is_clock_behind(agent.run.now) for row in end.rows)
    if behind:
        console.tell(make_plural_message(messages.CLOCK_BEHIND, behind, now=agent.run.now))


def _put_metrics(agent: AgentContext, console: Console) -> ExitCode:
    """Write the metrics that sinetti.toml requests, from the current store.

    A file that cannot be written undoes nothing. Raises StoreError if the store cannot be used.
    """
    place, now = agent.config.care.prometheus, agent.run.now_exact
    if place is None:
        return ExitCode.DONE
    try:
        store = agent.run.store
        put_metrics(str(place), store, status.rows(agent.config, lambda _seen: now, now), now, now)
    except UsageError as bad:
        console.tell(bad.message)
        return ExitCode.USAGE
    except OSError as bad:  # the store went away just now
        _put_unusable(agent)
        raise StoreError(error_reasons.store_unusable(bad, agent.run.store)) from bad
    return ExitCode.DONE


def _put_unusable(agent: AgentContext) -> None:
    if agent.config.care.prometheus is not None:
        put_unusable(str(agent.config.care.prometheus), agent.run.now_exact)


def _show_plan(parsed: argparse.Namespace, console: Console, stop: threading.Event) -> ExitCode:
    agent = _agent(parsed, console, RunProgress(progress.bar(0), console), stop)
    try:
        end = runner.plan_run(agent)
    except OSError as bad:
        raise StoreError(error_reasons.store_unusable(bad, parsed.store)) from bad
    _tell_of_the_clock(end, agent, console)
    if parsed.json:
        common.print_json(run_report.as_json(end, agent.run.now, agent.config.care, console.language))
    else:
        output.show(
            Paragraph(messages.render(message, console.language))
            for row in end.rows
            for message in run_report.plan_messages(row)
        )
    return end.exit_code


def _agent(parsed: argparse.Namespace, console: Console, watch: RunProgress, stop: threading.Event) -> AgentContext:
    config = _config(parsed, console)

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise RunCancelled

    outside = replace(
        common.run_of(parsed, console, common.now_of(parsed, console)), store=config.store, tell=watch.tell, sleep=sleep
    )

    def code_of(name_snapshot: NameSnapshot, at: datetime) -> ExitCode:
        return status.exit_code_of(status.status_of(name_snapshot, at, config.care))

    return AgentContext(
        outside,
        config,
        ConfiguredHooks(),
        apply.sync_settings,
        parsed.now is not None,
        code_of,
        _report_alive,
        log_proof.fetch_part,
        None if parsed.now else transport.fetch_date,
    )


def _config(parsed: argparse.Namespace, console: Console) -> Config:
    """Return the current sinetti.toml; without a file, the named store and defaults.

    A service continues with the former settings if the file is now wrong.
    """
    before: Config | None = getattr(parsed, "said_before", None)
    if before is not None:
        vars(parsed).pop("sinetti_toml", None)
    try:
        parsed.said_before = common.config_of(parsed) or without_file(parsed.store)
    except UsageError as bad:
        if before is None:
            raise
        console.tell(bad.message)
        return before
    config: Config = parsed.said_before
    return config


def _every(text: str) -> timedelta:
    match = _EVERY.fullmatch(text)
    every = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not _SHORTEST <= every <= _LONGEST:
        raise UsageError(messages.BAD_EVERY, text=text)
    return every


def _end_at_once() -> NoReturn:
    """End the process at once, as a kill would.

    The journal of each request allows that at any point. Threads may wait minutes for a server, and the interpreter
    would wait for them.
    """
    if terminal.is_terminal(sys.stderr):
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)  # the bar hides it
    os._exit(ExitCode.INTERRUPTED)


_NO_MORE = b"\0"
"""Octet that ends the listening thread; no signal has this number."""


@contextlib.contextmanager
def stop_signals(stop: threading.Event, wake: threading.Event, console: Console, *, is_lasting: bool) -> Iterator[None]:
    """Take SIGTERM and the first SIGINT as a request to end safely.

    Work in progress is brought to a safe end; a second SIGINT does not wait for that. SIGHUP of a closing terminal
    counts as SIGTERM. A service (`is_lasting`) takes SIGHUP as a request to start a pass now and to read sinetti.toml
    again.
    """

    # A handler interrupts the main thread at any point, maybe while that holds the lock of an event or of standard
    # error. A second signal during the handler would wait until the main thread wakes. So the handlers do nothing, and
    # another thread reads the numbers that the interpreter writes (signal.set_wakeup_fd).
    def listen() -> None:
        was_interrupted = False
        while (octet := ours.recv(1)) != _NO_MORE:
            number = octet[0]
            if number not in handled:
                continue
            if number == signal.SIGINT and was_interrupted:
                _end_at_once()
            was_interrupted |= number == signal.SIGINT
            if not (number == _HANGUP and is_lasting and not at_terminal) and not stop.is_set():
                stop.set()
                console.tell(make_message(messages.STOPPING_TYPED if at_terminal else messages.STOPPING))
            wake.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    handled = {signal.SIGTERM, signal.SIGINT}
    # Windows has no SIGHUP, and nohup ignores it.
    if _HANGUP is not None and signal.getsignal(_HANGUP) is not signal.SIG_IGN:
        handled.add(_HANGUP)
    ours, interpreters = socket.socketpair()
    interpreters.settimeout(0)
    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    former = signal.set_wakeup_fd(interpreters.fileno(), warn_on_full_buffer=False)
    before = {signals: signal.signal(signals, lambda *_: None) for signals in handled}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(former)
        interpreters.settimeout(None)
        interpreters.send(_NO_MORE)
        listener.join()
        ours.close()
        interpreters.close()
