"""`sinetti authority check` and `reload`: check before a start, take new files.

`reload` makes the running service take new settings, certificates and trust.
"""

import argparse
import os
import signal
from pathlib import Path
from time import sleep

from sinetti.authority.checks.run import check_authority
from sinetti.authority.checks.state import CheckOptions
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.passphrases import read_passphrase
from sinetti.authority.serve_record import find_serving, is_process_of_owner, wait_for_reload
from sinetti.cli.authority.common import DIR, AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, passphrase_of
from sinetti.cli.authority.serve import addresses, plan_of
from sinetti.cli.core.check_output import check_blocks, exit_code
from sinetti.cli.core.commands import Output, flag
from sinetti.cli.core.output import show
from sinetti.domain.operations.monitoring import CheckFinding, FindingSeverity, Impact, finding_of
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.toml_tables import SettingsError

_ADDRESSES = ("bind", "status_bind", "people_bind", "metrics_bind", "tls_certificate", "tls_key")

RELOAD_TIMEOUT = 90.0
"""Seconds for the service to read its files and replace its processes."""

_POLLED_EVERY = 0.05


commands = operator_commands()
register = commands.register


@commands.command(
    also=[
        PASSPHRASE_FILE,
        flag("use no network and no database", name="--offline"),
        flag("before a start: end with 0 if there are only warnings", name="--start"),
        flag("print the results as JSON", name="--json"),
        *addresses(has_defaults=False),
    ]
)
def check(run: AuthorityRun) -> Output:
    """Check files, keys, database and surroundings, with all findings at once."""
    findings = _findings(run.parsed)
    rows = [finding.as_json() for finding in findings]
    return Output(rows, check_blocks(findings), exit_code(findings, is_start=run.parsed.start))


@commands.command()
def reload(*, dir_: Path = DIR, passphrase_file: Path | None = PASSPHRASE_FILE) -> str:
    """Make the running service take new settings, certificates and trust."""
    folder = DataDirectory(dir_.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    serving = find_serving(folder)
    if serving is None:
        raise FolderError(f"no service runs from {dir_}: start it, which reads all files")
    if not is_process_of_owner(folder, serving):
        raise FolderError(
            f"{folder.serve_record} names process {serving.pid}, which is none of the folder's owner: run the command "
            "on the machine of the service, as the service's user"
        )
    passphrase = None if passphrase_file is None else read_passphrase(passphrase_file)
    findings = check_authority(CheckOptions(dir_, is_start=True, passphrase=passphrase))
    errors = [finding for finding in findings if finding.severity is FindingSeverity.ERROR]
    if errors:
        show(check_blocks(errors))
        raise FolderDamaged(
            "the check found errors, so the service was not asked and keeps its former settings, certificates and "
            f"trust: correct them, then run sinetti authority reload --dir {dir_} again"
        )
    os.kill(serving.pid, signal.SIGHUP)
    end = monotonic_seconds() + RELOAD_TIMEOUT

    def pause() -> bool:
        sleep(_POLLED_EVERY)
        return monotonic_seconds() < end

    result = wait_for_reload(folder, serving, pause)
    if result is None:
        raise FolderDamaged(f"the service did not report within {RELOAD_TIMEOUT:.0f} s: see its log")
    if not result.is_taken:
        raise FolderDamaged(f"the service keeps its former settings, certificates and trust, because {result.sentence}")
    return "The service has taken the new settings, certificates and trust."


def _findings(parsed: argparse.Namespace) -> tuple[CheckFinding, ...]:
    """Check with the options of the command.

    A wrong option of an address is a finding, too.
    """
    first: list[CheckFinding] = []
    passphrase = None
    try:
        passphrase = passphrase_of(parsed)
    except SettingsError as bad:
        first.append(finding_of(Impact.START, "--passphrase-file", str(bad)))
    options = CheckOptions(parsed.dir, parsed.offline, parsed.start, passphrase)
    if any(getattr(parsed, name) is not None for name in _ADDRESSES):
        try:
            options = _with_addresses(options, parsed)
        except OptionError as bad:
            first.append(finding_of(Impact.START, "addresses of serve", str(bad)))
    return (*first, *check_authority(options))


def _with_addresses(options: CheckOptions, parsed: argparse.Namespace) -> CheckOptions:
    """Return the options with the addresses that `serve` would use.

    Raises OptionError.
    """
    plan = plan_of(parsed)
    places = [
        listen_address
        for listen_address in (plan.soap, plan.status, plan.people, plan.metrics)
        if listen_address is not None
    ]
    return CheckOptions(
        options.root,
        options.is_offline,
        options.is_start,
        options.passphrase,
        plan.pair,
        tuple((place.host, place.port) for place in places if place.path is None),
        plan.people is not None,
    )
