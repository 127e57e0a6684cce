"""Marker file of a folder whose node wrote journals.

With it a node distinguishes a missing journal from one to be started.
"""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinetti.infra.atomic_files import sync_path

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalMark:
    """File in an authority's folder that names the node that writes its journals.

    The file may also record that the folder was restored. A node recognises its own folder by machine and path, or by
    the inode of the file, which a move preserves. A copy for another node has neither. `recovery_hint` says what to do
    if the journals are lost permanently.
    """

    path: Path
    node: str
    recovery_hint: str

    def expected(self) -> str | None:
        """Return why a journal must exist, or None if there may be none yet.

        Raises OSError if the file cannot be read.
        """
        try:
            octets, number = self.path.read_bytes(), self.path.stat().st_ino
        except FileNotFoundError:
            return None
        record = _read(octets)
        if record is None:
            return f"a journal was written before ({self.path} records it, but not the node)"
        if record.get("restored"):
            return "the register was restored from a backup"
        if record.get("inode") == number or (record.get("node"), record.get("folder")) == (self.node, self._folder):
            return "this node has written a journal before"
        _log.warning(
            "%s is a copy of node %s's folder: this node starts its own journal", self._folder, record.get("node")
        )
        return None

    def write(self) -> None:
        """Record that this node has written a journal.

        If that fails, the next start repeats it.
        """
        record = {"node": self.node, "folder": self._folder}
        try:
            number = self.path.stat().st_ino if self.path.exists() else None
            if number is None or _read(self.path.read_bytes()) != {**record, "inode": number}:
                self._write(record)
        except OSError as failed:
            _log.warning("%s cannot be written (%s): a missing journal will not be noticed", self.path, failed)

    def write_restored(self) -> None:
        """Record that the database was restored from a backup.

        Journals must then be brought to any machine that uses it.
        """
        self._write({"restored": True})

    @property
    def _folder(self) -> str:
        return str(self.path.parent)

    def _write(self, record: dict[str, Any]) -> None:
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        with partial.open("wb") as file:
            # The service must be able to read it even if a command of another user created it; DIR is closed to others.
            os.fchmod(file.fileno(), 0o644)
            file.write(json.dumps({**record, "inode": os.fstat(file.fileno()).st_ino}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        sync_path(self.path.parent)


def _read(octets: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(octets)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
