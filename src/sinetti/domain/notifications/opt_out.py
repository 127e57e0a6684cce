"""Opt-out from mail through the link *Not your task any more?*.

Mail to the address stops only after another person of every organisation concerned got a message
(docs/operators/bounces.md).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sinetti.domain.values import Language

LINK_LIVES = timedelta(days=730)
"""Lifetime of a link to the page, from the creation of its message.

It works while the row of the message exists.
"""
AGAIN_AFTER = timedelta(days=1)
"""Time for which a request counts, even if no person could be reached."""


class OptOutNotifies(StrEnum):
    """Recipients in an organisation of the message about an opt-out.

    They are the signatories, else the contact person, else the operators.
    """

    SIGNATORIES = "signatories"
    CONTACT_PERSON = "contact-person"
    OPERATORS = "operators"


@dataclass(frozen=True)
class OptOutRequested:
    """Opt-out request that was accepted.

    - `notified`: roles that get a message; empty if the person has no role any more.
    - `stops`: mail stops after those messages. It continues if the operators alone can be reached.
    """

    notified: frozenset[OptOutNotifies]
    stops: bool


@dataclass(frozen=True)
class AlreadyRequested:
    """Opt-out request that was repeated; no further message was queued.

    `stopped` is True if mail has stopped. The other fields are those of `OptOutRequested`.
    """

    notified: frozenset[OptOutNotifies]
    stops: bool
    stopped: bool


@dataclass(frozen=True)
class UnknownLink:
    """Link that was never created, or that is too old."""


@dataclass(frozen=True)
class OptOutPage:
    """Content of the page behind a link before its button is pressed.

    The fields are those of `OptOutRequested` and `AlreadyRequested`.
    """

    language: Language
    notified: frozenset[OptOutNotifies]
    stops: bool
    asked: bool
    stopped: bool


def stops(notified: Collection[OptOutNotifies]) -> bool:
    """Return True if mail may stop: a person of each organisation can be reached."""
    return OptOutNotifies.OPERATORS not in notified
