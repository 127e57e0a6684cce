"""What a pass has done by the holder's own programs: hooks before a renewal, and bringing a new set into use."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sinetti.holder.agent.sighting import Sight
from sinetti.holder.config.values import Entry
from sinetti.holder.messages import Message


class Programs(Protocol):
    """The holder's programs, as a pass needs them. Nothing here raises for what a program does."""

    def before(self, seen: Sight, entry: Entry, now: datetime, /) -> Message | None:
        """Run `before`; gives why the renewal is held back, or None."""

    def due(self, folder: Path, now: datetime, entry: Entry, /) -> bool:
        """Tell whether the set in use may have to be brought into use now. Cheap."""

    def bring_into_use(self, folder: Path, entry: Entry, now: datetime, /) -> tuple[bool, tuple[Message, ...]]:
        """Bring the set in use into use, if that was not done yet: whether nothing is left to do, and what to tell."""


@dataclass(frozen=True, slots=True)
class NoPrograms:
    """A holder who has none."""

    def before(self, _seen: Sight, _entry: Entry, _now: datetime, /) -> Message | None:
        """Hold nothing back."""
        return None

    def due(self, _folder: Path, _now: datetime, _entry: Entry, /) -> bool:
        """Have nothing to do."""
        return False

    def bring_into_use(self, _folder: Path, _entry: Entry, _now: datetime, /) -> tuple[bool, tuple[Message, ...]]:
        """Have nothing left to do."""
        return True, ()
