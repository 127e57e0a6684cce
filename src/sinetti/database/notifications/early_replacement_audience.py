"""People and certificates of a call for early replacement, or of a drill of one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from sinetti.database import models, sql
from sinetti.database.connection import Database
from sinetti.database.models import DrillItem, EarlyReplacement, EarlyReplacementItem
from sinetti.database.notifications.recipients import (
    Recipient,
    chunked,
    holders,
    roles,
    unique_by_address,
)
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.notifications.early_replacement import CallAudience, CallStage, has_program, list_copies
from sinetti.domain.notifications.messages import CALLS, MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.values import Channel, Language, Serial

_LIVE = (CertificateState.ISSUED, CertificateState.RETRIEVED)

# The roles are those of `active_assignments`. One statement, since each message runs it twice.
_LINEAGES = """
WITH people AS (
  SELECT person_id FROM sinetti_person WHERE person_id = %(person)s
  UNION SELECT same.person_id FROM sinetti_person me
   JOIN sinetti_person same ON LOWER(same.email) = LOWER(me.email)
   WHERE me.person_id = %(person)s AND me.email <> ''
), acting AS (
  SELECT organisation_id FROM sinetti_roleassignment
   WHERE person_id IN (SELECT person_id FROM people) AND role = 'signatory' AND NOT waiting AND valid_from <= %(now)s
     AND withdrawn_at IS NULL AND (valid_until IS NULL OR valid_until >= %(now)s)
  UNION SELECT organisation_id FROM sinetti_organisation WHERE contact_id IN (SELECT person_id FROM people)
)
SELECT lineage_id FROM sinetti_lineage WHERE contact_id IN (SELECT person_id FROM people)
UNION SELECT lineage_id FROM sinetti_lineage WHERE deputy_id IN (SELECT person_id FROM people)
UNION SELECT lineage_id FROM sinetti_lineage WHERE organisation_id IN (SELECT organisation_id FROM acting)
"""

Copy = tuple[Recipient, MessageChannel]
"""One message: its recipient and its channel."""


@dataclass(frozen=True)
class CallSubject:
    """The call or the drill of a message, by its id.

    A message of a call is about certificates of stolen CAs (INCIDENT), or of the others (EARLY). `stolen` has the end
    of the bridge of each stolen CA; messages that older code queued lack it, and are about all.
    """

    subject_id: str
    kind: MessageKind = MessageKind.EARLY
    stolen: Mapping[str, str] | None = None

    @property
    def is_drill(self) -> bool:
        """True for a drill."""
        return self.kind is MessageKind.DRILL

    @property
    def filter(self) -> Q:
        """Filter of certificates."""
        if self.is_drill:
            return Q(drills__drill__drill_id=self.subject_id)
        rows, of_stolen = Q(called_early__call__call_id=self.subject_id), Q(authority__in=self.stolen or ())
        if self.stolen is None:
            return rows
        return rows & (of_stolen if self.kind is MessageKind.INCIDENT else ~of_stolen)


@dataclass(frozen=True)
class CallDetails:
    """Facts of a call for a message.

    `explanation` is empty in each language if there is none.
    """

    ends: datetime
    undone: bool
    explanation: dict[Language, str]


@dataclass(frozen=True)
class CallListItem:
    """A called certificate without a retrieved successor, as a message lists it.

    `accepted_until` is the end of the bridge of its CA if the CA's key was stolen, or None.
    """

    serial: Serial
    organisation: str
    customer_id: str
    channel: Channel
    description: str
    not_after: datetime
    accepted_until: datetime | None = None


def list_audiences(
    db: Database, serials: Iterable[Serial], now: datetime, stage: CallStage = CallStage.FIRST
) -> Iterator[CallAudience]:
    """Yield the people of each certificate at a stage of a call.

    They are contact, deputy and signatories, and later the organisation's contact person too. It takes four
    statements for each 500.
    """
    for part in chunked(serials):
        yield from _audiences(db, part, now, stage)


def _audiences(db: Database, serials: Sequence[str], now: datetime, stage: CallStage) -> Iterator[CallAudience]:
    rows = db.rows(models.Certificate).filter(serial__in=serials).order_by("pk")
    names = ("lineage__organisation__name", "lineage__organisation__customer_id")
    found = list(rows.values_list("lineage_id", "lineage__organisation_id", "hint_request__at", *names))
    people = holders(db, {lineage for lineage, *_ in found})
    acting = roles(db, {organisation for _, organisation, *_ in found}, now)
    for lineage, organisation, asked_at, name, customer_id in found:
        wider = acting[organisation].contact_person if stage is not CallStage.FIRST else None
        concerned = unique_by_address([*people.get(lineage, ()), *acting[organisation].signatories, wider])
        reachable = tuple(recipient for recipient in concerned if recipient.address or recipient.phone)
        yield CallAudience(has_program(asked_at, now), reachable, name, customer_id)


def list_call_copies(db: Database, subject: CallSubject, stage: CallStage, now: datetime) -> tuple[Copy, ...]:
    """Return the messages of a call or drill.

    They are about certificates that are still to be replaced. There is at most one for each address or number. An
    undone call has none.
    """
    rows = _open(db.rows(models.Certificate), now).filter(subject.filter)
    if not subject.is_drill:
        rows = rows.filter(called_early__call__undone_at__isnull=True)
    serials = [Serial(serial) for serial in rows.order_by("pk").values_list("serial", flat=True)]
    people = {person.person_id: person for each in list_audiences(db, serials, now, stage) for person in each.people}
    copies = list_copies(people.values(), stage)
    return tuple(
        (call_recipient, channel) for call_recipient, channel in copies if isinstance(call_recipient, Recipient)
    )


def has_open(db: Database, call_id: str, now: datetime) -> bool:
    """Return True if a certificate of a call is still to be replaced."""
    return _open(db.rows(models.Certificate), now).filter(called_early__call__call_id=call_id).exists()


def find_call_details(db: Database, call_id: str) -> CallDetails | None:
    """Return the facts of a call for a message, or None for an unknown id."""
    row = db.rows(EarlyReplacement).defer("serials").filter(call_id=call_id).first()
    if row is None:
        return None
    explanations = {Language.FI: row.explanation_fi, Language.SV: row.explanation_sv, Language.EN: row.explanation_en}
    return CallDetails(row.ends, row.undone_at is not None, explanations)


def list_called(db: Database, subject: CallSubject, person_id: str, now: datetime) -> tuple[CallListItem, ...]:
    """Return a person's certificates in a call or drill that are still to be replaced.

    The person's address selects them.
    """
    found = []
    for part in _certificates_of(db, subject, person_id, now):
        for certificate in part.select_related("lineage__organisation", "lineage__type"):
            organisation, lineage = certificate.lineage.organisation, certificate.lineage
            until = (subject.stolen or {}).get(certificate.authority_id)
            item = CallListItem(
                Serial(certificate.serial),
                organisation.name,
                organisation.customer_id,
                Channel(lineage.type.channel),
                lineage.description,
                certificate.not_after,
                datetime.fromisoformat(until) if until else None,
            )
            found.append((organisation.name, certificate.not_after, certificate.pk, item))
    return tuple(item for *_, item in sorted(found, key=lambda row: row[:3]))


def subject_of(kind: str, facts: Mapping[str, Any]) -> CallSubject | None:
    """Return the call or drill of a message, or None for other messages."""
    if kind in CALLS:
        return CallSubject(str(facts.get("call", "")), MessageKind(kind), facts.get("stolen"))
    return CallSubject(str(facts.get("drill", "")), MessageKind.DRILL) if kind == MessageKind.DRILL else None


def mark_heard(db: Database, message: QueuedMessage, now: datetime) -> None:
    """Record that the certificates of a sent message were heard of.

    The first message or program counts. Call it in the transaction that records the message as sent.
    """
    subject = subject_of(message.kind, message.facts or {})
    if subject is None or message.recipient is None:
        return
    for part in _certificates_of(db, subject, message.recipient, now):
        keys = list(part.values_list("pk", flat=True))
        unheard = _items(db, subject).filter(certificate__in=keys, heard_at__isnull=True)
        unheard.update(heard_at=now, heard_by=message.message_id)


def forget_heard(db: Database, kind: str, facts: Mapping[str, Any], message_id: str) -> None:
    """Take back `mark_heard` after the message bounced."""
    if (subject := subject_of(kind, facts)) is not None:
        _items(db, subject).filter(heard_by=message_id).update(heard_at=None, heard_by="")


def _items(db: Database, subject: CallSubject) -> "QuerySet[DrillItem] | QuerySet[EarlyReplacementItem]":
    if subject.is_drill:
        return db.rows(DrillItem).filter(drill__drill_id=subject.subject_id)
    return db.rows(EarlyReplacementItem).filter(call__call_id=subject.subject_id)


def _certificates_of(
    db: Database, subject: CallSubject, person_id: str, now: datetime
) -> "Iterator[QuerySet[models.Certificate]]":
    """Yield the open certificates that concern a person's address, in parts.

    The lineages are read first: one statement with all conditions would read the whole call for each message.
    """
    for part in chunked(lineage for (lineage,) in sql.read(db, _LINEAGES, {"person": person_id, "now": now})):
        rows = db.rows(models.Certificate).filter(subject.filter, lineage__in=part)
        yield _open(rows, now)


def _open(rows: "QuerySet[models.Certificate]", now: datetime) -> "QuerySet[models.Certificate]":
    """Limit certificates to those that are valid and have no retrieved successor."""
    live = rows.filter(revoked_at__isnull=True, state__in=_LIVE, not_after__gte=now)
    return live.exclude(is_replaced("predecessor")).exclude(is_replaced("replaces"))


def is_replaced(by: str, of: str = "pk") -> Exists:
    """Test for a successor that has been retrieved and is not revoked.

    `by` is the column of the successor that names the certificate, `of` the path to the certificate's key.
    """
    rows = models.Certificate.objects.filter(**{by: OuterRef(of)}, revoked_at__isnull=True)
    return Exists(rows.filter(first_fetched_at__isnull=False))
