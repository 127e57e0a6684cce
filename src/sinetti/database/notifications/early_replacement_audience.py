"""People and certificates of a call for early replacement."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import EarlyReplacement, EarlyReplacementItem
from sinetti.database.notifications.recipients import (
    Recipient,
    active_assignments,
    chunked,
    holders,
    people_at,
    roles,
    unique_by_address,
)
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.notifications.early_replacement import CallAudience, channel_to, has_program, list_recipients
from sinetti.domain.values import Channel, Language, Serial

_LIVE = (CertificateState.ISSUED, CertificateState.RETRIEVED)


@dataclass(frozen=True, slots=True)
class CallDetails:
    """Facts of a call for a message.

    `explanation` is empty in each language if there is none.
    """

    ends: datetime
    undone: bool
    explanation: dict[Language, str]


@dataclass(frozen=True, slots=True)
class CallListItem:
    """A called certificate without a retrieved successor, as a message lists it."""

    serial: Serial
    organisation: str
    customer_id: str
    channel: Channel
    description: str
    not_after: datetime


def list_audiences(db: Database, serials: Iterable[Serial], now: datetime) -> Iterator[CallAudience]:
    """Yield the contact, deputy and signatories of each certificate.

    It takes four statements for each 500.
    """
    for part in chunked(serials):
        yield from _audiences(db, part, now)


def _audiences(db: Database, serials: Sequence[str], now: datetime) -> Iterator[CallAudience]:
    rows = models.Certificate.objects.using(db.alias).filter(serial__in=serials).order_by("pk")
    found = list(rows.values_list("lineage_id", "lineage__organisation_id", "hint_request__at"))
    people = holders(db, {lineage for lineage, _, _ in found})
    acting = roles(db, {organisation for _, organisation, _ in found}, now)
    for lineage, organisation, asked_at in found:
        contact, deputy = people.get(lineage, (None, None))
        concerned = unique_by_address([contact, deputy, *acting[organisation].signatories])
        yield CallAudience(has_program(asked_at, now), tuple(one for one in concerned if one.address or one.phone))


def recipients(db: Database, call_id: str, now: datetime) -> tuple[Recipient, ...]:
    """Return the recipients of a call, at most one for each address or number.

    An undone call has none.
    """
    called = EarlyReplacementItem.objects.using(db.alias).filter(call__call_id=call_id, call__undone_at__isnull=True)
    serials = called.order_by("pk").values_list("certificate__serial", flat=True)
    people: dict[str, Recipient] = {}
    for one in list_audiences(db, [Serial(serial) for serial in serials], now):
        people.update({each.person_id: each for each in one.people if isinstance(each, Recipient)})
    chosen = list_recipients(people.values()).values()
    return tuple(one for one in chosen if isinstance(one, Recipient) and channel_to(one) is not None)


def find_call_details(db: Database, call_id: str) -> CallDetails | None:
    """Return the facts of a call for a message, or None for an unknown id."""
    row = EarlyReplacement.objects.using(db.alias).defer("serials").filter(call_id=call_id).first()
    if row is None:
        return None
    explanations = {Language.FI: row.explanation_fi, Language.SV: row.explanation_sv, Language.EN: row.explanation_en}
    return CallDetails(row.ends, row.undone_at is not None, explanations)


def list_called(db: Database, call_id: str, person_id: str, now: datetime) -> tuple[CallListItem, ...]:
    """Return a person's certificates in a call that are still to be replaced.

    The person's address selects them.
    """
    person = models.Person.objects.using(db.alias).filter(pk=person_id).first()
    if person is None:
        return ()
    same = people_at(db, person.email).values_list("pk", flat=True)
    people = [person_id, *same]
    signs = models.RoleAssignment.objects.using(db.alias).filter(
        active_assignments(now), role=Role.SIGNATORY, person__in=people
    )
    whose = Q(lineage__contact__in=people) | Q(lineage__deputy__in=people)
    whose |= Q(lineage__organisation__in=signs.values("organisation"))
    rows = models.Certificate.objects.using(db.alias).filter(
        whose, called_early__call__call_id=call_id, revoked_at__isnull=True, state__in=_LIVE, not_after__gte=now
    )
    rows = rows.exclude(_replaced("predecessor")).exclude(_replaced("replaces"))
    certificates = rows.select_related("lineage__organisation", "lineage__type")
    return tuple(
        CallListItem(
            Serial(one.serial),
            one.lineage.organisation.name,
            one.lineage.organisation.customer_id,
            Channel(one.lineage.type.channel),
            one.lineage.description,
            one.not_after,
        )
        for one in certificates.order_by("lineage__organisation__name", "not_after", "pk")
    )


def _replaced(by: str) -> Exists:
    """Test for a successor that has been retrieved and is not revoked."""
    rows = models.Certificate.objects.filter(**{by: OuterRef("pk")}, revoked_at__isnull=True)
    return Exists(rows.filter(first_fetched_at__isnull=False))
