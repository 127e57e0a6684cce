"""Checks of the store on its disk: rights, owners, free space, running processes.

They open nothing for writing and take no lock.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from sinetti.client.doctor import findings
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, passed, warning
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message, make_plural_message
from sinetti.client.results import ExitCode
from sinetti.client.store import files, journal, removal

LITTLE = 100 * 1024 * 1024
TOO_LITTLE = 1024 * 1024
"""Limits of free space in octets.

Below LITTLE the check warns. Below TOO_LITTLE it fails, since no renewal is reliable.
"""

RUN_LOCK = ".run.lock"
_LOCKS = Path("/proc/locks")
_SECRETS = ("key.pem", "key.der", "certificate.p12", "certificate-legacy.p12")
_MEGABYTE = 1024 * 1024
_OTHERS, _GROUP = stat.S_IRWXO, stat.S_IRWXG


def check_store(store: Path, names: Sequence[str], found: int, group_ok: frozenset[str]) -> Iterator[DoctorFinding]:
    """Check a store of `found` names, and the rights of `names`.

    `group_ok`: names whose files a group may read.
    """
    if not os.access(store, os.W_OK):
        message = make_message(findings.STORE_READ_ONLY, path=str(store))
        yield DoctorFinding(
            Check.STORE, Level.FAIL, message, str(store), make_message(findings.STORE_STEP), ExitCode.STORE
        )
    elif not found:
        yield warning(Check.STORE, make_message(findings.STORE_EMPTY, path=str(store)), about=str(store))
    else:
        yield passed(Check.STORE, make_plural_message(findings.STORE_GOOD, found, path=str(store)), str(store))
    for name in removal.list_unfinished(store):
        message = make_message(findings.REMOVAL_LEFT, name=name, folder=str(removal.folder_of(store, name)))
        yield warning(Check.STORE, message, make_message(findings.REMOVAL_STEP, name=name), str(store))
    yield from _room(store)
    if os.name == "posix":
        yield from _rights(store, names, group_ok)
    yield from _locks(store, names)


def _room(store: Path) -> Iterator[DoctorFinding]:
    free = shutil.disk_usage(store).free
    megabytes = free // _MEGABYTE
    if free >= LITTLE:
        yield passed(Check.DISK, make_message(findings.DISK_GOOD, megabytes=megabytes), str(store))
    elif free >= TOO_LITTLE:
        yield warning(
            Check.DISK,
            make_message(findings.DISK_LITTLE, megabytes=megabytes),
            make_message(findings.DISK_STEP),
            str(store),
        )
    else:
        message, step = (
            make_message(findings.DISK_LITTLE, megabytes=megabytes),
            make_message(findings.DISK_STEP),
        )
        yield DoctorFinding(Check.DISK, Level.FAIL, message, str(store), step, ExitCode.STORE)


def _rights(store: Path, names: Sequence[str], group_ok: frozenset[str]) -> Iterator[DoctorFinding]:
    owner, good = store.stat().st_uid, True
    for name in names:
        try:
            found = list(_wrong_rights(store / name, owner, group_ok=name in group_ok))
        except OSError as bad:
            message = make_message(
                findings.UNREADABLE,
                path=str(bad.filename or store / name),
                why=error_reasons.translate_reason(bad),
            )
            found = [
                DoctorFinding(
                    Check.RIGHTS, Level.FAIL, message, name, make_message(findings.STORE_STEP), ExitCode.STORE
                )
            ]
        good &= not found
        yield from found
    if names and good:
        yield passed(Check.RIGHTS, make_message(findings.RIGHTS_GOOD), str(store))


def _wrong_rights(folder: Path, owner: int, *, group_ok: bool) -> Iterator[DoctorFinding]:
    name = folder.name
    for path in (folder, *_secrets(folder)):
        seen = path.stat()
        mode, mode_text = stat.S_IMODE(seen.st_mode), f"{stat.S_IMODE(seen.st_mode):04o}"
        wanted = "0700" if path == folder else "0600"
        # If others may only pass through a folder, its files stay private.
        passing = mode & ~(stat.S_IXOTH | stat.S_IXGRP) if path == folder else mode
        if passing & _OTHERS:
            message, step = (
                make_message(findings.RIGHTS_OPEN, path=str(path), mode=mode_text),
                make_message(findings.RIGHTS_OPEN_STEP, mode=wanted, path=str(path)),
            )
            yield DoctorFinding(Check.RIGHTS, Level.FAIL, message, name, step, ExitCode.STORE)
        elif passing & _GROUP and not group_ok:
            message, step = (
                make_message(findings.RIGHTS_GROUP, path=str(path), mode=mode_text),
                make_message(findings.CHMOD_STEP, mode=wanted, path=str(path)),
            )
            yield warning(Check.RIGHTS, message, step, name)
        if seen.st_uid != owner and not group_ok:
            message, step = (
                make_message(findings.RIGHTS_OWNER, path=str(path)),
                make_message(findings.RIGHTS_OWNER_STEP, owner=owner, path=str(path)),
            )
            yield warning(Check.RIGHTS, message, step, name)


def _secrets(folder: Path) -> Iterator[Path]:
    places = (files.GENERATIONS, journal.PENDING, journal.ABANDONED)
    for place in places:
        for secret in _SECRETS:
            yield from sorted((folder / place).glob(f"*/{secret}"))


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
    return {int(one[5].rpartition(":")[2]): int(one[4]) for one in fields if len(one) > 5 and one[1] == "FLOCK"}  # noqa: PLR2004


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def unusable(store: Path, bad: OSError) -> DoctorFinding:
    """Return the finding for a store that cannot be read."""
    message = make_message(
        messages.STORE_UNUSABLE, path=str(bad.filename or store), why=error_reasons.translate_reason(bad)
    )
    return DoctorFinding(
        Check.STORE, Level.FAIL, message, str(store), make_message(findings.STORE_STEP), ExitCode.STORE
    )
