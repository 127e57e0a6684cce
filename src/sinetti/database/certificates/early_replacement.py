"""Early replacement calls: selection, stored calls, opening and reverting."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

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
from sinetti.domain.notifications.early_replacement import CallStage, call_stage
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Language, Serial, ValidityPeriod

AT_ONCE = 200
"""Maximum number of certificates in one transaction."""

BY_PROGRAM = "program"
"""Value of `heard_by` for a program; otherwise it is a message id."""

_TURN = "early-calls"
_LIVE = (CertificateState.ISSUED, CertificateState.RETRIEVED)


@dataclass(frozen=True, slots=True)
class EarlyReplacementCall:
    """An early replacement call; storing it assigns its `call_id`.

    The fields from `done_at` on are as in the table.
    """

    call_id: str
    officer: str
    reason: str
    notice: Explanation
    serials: tuple[Serial, ...] = field(repr=False)
    begins: datetime
    ends: datetime
    done_at: datetime | None = None
    undone_at: datetime | None = None
    back_at: datetime | None = None
    kind: MessageKind = MessageKind.EARLY
    is_narrowing: bool = False


@dataclass(frozen=True, slots=True)
class EarlyReplacementCandidate:
    """One certificate with the data for listing and for the decision to call it."""

    serial: Serial
    customer_id: str
    channel: str
    authority: str
    candidate: EarlyReplacementFacts


@dataclass(frozen=True, slots=True)
class RenewalInfoData:
    """Input of renewal information, and a flag for any call in force.

    `certificate` is the primary key of the row. `asked_at` is the last recorded request for its renewal information,
    and `numbers` are those of the trust lists that it had.
    """

    facts: RenewalInfoInput
    calling: bool
    certificate: int
    asked_at: datetime | None
    numbers: TrustListNumbers | None = None


def select(db: Database, wanted: CertificateSelection) -> tuple[EarlyReplacementCandidate, ...]:
    """Return the selected certificates in any state, oldest first."""
    renewals = models.Certificate.objects.filter(predecessor=OuterRef("pk"), revoked_at__isnull=True)
    renewed = Exists(renewals.exclude(state=CertificateState.SUPERSEDED))
    candidates = []
    for part in bulk_revocation.filter_rows(db, wanted):
        rows = part.annotate(renewed=renewed).order_by("reserved_at", "pk")
        for serial, customer, channel, authority, state, ends, revoked, renewed_now, called in rows.values_list(
            "serial", "lineage__organisation__customer_id", "lineage__type__channel", "authority_id", "state",
            "not_after", "revoked_at", "renewed", "called_early",
        ):  # fmt: skip
            candidate = EarlyReplacementFacts(
                CertificateState(state), ends, revoked is not None, bool(renewed_now), called is not None
            )
            candidates.append(EarlyReplacementCandidate(Serial(serial), customer, channel, authority, candidate))
    return tuple(candidates)


def store(db: Database, new: EarlyReplacementCall, audit: AuditContext) -> EarlyReplacementCall:
    """Store a call before its first certificate is opened for renewal."""
    explanation = new.notice.explanation or {}
    with transaction.atomic(using=db.alias):
        row = _all(db).create(
            officer=new.officer,
            reason=new.reason,
            explanation_fi=explanation.get(Language.FI, ""),
            explanation_sv=explanation.get(Language.SV, ""),
            explanation_en=explanation.get(Language.EN, ""),
            url=new.notice.url or "",
            serials=list(new.serials),
            count=len(new.serials),
            created=audit.at,
            ends=new.ends,
            kind=new.kind,
        )
        _write(db, audit, "early-called", row)
    return _call(row)


def find(db: Database, call_id: str) -> EarlyReplacementCall | None:
    """Return the call with this id, or None."""
    row = _all(db).filter(call_id=call_id).first()
    return _call(row) if row else None


def unfinished(db: Database) -> tuple[EarlyReplacementCall, ...]:
    """Return interrupted calls, oldest first.

    These are calls neither finished nor undone, undone calls not completely reverted, and calls that are narrowed.
    """
    begun, undone = Q(done_at__isnull=True, undone_at__isnull=True), Q(undone_at__isnull=False, back_at__isnull=True)
    narrowed = Q(is_narrowing=True, undone_at__isnull=True)
    return tuple(_call(row) for row in _all(db).filter(begun | undone | narrowed).order_by("number"))


def open_batch(db: Database, call: EarlyReplacementCall, serials: Sequence[Serial], audit: AuditContext) -> None:
    """Open a batch of certificates for renewal in one transaction, at most `AT_ONCE`.

    Certificates that are open already stay as they are. A lock serialises batches, so that no certificate gets into
    two calls. It does nothing if the call was undone or completed meanwhile.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        # Not the whole row, which has up to a hundred thousand serials and is read for each batch.
        rows = _all(db).filter(call_id=call.call_id)
        number, begins, undone_at, done_at = rows.values_list("number", "created", "undone_at", "done_at").get()
        if undone_at is not None or done_at is not None:
            return
        certificates = db.rows(models.Certificate)
        live = certificates.filter(revoked_at__isnull=True, state__in=_LIVE, not_after__gte=audit.at)
        wanted = live.filter(serial__in=serials, called_early__isnull=True).order_by("pk")
        # Locked in one order and with FOR NO KEY UPDATE, so that concurrent renewals do not wait.
        pairs = list(wanted.select_for_update(no_key=True, of=("self",)).values_list("pk", "serial"))
        keys = [pk for pk, _ in pairs]
        certificates.filter(pk__in=keys, renewable_from__gt=begins).update(renewable_from=begins)
        db.rows(EarlyReplacementItem).bulk_create(
            EarlyReplacementItem(certificate_id=pk, call_id=number) for pk in keys
        )
        subjects = (f"certificate:{serial}" for _, serial in pairs)
        audit_log.write_each(db, audit, "renewal-opened-early", subjects, call=call.call_id)


def finish(db: Database, call: EarlyReplacementCall, audit: AuditContext) -> None:
    """Record once that a call was carried out, and record its event.

    Does neither if the call was undone meanwhile.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(call_id=call.call_id, undone_at__isnull=True)
        if rows.filter(done_at__isnull=True).update(done_at=audit.at):
            _write(db, audit, "early-done", rows.get())
            # The event is recorded after all certificates are open, so each message lists all of its recipient's.
            event = DomainEvent(call.kind, call.call_id, facts={"call": call.call_id, "stage": CallStage.FIRST})
            outbox.record_event(db, event, audit.at)


def undo(db: Database, call: EarlyReplacementCall, audit: AuditContext) -> bool:
    """Mark a call as undone, once; return True if this call did it.

    `revert_batch` reverts its certificates.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(call_id=call.call_id)
        if not rows.filter(undone_at__isnull=True).update(undone_at=audit.at):
            return False
        _write(db, audit, "early-undone", rows.get())
    return True


def narrow(db: Database, call: EarlyReplacementCall, kept: Sequence[Serial], audit: AuditContext) -> bool:
    """Limit a complete call to these certificates, once.

    Returns True if this invocation did it. `list_dropped` and `revert_batch` revert the others.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(call_id=call.call_id, done_at__isnull=False, undone_at__isnull=True)
        if not rows.filter(is_narrowing=False).update(is_narrowing=True, serials=list(kept), count=len(kept)):
            return False
        _write(db, audit, "early-narrowed", rows.get())
    return True


def list_dropped(db: Database, call: EarlyReplacementCall) -> tuple[int, ...]:
    """Return the keys of the certificates that a call opened and does not keep."""
    kept = set(_all(db).filter(call_id=call.call_id).values_list("serials", flat=True).get())
    called = db.rows(EarlyReplacementItem).filter(call__call_id=call.call_id).order_by("pk")
    return tuple(pk for pk, serial in called.values_list("pk", "certificate__serial") if serial not in kept)


def finish_narrowing(db: Database, call: EarlyReplacementCall) -> None:
    """Record that the certificates that the call does not keep were reverted."""
    _all(db).filter(call_id=call.call_id).update(is_narrowing=False)


def list_called_keys(db: Database, call: EarlyReplacementCall) -> tuple[int, ...]:
    """Return the primary keys of the certificates that a call has opened."""
    called = db.rows(EarlyReplacementItem).filter(call__call_id=call.call_id)
    return tuple(called.order_by("pk").values_list("pk", flat=True))


def revert_batch(db: Database, call: EarlyReplacementCall, keys: Sequence[int], audit: AuditContext) -> None:
    """Revert certificates of a call to the default renewal start, at most `AT_ONCE`.

    It is one transaction. Certificates that were reverted already stay as they are.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        called = db.rows(EarlyReplacementItem).filter(call__call_id=call.call_id, pk__in=keys)
        certificates = db.rows(models.Certificate)
        mine = certificates.filter(pk__in=list(called.values_list("pk", flat=True))).order_by("pk")
        rows = list(mine.select_for_update(no_key=True))
        for row in rows:
            row.renewable_from = default_renewal_start(ValidityPeriod(row.not_before, row.not_after))
        certificates.bulk_update(rows, ["renewable_from"])
        called.delete()
        subjects = (f"certificate:{row.serial}" for row in rows)
        audit_log.write_each(db, audit, "renewal-opened-by-rule", subjects, call=call.call_id)


def finish_undoing(db: Database, call: EarlyReplacementCall, audit: AuditContext) -> bool:
    """Record that all certificates of an undone call were reverted.

    Returns False if some are left: another process may have opened a batch while the call was undone.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        if count_called(db, call):
            return False
        _all(db).filter(call_id=call.call_id).update(back_at=audit.at)
    return True


def list_repeatable(db: Database) -> tuple[tuple[str, datetime], ...]:
    """Return the ids of the calls in force, each with the time of its last messages."""
    rows = _all(db).filter(done_at__isnull=False, undone_at__isnull=True).order_by("number")
    return tuple(rows.values_list("call_id", Coalesce("repeated_at", "done_at")))


def record_repetition(db: Database, call_id: str, last: datetime, now: datetime) -> bool:
    """Record the event of a call's next messages, once.

    Returns True if this invocation did it. `last` is the time of the messages before, as `list_repeatable` returned it.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(call_id=call_id, undone_at__isnull=True)
        unchanged = rows.alias(last=Coalesce("repeated_at", "done_at")).filter(last=last)
        if not unchanged.update(repeated_at=now):
            return False
        kind, begins, ends = rows.values_list("kind", "created", "ends").get()
        facts = {"call": call_id, "stage": call_stage(begins, ends, now), "repeated": True}
        outbox.record_event(db, DomainEvent(MessageKind(kind), f"{now:%Y-%m-%d}", facts=facts), now)
    return True


def count_called(db: Database, call: EarlyReplacementCall) -> int:
    """Count the certificates that a call has opened."""
    return db.rows(EarlyReplacementItem).filter(call__call_id=call.call_id).count()


def hinted(db: Database, authorities: Sequence[str], serial: Serial, now: datetime) -> RenewalInfoData | None:
    """Return the input of a certificate's renewal information, or None.

    The certificate must be of one of these CAs. It is one statement.
    """
    in_force = EarlyReplacement.objects.filter(undone_at__isnull=True, created__lte=now, ends__gte=now)
    rows = db.rows(models.Certificate).filter(serial=serial, authority_id__in=authorities, sha256__isnull=False)
    row = rows.values_list(
        "pk",
        "hint_request__at",
        "hint_request__anchors_number",
        "hint_request__distrust_number",
        "not_before",
        "not_after",
        "renewable_from",
        "revoked_at",
        Exists(in_force),
        *_CALL_FIELDS,
    ).first()
    if row is None:
        return None
    key, asked_at, anchors, distrust, *row = row
    numbers = TrustListNumbers.of_columns(anchors, distrust)
    begins, ends, renewable_from, revoked_at, calling, called_at, called_until, undone_at, *texts = row
    called = (
        EarlyReplacementNotice(called_at, called_until, _explanation(*texts))
        if called_at is not None and undone_at is None
        else None
    )
    facts = RenewalInfoInput(serial, ValidityPeriod(begins, ends), renewable_from, revoked_at, called)
    return RenewalInfoData(facts, bool(calling), key, asked_at, numbers)


def note_asked(
    db: Database, certificate: int, software: str, now: datetime, numbers: TrustListNumbers | None = None
) -> None:
    """Record that a program requests renewal information of a certificate now.

    `certificate` is the primary key of the row. `numbers` are those of the program's trust lists. A call of the
    certificate is heard of by it.
    """
    facts: dict[str, object] = {"at": now, "software": software}
    if numbers is not None:
        facts |= {"anchors_number": numbers.anchors, "distrust_number": numbers.distrust}
    db.rows(HintRequest).update_or_create(certificate_id=certificate, defaults=facts)
    heard = {"heard_at": now, "heard_by": BY_PROGRAM}
    db.rows(EarlyReplacementItem).filter(pk=certificate, heard_at__isnull=True).update(**heard)


_CALL_FIELDS = tuple(
    f"called_early__call__{name}"
    for name in ("created", "ends", "undone_at", "explanation_fi", "explanation_sv", "explanation_en", "url")
)


def _all(db: Database) -> "QuerySet[EarlyReplacement]":
    return db.rows(EarlyReplacement)


def _explanation(fi: str, sv: str, en: str, url: str) -> Explanation:
    explanation = {Language.FI: fi, Language.SV: sv, Language.EN: en} if en else None
    return Explanation(explanation, url or None)


def _write(db: Database, audit: AuditContext, action: str, row: EarlyReplacement) -> None:
    """Write the audit row, with a digest of the certificates' serials.

    It contains no free text.
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
        notice=_explanation(row.explanation_fi, row.explanation_sv, row.explanation_en, row.url),
        serials=tuple(Serial(serial) for serial in row.serials),
        begins=row.created,
        ends=row.ends,
        done_at=row.done_at,
        undone_at=row.undone_at,
        back_at=row.back_at,
        kind=MessageKind(row.kind),
        is_narrowing=row.is_narrowing,
    )
