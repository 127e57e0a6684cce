"""Archive of signed CRLs beside the journals: the newest CRL of each shard.

`NAME.SHARD.NUMBER.crl` is complete. `NAME.SHARD.BASE-NUMBER.crl` lacks the entries of `NAME.SHARD.BASE.crl`, which
stays with it (docs/relying/lists.md).
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sinetti.infra.atomic_files import lock_folder, sync_path
from sinetti.journal.reader import JournalDamaged
from sinetti.pki.crl_splice import join_crl, split_crl

_LIST = re.compile(r"(?P<authority>.+)\.(?P<shard>[0-9]{1,9})\.(?:(?P<base>[0-9]{1,49})-)?(?P<number>[0-9]{1,49})\.crl")
"""Name of an archived CRL; its number has at most 20 octets (RFC 5280, 5.2.3)."""


@dataclass(frozen=True, slots=True)
class ArchivedCrlName:
    """Identity of an archived CRL: CA, shard and number.

    `base` is the number of the CRL whose entries it lacks, or None for a complete one.
    """

    authority: str
    shard: int
    number: int
    base: int | None = None

    @property
    def file(self) -> str:
        """Name of the file."""
        before = "" if self.base is None else f"{self.base}-"
        return f"{self.authority}.{self.shard}.{before}{self.number}.crl"


def list_name(path: Path) -> ArchivedCrlName | None:
    """Parse the name of an archived CRL; None for another name, such as a copy's."""
    named = _LIST.fullmatch(path.name)
    if named is None:
        return None
    base = int(named["base"]) if named["base"] else None
    return ArchivedCrlName(named["authority"], int(named["shard"]), int(named["number"]), base)


def archived_crls(folder: Path, authority: str, shard: int) -> list[Path]:
    """Return the archived CRLs of a shard by their numbers, the newest last.

    Files with other names are ignored.
    """
    named = [(name, path) for path in folder.glob("*.crl") if (name := list_name(path)) is not None]
    ours = [(name.number, path) for name, path in named if (name.authority, name.shard) == (authority, shard)]
    return [path for _, path in sorted(ours)]


def archived_shards(folder: Path, authority: str) -> list[int]:
    """Return the shards of a CA with archived CRLs; 0 is the complete CRL."""
    names = (list_name(path) for path in folder.glob("*.crl"))
    return sorted({name.shard for name in names if name is not None and name.authority == authority})


def newest_number(folder: Path, authority: str, shard: int) -> int | None:
    """Return the number of the newest CRL of a shard, or None."""
    named = (list_name(path) for path in archived_crls(folder, authority, shard)[-1:])
    return next((name.number for name in named if name is not None), None)


def newest_list(folder: Path, authority: str, shard: int) -> tuple[Path, bytes] | None:
    """Return path and DER of the newest CRL of a shard, or None.

    The DER is complete. Another process may remove an older CRL meanwhile. Raises JournalDamaged if the CRL cannot be
    restored from its parts.
    """
    looked_at = None
    while kept := archived_crls(folder, authority, shard):
        with suppress(FileNotFoundError):
            return kept[-1], load_full(kept[-1])
        if kept[-1] == looked_at:
            raise JournalDamaged(
                f"{kept[-1]} lacks the revocation list that its name begins with: restore that list from "
                "a copy, or move the file away"
            )
        looked_at = kept[-1]
    return None


def load_full(path: Path) -> bytes:
    """Return an archived CRL, restored to its complete form (DER).

    Raises FileNotFoundError if a file is missing, and JournalDamaged if a file cannot be a CRL.
    """
    name, der = list_name(path), path.read_bytes()
    if name is None or name.base is None:
        return der
    base = path.with_name(ArchivedCrlName(name.authority, name.shard, name.base).file).read_bytes()
    try:
        return join_crl(split_crl(base).entries, der)
    except ValueError as wrong:
        raise JournalDamaged(
            f"{path} cannot be read as a revocation list, or its base list cannot ({wrong}): restore them "
            "from a copy, or move them away"
        ) from wrong


def archive(folder: Path, name: ArchivedCrlName, der: bytes, base: Callable[[], bytes]) -> None:
    """Store a CRL durably and remove the older ones of its shard.

    `base` returns the CRL (DER) whose entries it lacks. It is called if that one is not in the archive, because
    another node has created it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Without the lock, another process could remove the base of a new CRL.
    with lock_folder(folder):
        if name.base is not None:
            first = folder / ArchivedCrlName(name.authority, name.shard, name.base).file
            if not first.exists():
                _write(first, base())
        _write(folder / name.file, der)
        sync_path(folder)
        for path in _older(folder, name.authority, name.shard):
            path.unlink(missing_ok=True)


def _older(folder: Path, authority: str, shard: int) -> list[Path]:
    *older, newest = archived_crls(folder, authority, shard)
    name = list_name(newest)
    base = None if name is None or name.base is None else ArchivedCrlName(authority, shard, name.base).file
    return [path for path in older if path.name != base]


def _write(path: Path, octets: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    with partial.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
