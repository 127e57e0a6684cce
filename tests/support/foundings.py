"""Authorities that a process founds once per kind, and copies for each test.

A kind is a set of options. Tests of `init` itself call `initialise` or `Operator.initialise`, which copy nothing.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.infra.clock import utc_now
from sinetti.services.context import no_failpoint
from tests.support.postgres import create_database, place
from tests.support.registers import all_connections_closed, copied_database

STARTED_AT = utc_now()
"""Instant of the foundings whose tests compare it with the machine's clock."""

CREATED = ("--passphrase-file", "--offline-dir", "--offline-passphrase-file")
"""Options of `init` with a path that the command creates, unless the file exists."""

READ = ("--hierarchy",)
"""Options of `init` with a file that counts by its content."""

_kept: list["TemporaryDirectory[str]"] = []
"""Folders that are removed when the process ends."""


@cache
def _folder_of(_kind: object) -> Path:
    """Return the folder of a kind, empty at first, in memory where it has room."""
    _kept.append(TemporaryDirectory(prefix="sinetti-founded-", dir=place()))
    return Path(_kept[-1].name)


def copy_founded(root: Path, options: InitOptions) -> Path:
    """Create an authority in `root` with its SQLite file, as `initialise` does, and return `root`.

    If the process has seen these options before, it copies the authority of then. Keys in tokens and functions of a
    test cannot be copied: use `initialise`.
    """
    assert options.settings.token is None
    assert options.also is InitOptions.also
    assert options.step is no_failpoint
    offline = options.offline
    first = _folder_of(repr((replace(options, offline=None), options.passphrase, offline and offline.passphrase)))
    if not (first / "authority").exists():
        with all_connections_closed(), pytest.MonkeyPatch.context() as environment:
            environment.delenv("DATABASE_URL", raising=False)
            own = offline and OfflineKeys(first / "offline", offline.passphrase)
            initialise(first / "authority", replace(options, offline=own))
    shutil.copytree(first / "authority", root)
    if offline is not None:
        shutil.copytree(first / "offline", offline.place)
    return root


@dataclass
class OperatorDatabase:
    """PostgreSQL database of one operator, created when a command needs it first."""

    server: str
    """URL of another database on the same server."""

    name: str
    is_created: bool = False

    @property
    def url(self) -> str:
        """URL of the database."""
        return f"{self.server.rpartition('/')[0]}/{self.name}"

    def create(self, like: str = "") -> None:
        """Create the database with the service's tables, or as a copy of another, unless it is there."""
        if self.is_created:
            return
        self.is_created = True
        if like:
            create_database(self.server, self.name, like)
        else:
            copied_database(self.server, self.name)


def copy_founded_by_command(
    root: Path, words: Sequence[object], database: OperatorDatabase | None, init: Callable[..., object]
) -> None:
    """Create an authority in `root` as `init` with these words does; copy one of the same kind if there is one.

    `init` runs the command with the words that it gets. Paths of the words are mapped to the folder of the kind, and
    its texts name `root` afterwards.
    """
    pairs = list(zip(words, [*words[1:], ""], strict=True))
    created = {str(option): Path(str(value)) for option, value in pairs if option in CREATED}
    contents = tuple(_content(Path(str(value))) for option, value in pairs if option in {*CREATED, *READ})
    paths = {str(path): option for option, path in created.items()}
    kind = (*(paths.get(str(word), str(word)) for word in words), contents, database.server if database else "")
    first = _folder_of(kind)
    moved = {str(path): str(first / option.strip("-")) for option, path in created.items()}
    founded = f"founded_{first.name.rpartition('-')[2]}".lower() if database else ""
    if not (first / "authority").exists():
        for path in filter(Path.is_file, created.values()):
            shutil.copy2(path, moved[str(path)])
        with _environment_of(database, founded):
            init(*(moved.get(str(word), word) for word in words), "--dir", first / "authority")
    if database is not None:
        database.create(founded)
    shutil.copytree(first / "authority", root)
    for path in created.values():
        copy = shutil.copytree if Path(moved[str(path)]).is_dir() else shutil.copy2
        copy(moved[str(path)], path)
    _rename_in_texts(root / "deploy", {str(first / "authority"): str(root), **{new: old for old, new in moved.items()}})


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


@contextmanager
def _environment_of(database: OperatorDatabase | None, name: str) -> Iterator[None]:
    """Let `init` use a database with this name, which is created with the service's tables."""
    with all_connections_closed(), pytest.MonkeyPatch.context() as environment:
        if database is not None:
            environment.setenv("DATABASE_URL", copied_database(database.server, name))
        yield


def _rename_in_texts(folder: Path, names: dict[str, str]) -> None:
    for path in filter(Path.is_file, folder.rglob("*")):
        text = before = path.read_text(encoding="utf-8")
        for old, new in names.items():
            text = text.replace(old, new)
        if text != before:
            path.write_text(text, encoding="utf-8")
