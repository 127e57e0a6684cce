"""Mail about roles: queueing in the transaction of the change, and message data.

`facts` of such a row contain the event (`tells`) and random ids only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import Invitation, RoleRequest
from sinetti.database.notifications import outbox, recipients
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import Recipient, active_assignments
from sinetti.domain.access.invitations import REQUEST_LIVES
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import MessageChannel, MessageKind


class AccessEvent(StrEnum):
    """Kind of event that a message about a role reports."""

    INVITATION = "invitation"
    JOINED = "joined"
    ASKED = "asked"
    GRANTED = "granted"
    DECLINED = "declined"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    GIVEN_UP = "given-up"
    GIVEN_TO_FIRM = "given-to-firm"
    NAMED = "named"
    """A first signatory was named, for the organisation's own address."""
    ENDS_GIVEN = "ends-given"
    """Roles that the reader's organisation gave end soon or have ended."""
    ENDS_FIRM = "ends-firm"
    """The same of roles that the reader's firm has."""
    ENDS_OWN = "ends-own"
    """The same of the reader's own roles."""


@dataclass(frozen=True)
class AccessMessageData:
    """Data of a message about a role.

    `asker` is the person who asked, or who has or had the role. `firm` is the organisation that received a role.
    """

    organisation: str
    customer_id: str
    role: Role
    until: datetime | None = None
    asker: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    firm: str = ""
    firm_id: str = ""
    is_in_force: bool = False
    """True if the role, the request or the link is valid now."""
    expires: datetime | None = None
    """Expiry of the link or of the request."""
    begins: datetime | None = None
    """Instant from which the role counts."""


def queue_for_person(
    db: Database, row: models.RoleAssignment, tells: AccessEvent, now: datetime, *, invitation: str | None = None
) -> None:
    """Queue a message about a role for its holder."""
    if row.person_id is None:
        return
    facts = {"tells": tells.value, "mandate": row.mandate_id, "invitation": invitation}
    _enqueue(db, [row.person_id], facts, now)


def queue_for_firm(db: Database, row: models.RoleAssignment, tells: AccessEvent, now: datetime) -> None:
    """Queue a message about a role for the signatories and managers of the firm.

    Each address gets one message.
    """
    rows = db.rows(models.RoleAssignment).filter(active_assignments(now), organisation=row.agent_id)
    rows = rows.filter(role__in=(Role.SIGNATORY, Role.MANAGER), person__isnull=False).select_related("person")
    people = recipients.unique_by_address(
        recipients.reader(row.person) for row in rows.order_by("valid_from", "pk") if row.person
    )
    _enqueue(db, _ids(people), {"tells": tells.value, "mandate": row.mandate_id}, now)


def queue_for_signatories(db: Database, organisation_id: str, tells: AccessEvent, now: datetime, **about: str) -> None:
    """Queue a message for an organisation's signatories.

    The person whom the message is about gets none.
    """
    found = recipients.roles(db, [organisation_id], now)[organisation_id].signatories
    own = db.rows(models.RoleAssignment).filter(pk=about.get("mandate", ""))
    theirs = {email.casefold() for email in own.values_list("person__email", flat=True) if email}
    addressees = [recipient for recipient in recipients.unique_by_address(found) if recipient.address not in theirs]
    _enqueue(db, _ids(addressees), {"tells": tells.value, **about}, now)


def queue_role_requests(db: Database, requests: Mapping[str, str], now: datetime) -> None:
    """Queue messages about role requests for the signatories of each organisation.

    `requests` maps ids of organisations to ids of requests.
    """
    for organisation_id, roles in recipients.roles(db, requests, now).items():
        person_ids = _ids(recipients.unique_by_address(roles.signatories))
        _enqueue(db, person_ids, {"tells": AccessEvent.ASKED.value, "request": requests[organisation_id]}, now)


def queue_naming(db: Database, mandate_id: str, naming_id: str, person_id: str, now: datetime) -> None:
    """Queue the message about a first signatory for the organisation's own address."""
    _enqueue(db, [person_id], {"tells": AccessEvent.NAMED.value, "mandate": mandate_id, "naming": naming_id}, now)


def queue_answer(db: Database, person_id: str, request_id: str, now: datetime, *, is_granted: bool) -> None:
    """Queue the answer to a role request for the requester."""
    tells = AccessEvent.GRANTED if is_granted else AccessEvent.DECLINED
    _enqueue(db, [person_id], {"tells": tells.value, "request": request_id}, now)


def journal_facts(db: Database, facts: Mapping[str, Any], now: datetime) -> AccessMessageData | None:
    """Return the data of a message from its facts.

    Returns None if the role or request does not exist in the database any more.
    """
    if (request_id := facts.get("request")) is not None:
        return _of_request(db, str(request_id), now)
    rows = db.rows(models.RoleAssignment).filter(pk=str(facts.get("mandate")))
    row = rows.select_related("organisation", "agent", "person").first()
    if row is None:
        return None
    expires, works = None, True
    if (invitation_id := facts.get("invitation")) is not None:
        links = db.rows(Invitation).filter(pk=str(invitation_id))
        link = links.filter(used_at__isnull=True, ended_at__isnull=True).first()
        expires = link.expires if link else None
        gives = link is not None and (link.vouched or row.role != Role.SIGNATORY)
        works = expires is not None and now <= expires and gives
    return AccessMessageData(
        row.organisation.name,
        row.organisation.customer_id,
        Role(row.role),
        row.valid_until,
        row.person.name if row.person else "",
        row.person.email if row.person else "",
        row.agent.name if row.agent else "",
        row.agent.customer_id if row.agent else "",
        is_in_force=_lasts(row, now) and works and row.organisation.closed_at is None,
        expires=expires,
        begins=row.valid_from,
    )


def _lasts(row: models.RoleAssignment, now: datetime) -> bool:
    return row.withdrawn_at is None and (row.valid_until is None or row.valid_until >= now)


def _of_request(db: Database, request_id: str, now: datetime) -> AccessMessageData | None:
    rows = db.rows(RoleRequest).filter(pk=request_id)
    row = rows.select_related("agent", "user", "mandate").first()
    if row is None:
        return None
    given = row.mandate
    name = db.rows(models.Organisation).filter(normalised_id=row.normalised_id).values_list("name", flat=True)
    return AccessMessageData(
        name.first() or "",
        row.customer_id,
        Role(given.role if given else row.role),
        given.valid_until if given else row.until,
        row.user.name if row.user else "",
        row.user.email if row.user else "",
        row.agent.name if row.agent else "",
        row.agent.customer_id if row.agent else "",
        is_in_force=_lasts(given, now) if given else row.answered_at is None and now <= row.created + REQUEST_LIVES,
        expires=row.created + REQUEST_LIVES,
    )


def _ids(people: Iterable[Recipient]) -> list[str]:
    return [person.person_id for person in people if person.email]


def _enqueue(db: Database, people: Iterable[str], facts: dict[str, Any], now: datetime) -> None:
    about = str(facts.get("invitation") or facts.get("request") or facts.get("mandate"))
    # A role may be changed twice. The instant distinguishes two changes, and one change from its repetition.
    step = f"{facts['tells']}:{now:%Y%m%dT%H%M%S}"
    kept = {name: value for name, value in facts.items() if value is not None}
    messages = [
        NewMessage(MessageKind.AUTHORISATION, MessageChannel.EMAIL, about, step, now, recipient=person, facts=kept)
        for person in people
    ]
    outbox.enqueue(db, messages, now)
