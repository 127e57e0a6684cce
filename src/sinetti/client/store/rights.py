"""Rights of a name's files: what users other than their owner can read or change.

Such a fault hinders no signature, so a renewal that is due still happens. All views show it as damage until a person
corrects it, since another user may already have read the key. The rule for "others" is that of sinetti.toml
(`infra/file_permissions.py`). Accepted owners are the caller, root, the owner of the store, and for keys the
configured owner.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import Format, OutputOptions
from sinetti.client.store import files
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

KEYS = ("key.pem", "key.der", "certificate.p12", "certificate-legacy.p12")
"""Files that contain a key."""
_FOLDER, _FILE, _KEY = range(3)
_WIDE = stat.S_IRWXG | stat.S_IRWXO
_WRITES = stat.S_IWGRP | stat.S_IWOTH
_PENDING = ("pending", "abandoned")


class Exposure(NamedTuple):
    """File or folder that others can read or change, and the step that corrects it."""

    what: Message
    step: Message


def find_exposure(folder: str, kept: OutputOptions) -> Exposure | None:
    """Return the first fault in the rights of a name and of its set in use, or None.

    Raises OSError.
    """
    if not file_permissions.is_checked():
        return None
    live = f"{folder}/{files.LIVE}"
    places = [(folder, _FOLDER), (f"{folder}/settings.toml", _FILE), (live, _FOLDER), (f"{live}/{KEYS[0]}", _KEY)]
    if kept.formats != {Format.PEM}:
        places += [(f"{live}/{name}", _KEY) for name in KEYS[1:]]
    for path, kind in places:
        found = _fault_of(path, kind, folder, kept)
        if found is not None:
            return found
    if os.stat(folder).st_uid == os.geteuid() and not os.access(folder, os.W_OK):  # noqa: PTH116 - thousands of them
        return Exposure(make_message(READ_ONLY, path=folder), make_message(CHMOD_STEP, mode="u+w", path=folder))
    return None


def list_unused(folder: Path, kept: OutputOptions) -> Iterator[Exposure]:
    """Yield the faults of keys that are not in use: former generations and requests. Raises OSError."""
    in_use = files.serial_in_use(folder)
    for place in (files.GENERATIONS, *_PENDING):
        for name in KEYS:
            for path in sorted((folder / place).glob(f"*/{name}")):
                found = None if path.parent.name == in_use else _fault_of(str(path), _KEY, str(folder), kept)
                if found is not None:
                    yield found


def _fault_of(path: str, kind: int, folder: str, kept: OutputOptions) -> Exposure | None:
    try:
        seen = os.stat(path)  # noqa: PTH116 - as above
    except (FileNotFoundError, NotADirectoryError):
        return None
    if seen.st_uid not in {0, os.geteuid()}:
        owner = os.stat(os.path.dirname(folder)).st_uid  # noqa: PTH116, PTH120 - as above
        wanted = kept.owner if kind == _KEY else None
        if seen.st_uid != owner and file_permissions.user_name(seen.st_uid) != wanted:
            to = file_permissions.user_name(owner)
            return Exposure(
                make_message(FOREIGN, path=path, owner=file_permissions.user_name(seen.st_uid)),
                make_message(FOREIGN_STEP, owner=to, path=path),
            )
    if not seen.st_mode & (_WIDE if kind == _KEY else _WRITES):
        return None
    group = kept.group if kind == _KEY else None
    if not file_permissions.is_open(seen, path, reading=kind == _KEY, group=group):
        return None
    what = make_message(OPEN, path=path, mode=f"{stat.S_IMODE(seen.st_mode):04o}")
    if kind == _KEY:
        return Exposure(what, make_message(OPEN_STEP, mode=f"{kept.mode:04o}", path=path))
    return Exposure(what, make_message(CHMOD_STEP, mode="go-w", path=path))
