"""Sources of the data that messages are rendered from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sinetti.database.access import pending_invitations
from sinetti.database.access.pending_invitations import PendingView
from sinetti.database.connection import Database
from sinetti.database.notifications import (
    access_ends,
    access_messages,
    digests,
    early_replacement_audience,
    message_data,
)
from sinetti.database.notifications.access_ends import EndItem
from sinetti.database.notifications.access_messages import AccessEvent, AccessMessageData
from sinetti.database.notifications.digests import DigestRow
from sinetti.database.notifications.early_replacement_audience import CallDetails, CallListItem, CallSubject
from sinetti.database.notifications.message_data import MessageData, PersonRef
from sinetti.database.organisations import applications, contact_handover
from sinetti.database.organisations.applications import Application
from sinetti.database.organisations.contact_handover import LineageSummary
from sinetti.domain.access.ends import EndSide
from sinetti.domain.notifications.messages import QueuedMessage


class MessageLoader(Protocol):
    """Source of message data: the database, or the data of the previews.

    Each method returns None, or an empty tuple, for an id that the source does not have.
    """

    def load_message_data(self, queued: QueuedMessage, now: datetime) -> MessageData:
        """Return recipient, lineage, certificate and order of a message."""

    def list_other_recipients(self, queued: QueuedMessage) -> tuple[PersonRef, ...] | None:
        """Return the other recipients of the same message, or None if they are unknown."""

    def find_person(self, person_id: str | None) -> PersonRef | None:
        """Return the name of a person who was not erased."""

    def is_revoked_for_good(self, lineage_id: str) -> bool:
        """Return True for a lineage with a revoked certificate and without an open order."""

    def find_secure_message_expiry(self, secure_id: str) -> datetime | None:
        """Return the expiry of the link of a secure message that has not ended."""

    def find_pin_expiry(self, pin_id: str) -> datetime | None:
        """Return the expiry of a PIN code that was not used and has not ended."""

    def list_digest_rows(self, agent_organisation_id: str, now: datetime) -> tuple[DigestRow, ...]:
        """Return the rows of a firm's digest, by section and expiry."""

    def find_access_data(self, facts: Mapping[str, Any], now: datetime) -> AccessMessageData | None:
        """Return the data of a message about a role, from the facts of its row."""

    def list_end_items(self, facts: Mapping[str, Any], now: datetime) -> tuple[EndItem, ...]:
        """Return the roles of a message about ends that still end or have ended."""

    def find_pending_invitation(self, pending_id: str, now: datetime) -> PendingView | None:
        """Return the proposal of an invitation."""

    def find_application(self, application_id: str) -> Application | None:
        """Return an application with its decision."""

    def list_lineages(self, lineage_ids: Collection[str], now: datetime) -> tuple[LineageSummary, ...]:
        """Return these lineages, by organisation and description."""

    def find_call(self, call_id: str) -> CallDetails | None:
        """Return the facts of a call for early replacement."""

    def list_called(self, subject: CallSubject, person_id: str, now: datetime) -> tuple[CallListItem, ...]:
        """Return a person's certificates in a call or drill that are still to be replaced."""


_SIDES = {
    AccessEvent.ENDS_GIVEN: EndSide.GIVEN,
    AccessEvent.ENDS_FIRM: EndSide.FIRM,
    AccessEvent.ENDS_OWN: EndSide.OWN,
}


@dataclass(frozen=True)
class DatabaseLoader:
    """Message loader that reads the present rows of the database."""

    db: Database

    def load_message_data(self, queued: QueuedMessage, now: datetime) -> MessageData:
        """Return recipient, lineage, certificate and order of a message."""
        return message_data.load_message_data(self.db, queued, now)

    def list_other_recipients(self, queued: QueuedMessage) -> tuple[PersonRef, ...] | None:
        """Return the other recipients of the same message, or None if they are unknown."""
        return message_data.other_recipients(self.db, queued)

    def find_person(self, person_id: str | None) -> PersonRef | None:
        """Return the name of a person who was not erased."""
        return message_data.named(self.db, person_id)

    def is_revoked_for_good(self, lineage_id: str) -> bool:
        """Return True for a lineage with a revoked certificate and without an open order."""
        return message_data.revoked_for_good(self.db, lineage_id)

    def find_secure_message_expiry(self, secure_id: str) -> datetime | None:
        """Return the expiry of the link of a secure message that has not ended."""
        return message_data.secure_expires(self.db, secure_id)

    def find_pin_expiry(self, pin_id: str) -> datetime | None:
        """Return the expiry of a PIN code that was not used and has not ended."""
        return message_data.pin_expires(self.db, pin_id)

    def list_digest_rows(self, agent_organisation_id: str, now: datetime) -> tuple[DigestRow, ...]:
        """Return the rows of a firm's digest, by section and expiry."""
        return digests.digest_rows(self.db, agent_organisation_id, now)

    def find_access_data(self, facts: Mapping[str, Any], now: datetime) -> AccessMessageData | None:
        """Return the data of a message about a role, from the facts of its row."""
        return access_messages.journal_facts(self.db, facts, now)

    def list_end_items(self, facts: Mapping[str, Any], now: datetime) -> tuple[EndItem, ...]:
        """Return the roles of a message about ends that still end or have ended."""
        return access_ends.list_items(self.db, facts.get("mandates", ()), _SIDES[AccessEvent(facts["tells"])], now)

    def find_pending_invitation(self, pending_id: str, now: datetime) -> PendingView | None:
        """Return the proposal of an invitation."""
        return pending_invitations.find(self.db, pending_id, now)

    def find_application(self, application_id: str) -> Application | None:
        """Return an application with its decision."""
        return applications.find(self.db, application_id)

    def list_lineages(self, lineage_ids: Collection[str], now: datetime) -> tuple[LineageSummary, ...]:
        """Return these lineages, by organisation and description."""
        return contact_handover.lines(self.db, lineage_ids, now)

    def find_call(self, call_id: str) -> CallDetails | None:
        """Return the facts of a call for early replacement."""
        return early_replacement_audience.find_call_details(self.db, call_id)

    def list_called(self, subject: CallSubject, person_id: str, now: datetime) -> tuple[CallListItem, ...]:
        """Return a person's certificates in a call or drill that are still to be replaced."""
        return early_replacement_audience.list_called(self.db, subject, person_id, now)
