"""Revocation by a call signed with the certificate's own key.

docs/holders/revocation.md describes it.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database.certificates import presented, revocation
from sinetti.database.issuance import transactions
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, cascade
from sinetti.domain.certificates.self_revocation import SelfRevocationResult, decide_self_revocation
from sinetti.domain.values import Serial, Sha256
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.revoke import AlreadyRevoked, RevocationRequest, revoke


@dataclass(frozen=True)
class ClaimedSigner:
    """The certificate that a call claims as its signer, as in the database.

    The signature is not verified yet.
    """

    certificate: Certificate
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class SelfRevocation:
    """Revocation of the certificate, with instant and reason."""

    serial: Serial
    at: datetime
    reason: RevocationReason


def signer_of(named: Sha256 | tuple[tuple[str, ...], Serial], ctx: ServiceContext) -> ClaimedSigner | None:
    """Return the issued certificate with this SHA-256 of its DER, or None.

    Instead of the digest, names of CAs and a serial identify it.
    """
    found = presented.find(ctx.db, named)
    return ClaimedSigner(*found) if found is not None else None


def revoke_own(
    signer: ClaimedSigner, serial: Serial, reason: RevocationReason, ctx: ServiceContext, request_id: str
) -> SelfRevocation | SelfRevocationResult:
    """Revoke the certificate whose signature was verified, if it is the one named.

    Returns the resulting state or the reason against it. A revoked certificate stays as it is; missing journal entries
    and publications are completed. On keyCompromise the certificates renewed from it are revoked too.
    """
    held = signer.certificate
    decision = decide_self_revocation(held, serial, reason, ctx.now())
    if decision not in {SelfRevocationResult.REVOKE, SelfRevocationResult.SAME}:
        return decision
    # For a revoked certificate nothing more is revoked: an officer may have spared its renewals then.
    spared = _spared(held, reason, ctx) if decision is SelfRevocationResult.SAME else ()
    ask = RevocationRequest(held.serial, reason, RevokerRole.HOLDER, excluded=spared)
    with suppress(AlreadyRevoked):
        revoke(ask, ctx, f"certificate:{held.serial}", request_id)
    at, stands = revocation.revocation_of(ctx.db, held.serial)
    # Another caller may have been faster, with another reason.
    return SelfRevocation(held.serial, at, stands) if stands is reason else SelfRevocationResult.ALREADY


def _spared(held: Certificate, reason: RevocationReason, ctx: ServiceContext) -> tuple[Serial, ...]:
    """Return the certificates that would be revoked along now and are not yet."""
    line = revocation.renewals(ctx.db, held.lineage.lineage_id)
    going = cascade(held.serial, reason, line)
    return tuple(serial for serial in going if serial != held.serial and not _revoked(serial, ctx))


def _revoked(serial: Serial, ctx: ServiceContext) -> bool:
    certificate = transactions.find_certificate(ctx.db, serial)
    return certificate is None or certificate.revoked
