"""Calls for early replacement: who may be called, the row that is stored first, certificates opened and put back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sinetti.database import models
from sinetti.database.certificates import bulk_revocation
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import acquire_lock
from sinetti.database.connection import Database
from sinetti.database.models import EarlyReplacement, EarlyReplacementItem, HintRequest
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.domain.certificates.bulk_revocation import actor_of
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.renewal_info import (
    EarlyReplacementFacts,
    EarlyReplacementNotice,
    Explanation,
    RenewalInfoInput,
    default_renewal_start,
)
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Language, Serial, ValidityPeriod

AT_ONCE = 200
"""Certificates in one transaction."""

_TURN = "early-calls"
_LIVE = (CertificateState.ISSUED, CertificateState.FETCHED)


@dataclass(frozen=True, slots=True)
class EarlyReplacementCall:
    """A call as it is stored, which gives it its `call_id`.

    `done_at`, `undone_at`, `back_at` are the table's.
    """

    call_id: str
    officer: str
    reason: str
    told: Explanation
    serials: tuple[Serial, ...] = field(repr=False)
    begins: datetime
    ends: datetime
    done_at: datetime | None = None
    undone_at: datetime | None = None
    back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EarlyReplacementCandidate:
    """What a list for people says of a certificate that may be called, and what decides whether it is."""

    serial: Serial
    customer_id: str
    channel: str
    authority: str
    candidate: EarlyReplacementFacts


@dataclass(frozen=True, slots=True)
class RenewalInfoData:
    """The facts from which a hint is made, and whether any call is in force.

    `certificate` is the row's key; `asked_at` is when it was last noted that its hint was asked for.
    """

    facts: RenewalInfoInput
    calling: bool
    certificate: int
    asked_at: datetime | None


def select(db: Database, wanted: CertificateSelection) -> tuple[EarlyReplacementCandidate, ...]:
    """The certificates that are wanted, oldest first, whatever their state."""
    renewals = models.Certificate.objects.filter(predecessor=OuterRef("pk"), revoked_at__isnull=True)
    renewed = Exists(renewals.exclude(state=CertificateState.VOID))
    found = []
    for part in bulk_revocation.filter_rows(db, wanted):
        rows = part.annotate(renewed=renewed).order_by("reserved_at", "pk")
        for serial, customer, channel, authority, state, ends, revoked, renewed_now, called in rows.values_list(
            "serial", "lineage__organisation__customer_id", "lineage__type__channel", "authority_id", "state",
            "not_after", "revoked_at", "renewed", "called_early",
        ):  # fmt: skip
            candidate = EarlyReplacementFacts(
                CertificateState(state), ends, revoked is not None, bool(renewed_now), called is not None
            )
            found.append(EarlyReplacementCandidate(Serial(serial), customer, channel, authority, candidate))
    return tuple(found)


def store(db: Database, new: EarlyReplacementCall, audit: AuditContext) -> EarlyReplacementCall:
    """Store what is to be opened, before the first is."""
    explanation = new.told.explanation or {}
    with transaction.atomic(using=db.alias):
        row = _all(db).create(
            officer=new.officer,
            reason=new.reason,
            explanation_fi=explanation.get(Language.FI, ""),
            explanation_sv=explanation.get(Language.SV, ""),
            explanation_en=explanation.get(Language.EN, ""),
            url=new.told.url or "",
            serials=list(new.serials),
            count=len(new.serials),
            created=audit.at,
            ends=new.ends,
        )
        _write(db, audit, "early-called", row)
    return _call(row)


def find(db: Database, call_id: str) -> EarlyReplacementCall | None:
    """The call with this id, or None."""
    row = _all(db).filter(call_id=call_id).first()
    return _call(row) if row else None


def active(db: Database) -> tuple[EarlyReplacementCall, ...]:
    """Calls that were not undone, oldest first."""
    return tuple(_call(row) for row in _all(db).filter(undone_at__isnull=True).order_by("number"))


def unfinished(db: Database) -> tuple[EarlyReplacementCall, ...]:
    """Calls that were cut short, oldest first: neither carried out nor undone, or undone and not put back."""
    begun, undone = Q(done_at__isnull=True, undone_at__isnull=True), Q(undone_at__isnull=False, back_at__isnull=True)
    return tuple(_call(row) for row in _all(db).filter(begun | undone).order_by("number"))


def open_batch(db: Database, call: EarlyReplacementCall, serials: Sequence[Serial], audit: AuditContext) -> None:
    """Open what may be opened of these now, in one transaction: at most `AT_ONCE`.

    What is open in it stays as it is.

    One at a time, so that no certificate comes into two calls. Nothing where the call was undone meanwhile.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        # Not the whole row: the serials of a hundred thousand would be read anew for each part of them.
        rows = _all(db).filter(call_id=call.call_id)
        number, begins, undone_at = rows.values_list("number", "created", "undone_at").get()
        if undone_at is not None:
            return
        certificates = models.Certificate.objects.using(db.alias)
        live = certificates.filter(revoked_at__isnull=True, state__in=_LIVE, not_after__gte=audit.at)
        wanted = live.filter(serial__in=serials, called_early__isnull=True).order_by("pk")
        # Locked in one order, and without the keys: whoever renews one of them meanwhile need not wait.
        found = list(wanted.select_for_update(no_key=True, of=("self",)).values_list("pk", "serial"))
        keys = [pk for pk, _ in found]
        certificates.filter(pk__in=keys, renewable_from__gt=begins).update(renewable_from=begins)
        EarlyReplacementItem.objects.using(db.alias).bulk_create(
            EarlyReplacementItem(certificate_id=pk, call_id=number) for pk in keys
        )
        subjects = (f"certificate:{serial}" for _, serial in found)
        audit_log.write_each(db, audit, "renewal-opened-early", subjects, call=call.call_id)


def finish(db: Database, call: EarlyReplacementCall, audit: AuditContext) -> None:
    """Store once that a call was carried out, and plan its messages.

    Does neither if the call was undone meanwhile.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(call_id=call.call_id, undone_at__isnull=True)
        if rows.filter(done_at__isnull=True).update(done_at=audit.at):
            _write(db, audit, "early-done", rows.get())
            # Messages come of it once all is open: each says the whole of what concerns its recipient.
            event = DomainEvent(MessageKind.EARLY, call.call_id, facts={"call": call.call_id})
            outbox.record_event(db, event, audit.at)


def undo(db: Database, call: EarlyReplacementCall, audit: AuditContext) -> bool:
    """Store that it counts no more; whether this call did.

    What it has opened is put back by `revert_batch`.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(call_id=call.call_id)
        if not rows.filter(undone_at__isnull=True).update(undone_at=audit.at):
            return False
        _write(db, audit, "early-undone", rows.get())
    return True


def revert_batch(db: Database, call: EarlyReplacementCall, audit: AuditContext) -> int:
    """Put some of an undone call back to the rule, in one transaction: at most `AT_ONCE`; how many. 0: none is left."""
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        called = EarlyReplacementItem.objects.using(db.alias).filter(call__call_id=call.call_id).order_by("pk")
        keys = list(called.values_list("pk", flat=True)[:AT_ONCE])
        certificates = models.Certificate.objects.using(db.alias)
        rows = list(certificates.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True))
        for row in rows:
            row.renewable_from = default_renewal_start(ValidityPeriod(row.not_before, row.not_after))
        certificates.bulk_update(rows, ["renewable_from"])
        EarlyReplacementItem.objects.using(db.alias).filter(pk__in=keys).delete()
        subjects = (f"certificate:{row.serial}" for row in rows)
        audit_log.write_each(db, audit, "renewal-opened-by-rule", subjects, call=call.call_id)
        if not rows:
            _all(db).filter(call_id=call.call_id).update(back_at=audit.at)
    return len(rows)


def count_called(db: Database, call: EarlyReplacementCall) -> int:
    """How many certificates a call has opened."""
    return EarlyReplacementItem.objects.using(db.alias).filter(call__call_id=call.call_id).count()


def hinted(db: Database, authorities: Sequence[str], serial: Serial, now: datetime) -> RenewalInfoData | None:
    """What the hint of a certificate of one of these CAs is made from, in one statement; None if there is none."""
    in_force = EarlyReplacement.objects.filter(undone_at__isnull=True, created__lte=now, ends__gte=now)
    rows = models.Certificate.objects.using(db.alias).filter(
        serial=serial, authority_id__in=authorities, sha256__isnull=False
    )
    row = rows.values_list(
        "pk",
        "hint_request__at",
        "not_before",
        "not_after",
        "renewable_from",
        "revoked_at",
        Exists(in_force),
        *_CALL_FIELDS,
    ).first()
    if row is None:
        return None
    key, asked_at, begins, ends, renewable_from, revoked_at, calling, called_at, called_until, undone_at, *told = row
    called = (
        EarlyReplacementNotice(called_at, called_until, _told(*told))
        if called_at is not None and undone_at is None
        else None
    )
    facts = RenewalInfoInput(serial, ValidityPeriod(begins, ends), renewable_from, revoked_at, called)
    return RenewalInfoData(facts, bool(calling), key, asked_at)


def note_asked(db: Database, certificate: int, now: datetime) -> None:
    """Note that the hint of a certificate, by its row's key, is asked for now."""
    HintRequest.objects.using(db.alias).update_or_create(certificate_id=certificate, defaults={"at": now})


_CALL_FIELDS = tuple(
    f"called_early__call__{name}"
    for name in ("created", "ends", "undone_at", "explanation_fi", "explanation_sv", "explanation_en", "url")
)


def _all(db: Database) -> "QuerySet[EarlyReplacement]":
    return EarlyReplacement.objects.using(db.alias)


def _told(fi: str, sv: str, en: str, url: str) -> Explanation:
    explanation = {Language.FI: fi, Language.SV: sv, Language.EN: en} if en else None
    return Explanation(explanation, url or None)


def _write(db: Database, audit: AuditContext, action: str, row: EarlyReplacement) -> None:
    """Write the audit row: which certificates it was, by the digest of their serials.

    No free text stands there.
    """
    digest = hashlib.sha256("\n".join(row.serials).encode("ascii")).hexdigest()
    by = actor_of(row.officer)
    why = hashlib.sha256(row.reason.encode()).hexdigest()
    audit_log.write(
        db, audit, action, f"early-call:{row.call_id}", count=row.count, serials=digest, proposed_by=by, digest=why
    )


def _call(row: EarlyReplacement) -> EarlyReplacementCall:
    return EarlyReplacementCall(
        call_id=row.call_id,
        officer=row.officer,
        reason=row.reason,
        told=_told(row.explanation_fi, row.explanation_sv, row.explanation_en, row.url),
        serials=tuple(Serial(serial) for serial in row.serials),
        begins=row.created,
        ends=row.ends,
        done_at=row.done_at,
        undone_at=row.undone_at,
        back_at=row.back_at,
    )
