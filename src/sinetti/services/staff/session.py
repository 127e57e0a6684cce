"""A clerk at work: who they are, what they look for, and that every look of theirs is written down (docs/clerks.md)."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sinetti.actions.staff import clerk_act, guarded, require_staff
from sinetti.database.common.audit_log import Deed
from sinetti.database.operations import audit_queries
from sinetti.domain.access.access_purpose import Looking, Place, search_digest
from sinetti.domain.certificates.bulk_revocation import officer_of_account
from sinetti.services.access.permissions import Actor
from sinetti.services.context import Office


@dataclass(frozen=True, slots=True)
class Clerk:
    """A clerk with a second factor who has said what for: whoever has this value was found to be one.

    Raises NotStaff where it is made of anybody else, so that acts which take it need not ask again.
    """

    actor: Actor
    looking: Looking
    office: Office
    request_id: str

    def __post_init__(self) -> None:
        """Let nobody else through."""
        require_staff(self.actor)

    @property
    def officer(self) -> str:
        """As bulk revocations name them."""
        return officer_of_account(self.actor.user_id)

    def act(self, about: Collection[str] = (), *, beside: str = "") -> AbstractContextManager[Deed]:
        """Open the transaction of an act on these organisations. Raises NotStaff.

        Yields its deed. `beside` is the id of a second account that the act depends on.
        """
        return clerk_act(self.actor, self.office, self.request_id, about, beside=beside)

    @property
    def guarded(self) -> Office:
        """The office for a use case that opens transactions of its own."""
        return guarded(self.actor, self.office, self.request_id)


def look(subject: str, clerk: Clerk) -> None:
    """Write down that one object is looked at, such as `organisation:ID`, before it is shown."""
    with clerk.act() as deed:
        audit_queries.note_look(clerk.office.register, deed, subject, **_facts(clerk))


def look_for(place: Place, text: str, clerk: Clerk) -> None:
    """Write down that something is listed or searched for: not what was typed, but its digest under a key of ours."""
    digest = {"search": search_digest(clerk.office.transfer_key, place, text)} if text else {}
    with clerk.act() as deed:
        audit_queries.note_look(clerk.office.register, deed, f"search:{place}", **_facts(clerk), **digest)


def _facts(clerk: Clerk) -> dict[str, str]:
    found = {"purpose": clerk.looking.purpose.value}
    return {**found, "case": clerk.looking.case} if clerk.looking.case else found
