"""Checks of the store on its disk: rights, owners, free space, running processes.

They open nothing for writing and take no lock.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from sinetti.client.doctor import findings
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, passed, warning
from sinetti.client.messages import error_reasons
from sinetti.client.messages.messages import make_message, make_plural_message
from sinetti.client.model import OutputOptions
from sinetti.client.results import ExitCode
from sinetti.client.store import files, removal, rights, settings
from sinetti.infra import file_permissions

LITTLE = 100 * 1024 * 1024
"""Octets of free space below which the check warns."""

RUN_LOCK = ".run.lock"
_LOCKS = Path("/proc/locks")
_MEGABYTE = 1024 * 1024


def check_store(store: Path, names: Sequence[str], count: int) -> Iterator[DoctorFinding]:
    """Check a store of `count` names, and the rights of `names`."""
    if not os.access(store, os.W_OK):
        message = make_message(findings.STORE_READ_ONLY, path=str(store))
        yield DoctorFinding(
            Check.STORE, Level.FAIL, message, str(store), make_message(findings.STORE_STEP), ExitCode.STORE
        )
    elif not count:
        yield warning(Check.STORE, make_message(findings.STORE_EMPTY, path=str(store)), about=str(store))
    else:
        yield passed(Check.STORE, make_plural_message(findings.STORE_GOOD, count, path=str(store)), str(store))
    for name in removal.list_unfinished(store):
        message = make_message(findings.REMOVAL_LEFT, name=name, folder=str(removal.folder_of(store, name)))
        yield warning(Check.STORE, message, make_message(findings.REMOVAL_STEP, name=name), str(store))
    yield from _room(store)
    if file_permissions.is_checked():
        yield from _owner(store)
        yield from _rights(store, names)
    yield from _locks(store, names)


def _room(store: Path) -> Iterator[DoctorFinding]:
    free = shutil.disk_usage(store).free
    megabytes, step = free // _MEGABYTE, make_message(rights.DISK_STEP)
    if free >= LITTLE:
        yield passed(Check.DISK, make_message(findings.DISK_GOOD, megabytes=megabytes), str(store))
        return
    message = make_message(findings.DISK_LITTLE, megabytes=megabytes)
    if free >= rights.TOO_LITTLE:
        yield warning(Check.DISK, message, step, str(store))
    else:
        yield DoctorFinding(Check.DISK, Level.FAIL, message, str(store), step, ExitCode.STORE)


def _owner(store: Path) -> Iterator[DoctorFinding]:
    """Report a store that another user owns or can write."""
    status = store.stat()
    owner = file_permissions.user_name(status.st_uid)
    if not file_permissions.is_root() and not file_permissions.is_own(status):
        message, step = make_message(findings.STORE_FOREIGN, path=str(store), owner=owner), findings.STORE_STEP
    elif file_permissions.is_open(status, store):
        message, step = make_message(findings.STORE_OPEN, path=str(store), owner=owner), rights.CHMOD_STEP
    else:
        return
    next_step = make_message(step, mode="go-w", path=str(store)) if step == rights.CHMOD_STEP else make_message(step)
    yield DoctorFinding(Check.RIGHTS, Level.FAIL, message, str(store), next_step, ExitCode.STORE)


def _rights(store: Path, names: Sequence[str]) -> Iterator[DoctorFinding]:
    """Report keys that others can read.

    A key in use has its finding with the certificate.
    """
    is_good = True
    for name in names:
        folder = store / name
        try:
            kept = settings.load(folder).files
        except files.StoreError:
            kept = OutputOptions()
        try:
            doctor_findings = [warning(Check.RIGHTS, *row, name) for row in rights.list_unused(folder, kept)]
            is_good &= not doctor_findings and rights.find_exposure(str(folder), kept) is None
        except OSError as bad:
            where, why = str(bad.filename or folder), error_reasons.translate_reason(bad)
            message, step = make_message(findings.UNREADABLE, path=where, why=why), make_message(findings.STORE_STEP)
            doctor_findings, is_good = (
                [DoctorFinding(Check.RIGHTS, Level.FAIL, message, name, step, ExitCode.STORE)],
                False,
            )
        yield from doctor_findings
    if names and is_good:
        yield passed(Check.RIGHTS, make_message(findings.RIGHTS_GOOD), str(store))


def _locks(store: Path, names: Sequence[str]) -> Iterator[DoctorFinding]:
    """Report the processes that hold a lock, where the system shows them.

    Linux shows them in /proc/locks (proc(5)). Trying a lock would keep a run out meanwhile.
    """
    if not _LOCKS.exists():
        return
    held = _held()
    places = {str(store): store / RUN_LOCK} | {name: store / name / ".lock" for name in names}
    found = False
    for about, path in places.items():
        pid = held.get(_inode(path))
        if pid is not None:
            found = True
            yield warning(
                Check.LOCK,
                make_message(findings.LOCK_HELD, pid=pid),
                make_message(findings.LOCK_STEP),
                about,
            )
    if not found:
        yield passed(Check.LOCK, make_message(findings.LOCK_FREE), str(store))


def _held() -> dict[int, int]:
    """Return the process that holds a lock, by inode of the locked file."""
    try:
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return {}
    fields = [line.split() for line in lines if " -> " not in line]
    # 1: FLOCK ADVISORY WRITE 4711 fe:00:131 0 EOF
    return {
        int(words[5].rpartition(":")[2]): int(words[4])
        for words in fields
        if len(words) > 5 and words[1] == "FLOCK"  # noqa: PLR2004 - a line with an inode
    }


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def unusable(store: Path, bad: OSError) -> DoctorFinding:
    """Return the finding for a store that cannot be read."""
    message = error_reasons.store_unusable(bad, store)
    return DoctorFinding(
        Check.STORE, Level.FAIL, message, str(store), make_message(findings.STORE_STEP), ExitCode.STORE
    )
