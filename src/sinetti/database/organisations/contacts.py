"""Named people: signatories, contact persons, service providers, lineage contacts.

Each change is one transaction with its audit row, which contains random ids only. The row of a replaced person stays
until retention erases it (docs/e-service/recipients.md).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, When

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Invitation
from sinetti.database.notifications import outbox, reminders
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.database.notifications.recipients import Recipient, active_assignments, current_assignments, reader
from sinetti.database.organisations.organisations import ContactDetails, count_offered, insert_person, mark_replaced
from sinetti.database.organisations.signatory_namings import NewNaming, begin_waiting, has_signatory
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Language, Serial


class OrganisationClosed(Exception):
    """The organisation has ended, so no person can be named for it.

    The argument is the customer's id.
    """


@dataclass(frozen=True)
class ServiceProviders:
    """Customer ids of an organisation's service providers and clients, in force."""

    by: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class LineageInfo:
    """A lineage with its present contact and deputy."""

    lineage_id: str
    customer_id: str
    contact: Recipient | None
    deputy: Recipient | None
    renewal_opt_out_at: datetime | None


def add_signatory(
    db: Database, organisation_id: str, person: ContactDetails, audit: AuditContext, naming: NewNaming | None = None
) -> bool:
    """Add a signatory; return False if the same person is one already.

    An earlier signatory with the same address is replaced. Their account and unused invitations move to the new row.
    `naming` is used if no signatory was active. Raises OrganisationClosed.
    """
    with transaction.atomic(using=db.alias):
        lock_open(db, organisation_id)
        roles = _signatories(db, organisation_id, person.email, audit.at)
        if any(not row.waiting and row.person is not None and _same(row.person, person) for row in roles):
            return False
        is_first = not has_signatory(db, organisation_id, audit.at)
        _withdraw(db, roles, "signatory-removed", audit)
        row = db.rows(models.RoleAssignment).create(
            organisation_id=organisation_id,
            person=(new := insert_person(db, person)),
            user_id=next((role.user_id for role in roles if role.user_id is not None), None),
            role=Role.SIGNATORY,
            valid_from=audit.at,
        )
        db.rows(Invitation).filter(mandate__in=roles, used_at__isnull=True).update(mandate=row)
        for role in roles:
            _hand_on(db, role.person, new)
        about = f"organisation:{organisation_id}"
        audit_log.write(db, audit, "signatory-added", about, mandate=row.mandate_id, person=new.person_id)
        if is_first:
            begin_waiting(db, row, naming, audit)
    return True


def remove_signatory(db: Database, organisation_id: str, email: str, audit: AuditContext) -> bool:
    """Withdraw a signatory's roles by address; return False if there are none."""
    with transaction.atomic(using=db.alias):
        _take(db, organisation_id)
        roles = _signatories(db, organisation_id, email, audit.at)
        _withdraw(db, roles, "signatory-removed", audit)
    return bool(roles)


def set_contact_person(db: Database, organisation_id: str, person: ContactDetails | None, audit: AuditContext) -> bool:
    """Set or clear the organisation's contact person; return False if unchanged.

    Raises OrganisationClosed.
    """
    with transaction.atomic(using=db.alias):
        if person is None:
            _take(db, organisation_id)
        else:
            lock_open(db, organisation_id)
        rows = db.rows(models.Organisation).filter(pk=organisation_id)
        before = rows.select_related("contact").get().contact
        if before is None if person is None else before is not None and _same(before, person):
            return False
        new = None if person is None else insert_person(db, person)
        rows.update(contact=new)
        _hand_on(db, before, new)
        ids = (_id(before), _id(new))
        mark_replaced(db, ids[:1], audit.at)
        audit_log.write(
            db, audit, "contact-person-set", f"organisation:{organisation_id}", before=ids[0], person=ids[1]
        )
    return True


def add_agent(db: Database, organisation_id: str, agent_id: str, audit: AuditContext) -> bool:
    """Add a service provider to an organisation; return False if it is one already.

    Raises OrganisationClosed if one of the two is closed.
    """
    with transaction.atomic(using=db.alias):
        # Locked in the order of the ids, so that two commands with the same pair cannot deadlock.
        for party_id in sorted((organisation_id, agent_id)):
            lock_open(db, party_id)
        rows = db.rows(models.RoleAssignment)
        values = {"organisation_id": organisation_id, "agent_id": agent_id, "role": Role.MANAGER}
        if rows.filter(active_assignments(audit.at), **values).exists():
            return False
        row = rows.create(**values, valid_from=audit.at)
        about = f"organisation:{organisation_id}"
        audit_log.write(db, audit, "looked-after-by-set", about, mandate=row.mandate_id, agent=agent_id)
    return True


def withdraw_agent(db: Database, organisation_id: str, agent_id: str, audit: AuditContext) -> bool:
    """Remove an organisation's service provider; return False if it is not one."""
    with transaction.atomic(using=db.alias):
        _take(db, organisation_id)
        rows = db.rows(models.RoleAssignment).filter(active_assignments(audit.at), role=Role.MANAGER)
        roles = list(rows.filter(organisation=organisation_id, agent=agent_id))
        _withdraw(db, roles, "looked-after-by-withdrawn", audit)
    return bool(roles)


def service_providers(db: Database, organisation_id: str, now: datetime) -> ServiceProviders:
    """Return the organisation's service providers and its clients."""
    rows = db.rows(models.RoleAssignment).filter(active_assignments(now), role=Role.MANAGER, agent__isnull=False)
    by = rows.filter(organisation=organisation_id).values_list("agent__customer_id", flat=True)
    after = rows.filter(agent=organisation_id).values_list("organisation__customer_id", flat=True)
    return ServiceProviders(tuple(sorted({str(text) for text in by})), tuple(sorted(set(after))))


def find_lineage(db: Database, named: str) -> LineageInfo | None:
    """Find the lineage of a certificate's serial or of an order's id."""
    rows = db.rows(models.Lineage).select_related("organisation", "contact", "deputy")
    by_order = rows.filter(orders__pk=named)
    row = rows.filter(certificates__serial=Serial(named.casefold())).first() or by_order.first()
    if row is None:
        return None
    contact, deputy = (None if person is None else reader(person) for person in (row.contact, row.deputy))
    return LineageInfo(row.lineage_id, row.organisation.customer_id, contact, deputy, row.renewal_opt_out_at)


def change_contact(
    db: Database, lineage_id: str, new: ContactDetails, audit: AuditContext, *, deputy: bool = False
) -> bool:
    """Replace a lineage's contact or deputy; return False if unchanged.

    A message to the old and the new person is queued. The new person's messages count towards the daily limit, with
    the links to transfer ids that follow. Raises LimitReached.
    """
    place = "deputy" if deputy else "contact"
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.Lineage).filter(pk=lineage_id)
        # Concurrent changes of this lineage's people wait here.
        rows.update(created=F("created"))
        before: models.Person | None = getattr(rows.select_related(place).get(), place)
        if before is not None and _same(before, new):
            return False
        # One message about the change, and one link for each order whose transfer ids wait for the contact.
        offered = 0 if deputy else count_offered(db, [lineage_id])
        daily_counts.count_letters(db, audit, new.email, 1 + offered)
        row = insert_person(db, new)
        rows.update(**{place: row})
        if before is None or not reader(before).mailable or reader(before).address != reader(row).address:
            # A contact who becomes reachable now gets reminders about certificates near expiry.
            reminders.reschedule(db, lineage_id)
        _hand_on(db, before, row)
        old = _id(before)
        mark_replaced(db, [old], audit.at)
        facts = {"old": old, "new": row.person_id, "place": place}
        outbox.record_event(
            db, DomainEvent(MessageKind.CONTACT_CHANGED, "once", row.person_id, lineage_id, facts=facts), audit.at
        )
        audit_log.write(db, audit, f"{place}-changed", f"holding:{lineage_id}", before=old, person=row.person_id)
    return True


def remove_deputy(db: Database, lineage_id: str, email: str, audit: AuditContext) -> bool:
    """Remove a lineage's deputy; return False if no deputy has this address.

    A message to the removed deputy is queued.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.Lineage).filter(pk=lineage_id)
        # Concurrent changes of this lineage's people wait here.
        rows.update(created=F("created"))
        before = rows.select_related("deputy").get().deputy
        if before is None or before.email.casefold() != email.casefold():
            return False
        rows.update(deputy=None)
        mark_replaced(db, [before.person_id], audit.at)
        facts = {"old": before.person_id, "place": "deputy"}
        event = DomainEvent(MessageKind.CONTACT_CHANGED, "once", before.person_id, lineage_id, facts=facts)
        outbox.record_event(db, event, audit.at)
        audit_log.write(db, audit, "deputy-removed", f"holding:{lineage_id}", before=before.person_id)
    return True


def orders_offered_to_others(db: Database, lineage_id: str) -> tuple[str, ...]:
    """Return open orders whose transfer ids were last offered to a previous contact.

    The result is empty for an organisation that has ended.
    """
    rows = db.rows(models.Order).filter(lineage=lineage_id, state=OrderState.OPEN)
    rows = rows.filter(lineage__organisation__closed_at__isnull=True)
    # The current offer first, else the one that ended last; two may have the same second.
    offers = db.rows(models.SecureMessage).filter(order=OuterRef("pk"))
    last = offers.order_by(F("ended_at").desc(nulls_first=True), "-created").values("recipient")[:1]
    offered = rows.filter(Exists(offers)).alias(last=Subquery(last))
    queryset = offered.exclude(last=F("lineage__contact"), last__isnull=False)
    return tuple(queryset.order_by("created", "pk").values_list("pk", flat=True))


def newest_issued(db: Database, lineage_id: str, now: datetime) -> tuple[Serial, datetime] | None:
    """Return serial and notBefore of the certificate that a lineage has now.

    Returns None if none is issued. It is the valid one that expires last, else the one that ended last.
    """
    issued = (CertificateState.ISSUED, CertificateState.RETRIEVED)
    rows = db.rows(models.Certificate).filter(lineage=lineage_id, state__in=issued)
    ended = Case(When(revoked_at__isnull=True, not_after__gte=now, then=0), default=1)
    row = rows.order_by(ended, "-not_after", "-pk").values_list("serial", "not_before").first()
    return None if row is None else (Serial(row[0]), row[1])


def let_end(db: Database, lineage_id: str, begun: datetime, audit: AuditContext) -> bool:
    """Record that a lineage's certificate ends without a successor.

    The certificate is valid from `begun`. Returns False if that is recorded already. A record from before `begun` is
    about an earlier certificate.
    """
    none = Q(renewal_opt_out_at__isnull=True) | Q(renewal_opt_out_at__lt=begun)
    rows = db.rows(models.Lineage).filter(none, pk=lineage_id)
    with transaction.atomic(using=db.alias):
        if not rows.update(renewal_opt_out_at=audit.at):
            return False
        audit_log.write(db, audit, "let-end", f"holding:{lineage_id}")
    return True


def let_end_no_more(db: Database, lineage_id: str, audit: AuditContext) -> bool:
    """Delete that record and schedule new reminder checks.

    Returns False if there is no such record.
    """
    rows = db.rows(models.Lineage).filter(pk=lineage_id, renewal_opt_out_at__isnull=False)
    with transaction.atomic(using=db.alias):
        if not rows.update(renewal_opt_out_at=None):
            return False
        reminders.reschedule(db, lineage_id)
        audit_log.write(db, audit, "let-end-undone", f"holding:{lineage_id}")
    return True


def _take(db: Database, organisation_id: str) -> None:
    """Lock the organisation's row, so that concurrent changes of its people wait."""
    db.rows(models.Organisation).filter(pk=organisation_id).update(created=F("created"))


def lock_open(db: Database, organisation_id: str) -> None:
    """Lock the row of an open organisation inside a transaction.

    Raises OrganisationClosed.
    """
    rows = db.rows(models.Organisation).filter(pk=organisation_id, closed_at__isnull=True)
    if not rows.update(created=F("created")):
        raise OrganisationClosed(db.rows(models.Organisation).get(pk=organisation_id).customer_id)


def _signatories(db: Database, organisation_id: str, email: str, now: datetime) -> list[models.RoleAssignment]:
    """Return the role assignments of signatories with this address, accepted or not.

    An organisation has few assignments, so Python compares the addresses.
    """
    rows = db.rows(models.RoleAssignment).filter(current_assignments(now), role=Role.SIGNATORY)
    queryset = rows.filter(organisation=organisation_id, person__isnull=False).select_related("person")
    return [row for row in queryset if row.person is not None and row.person.email.casefold() == email.casefold()]


def _withdraw(db: Database, mandates: list[models.RoleAssignment], action: str, audit: AuditContext) -> None:
    for row in mandates:
        db.rows(models.RoleAssignment).filter(pk=row.pk).update(withdrawn_at=audit.at, giver_noted_at=audit.at)
        mark_replaced(db, [row.person_id], audit.at)
        about = f"organisation:{row.organisation_id}"
        audit_log.write(db, audit, action, about, mandate=row.mandate_id, person=row.person_id, agent=row.agent_id)


def _hand_on(db: Database, before: models.Person | None, after: models.Person | None) -> None:
    """Move waiting messages to the new row of a person with the same address."""
    if before is not None and after is not None and reader(before).address == reader(after).address:
        outbox.reassign(db, before.person_id, after.person_id)


def _same(row: models.Person, person: ContactDetails) -> bool:
    """Return True if naming this person would change nothing.

    A new row would remove bounce and opt-out marks, so a person with marks counts as changed.
    """
    current = ContactDetails(row.name, row.email, row.phone, Language(row.language))
    return current == person and row.bounced_at is None and row.stopped_at is None


def _id(row: models.Person | None) -> str | None:
    return None if row is None else row.person_id
