"""Mail about authorisations: who is owed it, in the transaction of what happened; and what it has to tell.

`facts` of such a row have the word for what it tells (`tells`) and random ids, no more.
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
    """What a message about an authorisation tells."""

    INVITATION = "invitation"
    JOINED = "joined"
    ASKED = "asked"
    GRANTED = "granted"
    DECLINED = "declined"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    GIVEN_UP = "given-up"
    GIVEN_TO_FIRM = "given-to-firm"


@dataclass(frozen=True, slots=True)
class AccessMessageData:
    """What there is to tell.

    `asker` is who asked, or who has or had the role; `firm` whom a role was given to.
    """

    organisation: str
    customer_id: str
    role: Role
    until: datetime | None = None
    asker: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    firm: str = ""
    firm_id: str = ""
    standing: bool = False
    """Whether the role, the request or the link that it is about stands now."""
    expires: datetime | None = None
    """The end of the link, or of the request."""


def owe_to_person(
    db: Database, row: models.RoleAssignment, tells: AccessEvent, now: datetime, *, invitation: str | None = None
) -> None:
    """Owe whoever a mandate is for a message about it."""
    if row.person_id is None:
        return
    facts = {"tells": tells.value, "mandate": row.mandate_id, "invitation": invitation}
    _owe(db, [row.person_id], facts, now)


def owe_to_firm(db: Database, row: models.RoleAssignment, tells: AccessEvent, now: datetime) -> None:
    """Owe the firm that a mandate is for a message about it: its signatories and managers, each address once."""
    rows = models.RoleAssignment.objects.using(db.alias).filter(active_assignments(now), organisation=row.agent_id)
    rows = rows.filter(role__in=(Role.SIGNATORY, Role.MANAGER), person__isnull=False).select_related("person")
    people = recipients.unique_by_address(
        recipients.reader(one.person) for one in rows.order_by("valid_from", "pk") if one.person
    )
    _owe(db, _ids(people), {"tells": tells.value, "mandate": row.mandate_id}, now)


def owe_to_signatories(db: Database, organisation_id: str, tells: AccessEvent, now: datetime, **about: str) -> None:
    """Owe an organisation's signatories a message, but not whom it is about."""
    found = recipients.roles(db, [organisation_id], now)[organisation_id].signatories
    own = models.RoleAssignment.objects.using(db.alias).filter(pk=about.get("mandate", ""))
    theirs = {one.casefold() for one in own.values_list("person__email", flat=True) if one}
    told = [one for one in recipients.unique_by_address(found) if one.address not in theirs]
    _owe(db, _ids(told), {"tells": tells.value, **about}, now)


def owe_asked(db: Database, requests: Mapping[str, str], now: datetime) -> None:
    """Owe signatories of each of these organisations a message about the request to it: ids of both."""
    for organisation_id, found in recipients.roles(db, requests, now).items():
        told = _ids(recipients.unique_by_address(found.signatories))
        _owe(db, told, {"tells": AccessEvent.ASKED.value, "request": requests[organisation_id]}, now)


def owe_answer(db: Database, person_id: str, request_id: str, now: datetime, *, given: bool) -> None:
    """Owe whoever asked the answer."""
    tells = AccessEvent.GRANTED if given else AccessEvent.DECLINED
    _owe(db, [person_id], {"tells": tells.value, "request": request_id}, now)


def journal_facts(db: Database, facts: Mapping[str, Any], now: datetime) -> AccessMessageData | None:
    """What a message has to tell, by its facts; None where what it is about is not in the register any more."""
    if (request_id := facts.get("request")) is not None:
        return _of_request(db, str(request_id), now)
    rows = models.RoleAssignment.objects.using(db.alias).filter(pk=str(facts.get("mandate")))
    row = rows.select_related("organisation", "agent", "person").first()
    if row is None:
        return None
    expires, works = None, True
    if (invitation_id := facts.get("invitation")) is not None:
        links = Invitation.objects.using(db.alias).filter(pk=str(invitation_id))
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
        standing=_lasts(row, now) and works and row.organisation.closed_at is None,
        expires=expires,
    )


def _lasts(row: models.RoleAssignment, now: datetime) -> bool:
    return row.withdrawn_at is None and (row.valid_until is None or row.valid_until >= now)


def _of_request(db: Database, request_id: str, now: datetime) -> AccessMessageData | None:
    rows = RoleRequest.objects.using(db.alias).filter(pk=request_id)
    row = rows.select_related("agent", "user", "mandate").first()
    if row is None:
        return None
    given = row.mandate
    name = (
        models.Organisation.objects.using(db.alias)
        .filter(normalised_id=row.normalised_id)
        .values_list("name", flat=True)
    )
    return AccessMessageData(
        name.first() or "",
        row.customer_id,
        Role(given.role if given else row.role),
        given.valid_until if given else row.until,
        row.user.name if row.user else "",
        row.user.email if row.user else "",
        row.agent.name if row.agent else "",
        row.agent.customer_id if row.agent else "",
        standing=_lasts(given, now) if given else row.answered_at is None and now <= row.created + REQUEST_LIVES,
        expires=row.created + REQUEST_LIVES,
    )


def _ids(people: Iterable[Recipient]) -> list[str]:
    return [one.person_id for one in people if one.email]


def _owe(db: Database, people: Iterable[str], facts: dict[str, Any], now: datetime) -> None:
    about = str(facts.get("invitation") or facts.get("request") or facts.get("mandate"))
    # A mandate may be changed twice: the instant tells the two apart, and one act from its repetition.
    step = f"{facts['tells']}:{now:%Y%m%dT%H%M%S}"
    kept = {name: value for name, value in facts.items() if value is not None}
    messages = [
        NewMessage(MessageKind.AUTHORISATION, MessageChannel.EMAIL, about, step, now, recipient=one, facts=kept)
        for one in people
    ]
    outbox.enqueue(db, messages, now)
