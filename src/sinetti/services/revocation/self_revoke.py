"""A holder revokes a certificate by a call that its own key signed (docs/revocation-by-holder.md)."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database.certificates import presented, revocation
from sinetti.database.issuance import transactions
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, Revoker, taken_along
from sinetti.domain.certificates.self_revocation import Own, decide_own
from sinetti.domain.values import Serial, Sha256
from sinetti.services.context import Office
from sinetti.services.revocation.revoke import AlreadyRevoked, RevokeAsk, revoke


@dataclass(frozen=True, slots=True)
class Signer:
    """The certificate that a call says it was signed by, as the register knows it. Nothing is proven yet."""

    certificate: Certificate
    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnRevoked:
    """The certificate is revoked: since when, and why."""

    serial: Serial
    at: datetime
    reason: RevocationReason


def signer_of(named: Sha256 | tuple[tuple[str, ...], Serial], office: Office) -> Signer | None:
    """The issued certificate with this SHA-256 of its DER, or of one of these CAs with this serial; or None."""
    found = presented.find(office.register, named)
    return Signer(*found) if found is not None else None


def revoke_own(
    signer: Signer, serial: Serial, reason: RevocationReason, office: Office, request_id: str
) -> OwnRevoked | Own:
    """Revoke the certificate whose signature was proven, if that is what it asks; gives what stands then, or why not.

    What is revoked already stays as it is, and is written down and published where whoever revoked it did not get that
    far. On keyCompromise what was renewed from it goes along, as always.
    """
    held = signer.certificate
    decision = decide_own(held, serial, reason, office.now())
    if decision not in {Own.REVOKE, Own.SAME}:
        return decision
    # Of what was revoked before nothing more goes: it may have been spared then, by somebody who looked.
    spared = _spared(held, reason, office) if decision is Own.SAME else ()
    ask = RevokeAsk(held.serial, reason, Revoker.HOLDER, spared=spared)
    with suppress(AlreadyRevoked):
        revoke(ask, office, f"certificate:{held.serial}", request_id)
    at, stands = revocation.standing(office.register, held.serial)
    # Somebody else may have been faster, for another reason.
    return OwnRevoked(held.serial, at, stands) if stands is reason else Own.ALREADY


def _spared(held: Certificate, reason: RevocationReason, office: Office) -> tuple[Serial, ...]:
    """What would go along now and is not revoked."""
    line = revocation.renewals(office.register, held.holding.holding_id)
    going = taken_along(held.serial, reason, line)
    return tuple(one for one in going if one != held.serial and not _revoked(one, office))


def _revoked(serial: Serial, office: Office) -> bool:
    found = transactions.find_certificate(office.register, serial)
    return found is None or found.revoked
