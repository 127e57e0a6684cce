"""A certificate's page: lineage, history, and rejected requests of its program."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, Concat

from sinetti.database import models
from sinetti.database.certificates import list_query, status_sql
from sinetti.database.certificates.service_providers import service_providers
from sinetti.database.connection import Database
from sinetti.database.models import SecureMessage, User
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.listing import (
    ActorCategory,
    CertificateDetails,
    CertificateListItem,
    HistoryEvent,
    LineageMember,
    RejectedRequest,
)
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Serial

_MOST_OF_LINE = 100
_MOST_DEEDS = 100

SHOWN_ACTIONS = frozenset(
    {
        "ordered",
        "secure-message-offered",
        "transfer-ids-shown",
        "certificate-issued",
        "certificate-fetched",
        "certificate-revoked",
        "contact-changed",
        "deputy-changed",
        "deputy-removed",
        "let-end",
        "let-end-undone",
        "renewal-opened-early",
        "renewal-opened-by-rule",
    }
)
"""Actions of audit rows in the history; other actions are steps of these."""

_KINDS: Mapping[str, ActorCategory] = {
    "order": ActorCategory.PROGRAM,
    "certificate": ActorCategory.PROGRAM,
    "retrieval": ActorCategory.PROGRAM,
    "secure-message": ActorCategory.CONTACT,
    "service": ActorCategory.SERVICE,
    "operator": ActorCategory.DESK,
    "officer": ActorCategory.DESK,
    "os-user": ActorCategory.DESK,
}


def read(db: Database, serial: str, now: datetime) -> CertificateDetails | None:
    """Return the certificate with this serial and its lineage, in two statements.

    Returns None if there is none, or if it is void.
    """
    opened_messages = SecureMessage.objects.filter(order=OuterRef("order"), shown_at__isnull=False).order_by("shown_at")
    # On the office's clock, as all other times of the page; `recorded_at` is on the machine's clock.
    issued = models.AuditEvent.objects.filter(
        object=Concat(Value("certificate:"), OuterRef("serial")), action="certificate-issued"
    )
    waiting = models.Order.objects.filter(replaces=OuterRef("pk"), state=OrderState.OPEN).order_by("-created")
    rows = db.rows(models.Certificate).exclude(state=CertificateState.SUPERSEDED)
    # A value, not a join: beside eight joins PostgreSQL would join whole tables first (join_collapse_limit).
    rows = rows.filter(lineage=Subquery(models.Certificate.objects.filter(serial=serial).values("lineage")[:1]))
    rows = rows.select_related(*list_query.PATHS, "order", "octets")
    line: Sequence[models.Certificate] = list(
        status_sql.with_display_columns(rows, now)
        .annotate(
            opened_at=Subquery(opened_messages.values("shown_at")[:1]),
            issued_at=Coalesce(Subquery(issued.values("at")[:1]), "recorded_at"),
            waiting_order=Subquery(waiting.values("pk")[:1]),
        )
        .order_by("-not_before", "-pk")[:_MOST_OF_LINE]
    )
    place = next((place for place, row in enumerate(line) if row.serial == serial), None)
    if place is None:
        return None
    row = line[place]
    firm = service_providers(db, {row.lineage_id}, now).get(row.lineage_id)
    return _seen(row, list_query.listed(row, firm, now), line[place + 1 :], line[:place])


def events(db: Database, certificate: CertificateDetails, reader: str) -> tuple[HistoryEvent, ...]:
    """Return the events of a certificate, newest first, in two statements.

    `reader` is the actor who reads.
    """
    objects = {f"certificate:{certificate.serial}": certificate.serial, f"holding:{certificate.lineage_id}": ""}
    objects |= {f"order:{certificate.order_id}": ""} if certificate.order_id is not None else {}
    objects |= {f"certificate:{lineage_member.serial}": lineage_member.serial for lineage_member in certificate.later}
    rows = db.rows(models.AuditEvent).filter(object__in=objects, action__in=SHOWN_ACTIONS)
    found = list(rows.order_by("-sequence").values_list("at", "actor", "action", "object")[:_MOST_DEEDS])
    users = _users(db, {actor for _, actor, _, _ in found if actor != reader}, certificate.listed.organisation_id)
    return tuple(
        HistoryEvent(at, action, ActorCategory.YOU if actor == reader else _who(actor, users), objects[about])
        for at, actor, action, about in found
    )


def rejections(db: Database, lineage_id: str, most: int) -> tuple[RejectedRequest, ...]:
    """Return the last rejected requests of a lineage, newest first."""
    rows = db.rows(models.RejectedRequest).filter(lineage=lineage_id).order_by("-at", "pk")
    return tuple(
        RejectedRequest(at, RejectionReason(reason), operation)
        for at, reason, operation in rows.values_list("at", "reason", "operation")[:most]
    )


def _seen(
    row: models.Certificate,
    listed: CertificateListItem,
    earlier: Sequence[models.Certificate],
    later: Sequence[models.Certificate],
) -> CertificateDetails:
    octets = getattr(row, "octets", None)
    return CertificateDetails(
        listed=listed,
        facts=status_sql.facts_of(row),
        serial=Serial(row.serial),
        sha256=row.sha256 or "",
        der=bytes(octets.der) if octets is not None and octets.der is not None else None,
        authority=row.authority_id,
        lineage_id=row.lineage_id,
        origin=row.origin,
        order_id=row.order_id,
        ordered_at=row.order.created if row.order is not None else None,
        opened_at=row.opened_at,  # type: ignore[attr-defined] # annotated
        issued_at=row.issued_at,  # type: ignore[attr-defined] # annotated
        waiting_order=row.waiting_order,  # type: ignore[attr-defined] # annotated
        earlier=_line(earlier),
        later=_line(later),
    )


def _line(rows: Sequence[models.Certificate]) -> tuple[LineageMember, ...]:
    return tuple(LineageMember(Serial(row.serial), status_sql.facts_of(row)) for row in rows)


def _users(db: Database, actors: Collection[str], organisation_id: str) -> Mapping[str, ActorCategory]:
    """Classify the accounts among these actors.

    They are the organisation's own people, clerks, or else people of its firm.
    """
    ids = [actor.removeprefix("user:") for actor in actors if actor.startswith("user:")]
    if not ids:
        return {}
    own = models.RoleAssignment.objects.filter(user=OuterRef("pk"), organisation=organisation_id)
    rows = db.rows(User).filter(pk__in=ids).annotate(own=Exists(own))
    return {
        f"user:{pk}": ActorCategory.OWN if is_own else ActorCategory.DESK if staff else ActorCategory.FIRM
        for pk, staff, is_own in rows.values_list("pk", "is_staff", "own")
    }


def _who(actor: str, users: Mapping[str, ActorCategory]) -> ActorCategory:
    return users.get(actor) or _KINDS.get(actor.partition(":")[0], ActorCategory.SERVICE)
