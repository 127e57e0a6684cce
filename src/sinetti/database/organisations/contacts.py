"""Who is who, as it is named: signatories, contact persons, who looks after an organisation, contacts of lineages.

Each change is one transaction with its audit row, which has random ids alone. Whoever gives way keeps their row until
retention erases it (docs/people.md).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Invitation
from sinetti.database.notifications import outbox, reminders
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.database.notifications.recipients import Recipient, active_assignments, current_assignments, reader
from sinetti.database.organisations.organisations import ContactDetails, count_offered, insert_person, mark_replaced
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Language, Serial


class OrganisationClosed(Exception):
    """An organisation that is closed for good: nobody is named for it any more.

    It says the customer's id.
    """


@dataclass(frozen=True, slots=True)
class ServiceProviders:
    """Who an organisation is looked after by, or whom it looks after: ids of customers, those in force."""

    by: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineageInfo:
    """A lineage and its two people as they are now."""

    lineage_id: str
    customer_id: str
    contact: Recipient | None
    deputy: Recipient | None
    renewal_opt_out_at: datetime | None


def add_signatory(db: Database, organisation_id: str, person: ContactDetails, audit: AuditContext) -> bool:
    """Name a signatory; False where the same stands already.

    Raises OrganisationClosed.

    Somebody at the same address gives way; their account, and links that they have not used, are the new one's.
    """
    with transaction.atomic(using=db.alias):
        lock_open(db, organisation_id)
        found = _signatories(db, organisation_id, person.email, audit.at)
        if any(not row.waiting and row.person is not None and _same(row.person, person) for row in found):
            return False
        _withdraw(db, found, "signatory-removed", audit)
        row = models.RoleAssignment.objects.using(db.alias).create(
            organisation_id=organisation_id,
            person=(new := insert_person(db, person)),
            user_id=next((one.user_id for one in found if one.user_id is not None), None),
            role=Role.SIGNATORY,
            valid_from=audit.at,
        )
        Invitation.objects.using(db.alias).filter(mandate__in=found, used_at__isnull=True).update(mandate=row)
        for one in found:
            _hand_on(db, one.person, new)
        about = f"organisation:{organisation_id}"
        audit_log.write(db, audit, "signatory-added", about, mandate=row.mandate_id, person=new.person_id)
    return True


def remove_signatory(db: Database, organisation_id: str, email: str, audit: AuditContext) -> bool:
    """Withdraw the mandates of a signatory, by their address; False where there is none."""
    with transaction.atomic(using=db.alias):
        _take(db, organisation_id)
        found = _signatories(db, organisation_id, email, audit.at)
        _withdraw(db, found, "signatory-removed", audit)
    return bool(found)


def set_contact_person(db: Database, organisation_id: str, person: ContactDetails | None, audit: AuditContext) -> bool:
    """Name the organisation's contact person, or nobody; False where it stands so already.

    Raises OrganisationClosed.
    """
    with transaction.atomic(using=db.alias):
        if person is None:
            _take(db, organisation_id)
        else:
            lock_open(db, organisation_id)
        rows = models.Organisation.objects.using(db.alias).filter(pk=organisation_id)
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
    """Note that an organisation is looked after by another; False where it is so already.

    Raises OrganisationClosed where one of the two is closed.
    """
    with transaction.atomic(using=db.alias):
        # In the order of their ids: two commands that name each other's organisations do not wait for each other.
        for one in sorted((organisation_id, agent_id)):
            lock_open(db, one)
        rows = models.RoleAssignment.objects.using(db.alias)
        values = {"organisation_id": organisation_id, "agent_id": agent_id, "role": Role.MANAGER}
        if rows.filter(active_assignments(audit.at), **values).exists():
            return False
        row = rows.create(**values, valid_from=audit.at)
        about = f"organisation:{organisation_id}"
        audit_log.write(db, audit, "looked-after-by-set", about, mandate=row.mandate_id, agent=agent_id)
    return True


def withdraw_agent(db: Database, organisation_id: str, agent_id: str, audit: AuditContext) -> bool:
    """End that an organisation is looked after by another; False where it is not."""
    with transaction.atomic(using=db.alias):
        _take(db, organisation_id)
        rows = models.RoleAssignment.objects.using(db.alias).filter(active_assignments(audit.at), role=Role.MANAGER)
        found = list(rows.filter(organisation=organisation_id, agent=agent_id))
        _withdraw(db, found, "looked-after-by-withdrawn", audit)
    return bool(found)


def service_providers(db: Database, organisation_id: str, now: datetime) -> ServiceProviders:
    """Which organisations look after this one, and which it looks after."""
    rows = models.RoleAssignment.objects.using(db.alias).filter(
        active_assignments(now), role=Role.MANAGER, agent__isnull=False
    )
    by = rows.filter(organisation=organisation_id).values_list("agent__customer_id", flat=True)
    after = rows.filter(agent=organisation_id).values_list("organisation__customer_id", flat=True)
    return ServiceProviders(tuple(sorted({str(one) for one in by})), tuple(sorted(set(after))))


def find_lineage(db: Database, named: str) -> LineageInfo | None:
    """The lineage of a certificate's serial or of an order's id."""
    rows = models.Lineage.objects.using(db.alias).select_related("organisation", "contact", "deputy")
    by_order = rows.filter(orders__pk=named)
    row = rows.filter(certificates__serial=Serial(named.casefold())).first() or by_order.first()
    if row is None:
        return None
    contact, deputy = (None if one is None else reader(one) for one in (row.contact, row.deputy))
    return LineageInfo(row.lineage_id, row.organisation.customer_id, contact, deputy, row.renewal_opt_out_at)


def change_contact(
    db: Database, lineage_id: str, new: ContactDetails, audit: AuditContext, *, deputy: bool = False
) -> bool:
    """Name a lineage's contact, or deputy, anew; False where the same stands already.

    Old and new are owed a message about it; the new one's are counted, with the links to transfer ids that follow.
    Raises LimitReached.
    """
    place = "deputy" if deputy else "contact"
    with transaction.atomic(using=db.alias):
        rows = models.Lineage.objects.using(db.alias).filter(pk=lineage_id)
        # Whoever names somebody at the same time waits here.
        rows.update(created=F("created"))
        before: models.Person | None = getattr(rows.select_related(place).get(), place)
        if before is not None and _same(before, new):
            return False
        # One about the change, and a link for each order whose transfer ids wait for the contact.
        offered = 0 if deputy else count_offered(db, [lineage_id])
        daily_counts.count_letters(db, audit, new.email, 1 + offered)
        row = insert_person(db, new)
        rows.update(**{place: row})
        if before is None or not reader(before).mailable or reader(before).address != reader(row).address:
            # Whoever is reached only now hears of what is near its end.
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
    """Have a lineage have no deputy any more; False where nobody with this address is.

    They are owed a message.
    """
    with transaction.atomic(using=db.alias):
        rows = models.Lineage.objects.using(db.alias).filter(pk=lineage_id)
        # Whoever names somebody at the same time waits here.
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
    """The lineage's open orders whose transfer ids were last offered to somebody who is not the contact now.

    Of an organisation that is closed for good there are none.
    """
    rows = models.Order.objects.using(db.alias).filter(lineage=lineage_id, state=OrderState.OPEN)
    rows = rows.filter(lineage__organisation__closed_at__isnull=True)
    # The one that stands, and of those that ended the newest: two may be of the same second.
    offers = models.SecureMessage.objects.using(db.alias).filter(order=OuterRef("pk"))
    last = offers.order_by(F("ended_at").desc(nulls_first=True), "-created").values("recipient")[:1]
    offered = rows.filter(Exists(offers)).alias(last=Subquery(last))
    found = offered.exclude(last=F("lineage__contact"), last__isnull=False)
    return tuple(found.order_by("created", "pk").values_list("pk", flat=True))


def newest_in_force(db: Database, lineage_id: str, now: datetime) -> Serial | None:
    """The certificate of a lineage that ends last of those that are issued, not revoked and not at their end."""
    rows = models.Certificate.objects.using(db.alias).filter(
        lineage=lineage_id,
        state__in=(CertificateState.ISSUED, CertificateState.FETCHED),
        revoked_at__isnull=True,
        not_after__gte=now,
    )
    serial = rows.order_by("-not_after", "-pk").values_list("serial", flat=True).first()
    return None if serial is None else Serial(serial)


def let_end(db: Database, lineage_id: str, audit: AuditContext) -> bool:
    """Note that a lineage's certificate is to end without a successor; False where that is noted already."""
    rows = models.Lineage.objects.using(db.alias).filter(pk=lineage_id, renewal_opt_out_at__isnull=True)
    with transaction.atomic(using=db.alias):
        if not rows.update(renewal_opt_out_at=audit.at):
            return False
        audit_log.write(db, audit, "let-end", f"holding:{lineage_id}")
    return True


def let_end_no_more(db: Database, lineage_id: str, audit: AuditContext) -> bool:
    """Take that note away, and have reminders looked at anew; False where there is none."""
    rows = models.Lineage.objects.using(db.alias).filter(pk=lineage_id, renewal_opt_out_at__isnull=False)
    with transaction.atomic(using=db.alias):
        if not rows.update(renewal_opt_out_at=None):
            return False
        reminders.reschedule(db, lineage_id)
        audit_log.write(db, audit, "let-end-undone", f"holding:{lineage_id}")
    return True


def _take(db: Database, organisation_id: str) -> None:
    """Whoever names somebody for this organisation at the same time waits here."""
    models.Organisation.objects.using(db.alias).filter(pk=organisation_id).update(created=F("created"))


def lock_open(db: Database, organisation_id: str) -> None:
    """The same of an organisation that is open, inside a transaction.

    Raises OrganisationClosed.
    """
    rows = models.Organisation.objects.using(db.alias).filter(pk=organisation_id, closed_at__isnull=True)
    if not rows.update(created=F("created")):
        raise OrganisationClosed(models.Organisation.objects.using(db.alias).get(pk=organisation_id).customer_id)


def _signatories(db: Database, organisation_id: str, email: str, now: datetime) -> list[models.RoleAssignment]:
    """The mandates of signatories with this address, taken up or not.

    An organisation has few.
    """
    rows = models.RoleAssignment.objects.using(db.alias).filter(current_assignments(now), role=Role.SIGNATORY)
    found = rows.filter(organisation=organisation_id, person__isnull=False).select_related("person")
    return [row for row in found if row.person is not None and row.person.email.casefold() == email.casefold()]


def _withdraw(db: Database, mandates: list[models.RoleAssignment], action: str, audit: AuditContext) -> None:
    for row in mandates:
        models.RoleAssignment.objects.using(db.alias).filter(pk=row.pk).update(withdrawn_at=audit.at)
        mark_replaced(db, [row.person_id], audit.at)
        about = f"organisation:{row.organisation_id}"
        audit_log.write(db, audit, action, about, mandate=row.mandate_id, person=row.person_id, agent=row.agent_id)


def _hand_on(db: Database, before: models.Person | None, after: models.Person | None) -> None:
    """Where somebody is named anew with the same address, what waits for them stays owed."""
    if before is not None and after is not None and reader(before).address == reader(after).address:
        outbox.reassign(db, before.person_id, after.person_id)


def _same(row: models.Person, person: ContactDetails) -> bool:
    """Whether naming this person would change nothing.

    It takes marks away where there are any.
    """
    told = ContactDetails(row.name, row.email, row.phone, Language(row.language))
    return told == person and row.bounced_at is None and row.stopped_at is None


def _id(row: models.Person | None) -> str | None:
    return None if row is None else row.person_id
