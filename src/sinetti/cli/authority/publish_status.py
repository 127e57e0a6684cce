"""`sinetti authority publish-status`: keep files for web servers current."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from time import sleep

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderDamaged, FolderError, locked
from sinetti.authority.log_format import configure_logging
from sinetti.cli.authority.common import AuthorityRun, OptionError, check_register, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.core import verbose_log
from sinetti.cli.core.commands import Output, flag, option
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.domain.validation import pluralise
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.unix_socket import sd_notify
from sinetti.server.process_exit import request_id
from sinetti.services.publish_status import PublicationReport, StatusPublisher

ASKED_EVERY = 0.1
"""Seconds between questions for the number of the last status change.

After a change, files are written at once.
"""

LOOKED_EVERY, SIGNED_EVERY, COMPLETED_EVERY = 1.0, 60.0, 3600.0
"""Seconds between looks for all changes, for lists that are due, for all files."""

_MARK = ".sinetti-status"
_READABLE = 0o022
_log = logging.getLogger(__name__)


commands = operator_commands()
register = commands.register


@commands.command(
    "sinetti authority publish-status --dir /srv/sinetti --to /var/cache/sinetti-status --watch",
    also=[PASSPHRASE_FILE],
    summary="write CA certificates, lists, OCSP responses and the log as files for a web server",
)
def publish_status(
    run: AuthorityRun,
    *,
    to: Path = option("FOLDER", "folder of the files, for this authority alone"),
    once: bool = flag("write the files once, for a timer (default)", either="how", default=False),  # noqa: ARG001 - what is done
    watch: bool = flag("go on, and write each change within seconds", either="how", default=False),
) -> Output:
    """Write what the status address serves as files for a web server."""
    with _claimed(to, run.authority.folder.instance_id()):
        publisher = StatusPublisher(run.ctx, to)
        if watch:
            configure_logging(leniency=False)
            verbose_log.set_level()
        with _writing(to):
            if watch:
                _follow(publisher, run.authority)
            report = _complete(publisher, run.authority)
    return Output(asdict(report), _line(report))


def _follow(publisher: StatusPublisher, authority: Authority) -> None:
    """Publish until a signal ends the command."""
    complete_at = sign_at = look_at = 0.0
    while True:
        now, pause = monotonic_seconds(), ASKED_EVERY
        try:
            authority.ctx.db.refresh()
            if now >= complete_at:
                _complete(publisher, authority)
                if not complete_at:
                    _log.info("the files are current")
                    sd_notify("READY=1")
                complete_at, sign_at = now + COMPLETED_EVERY, now + SIGNED_EVERY
            elif now >= sign_at:
                publisher.sign_due(request_id())
                publisher.remove_expired()
                sign_at = now + SIGNED_EVERY
            if now >= look_at or publisher.has_changed():
                changed = publisher.follow()
                if changed.written or changed.removed:
                    _log.info("%s", _line(changed))
                look_at = now + LOOKED_EVERY
        except DATABASE_UNAVAILABLE as away:
            if complete_at:
                _log.warning("the database is away, and the files stay until they expire: %s", away)
            publisher.remove_expired()
            complete_at, pause = 0.0, LOOKED_EVERY
        sleep(pause)


def _complete(publisher: StatusPublisher, authority: Authority) -> PublicationReport:
    """Publish everything. Raises the errors of `check_register`."""
    check_register(authority)
    return publisher.publish(request_id())


@contextmanager
def _claimed(folder: Path, instance: str) -> Iterator[None]:
    """Hold a folder that is empty or of this authority.

    Raises OptionError for any other folder, and FolderDamaged if another process publishes into it.
    """
    mask = os.umask(_READABLE)  # the web server is another user
    try:
        with ExitStack() as stack:
            with _writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    stack.enter_context(locked(folder))
                except FolderError as used:
                    raise FolderDamaged(str(used)) from None
                _mark_folder(folder, instance)
            yield
    finally:
        os.umask(mask)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Name the remedy if a file of the folder cannot be written.

    Raises OptionError if the folder is a file, and FolderDamaged. Errors about files elsewhere pass.
    """
    try:
        yield
    except OSError as failed:
        if failed.filename is not None and not Path(failed.filename).is_relative_to(folder):
            raise
        if not folder.is_dir() and folder.exists():
            raise OptionError(f"--to: {folder} is a file: give a folder") from failed
        raise FolderDamaged(
            f"{failed.filename or folder} cannot be written ({failed.strerror or failed}), so web servers may answer "
            f"with old files: make room, and let {folder} and all files in it belong to the user of this command"
        ) from failed


def _mark_folder(folder: Path, instance: str) -> None:
    mark = folder / _MARK
    found = mark.read_text(encoding="ascii").strip() if mark.is_file() else None
    if found not in {None, instance}:
        raise OptionError(f"--to: {folder} has files of another authority: give a folder for this authority alone")
    if found is None and any(folder.iterdir()):
        raise OptionError(f"--to: {folder} has other files and no {_MARK}: empty it, or give another folder")
    write_atomic(mark, f"{instance}\n".encode())


def _line(report: PublicationReport) -> str:
    return f"{pluralise(report.written, 'OCSP response')} written, {pluralise(report.removed, 'file')} removed."
