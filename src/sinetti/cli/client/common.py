"""Helpers shared by the client's commands: options, language and printing."""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from sinetti.cli.core import argparse_i18n, invocation, output, progress
from sinetti.cli.core.console import LANGUAGE_HELP, Console, language_of_locale
from sinetti.cli.core.global_options import CONFIG_HELP, NOW_HELP, STORE_HELP
from sinetti.cli.core.progress import WaitDisplay
from sinetti.client.config import apply, loader
from sinetti.client.config import messages as config_messages
from sinetti.client.doctor import findings
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import Config, without_file
from sinetti.client.reporting import status
from sinetti.client.requests import operations
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.results import CommandResult, ExitCode, Result, UsageError, highest_exit_code
from sinetti.client.store import files, output_files, settings
from sinetti.domain.validation import is_visible
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import clock, environment, file_permissions, standard_input
from sinetti.infra.file_permissions import Fault, RightsError
from sinetti.infra.standard_input import STREAM, InputTakenError

INPUT_TWICE = gettext_noop("Only one file can be standard input (-). Name the others.")
NOW_BY_VARIABLE = gettext_noop(
    "Warning: SINETTI_NOW sets the time to {at} instead of this computer's clock. Use it for tests only."
)
VARIABLE_NOT_IN_PRODUCTION = gettext_noop(
    "{name} is in PRODUCTION, where SINETTI_NOW must not be set. Unset it, then run the command again."
)
PASSWORD = gettext_noop("Password")
FILE_EXISTS = gettext_noop("{path} already exists and was not changed. To replace it, give --force.")
OUTPUT_TWICE = gettext_noop("Standard output cannot take both JSON and the file. Name a file with {option}.")

_LONGEST_WAIT = 86_400
"""Longest wait: the seconds of a day."""


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every client command has."""
    parser.add_argument("--lang", choices=choices(Language), help=LANGUAGE_HELP)
    parser.add_argument("--now", metavar="ISO", default=environment.variable(environment.NOW), help=NOW_HELP)
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the options for the store, or for a sinetti.toml that names it."""
    add_config(parser)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add --store and --config.

    When the command runs, `parsed.store` is the option's store, else that of a named file, of SINETTI_STORE, or of the
    file found by default.
    """
    parser.add_argument("--store", metavar="DIR", type=Path, help=STORE_HELP)
    parser.add_argument("--config", metavar="FILE", type=Path, help=CONFIG_HELP)
    parser.set_defaults(prepare=find_store)


def read_variable(parsed: argparse.Namespace) -> None:
    """Take the store from SINETTI_STORE, unless --store or --config is given."""
    if parsed.store is None and parsed.config is None:
        named = environment.variable(environment.STORE)
        parsed.store = None if named is None else Path(named)


def find_store(parsed: argparse.Namespace) -> None:
    """Set the store from sinetti.toml if no option names it.

    Raises UsageError if neither an option, a variable nor a file does.
    """
    read_variable(parsed)
    if parsed.store is None or parsed.config is not None:
        config = config_of(parsed)
        if config is None:
            raise UsageError(config_messages.NO_STORE)
        parsed.store = config.store


def config_of(parsed: argparse.Namespace) -> Config | None:
    """Read the sinetti.toml that counts: --config, or the file found by default.

    Returns None if there is no file. Options override it: `store` is that of --store where that is given. Raises
    ConfigError if the file is wrong.
    """
    if not hasattr(parsed, "sinetti_toml"):
        config_files = loader.find(parsed.config)
        if config_files is None and loader.is_passed_over(parsed.config):
            _pass_over(parsed)
        parsed.sinetti_toml = None if config_files is None else _read(config_files)
    config: Config | None = parsed.sinetti_toml
    if config is None:
        return None
    if parsed.lang is None and config.language is not None:
        parsed.lang = config.language.value
    return config if parsed.store is None else replace(config, store=parsed.store)


def _pass_over(parsed: argparse.Namespace) -> None:
    """Report that root ignores the file in this folder.

    Raises UsageError if no option gives the settings.
    """
    if parsed.store is None:
        raise UsageError(config_messages.NOT_FOR_ROOT)
    console_of(parsed).tell(make_message(config_messages.NOT_FOR_ROOT))


def _read(config_file: loader.ConfigFile) -> Config:
    # Imported only if there is a file to read: most commands have their store from an option.
    return importlib.import_module("sinetti.client.config.loader").read(config_file.path, is_named=config_file.is_named)  # type: ignore[no-any-return]


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add NAME or --all."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="name in the store")
    parser.add_argument("--all", action="store_true", help="all names in the store; the highest exit code is returned")


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add --wait."""
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=300.0,
        help="longest time to wait for the certificate, in seconds (default: 300)",
    )


def choices(kind: type[StrEnum]) -> list[str]:
    """Return the values of an option as text."""
    return [str_enum.value for str_enum in kind]


def parse_instant(text: str) -> datetime:
    """Parse an instant with its zone (RFC 3339). Raises UsageError for any other text."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(messages.BAD_INSTANT, text=text)
    return at.astimezone(UTC).replace(microsecond=0)


def now_of(parsed: argparse.Namespace, console: Console) -> datetime:
    """Return the instant of the command: the machine's, or --now with a warning.

    Raises UsageError if --now is wrong.
    """
    if parsed.now is None:
        return clock.utc_now()
    at = parse_instant(parsed.now)
    text = NOW_BY_VARIABLE if _is_by_variable(parsed) else messages.NOW_IS_FOR_BENCHES
    console.tell(make_message(text, at=at))
    return at


def _is_by_variable(parsed: argparse.Namespace) -> bool:
    return parsed.now is not None and parsed.now == environment.variable(environment.NOW)


def now_not_in_production(parsed: argparse.Namespace, name: str) -> UsageError:
    """Return the error for --now, or its variable, with a name in PRODUCTION."""
    text = VARIABLE_NOT_IN_PRODUCTION if _is_by_variable(parsed) else messages.NOW_NOT_IN_PRODUCTION
    return UsageError(text, name=name)


def ignores_now(parsed: argparse.Namespace, name: str) -> bool:
    """Return True if --now was given but does not count for a name in PRODUCTION."""
    return parsed.now is not None and operations.in_production(parsed.store, name)


def reject_now(parsed: argparse.Namespace, name: str) -> None:
    """Raise UsageError if --now is given for a name in PRODUCTION."""
    if ignores_now(parsed, name):
        raise now_not_in_production(parsed, name)


def now_for(parsed: argparse.Namespace, name: str, now: datetime) -> datetime:
    """Return the instant at which a name is shown.

    This is `now`, or the machine's time where --now does not count.
    """
    return clock.utc_now() if ignores_now(parsed, name) else now


def run_of(parsed: argparse.Namespace, console: Console, now: datetime) -> ClientContext:
    """Return the context of a command of the client.

    On a terminal it shows how long it waits for one name.
    """
    wait = getattr(parsed, "wait", 300.0)
    waiting = WaitDisplay(wait, console.language)
    return ClientContext(
        store=parsed.store,
        now=now,
        language=console.language,
        tell=waiting.without_attempts(console.tell),
        sleep=waiting.sleep,
        ticks=clock.monotonic_seconds,
        wait=wait,
        clock=clock.utc_now if parsed.now is None else None,
    )


def console_of(parsed: argparse.Namespace) -> Console:
    """Return the console in the reader's language."""
    return Console(Language(parsed.lang) if parsed.lang else language_of_locale())


def one_or_all(parsed: argparse.Namespace) -> str | None:
    """Return the given name, or None for --all.

    Raises UsageError for both and for neither.
    """
    if (parsed.name is None) is not parsed.all:
        raise UsageError(messages.NAME_OR_ALL)
    name: str | None = parsed.name
    return name


def read_file(path: Path, most: int = -1) -> bytes:
    """Read a file that the user named, or standard input for "-".

    At most `most` octets are read; -1: all. Raises UsageError if it cannot be read, or if standard input was read
    before.
    """
    try:
        return standard_input.read_file(path, most)
    except InputTakenError as bad:
        raise UsageError(INPUT_TWICE) from bad
    except OSError as bad:
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)) from bad


def read_secret(path: Path) -> bytes:
    """Read a file with a secret that the user named, or standard input for "-".

    A terminal does not show what is typed. Raises UsageError, also if other users can read the file.
    """
    try:
        if path == STREAM:
            return standard_input.read_secret(f"{argparse_i18n.translated(PASSWORD)}: ")
        return file_permissions.read_secret(path)
    except InputTakenError as bad:
        raise UsageError(INPUT_TWICE) from bad
    except RightsError as bad:
        text = messages.FOREIGN_SECRET if bad.fault is Fault.FOREIGN else messages.OPEN_SECRET
        raise UsageError(text, path=str(path), owner=bad.owner) from bad
    except OSError as bad:
        raise UsageError(messages.UNREADABLE_FILE, path=str(path), why=error_reasons.translate_reason(bad)) from bad


def read_password(path: Path) -> bytes:
    """Return the first line of a file with a password, as `read_secret` reads it.

    Raises UsageError also if the line is empty.
    """
    password = read_secret(path).partition(b"\n")[0].rstrip(b"\r")
    if not password:
        raise UsageError(messages.EMPTY_SECRET, path=str(path))
    return password


def write_file(path: Path | None, octets: bytes) -> None:
    """Write a command's output to a file or to standard output.

    Standard output is used if `path` is None or "-". The file is written whole or not at all. Raises UsageError if it
    cannot be written.
    """
    if path is None or path == STREAM:
        output.print_bytes(octets)
        return
    try:
        output.write_atomic(path, octets)
    except OSError as bad:
        why = (
            make_message(error_reasons.NO_FOLDER)
            if isinstance(bad, FileNotFoundError)
            else error_reasons.translate_reason(bad)
        )
        raise UsageError(messages.UNWRITABLE_FILE, path=str(path), why=why) from bad


def reject_two_outputs(parsed: argparse.Namespace, path: Path | None, option: str) -> None:
    """Raise UsageError if both JSON and a file are to go to standard output."""
    if parsed.json and path == STREAM:
        raise UsageError(OUTPUT_TWICE, option=option)


def is_in_store(path: Path, store: Path, name: str) -> bool:
    """Return True if a path lies in the store, where writing could replace a key."""
    if path == STREAM:
        return False
    try:
        above = [parent for parent in path.resolve().parents if parent.exists()]
        # A name may be a link to a folder elsewhere; the same folder may be spelt in another way.
        kept = [path for path in (store, store / name) if path.exists()]
        return any(path.samefile(folder) for path in above for folder in kept)
    except (OSError, RuntimeError):  # a loop of links, or an unreadable folder: writing reports it
        return False


def print_line(line: str) -> None:
    """Print one line of the command's output."""
    output.print_line(line)


def print_json(value: object) -> None:
    """Print one JSON document for programs.

    Characters that could control a terminal are escaped. All characters outside ASCII are escaped, too, if standard
    output cannot encode one of them.
    """
    invocation.CURRENT.has_json = True
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if not output.is_encodable(text):
        text = json.dumps(value, indent=2)
    if any(not is_visible(line) for line in text.split("\n")):
        text = "".join(sign if is_visible(sign) or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)
    print_line(text)


def print_rows(rows: Sequence[Mapping[str, object]]) -> None:
    """Print a list of rows as `print_json` does.

    Each row is written by itself, because indenting takes ten times as long.
    """
    invocation.CURRENT.has_json = True
    json_rows = [json.dumps(row, ensure_ascii=False) for row in rows]
    if not all(map(is_visible, json_rows)):
        json_rows = [
            json.dumps(row) if not is_visible(text) else text for row, text in zip(rows, json_rows, strict=True)
        ]
    if not all(map(output.is_encodable, json_rows)):
        json_rows = [json.dumps(row) for row in rows]
    print_line("[\n  " + ",\n  ".join(json_rows) + "\n]" if json_rows else "[]")


def each(parsed: argparse.Namespace, console: Console, act: Callable[[ClientContext, str], CommandResult]) -> ExitCode:
    """Run the command for the one NAME or for --all, and report.

    Raises UsageError for a single name, but not for one among all.
    """
    wanted = one_or_all(parsed)
    if wanted is None:
        require_store(parsed)
    else:
        reject_now(parsed, wanted)
    bar = progress.bar(0, language=console.language)
    run = run_of(parsed, console, now_of(parsed, console))
    config = config_of(parsed) or without_file(parsed.store)
    if wanted is None:  # many names have one bar, and no spinners
        run = replace(run, tell=bar.between(console.tell), sleep=time.sleep)

    def tried(name: str) -> CommandResult:
        try:
            reject_now(parsed, name)
            if files.is_name(name) and files.is_kept(parsed.store / name):
                apply.sync_settings(parsed.store / name, config.entry_of(name), config, run.now)
        except UsageError as bad:
            return CommandResult(name, Result.FAILED, ExitCode.USAGE, (bad.message,))
        return act(run, name)

    with bar:
        outcomes = operations.run_for_all(run, wanted, tried, bar)
    return report(outcomes, parsed, run, console)


def report(
    outcomes: Sequence[CommandResult], parsed: argparse.Namespace, ctx: ClientContext, console: Console
) -> ExitCode:
    """Report the outcome of each name and return the exit code of all.

    With --json, the outcomes are also printed as rows for programs.
    """
    code = highest_exit_code(outcomes)
    if not outcomes:
        console.tell(make_message(messages.STORE_EMPTY))
    for outcome in outcomes:
        for message in outcome.messages:
            about = getattr(parsed, "all", False) and "name" not in message.values
            console.tell(make_message(messages.ABOUT_NAME, name=outcome.name, message=message) if about else message)
        for missing in _missing_file(ctx.store, outcome):
            console.tell(make_message(messages.ABOUT_NAME, name=outcome.name, message=missing))
            code = max(code, ExitCode.AGAIN)
    if parsed.json:
        at = {outcome.name: now_for(parsed, outcome.name, ctx.now) for outcome in outcomes}
        print_json([_row(outcome, at[outcome.name], ctx.store, ctx.language) for outcome in outcomes])
    return code


def _missing_file(store: Path, outcome: CommandResult) -> Iterator[Message]:
    """Yield what to do about a new set without its JKS, which keytool could not make."""
    if outcome.result not in {Result.ENROLLED, Result.RENEWED}:
        return
    folder = store / outcome.name
    if output_files.JKS in output_files.missing_formats(files.live_path(folder), settings.load(folder).files):
        yield make_message(findings.JKS_MISSING, file=output_files.JKS, serial=files.serial_in_use(folder) or "")
        yield make_message(status.JKS_STEP)


def loaded_config(parsed: argparse.Namespace) -> Config | None:
    """Return the sinetti.toml that was read for the store.

    Returns None where only an option named the store.
    """
    config: Config | None = getattr(parsed, "sinetti_toml", None)
    return None if config is None else replace(config, store=parsed.store)


def require_store(parsed: argparse.Namespace) -> None:
    """Raise UsageError if there is no store.

    Where sinetti.toml names the store, the message says that no certificate may have been enrolled yet. Raises OSError
    if the folder cannot be examined. main.py reports that as a store that cannot be read.
    """
    if not files.directory_exists(parsed.store):
        config: Config | None = getattr(parsed, "sinetti_toml", None)
        if config is None or config.store != parsed.store:
            raise UsageError(messages.NO_STORE, store=str(parsed.store))
        raise UsageError(config_messages.NO_STORE_YET, store=str(parsed.store), path=str(config.path))


def confirm(prompt: Message, name: str, console: Console) -> None:
    """Have the user type the name of what a command changes.

    Raises UsageError if the user types another name, or standard input is no terminal.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(messages.NO_TERMINAL)
    output.print_error(messages.render(prompt, console.language), end=" ")
    if sys.stdin.readline().strip() != name:
        raise UsageError(messages.NOT_CONFIRMED)


def _row(outcome: CommandResult, now: datetime, store: Path, language: Language) -> dict[str, object]:
    row = status.row(store, outcome.name, now).as_json(language)
    return row | {"result": Result(outcome.result).value, "codes": list(outcome.codes)}


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(argparse_i18n.translated(messages.BAD_SECONDS, text=text, most=_LONGEST_WAIT))
    return value
