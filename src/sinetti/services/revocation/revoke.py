"""Revocation: effective at once for renewal, retrieval and the CRL.

The CRL is published again right away.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sinetti.database.certificates import bulk_revocation, revocation
from sinetti.database.issuance import journal_records, transactions, unregistered
from sinetti.domain.certificates.bulk_revocation import AT_ONCE, BulkRevocationProposal, actor_of
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, cascade, may_use_reason
from sinetti.domain.values import Serial
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import REVOKED
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.issue import note_revoked_or_say
from sinetti.services.status.crl import publish_best_effort
from sinetti.services.status.ocsp import presign_revoked

_SECOND = (
    f"one person may revoke {AT_ONCE} certificates in 24 hours, and this would be more: propose it to officers with "
    "sinetti authority revoke-many --serials FILE"
)


class RevocationErrorKind(StrEnum):
    """Reason against a revocation."""

    UNKNOWN = "unknown"
    ALREADY = "already"
    REASON = "reason"
    SPARED = "spared"
    SECOND = "second"


class RevocationError(ValueError):
    """A revocation that is not possible; the message tells what to do."""

    def __init__(self, kind: RevocationErrorKind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class AlreadyRevoked(RevocationError):
    """Raised if the certificate was revoked before.

    Missing journal entries and publications have been completed.
    """

    def __init__(self) -> None:
        super().__init__(
            RevocationErrorKind.ALREADY,
            "this certificate has already been revoked; the journal has the revocation, and nothing was changed",
        )


@dataclass(frozen=True)
class RevocationRequest:
    """Certificate, reason, compromise date of the key, and renewals to spare.

    With an `officer` it counts for what one person may revoke alone within a day.
    """

    serial: Serial
    reason: RevocationReason
    revoker: RevokerRole = RevokerRole.OPERATOR
    invalidity_date: datetime | None = None
    excluded: Collection[Serial] = ()
    officer: str = ""


def revoke(ask: RevocationRequest, ctx: ServiceContext, actor: str, request_id: str) -> tuple[Certificate, ...]:
    """Revoke a certificate and its dependants; return it first, then the others.

    A key may be found compromised after its certificate was revoked for another reason. Certificates renewed from it
    are then revoked, and the certificate itself stays as it is. For a certificate that the register lacks, nothing is
    returned. Raises RevocationError.
    """
    if unregistered.find_revocation(ctx.db, ask.serial) is None and _revoke_unregistered(ask, ctx, actor, request_id):
        return ()
    lineage_id = _revocable(ask, ctx).lineage.lineage_id
    if ask.officer:
        going = cascade(ask.serial, ask.reason, revocation.renewals(ctx.db, lineage_id), ask.excluded)
        rows = bulk_revocation.select(ctx.db, bulk_revocation.CertificateSelection(serials=tuple(going)))
        if left := tuple(row.serial for row in rows if not row.revoked):
            _count(ask, left, ctx, request_id)
    taken, done = _revoke_all(ask, lineage_id, ctx, (actor, request_id))
    if done:
        ctx.step("revoked")
    return _follow_up(ask.serial, taken, done, ctx.unguarded, request_id)


def _count(ask: RevocationRequest, serials: tuple[Serial, ...], ctx: ServiceContext, request_id: str) -> None:
    """Count revocations for the officer. Raises RevocationError."""
    with ctx.act(actor_of(ask.officer), request_id) as audit:
        new = BulkRevocationProposal("", ask.officer, ask.reason, ask.invalidity_date, serials, audit.at, audit.at)
        if not bulk_revocation.count_single(ctx.db, new, audit):
            raise RevocationError(RevocationErrorKind.SECOND, _SECOND)


def _revoke_unregistered(ask: RevocationRequest, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Revoke a certificate that only a signer knows; False if it is unknown."""

    def note(at: datetime) -> None:
        if ask.officer:
            _count(ask, (ask.serial,), ctx, request_id)
        # As one that a restored database may lose: the comparison with the signer finds it again.
        ctx.journal.append([journal_records.revoked(ask.serial, at, (ask.reason, None), issued=False)])

    with ctx.act(actor, request_id) as audit:
        found = unregistered.revoke(ctx.db, ask.serial, ask.reason, audit, note)
    if found is None:
        return False
    authority, is_new = found
    publish_best_effort(authority, ctx, request_id)
    if not is_new:
        raise AlreadyRevoked
    recorder.count(REVOKED, ask.reason.value)
    return True


def _follow_up(
    serial: Serial, taken: Collection[Serial], done: Collection[Serial], ctx: ServiceContext, request_id: str
) -> tuple[Certificate, ...]:
    """Record and publish revocations. Raises AlreadyRevoked.

    Returns the named certificate first, then the others.
    """
    # The earlier process may have ended, or had no journal, before the entry was written. Only this call completes it.
    note_revoked_or_say({*taken, *done}, ctx)
    named = dict.fromkeys([serial, *(done or taken)])
    rows = [
        certificate for serial in named if (certificate := transactions.find_certificate(ctx.db, serial)) is not None
    ]
    presign_revoked(rows, ctx)
    for authority in {row.authority for row in rows}:
        publish_best_effort(authority, ctx, request_id)
    if not done:
        raise AlreadyRevoked
    return tuple(rows)


def _revoke_all(
    ask: RevocationRequest, lineage_id: str, ctx: ServiceContext, by: tuple[str, str]
) -> tuple[Collection[Serial], Collection[Serial]]:
    """Revoke the certificate and those revoked with it.

    Returns all of them, and those that were not revoked before. `by` is the actor and the request. Each step has its
    own transaction (`ServiceContext.act`).
    """
    done: list[Serial] = []
    while True:
        taken = cascade(ask.serial, ask.reason, revocation.renewals(ctx.db, lineage_id), ask.excluded)
        certificates = [transactions.find_certificate(ctx.db, serial) for serial in taken]
        # Checked first: each revocation changes the lineage's version, which makes concurrent requests start again.
        if all(certificate is None or certificate.revoked for certificate in certificates):
            return taken, done
        # A renewal may be reserved between reading the lineage and revoking it: repeat until none is left.
        # What follows the first step was decided by it: it continues even if the actor loses the right meanwhile.
        with (ctx.unguarded if done else ctx).act(*by) as audit:
            ended = revocation.revoke(ctx.db, lineage_id, taken, (ask.reason, ask.invalidity_date), audit)
        recorder.count(REVOKED, ask.reason.value, by=len(ended))
        done.extend(ended)


def _revocable(ask: RevocationRequest, ctx: ServiceContext) -> Certificate:
    if not may_use_reason(ask.revoker, ask.reason):
        raise RevocationError(
            RevocationErrorKind.REASON, f"the reason {ask.reason} cannot be used for a holder's certificate"
        )
    certificate = transactions.find_certificate(ctx.db, ask.serial)
    if certificate is None:
        raise RevocationError(
            RevocationErrorKind.UNKNOWN,
            "no certificate has this serial number: run sinetti authority status --customer-id ID to "
            "list a customer's certificates",
        )
    _check_spared(ask, certificate, ctx)
    return certificate


def _check_spared(ask: RevocationRequest, certificate: Certificate, ctx: ServiceContext) -> None:
    """Raise RevocationError for a spared serial that would not be revoked.

    A typing error would otherwise revoke the certificate to be spared.
    """
    going = cascade(ask.serial, ask.reason, revocation.renewals(ctx.db, certificate.lineage.lineage_id))
    for serial in ask.excluded:
        if serial == ask.serial or serial not in going:
            raise RevocationError(
                RevocationErrorKind.SPARED,
                f"{serial} cannot be exempted, because it would not be revoked with this certificate; no "
                "certificate was revoked",
            )
