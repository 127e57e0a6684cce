"""Applications for the technical interface, decided once.

See docs/e-service/clerks.md.

Each organisation has at most one open application.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import AccessApplication, User
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import active_assignments
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.organisations.applications import (
    ApplicationDecision,
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    NewApplication,
)
from sinetti.domain.values import Channel, Language

DECIDED_STEP = "application-decided"
"""Step of the message that contains the decision."""


@dataclass(frozen=True)
class Application:
    """An application and its decision, if any.

    `decision` is the text at the time of the decision. `applicant` is the account that applied, None if it no longer
    exists.
    """

    application_id: str
    case_number: str
    organisation_id: str
    customer_id: str
    organisation: str
    channels: frozenset[Channel]
    purpose: str = field(repr=False)
    software: str = field(repr=False)
    language: Language
    state: ApplicationState
    created: datetime
    decided_at: datetime | None
    reason: str = field(repr=False)
    decision: str = field(repr=False)
    applicant: str | None


def add(
    db: Database, organisation_id: str, new: NewApplication, case: tuple[str, str], audit: AuditContext
) -> Application:
    """Store an application; `case` is its number and the account that applies.

    Raises ApplicationError. Of two concurrent applications the second is refused, because one is open already.
    """
    number, user_id = case
    try:
        with transaction.atomic(using=db.alias):
            _take_open(db, organisation_id)
            row = db.rows(AccessApplication).create(
                case_number=number,
                organisation_id=organisation_id,
                channels=sorted(new.channels),
                purpose=new.purpose,
                software=new.software,
                language=new.language,
                user_id=user_id,
                state=ApplicationState.OPEN,
                created=audit.at,
            )
            subject = f"application:{row.application_id}"
            audit_log.write(db, audit, "application-made", subject, organisation=organisation_id, case=number)
    except IntegrityError:
        raise ApplicationError(ApplicationErrorReason.ONE_OPEN) from None
    return _read(_rows(db).get(pk=row.application_id))


def find(db: Database, application_id: str) -> Application | None:
    """Return the application with this id, or None."""
    row = _rows(db).filter(pk=application_id).first()
    return None if row is None else _read(row)


def by_case(db: Database, case_number: str) -> Application | None:
    """Return the application with this case number, or None."""
    row = _rows(db).filter(case_number=case_number).first()
    return None if row is None else _read(row)


def of_organisations(db: Database, organisation_ids: Collection[str], start: int, most: int) -> tuple[Application, ...]:
    """Return a page of these organisations' applications, newest first."""
    rows = _rows(db).filter(organisation__in=organisation_ids).order_by("-created", "pk")
    return tuple(_read(row) for row in rows[start : start + most])


def listed(db: Database, state: ApplicationState, start: int, most: int) -> tuple[Application, ...]:
    """Return a page of applications in a state.

    Open ones begin with the oldest, others with the newest.
    """
    order = "created" if state is ApplicationState.OPEN else "-created"
    rows = _rows(db).filter(state=state).order_by(order, "pk")
    return tuple(_read(row) for row in rows[start : start + most])


def count_open(db: Database) -> int:
    """Count the applications that wait for a decision."""
    return waiting(db).count()


def waiting(db: Database) -> "QuerySet[AccessApplication]":
    """Return the rows of applications that wait for a decision."""
    return db.rows(AccessApplication).filter(state=ApplicationState.OPEN)


def withdraw(db: Database, application_id: str, audit: AuditContext) -> None:
    """Withdraw an open application. Raises ApplicationError."""
    with transaction.atomic(using=db.alias):
        _move(db, application_id, {"state": ApplicationState.WITHDRAWN})
        audit_log.write(db, audit, "application-withdrawn", f"application:{application_id}")


def decide(
    db: Database,
    application_id: str,
    verdict: ApplicationDecision,
    by: tuple[str, Callable[[Application], str]],
    audit: AuditContext,
) -> Application:
    """Decide an application once, approve its channels and queue the decision.

    It is one transaction. `by` is the deciding account, and a function that writes the decision's text from the
    decided application. Raises ApplicationError if the application is not open, or if its organisation is closed and
    it would be approved.
    """
    clerk, write = by
    values = {"state": verdict.state, "reason": verdict.reason, "decided_at": audit.at, "decided_by": clerk}
    with transaction.atomic(using=db.alias):
        _move(db, application_id, values)
        decided = _read(_rows(db).get(pk=application_id))
        if verdict.state is ApplicationState.APPROVED:
            _take_open(db, decided.organisation_id)
            organisations.approve_channels(db, decided.organisation_id, decided.channels, audit)
        db.rows(AccessApplication).filter(pk=application_id).update(decision=write(decided))
        audit_log.write(
            db,
            audit,
            f"application-{verdict.state}",
            f"application:{application_id}",
            organisation=decided.organisation_id,
            case=decided.case_number,
        )
        outbox.enqueue(
            db, _messages(application_id, _recipient_ids(db, application_id, decided, audit.at), audit), audit.at
        )
    return _read(_rows(db).get(pk=application_id))


def _messages(application_id: str, people: Iterable[str], audit: AuditContext) -> list[NewMessage]:
    return [
        NewMessage(
            MessageKind.AUTHORISATION,
            MessageChannel.EMAIL,
            about=application_id,
            step=DECIDED_STEP,
            due=audit.at,
            recipient=person,
            facts={"application": application_id},
        )
        for person in people
    ]


def _recipient_ids(db: Database, application_id: str, decided: Application, at: datetime) -> list[str]:
    """Return the recipients of a decision: applicant and signatories, by address."""
    rows = db.rows(models.RoleAssignment).filter(active_assignments(at), organisation=decided.organisation_id)
    signatories = rows.filter(role="signatory", person__isnull=False).order_by("valid_from", "pk")
    found: dict[str, str] = {}
    for row in signatories.select_related("person"):
        if row.person is not None and row.person.email:
            found.setdefault(row.person.email.casefold(), row.person.person_id)
    user = db.rows(User).filter(applications__pk=application_id).first()
    if user is not None and user.email.casefold() not in found:
        person = db.rows(models.Person).filter(user=user).first() or organisations.insert_person(
            db, ContactDetails(user.name or user.email, user.email, "", Language(user.language))
        )
        found[user.email.casefold()] = person.person_id
    return list(found.values())


def _move(db: Database, application_id: str, values: dict[str, object]) -> None:
    rows = db.rows(AccessApplication).filter(pk=application_id)
    if not rows.filter(state=ApplicationState.OPEN).update(**values):
        raise ApplicationError(ApplicationErrorReason.NOT_OPEN if rows.exists() else ApplicationErrorReason.UNKNOWN)


def _take_open(db: Database, organisation_id: str) -> None:
    """Lock an open organisation until the transaction ends, so that it stays open.

    Raises ApplicationError if it is closed.
    """
    rows = db.rows(models.Organisation).filter(pk=organisation_id, closed_at__isnull=True)
    if not rows.update(organisation_id=organisation_id):
        raise ApplicationError(ApplicationErrorReason.CLOSED)


def _rows(db: Database) -> "QuerySet[AccessApplication]":
    return db.rows(AccessApplication).select_related("organisation")


def _read(row: AccessApplication) -> Application:
    channels: Sequence[str] = row.channels
    return Application(
        row.application_id,
        row.case_number,
        row.organisation_id,
        row.organisation.customer_id,
        row.organisation.name,
        frozenset(Channel(channel) for channel in channels),
        row.purpose,
        row.software,
        Language(row.language),
        ApplicationState(row.state),
        row.created,
        row.decided_at,
        row.reason,
        row.decision,
        row.user_id,
    )
