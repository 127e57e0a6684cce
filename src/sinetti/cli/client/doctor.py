"""`sinetti doctor`: check all that a renewal needs, and say what to do next."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.console import Console
from sinetti.client.config.errors import ConfigError
from sinetti.client.doctor import certificates, configuration, findings, host, services
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, warning
from sinetti.client.doctor.services import Clocks
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.model import Config
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files, settings
from sinetti.client.store.settings import NameSettings
from sinetti.i18n import translate
from sinetti.infra import clock

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = (
    "example, before the agent is set up:\n  sinetti doctor --store /var/lib/sinetti\n\nEach service is asked "
    "for its page and for a certificate that does not exist. No transfer IDs are used.\n\nexit codes: 0 no "
    "problems · 2 settings file wrong · 3 a certificate must be replaced · 4 service not reachable or "
    "not\ntrusted, or clock wrong · 5 store damaged"
)


def register(subparsers: "Commands") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "doctor",
        help="check everything that a renewal needs",
        description="Checks the clock, services, TLS, trusted CAs, file permissions, disk, hooks and each "
        "certificate. Reports each result and the next step. Changes nothing.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="name in the store (default: all)")
    common.add_store(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    common.add_common(parser)
    # A configuration that cannot be read is a finding here.
    parser.set_defaults(run=run, prepare=lambda _parsed: None)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Check one name or all names of a store."""
    found: list[DoctorFinding] = []
    config = _config(parsed, found)
    console = common.console_of(parsed)
    if config is not None or not found:
        common.find_store(parsed)
    if parsed.store is not None:
        if config is None:
            common.require_store(parsed)
        found += _all(parsed, console, config)
    if parsed.json:
        common.print_json([one.as_json(console.language) for one in found])
    else:
        _show(found, console)
    return findings.worst(found)


def _config(parsed: argparse.Namespace, found: list[DoctorFinding]) -> Config | None:
    """Read the sinetti.toml that is named, or that is found where no store is given.

    Its errors are added to `found`.
    """
    if parsed.config is None and parsed.store is not None:
        return None
    try:
        return common.config_of(parsed)
    except ConfigError as bad:
        found += configuration.mistakes(bad)
    return None


def _all(parsed: argparse.Namespace, console: Console, config: Config | None) -> Iterator[DoctorFinding]:
    now = common.now_of(parsed, console)
    try:
        is_there = config is None or files.directory_exists(parsed.store)
        everything = files.list_names(parsed.store) if is_there else ()
    except OSError as bad:
        yield host.unusable(parsed.store, bad)
        return
    names = _wanted(parsed.name, everything, parsed.store, config)
    group_ok: frozenset[str] = frozenset()
    if config is not None:
        yield from configuration.check_configuration(config, names, parsed.name)
        group_ok = configuration.group_ok(config, names)
    if is_there:
        yield from host.check_store(parsed.store, names, len(everything), group_ok)
    else:
        yield warning(
            Check.STORE, make_message(findings.STORE_NOT_YET, path=str(parsed.store)), about=str(parsed.store)
        )
    kept_or_said = [*_settings(parsed.store, names, config), *configuration.services(config, parsed.name)]
    for kept in services.distinct(kept_or_said):
        yield from services.check_service(kept, Clocks(now, clock.utc_now()), console.language)
    for name in names:
        yield from certificates.check_certificate(parsed.store, name, common.now_for(parsed, name, now))


def _wanted(name: str | None, everything: Sequence[str], store: Path, config: Config | None) -> Sequence[str]:
    if name is None:
        return everything
    if name not in everything:
        if config is not None and name in config.entries:
            return ()
        raise UsageError(make_message(messages.UNKNOWN_NAME, name=name, store=str(store)))
    return [name]


def _settings(store: Path, names: Sequence[str], config: Config | None) -> Iterator[NameSettings]:
    """Yield the stored settings of the names.

    The settings of the service come from its table, as the next run uses them.
    """
    for name in names:
        try:
            kept = settings.load(store / name)
            yield kept if config is None else configuration.brought_in_line(kept, config, name)
        except files.StoreError:
            continue  # reported with the certificate


def _show(found: Sequence[DoctorFinding], console: Console) -> None:
    language = console.language
    lines = [
        (
            translate.translate(findings.SHOWN[one.level], language),
            translate.translate(findings.CHECKED[one.check], language),
            one.about or "",
            " ".join(messages.render(part, language) for part in (one.told, one.step) if part is not None),
        )
        for one in found
    ]
    for line in output.format_columns(lines):
        common.print_line(line)
    wrong = sum(one.level is Level.FAIL for one in found)
    console.tell(make_message(messages.DOCTOR_WRONG, number=wrong) if wrong else make_message(messages.DOCTOR_WELL))
