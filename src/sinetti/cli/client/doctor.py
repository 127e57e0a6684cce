"""`sinetti doctor`: check all that a renewal needs, and say what to do next."""

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, Heading, OutputTable, Row, Tone
from sinetti.cli.core.console import Console
from sinetti.client.config import apply
from sinetti.client.config.errors import ConfigError
from sinetti.client.doctor import certificates, configuration, findings, host, services
from sinetti.client.doctor.findings import SERVICE_CHECKS, Check, DoctorFinding, Level, warning
from sinetti.client.doctor.services import Clocks
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.model import Config, without_file
from sinetti.client.reporting import status
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files, settings
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.infra import clock

EXAMPLE = (
    "example, before the agent is set up:\n  sinetti doctor --store /var/lib/sinetti\n\nEach service is asked "
    "for its page and for a certificate that does not exist. No transfer IDs are used.\n\nexit codes: 0 no "
    "problems · 2 settings file wrong · 3 a certificate must be replaced · 4 service not reachable or "
    "not\ntrusted, or clock wrong · 5 store damaged"
)


def register(subparsers: Commands) -> None:
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
    doctor_findings: list[DoctorFinding] = []
    addresses: dict[str, str] = {}
    config = _config(parsed, doctor_findings)
    console = common.console_of(parsed)
    if config is not None or not doctor_findings:
        common.find_store(parsed)
    if parsed.store is not None:
        if config is None:
            common.require_store(parsed)
        doctor_findings += _all(parsed, console, config, addresses)
    if parsed.json:
        common.print_json([doctor_finding.as_json(console.language) for doctor_finding in doctor_findings])
    else:
        _show(doctor_findings, addresses, console)
    return findings.worst(doctor_findings)


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


def _all(
    parsed: argparse.Namespace, console: Console, config: Config | None, addresses: dict[str, str]
) -> Iterator[DoctorFinding]:
    """Yield the findings, and add the address of each name's service to `addresses`."""
    now = common.now_of(parsed, console)
    try:
        is_there = config is None or files.directory_exists(parsed.store)
        everything = files.list_names(parsed.store) if is_there else ()
    except OSError as bad:
        yield host.unusable(parsed.store, bad)
        return
    names = _wanted(parsed.name, everything, parsed.store, config)
    if config is not None:
        yield from configuration.check_configuration(config, names)
    if is_there:
        yield from host.check_store(parsed.store, names, len(everything))
    else:
        yield warning(
            Check.STORE, make_message(findings.STORE_NOT_YET, path=str(parsed.store)), about=str(parsed.store)
        )
    kept = dict(_settings(parsed.store, names, config))
    addresses.update({name: name_settings.service for name, name_settings in kept.items()})
    for name_settings in services.distinct([*kept.values(), *configuration.services(config, parsed.name)]):
        yield from services.check_service(name_settings, Clocks(now, clock.utc_now()), console.language)
        yield from services.trust_lists(name_settings, parsed.store, now, console.language)
    only = () if parsed.name is None else (parsed.name,)
    shown = config or without_file(parsed.store)
    for row in status.rows(shown, lambda name_snapshot: common.now_for(parsed, name_snapshot.name, now), only=only):
        yield from certificates.check_certificate(row)


def _wanted(name: str | None, everything: Sequence[str], store: Path, config: Config | None) -> Sequence[str]:
    if name is None:
        return everything
    if name not in everything:
        if config is not None and name in config.entries:
            return ()
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(store))
    return [name]


def _settings(store: Path, names: Sequence[str], config: Config | None) -> Iterator[tuple[str, NameSettings]]:
    """Yield the names with their stored settings.

    The settings of the service come from its table, as the next run uses them.
    """
    for name in names:
        try:
            kept = settings.load(store / name)
            yield name, kept if config is None else apply.adapt(kept, config, store / name)
        except files.StoreError:
            continue  # reported with the certificate


_TONES = {Level.OK: Tone.GOOD, Level.WARN: Tone.WARNING, Level.FAIL: Tone.BAD}
_PROBLEMS = (Level.FAIL, Level.WARN)


def _show(doctor_findings: Sequence[DoctorFinding], addresses: Mapping[str, str], console: Console) -> None:
    language = console.language
    output.show(
        blocks(doctor_findings, addresses, language),
        in_pipe=(pipe_table(doctor_findings, language),) if doctor_findings else (),
    )
    wrong, warned = (sum(doctor_finding.level is level for doctor_finding in doctor_findings) for level in _PROBLEMS)
    text = messages.DOCTOR_WRONG if wrong else messages.DOCTOR_WARNED if warned else messages.DOCTOR_WELL
    console.tell(make_message(text, number=wrong or warned) if wrong or warned else make_message(text))


def blocks(
    doctor_findings: Sequence[DoctorFinding], addresses: Mapping[str, str], language: Language
) -> Sequence[Block]:
    """Return the output on a terminal: problems first, then what is well, by service.

    `addresses` has the address of each name's service.
    """
    groups = {
        findings.PROBLEMS: [
            doctor_finding for level in _PROBLEMS for doctor_finding in doctor_findings if doctor_finding.level is level
        ]
    }
    groups[findings.THIS_COMPUTER] = []
    for finding in doctor_findings:
        if finding.level is Level.OK:
            about = finding.about or ""
            by_service = about if finding.check in SERVICE_CHECKS else addresses.get(about)
            groups.setdefault(by_service or findings.THIS_COMPUTER, []).append(finding)
    written: list[Block] = []
    for title, group in groups.items():
        if group:
            rows = [
                _row(doctor_finding, language, _subject(doctor_finding, title, addresses)) for doctor_finding in group
            ]
            written += [
                Heading(translate.translate(title, language)),
                OutputTable((), rows, fold=frozenset({2}), toned=0),
            ]
    return written


def pipe_table(doctor_findings: Sequence[DoctorFinding], language: Language) -> OutputTable:
    """Return the output in a pipe: one line for each finding, problems first."""
    ordered = sorted(doctor_findings, key=lambda one: (*_PROBLEMS, Level.OK).index(one.level))
    rows = []
    for doctor_finding in ordered:
        row = _row(doctor_finding, language)
        level, check, text = row.cells
        rows.append(replace(row, cells=(level, check, doctor_finding.about or "", text)))
    return OutputTable((), rows)


def _subject(doctor_finding: DoctorFinding, title: str, names: Collection[str]) -> str:
    """Return what a finding is about.

    Empty if that is the title of its group, or the store.
    """
    is_store = doctor_finding.check in findings.STORE_CHECKS and doctor_finding.about not in names
    return "" if doctor_finding.about is None or is_store or doctor_finding.about == title else doctor_finding.about


def _row(doctor_finding: DoctorFinding, language: Language, subject: str = "") -> Row:
    level, check = findings.SHOWN[doctor_finding.level], findings.CHECKED[doctor_finding.check]
    text = messages.render(doctor_finding.message, language)
    if subject and subject not in text:
        text = f"{subject}: {text}"
    step = "" if doctor_finding.step is None else messages.render(doctor_finding.step, language)
    return Row(
        (translate.translate(level, language), translate.translate(check, language), text),
        step,
        _TONES[doctor_finding.level],
    )
