"""Rights of a name's files for users other than their owner, and its disk.

Such a fault hinders no signature, so a renewal that is due still happens. All views show it as damage until a person
corrects it, since another user may already have read the key. The rule for "others" is that of sinetti.toml
(`infra/file_permissions.py`). Accepted owners are the caller, root, the owner of the store, and for keys the
configured owner.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import OutputOptions
from sinetti.client.store import files
from sinetti.client.store.key_checks import FileState
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import file_permissions

OPEN = gettext_noop("Other users of this computer can read or change {path} (mode {mode}).")
OPEN_STEP = gettext_noop(
    "Run “chmod {mode} {path}”. If another user may have read the key, revoke the certificate and order a replacement."
)
CHMOD_STEP = gettext_noop("Run: chmod {mode} {path}")
FOREIGN = gettext_noop("{path} belongs to the user {owner}, who can change it.")
FOREIGN_STEP = gettext_noop("Run: chown -R {owner} {path}")
READ_ONLY = gettext_noop("This user cannot write to {path}.")
LOCK = gettext_noop("{path} is not a file, so that no command can take this lock.")
LOCK_STEP = gettext_noop("Delete {path}.")
DISK = gettext_noop("The disk of {path} is full or read-only.")
DISK_STEP = gettext_noop(
    "Free some disk space, or make the disk writable again. The client sends no request without room for the answer."
)

TOO_LITTLE = 1024 * 1024
"""Octets of free space without which no renewal is reliable."""

KEYS = ("key.pem", "key.der", "certificate.p12", "certificate-legacy.p12", "certificate.jks")
"""Files that contain a key."""
_FOLDER, _FILE, _KEY = range(3)
_WIDE = stat.S_IRWXG | stat.S_IRWXO
_WRITES = stat.S_IWGRP | stat.S_IWOTH
_PENDING = ("pending", "abandoned")


class Exposure(NamedTuple):
    """File or folder that others can read or change, and the step that corrects it."""

    what: Message
    step: Message


def find_exposure(folder: str, kept: OutputOptions, state: FileState | None = None) -> Exposure | None:
    """Return the first fault in the rights of a name and of its set in use, or None.

    `state`: that of the files of the set, if it is known. Raises OSError.
    """
    if not file_permissions.is_checked():
        return None
    live = f"{folder}/{files.LIVE}"
    own = os.stat(folder)  # noqa: PTH116 - thousands of them
    known = (None, None) if state is None else (state.live, state.key)
    store = os.path.dirname(folder)  # noqa: PTH120 - as below
    places = [(store, None, _FOLDER), (folder, own, _FOLDER)]
    places.append((f"{folder}/settings.toml", None, _FILE))
    places += [(f"{folder}/{files.GENERATIONS}", None, _FOLDER), (live, known[0], _FOLDER)]
    places += [(f"{live}/{KEYS[0]}", known[1], _KEY)]
    # Also where the settings do not name the format: sinetti.toml may, or it was named before.
    places += [(f"{live}/{name}", None, _KEY) for name in KEYS[1:]]
    for path, status, kind in places:
        exposures = _fault_of(path, status or _status(path), kind, (folder, kept))
        if exposures is not None:
            return exposures
    for path in (f"{store}/.run.lock", f"{folder}/.lock"):
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            return Exposure(make_message(LOCK, path=path), make_message(LOCK_STEP, path=path))
    is_closed = os.geteuid() in {0, own.st_uid} and not os.access(folder, os.W_OK)
    if is_closed and not own.st_mode & stat.S_IWUSR:
        return Exposure(make_message(READ_ONLY, path=folder), make_message(CHMOD_STEP, mode="u+w", path=folder))
    if is_closed or shutil.disk_usage(folder).free < TOO_LITTLE:
        return Exposure(make_message(DISK, path=folder), make_message(DISK_STEP))
    return None


def list_unused(folder: Path, kept: OutputOptions) -> Iterator[Exposure]:
    """Yield the faults of keys of former generations and requests. Raises OSError."""
    in_use = files.serial_in_use(folder)
    for place in (files.GENERATIONS, *_PENDING):
        for name in KEYS:
            for path in sorted((folder / place).glob(f"*/{name}")):
                status = None if path.parent.name == in_use else _status(str(path))
                exposures = _fault_of(str(path), status, _KEY, (str(folder), kept))
                if exposures is not None:
                    yield exposures


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - as above
    except (FileNotFoundError, NotADirectoryError):
        return None


def _fault_of(path: str, status: os.stat_result | None, kind: int, of: tuple[str, OutputOptions]) -> Exposure | None:
    """Return the fault of a file or folder of a name.

    `of` is the folder of the name and its options.
    """
    if status is None:
        return None
    folder, kept = of
    if status.st_uid not in {0, os.geteuid()}:
        owner = os.stat(os.path.dirname(folder)).st_uid  # noqa: PTH116, PTH120 - as above
        wanted = kept.owner if kind == _KEY else None
        if status.st_uid != owner and file_permissions.user_name(status.st_uid) != wanted:
            to = file_permissions.user_name(owner)
            return Exposure(
                make_message(FOREIGN, path=path, owner=file_permissions.user_name(status.st_uid)),
                make_message(FOREIGN_STEP, owner=to, path=path),
            )
    if not status.st_mode & (_WIDE if kind == _KEY else _WRITES):
        return None
    group = kept.group if kind == _KEY else None
    if not file_permissions.is_open(status, path, reading=kind == _KEY, group=group):
        return None
    what = make_message(OPEN, path=path, mode=f"{stat.S_IMODE(status.st_mode):04o}")
    if kind == _KEY:
        return Exposure(what, make_message(OPEN_STEP, mode=f"{kept.mode:04o}", path=path))
    return Exposure(what, make_message(CHMOD_STEP, mode="go-w", path=path))
