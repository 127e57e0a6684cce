"""Digest rows: certificates near expiry of organisations that firms look after.

Every statement starts with the index on expiry. The cost grows with the number of certificates near expiry, not with
all certificates.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.notifications import recipients, reminders
from sinetti.database.notifications.recipients import (
    Recipient,
    Roles,
    active_assignments,
    chunked,
    people_at,
    unique_by_address,
)
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.display_status import CertificateProgress, StateSeverity, ends_soon
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.digests import CLOSE as CLOSE_TO_THE_END
from sinetti.domain.notifications.digests import (
    NEAR,
    STAYS,
    DigestCertificate,
    DigestItemKind,
    DigestSection,
    DigestSlot,
    Successor,
    item_kind,
    item_severity,
    section,
)
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, message_id
from sinetti.domain.values import Channel, Serial

_ENDED_FOR_GOOD = (RevocationReason.SUPERSEDED, RevocationReason.CESSATION_OF_OPERATION)
"""Revocation reasons after which a certificate needs no successor."""


@dataclass(frozen=True)
class DigestRow:
    """One certificate in a firm's digest: section, kind of item and names.

    `certificate` is the primary key of the row. `contact` is the name of the lineage's contact, or empty. `serves` is
    as in Lineage.
    """

    part: DigestSection
    matter: DigestItemKind
    certificate: int
    serial: Serial
    organisation: str
    customer_id: str
    channel: Channel
    description: str
    contact: str
    not_after: datetime
    severity: StateSeverity
    serves: int | None = None


@dataclass(frozen=True)
class DigestTrigger:
    """Flags of a firm: rows that cause a weekly digest, and rows that cause one today."""

    agent: str
    week: bool
    day: bool


def digest_rows(db: Database, agent_organisation_id: str, now: datetime) -> tuple[DigestRow, ...]:
    """Return the rows of a firm's digest at `now`, by section and then by expiry.

    The rows are certificates of its open clients that expire within 60 days and can be renewed, or that expired within
    the last 14 days. Certificates that are to expire without a successor are omitted. Empty if no row is left to act
    on; no digest is sent then.
    """
    clients = models.RoleAssignment.objects.filter(_mandated("", now), agent=agent_organisation_id).values(
        "organisation"
    )
    rows = _near(db, now - STAYS, now + NEAR).filter(lineage__organisation__in=clients, renewable_from__lte=now)
    rows = rows.annotate(**_state(now))
    ours = _addresses(db, agent_organisation_id, now)
    order = {digest_section: place for place, digest_section in enumerate(DigestSection)}
    certificates = list(rows.select_related(*_PATHS))
    courses = reminders.progress_of(db, [certificate.pk for certificate in certificates])
    digests = [_row(certificate, courses[certificate.pk], ours, now) for certificate in certificates]
    if all(digest.matter is DigestItemKind.DONE for digest in digests):
        return ()
    return tuple(
        sorted(digests, key=lambda digest: (order[digest.part], digest.not_after, digest.organisation, digest.serial))
    )


def triggers(db: Database, leaving: DigestSlot, now: datetime) -> tuple[DigestTrigger, ...]:
    """Return every firm with unfinished rows that cause a digest at `leaving`.

    The weekly digest is caused by certificates that were in its window at its 8:00, of organisations that were clients
    then. Later ones wait for the next week. The daily digest is caused by certificates with 7 days or less left, in
    the second half of their time for renewing, and once more by an expiry since the last digest. One statement reads
    all firms.
    """
    week = Q(not_after__lte=leaving.week_at + NEAR, renewable_from__lte=leaving.week_at, since__lte=leaving.week_at)
    at = Value(leaving.at, DateTimeField())
    day = Q(not_after__lte=leaving.at + CLOSE_TO_THE_END, left__lte=F("open_for"), not_after__gte=leaving.before)
    mandate = "lineage__organisation__given__"
    rows = _undone(db, now, now - STAYS, now + NEAR)
    rows = rows.annotate(
        agent=F(f"{mandate}agent"),
        since=F(f"{mandate}valid_from"),
        left=ExpressionWrapper(F("not_after") - at, DurationField()),
        open_for=ExpressionWrapper(at - F("renewable_from"), DurationField()),
    )
    counted = rows.values("agent").annotate(week=Count("pk", filter=week), day=Count("pk", filter=day))
    queryset = counted.filter(Q(week__gt=0) | Q(day__gt=0)).order_by("agent")
    return tuple(DigestTrigger(one["agent"], one["week"] > 0, one["day"] > 0) for one in queryset)


def first_end(db: Database, now: datetime, since: datetime, until: datetime) -> datetime | None:
    """Return the first expiry that may cause a digest, or None.

    The search covers `since` to `until`.
    """
    rows = _undone(db, now, since, until)
    return rows.order_by("not_after").values_list("not_after", flat=True).first()


def first_end_after(db: Database, now: datetime, since: datetime) -> datetime | None:
    """Return the first expiry after `since` that may cause a digest, or None.

    It ignores successors, so it reads one row of the index.
    """
    rows = _wanted(db).filter(not_after__gt=since).filter(_mandated("lineage__organisation__given__", now))
    return rows.order_by("not_after").values_list("not_after", flat=True).first()


def firm_readers(db: Database, agents: Iterable[str], now: datetime) -> Mapping[str, tuple[Recipient, ...]]:
    """Return the readers of each firm's digest: contact person, else signatories.

    All of them can receive e-mail.
    """
    roles = recipients.roles(db, agents, now)
    return {agent: _readers(one) for agent, one in roles.items()}


def readers(db: Database, organisation_ids: Iterable[str], now: datetime) -> Mapping[str, frozenset[str]]:
    """Return, per organisation, the folded addresses that get digests about it.

    These addresses get no single reminders by e-mail, since the digest lists every certificate that has a reminder.
    """
    return readers_of(db, recipients.roles(db, organisation_ids, now), now)


def readers_of(db: Database, acting: Mapping[str, Roles], now: datetime) -> Mapping[str, frozenset[str]]:
    """Return the same as `readers`, for roles that the caller has read already."""
    agents = {agent for roles in acting.values() for agent in roles.agents}
    firms = firm_readers(db, agents, now) if agents else {}
    return {
        organisation: frozenset(reader.address for agent in roles.agents for reader in firms[agent])
        for organisation, roles in acting.items()
    }


def sent_days(
    db: Database, pairs: Sequence[tuple[str, Recipient]], days: Collection[date]
) -> tuple[frozenset[date], ...]:
    """Return, for each firm and reader, the days with a digest queued or sent.

    Only digests to the reader's address on one of `days` count.
    """
    own = _days_by_id({_id(agent, day, reader.person_id): day for agent, reader in pairs for day in days}, db)
    found = []
    for agent, reader in pairs:
        known = {own.get(_id(agent, day, reader.person_id)) for day in days}
        if known == {None}:
            # The reader may have a newer row with the same address.
            others = people_at(db, reader.email).exclude(pk=reader.person_id).values_list("pk", flat=True)
            ids = {_id(agent, day, text): day for text in others for day in days}
            known = set(_days_by_id(ids, db).values())
        found.append(frozenset(day for day in known if day is not None))
    return tuple(found)


def is_queued(db: Database, agent: str, person: str, day: date) -> bool:
    """Return True if a firm's digest of this day is queued for or sent to this person."""
    return db.rows(models.OutboxMessage).filter(pk=_id(agent, day, person)).exists()


def _id(agent: str, day: date, person: str) -> str:
    return message_id(MessageKind.DIGEST, agent, day.isoformat(), person, MessageChannel.EMAIL)


def _days_by_id(ids: Mapping[str, date], db: Database) -> dict[str, date]:
    """Return the days of those message ids that exist in the outbox."""
    rows = db.rows(models.OutboxMessage)
    return {text: ids[text] for part in chunked(ids) for text in rows.filter(pk__in=part).values_list("pk", flat=True)}


_PATHS = ("lineage__organisation", "lineage__type", "lineage__contact", "lineage__deputy")
_ISSUED = (CertificateState.ISSUED, CertificateState.RETRIEVED)


def _readers(roles: recipients.Roles) -> tuple[Recipient, ...]:
    contact = roles.contact_person
    if contact is not None and contact.mailable:
        return (contact,)
    return unique_by_address(person for person in roles.signatories if person.mailable)


def _wanted(db: Database) -> "QuerySet[models.Certificate]":
    """Return certificates that may need a successor, regardless of their expiry."""
    rows = db.rows(models.Certificate).filter(
        state__in=_ISSUED, lineage__renewal_opt_out_at__isnull=True, lineage__organisation__closed_at__isnull=True
    )
    return rows.exclude(revoked_at__isnull=False, revocation_reason__in=_ENDED_FOR_GOOD)


def _near(db: Database, since: datetime, until: datetime) -> "QuerySet[models.Certificate]":
    return _wanted(db).filter(not_after__gte=since, not_after__lte=until)


def _undone(db: Database, now: datetime, since: datetime, until: datetime) -> "QuerySet[models.Certificate]":
    """Return clients' certificates without a retrieved successor, once per role."""
    rows = _near(db, since, until).filter(_mandated("lineage__organisation__given__", now))
    return rows.exclude(_fetched("predecessor")).exclude(_fetched("replaces"))


def _mandated(path: str, now: datetime) -> Q:
    """Filter role assignments, along this path, by which an open firm has a client."""
    terms = {
        "role": Role.MANAGER,
        "agent__isnull": False,
        "agent__closed_at__isnull": True,
        "valid_from__lte": now,
        "withdrawn_at__isnull": True,
    }
    lasting = Q(**{f"{path}valid_until__isnull": True}) | Q(**{f"{path}valid_until__gte": now})
    return lasting & Q(**{f"{path}{name}": value for name, value in terms.items()})


def _succeeded(by: str) -> Exists:
    """Test for a valid successor, by renewal or by an order that names it."""
    rows = models.Certificate.objects.filter(**{by: OuterRef("pk")}, revoked_at__isnull=True)
    return Exists(rows.exclude(state=CertificateState.SUPERSEDED))


def _fetched(by: str) -> Exists:
    """Test for a valid successor that was retrieved.

    Only `reminders` follows chains of successors that were revoked and replaced in turn.
    """
    return Exists(
        models.Certificate.objects.filter(
            **{by: OuterRef("pk")}, revoked_at__isnull=True, first_fetched_at__isnull=False
        )
    )


def _state(now: datetime) -> dict[str, Any]:
    """Annotations for `DigestCertificate` that the rows themselves do not have."""
    pairs = models.TransferIds.objects.filter(
        order__replaces=OuterRef("pk"), order__state=OrderState.OPEN, ended_at__isnull=True, expires__gte=now
    )
    approved = models.ApprovedChannel.objects.filter(
        organisation=OuterRef("lineage__organisation"), type=OuterRef("lineage__type"), withdrawn_at__isnull=True
    )
    return {
        "renewed": _succeeded("predecessor"),
        "replaced": _succeeded("replaces"),
        "ordered_until": Subquery(pairs.order_by("-expires").values("expires")[:1]),
        "approved": Exists(approved),
    }


def _addresses(db: Database, agent: str, now: datetime) -> frozenset[str]:
    """Return the folded addresses of a firm's contact person and all its role holders."""
    people = db.rows(models.Person).filter(erased_at__isnull=True)
    mandates = db.rows(models.RoleAssignment).filter(active_assignments(now), organisation=agent)
    ours = people.filter(Q(contact_of=agent) | Q(pk__in=mandates.values("person")))
    return frozenset(text.casefold() for text in ours.values_list("email", flat=True) if text)


def _row(one: Any, course: CertificateProgress, ours: frozenset[str], now: datetime) -> DigestRow:  # noqa: ANN401 - a row with annotations
    lineage = one.lineage
    people = [recipients.reader(person) for person in (lineage.contact, lineage.deputy) if person is not None]
    successor = Successor.NONE
    if course.fetched is not None:
        successor = Successor.FETCHED
    elif one.renewed or one.replaced:
        successor = Successor.WAITING
    firms = any(person.address in ours for person in people)
    watched = DigestCertificate(
        not_after=one.not_after,
        life=one.not_after - one.not_before,
        successor=successor,
        ordered_until=one.ordered_until,
        revoked=one.revoked_at is not None,
        approved=one.approved,
        by_renewal=one.origin == "renewal",
        firms=firms,
        reached=any(person.mailable for person in people),
    )
    what = item_kind(watched, now)
    return DigestRow(
        part=section(what, firms=firms),
        matter=what,
        certificate=one.pk,
        serial=Serial(one.serial),
        organisation=lineage.organisation.name,
        customer_id=lineage.organisation.customer_id,
        channel=Channel(lineage.type.channel),
        description=lineage.description,
        contact=lineage.contact.name if lineage.contact else "",
        not_after=one.not_after,
        severity=item_severity(what, ends_soon=ends_soon(one.not_after, one.renewable_from, now)),
        serves=lineage.serves,
    )
