"""Loader of the sample data, for messages that are rendered without a database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sinetti.database.access.pending_invitations import PendingView
from sinetti.database.notifications.access_ends import EndItem
from sinetti.database.notifications.access_messages import AccessMessageData
from sinetti.database.notifications.digests import DigestRow
from sinetti.database.notifications.early_replacement_audience import CallDetails, CallListItem, CallSubject
from sinetti.database.notifications.message_data import Addressee, MessageData, PersonRef
from sinetti.database.organisations.applications import Application
from sinetti.database.organisations.contact_handover import LineageSummary
from sinetti.domain.notifications.messages import QueuedMessage
from sinetti.domain.values import Language
from sinetti.notifications.previews import certificates, decisions, roles
from sinetti.notifications.previews.certificates import LINEAGES, PEOPLE, SampleLineage, SamplePerson

_BY_ID = {person.person_id: person for person in PEOPLE.values()}


@dataclass(frozen=True)
class PreviewLoader:
    """Message loader of one preview, which implements MessageLoader.

    `to` is None for an operator. `others` are further recipients of the message. All people read `language`.
    `written_to` is True if the recipient has had a message before. `service` is the authority's name in a decision.
    """

    language: Language
    to: SamplePerson | None
    others: tuple[SamplePerson, ...]
    sample: SampleLineage | None
    written_to: bool
    service: str

    def load_message_data(self, queued: QueuedMessage, now: datetime) -> MessageData:  # noqa: ARG002 - MessageLoader's
        """Return recipient, lineage, certificate and order of the sample."""
        to = self._addressee()
        if self.sample is None:
            return MessageData(to)
        return MessageData(to, self.sample.lineage, self.sample.certificate, self.sample.ordered_at)

    def list_other_recipients(self, queued: QueuedMessage) -> tuple[PersonRef, ...] | None:  # noqa: ARG002 - MessageLoader's
        """Return the other recipients by name, or None without a lineage or a recipient."""
        if self.sample is None or self.to is None:
            return None
        others = {one for one in self.others if one != self.to}
        return tuple(
            PersonRef(one.person_id, one.name) for one in sorted(others, key=lambda one: (one.name, one.person_id))
        )

    def find_person(self, person_id: str | None) -> PersonRef | None:
        """Return the name of a sample person."""
        person = _BY_ID.get(person_id or "")
        return PersonRef(person.person_id, person.name) if person else None

    def is_revoked_for_good(self, lineage_id: str) -> bool:  # noqa: ARG002 - MessageLoader's
        """Return False, because every lineage without a certificate has an open order."""
        return False

    def find_secure_message_expiry(self, secure_id: str) -> datetime | None:
        """Return the expiry of the link to a secure message."""
        return next((one.secure_message_expires for one in LINEAGES.values() if one.order_id == secure_id), None)

    def find_pin_expiry(self, pin_id: str) -> datetime | None:
        """Return the expiry of a PIN code."""
        return next((one.pin_expires for one in LINEAGES.values() if one.order_id == pin_id), None)

    def list_digest_rows(self, agent_organisation_id: str, now: datetime) -> tuple[DigestRow, ...]:  # noqa: ARG002 - MessageLoader's
        """Return the rows of the firm's digest."""
        return certificates.DIGEST if agent_organisation_id == certificates.FIRM_ID else ()

    def find_access_data(self, facts: Mapping[str, Any], now: datetime) -> AccessMessageData | None:  # noqa: ARG002 - MessageLoader's
        """Return the role or the request that the facts name."""
        return roles.ROLES.get(str(facts.get("request") or facts.get("mandate")))

    def list_end_items(self, facts: Mapping[str, Any], now: datetime) -> tuple[EndItem, ...]:  # noqa: ARG002 - MessageLoader's
        """Return the roles of a message about ends that still end or have ended."""
        return tuple(roles.ENDS[one] for one in facts["mandates"])

    def find_pending_invitation(self, pending_id: str, now: datetime) -> PendingView | None:
        """Return a clerk's proposal."""
        return roles.find_pending(pending_id, self.language, now)

    def find_application(self, application_id: str) -> Application | None:
        """Return an application with its decision."""
        return decisions.find_application(application_id, self.language, self.service)

    def list_lineages(self, lineage_ids: Collection[str], now: datetime) -> tuple[LineageSummary, ...]:  # noqa: ARG002 - MessageLoader's
        """Return these lineages, by organisation and description."""
        found = {one.lineage_id: one for one in LINEAGES.values() if one.lineage_id in lineage_ids}
        summaries = (_summary(one) for one in found.values())
        return tuple(sorted(summaries, key=lambda one: (one.organisation, one.description)))

    def find_call(self, call_id: str) -> CallDetails | None:
        """Return the facts of an early replacement."""
        return certificates.CALLS.get(call_id)

    def list_called(self, subject: CallSubject, person_id: str, now: datetime) -> tuple[CallListItem, ...]:  # noqa: ARG002 - MessageLoader's
        """Return the certificates of the early replacement or the drill."""
        return certificates.CALLED.get(subject.subject_id, ())

    def _addressee(self) -> Addressee | None:
        if self.to is None:
            return None
        return Addressee(
            person_id=self.to.person_id,
            name=self.to.name,
            email=self.to.email,
            phone=self.to.phone,
            language=self.language,
            erased=False,
            bounced=False,
            stopped=False,
            written_to=self.written_to,
            signs=self.sample is not None and self.to == PEOPLE["signatory"],
        )


def _summary(one: SampleLineage) -> LineageSummary:
    lineage, contact, deputy = one.lineage, one.lineage.contact, one.lineage.deputy
    return LineageSummary(
        organisation=lineage.organisation,
        customer_id=lineage.customer_id,
        channel=lineage.channel,
        description=lineage.description,
        not_after=one.certificate.not_after if one.certificate else None,
        contact=_BY_ID[contact.person_id].email.casefold() if contact else "",
        deputy=_BY_ID[deputy].email.casefold() if deputy else "",
    )
