"""*Not your task any more?*: what comes of it when somebody asks that no more mail goes to their address.

Mail stops only after somebody else of every organisation that they are named for was told (docs/returns.md).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sinetti.domain.values import Language

LINK_LIVES = timedelta(days=730)
"""So long after its message was made a link to the page works, while the message's row is kept."""
AGAIN_AFTER = timedelta(days=1)
"""So long one asking counts, even where it reached nobody."""


class OptOutNotifies(StrEnum):
    """Who of an organisation is told: signatories; without any its contact person; without one the operators."""

    SIGNATORIES = "signatories"
    CONTACT_PERSON = "contact-person"
    OPERATORS = "operators"


@dataclass(frozen=True, slots=True)
class OptOutRequested:
    """Somebody asked.

    `told`: who is told, by role alone; empty where they are named for nothing any more.

    `stops`: mail will stop once those were told. Where operators alone can be told, it goes on.
    """

    told: frozenset[OptOutNotifies]
    stops: bool


@dataclass(frozen=True, slots=True)
class AlreadyRequested:
    """They had asked already: nothing was owed once more.

    `stopped`: mail has stopped; else as in Asked.
    """

    told: frozenset[OptOutNotifies]
    stops: bool
    stopped: bool


@dataclass(frozen=True, slots=True)
class UnknownLink:
    """No such link was ever written, or it is too old."""


@dataclass(frozen=True, slots=True)
class OptOutPage:
    """What the page behind a link shows before its button is pressed: as `OptOutRequested` and `AlreadyRequested`."""

    language: Language
    told: frozenset[OptOutNotifies]
    stops: bool
    asked: bool
    stopped: bool


def stops(told: Collection[OptOutNotifies]) -> bool:
    """Whether mail may stop: somebody of each organisation can be told."""
    return OptOutNotifies.OPERATORS not in told
