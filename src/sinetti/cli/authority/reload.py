"""`sinetti authority reload`: make the running service take new files.

They are settings, certificates and trust.
"""

import os
import signal
from pathlib import Path
from time import sleep

from sinetti.authority.checks.run import check_authority
from sinetti.authority.checks.state import CheckOptions
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.passphrases import read_passphrase
from sinetti.authority.serve_record import find_serving, is_process_of_owner, wait_for_reload
from sinetti.cli.authority.common import DIR, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.core.check_output import check_blocks
from sinetti.cli.core.output import show
from sinetti.domain.operations.monitoring import FindingSeverity
from sinetti.infra.clock import monotonic_seconds

RELOAD_TIMEOUT = 90.0
"""Seconds for the service to read its files and replace its processes."""

_POLLED_EVERY = 0.05


commands = operator_commands()
register = commands.register


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
