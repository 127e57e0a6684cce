"""Files of the trust lists: one per list, with kind and number in its name.

Several processes share the folder without a lock, since a higher number is another file. Lists of anchors stay: a CA
that a later one leaves out is still trusted.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sinetti.gateway.trust_lists.content import TrustContent, TrustListSettings, responders_of, signer_cas
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.pki.trust_lists.lists import (
    AnchorRole,
    AnchorsList,
    DistrustList,
    InvalidTrustList,
    TrustList,
    TrustListKind,
    parse_distrust,
    parse_signed,
)
from sinetti.pki.trust_lists.verification import ListReader, is_signed_by_root, verify_distrust, verify_stored_anchors

_FILE = re.compile(r"(anchors|distrust)-([1-9][0-9]{0,18})\.json")
_CHECKS = "checks.json"
_LOOKS = 3

FileMarks = tuple[tuple[str, int, int], ...]
"""Names of the files, each with the instant of its last change and its size."""


@dataclass(frozen=True)
class ListCheck:
    """Last request for a list: its last confirmation, and the present trouble.

    `number` is that of the list in use, 0 without one. `is_changed`: the request brought a new list.
    """

    kind: TrustListKind
    checked: datetime | None = None
    number: int = 0
    trouble: str | None = None
    etag: str | None = None
    is_changed: bool = False


@dataclass(frozen=True)
class TrustListFolder:
    """Folder of `[trust_lists]`."""

    settings: TrustListSettings

    def marks(self) -> FileMarks:
        """Return what changes with the files; nothing if there is no folder.

        Raises OSError if the folder cannot be read.
        """
        found = []
        with suppress(FileNotFoundError):
            for path in self.settings.folder.iterdir():
                if _FILE.fullmatch(path.name):
                    with suppress(FileNotFoundError):
                        status = path.stat()
                        found.append((path.name, status.st_mtime_ns, status.st_size))
        return tuple(sorted(found))

    def store(self, new: TrustList, octets: bytes) -> None:
        """Store a list that was verified, and delete those of distrust before it.

        Raises OSError.
        """
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path(new.kind, new.number), octets, PRIVATE)
        if isinstance(new, DistrustList):
            for number in self._numbers(TrustListKind.DISTRUST):
                if number < new.number:
                    self._path(new.kind, number).unlink(missing_ok=True)

    def load(self, before: TrustContent) -> TrustContent:
        """Return the content of the files, and of `before` where that has a higher number."""
        anchors, damage = self._load_anchors(before)
        content = replace(before, damage=damage, anchors=anchors[-1] if anchors else None)
        rows = [row for anchor in anchors for row in anchor.authorities]
        added = (row.certificate for row in rows if row.role is not AnchorRole.SERVICES)
        services = (row.certificate for row in rows if row.role is AnchorRole.SERVICES)
        content = replace(
            content,
            added=tuple(dict.fromkeys((*before.added, *added))),
            services=tuple(dict.fromkeys((*before.services, *services))),
        )
        return self._with_distrust(content)

    def _load_anchors(self, before: TrustContent) -> tuple[list[AnchorsList], str | None]:
        """Return the stored lists, the newest last, and the damage of the newest file."""
        anchors_lists, damage = [], None
        for number in self._numbers(TrustListKind.ANCHORS):
            octets = self._octets(TrustListKind.ANCHORS, number)
            damage = self._damage(TrustListKind.ANCHORS, number)
            with suppress(InvalidTrustList):
                anchors_list = verify_stored_anchors(octets, ListReader(self.settings.environment, self.settings.roots))
                if anchors_list.number == number:
                    anchors_lists.append(anchors_list)
                    damage = None
        held = before.anchors
        if held is not None and (not anchors_lists or anchors_lists[-1].number <= held.number):
            return [*anchors_lists, held], None
        return anchors_lists, damage

    def _with_distrust(self, content: TrustContent) -> TrustContent:
        held = content.distrust
        number, octets = self._newest_distrust()
        damage = content.damage
        if number and (held is None or number > held.number):
            damage = self._damage(TrustListKind.DISTRUST, number)
            roots = (*self.settings.roots, *content.roots)
            with suppress(InvalidTrustList):
                signed = parse_signed(octets)
                issued = parse_distrust(signed.payload).issued
                reader = ListReader(self.settings.environment, roots)
                distrust_list = verify_distrust(octets, reader, issued)
                if distrust_list.number == number:
                    held, damage = distrust_list, content.damage
                    content = replace(content, is_by_root=is_signed_by_root(octets, reader, issued))
                    signers = signer_cas(self.settings, replace(content, distrust=distrust_list), signed)
                    content = replace(content, signers=signers)
        content = replace(content, distrust=held, damage=damage)
        return replace(content, responders=responders_of(self.settings, content))

    def _newest_distrust(self) -> tuple[int, bytes]:
        """Return number and octets of the newest list, or 0.

        Another process may store the next one and delete this one meanwhile; it is then looked for again.
        """
        number, octets = 0, b""
        for _ in range(_LOOKS):
            number = max(self._numbers(TrustListKind.DISTRUST), default=0)
            octets = self._octets(TrustListKind.DISTRUST, number) if number else b""
            if octets or not number or self._path(TrustListKind.DISTRUST, number).exists():
                break
        return number, octets

    def _numbers(self, kind: TrustListKind) -> list[int]:
        matches = (_FILE.fullmatch(name) for name, _, _ in self.marks())
        return sorted(int(match[2]) for match in matches if match is not None and match[1] == kind.value)

    def _path(self, kind: TrustListKind, number: int) -> Path:
        return self.settings.folder / f"{kind.value}-{number}.json"

    def _octets(self, kind: TrustListKind, number: int) -> bytes:
        try:
            return self._path(kind, number).read_bytes()
        except OSError:
            return b""

    def _damage(self, kind: TrustListKind, number: int) -> str:
        path = self._path(kind, number)
        return f"{path} is not the list that was stored, so no certificate is accepted: run sinetti gateway fetch"

    def checks(self) -> Mapping[TrustListKind, ListCheck]:
        """Return the last check of each list, by any process that uses the folder."""
        raw: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            raw = json.loads((self.settings.folder / _CHECKS).read_bytes())
        return {kind: _read_check(kind, raw) for kind in TrustListKind}

    def store_checks(self, checks: Mapping[TrustListKind, ListCheck]) -> None:
        """Store the last check of each list. Raises OSError."""
        rows = {
            kind.value: {
                "checked": None if list_check.checked is None else list_check.checked.isoformat(),
                "number": list_check.number,
                "trouble": list_check.trouble,
                "etag": list_check.etag,
            }
            for kind, list_check in checks.items()
        }
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.settings.folder / _CHECKS, json.dumps(rows).encode(), PRIVATE)


def _read_check(kind: TrustListKind, raw: object) -> ListCheck:
    """Return the row of a kind; an empty one if it cannot be read."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        row: Any = raw[kind.value] if isinstance(raw, dict) else {}
        checked = None if row["checked"] is None else datetime.fromisoformat(row["checked"]).astimezone(UTC)
        trouble, etag = row["trouble"], row["etag"]
        if all(isinstance(one, str | None) for one in (trouble, etag)):
            return ListCheck(kind, checked, int(row["number"]), trouble, etag)
    return ListCheck(kind)
