"""Invitations of signatories that wait for confirmation.

See docs/e-service/authorisations.md.

A clerk creates one, and a second person confirms it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sinetti.domain.access.persons import Identity, is_same_person
from sinetti.domain.values import Language

PENDING_LIVES: Final = timedelta(days=14)
"""Time for which an invitation waits for confirmation, as long as a link works."""

PENDING_A_DAY: Final = 10
"""Invitations that clerks may create in 24 hours for one organisation.

The known people of the organisation get a message about each.
"""


class InvitationProposal(StrEnum):
    """State of an invitation that a clerk proposed."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class PendingFault(StrEnum):
    """Reason against confirming, rejecting or withdrawing. A closed list."""

    OVER = "over"
    SAME_PERSON = "same-person"
    NO_PERSON = "no-person"
    INVITED = "invited"
    SIGNATORY_THERE = "signatory-there"
    ASKER_GONE = "asker-gone"
    NOT_ASKER = "not-asker"
    ADDRESS = "address"


class PendingInvitationRefused(Exception):
    """Decision on a waiting invitation that is rejected; nothing was changed."""

    def __init__(self, fault: PendingFault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True)
class InvitationConfirmation:
    """Facts that decide if a person may confirm an invitation.

    - `by_clerk`: a clerk confirms, not a signatory.
    - `has_signatory`: the organisation has a signatory whose role counts.
    - `asker_is_clerk`: the proposing clerk is still a clerk.
    - `takes_one`: the settings of a test environment let one clerk do it.
    - `lacks_person`: one of the two clerks has no verified person, where this is needed.
    """

    state: InvitationProposal
    asker: Identity
    invited: Identity
    confirmer: Identity
    by_clerk: bool
    has_signatory: bool
    asker_is_clerk: bool
    lacks_person: bool = False
    takes_one: bool = False


@dataclass(frozen=True)
class NamingView:
    """The naming of a first signatory, with the organisation and its language.

    The person may act from `ends_at` on, and the organisation may stop it before.
    """

    naming_id: str
    token_sha256: str = field(repr=False)
    organisation: str
    customer_id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    language: Language
    notified: str = field(repr=False)
    """Address to which the link was sent; empty if it leaves by letter alone."""
    created: datetime
    ends_at: datetime
    vetoed_at: datetime | None
    stands: bool
    """True if the role was not withdrawn, and the organisation has not ended."""


@dataclass(frozen=True)
class WaitingRole:
    """An accepted role that counts only from `begins_at` on."""

    organisation: str
    customer_id: str
    begins_at: datetime


def state_of(stored: InvitationProposal, expires: datetime, now: datetime) -> InvitationProposal:
    """Return the state now; a waiting invitation expires after its last second."""
    return InvitationProposal.LAPSED if stored is InvitationProposal.WAITING and now > expires else stored


def check_confirmation(asked: InvitationConfirmation) -> PendingFault | None:
    """Return why this person may not confirm this invitation now, or None."""
    if asked.state is not InvitationProposal.WAITING:
        return PendingFault.OVER
    if not asked.takes_one and is_same_person(asked.confirmer, asked.asker):
        return PendingFault.SAME_PERSON
    if is_same_person(asked.confirmer, asked.invited):
        return PendingFault.INVITED
    if asked.by_clerk and asked.has_signatory:
        return PendingFault.SIGNATORY_THERE
    if asked.by_clerk and asked.lacks_person:
        return PendingFault.NO_PERSON
    return None if asked.asker_is_clerk else PendingFault.ASKER_GONE
