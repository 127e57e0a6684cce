"""A holder revokes a certificate: what goes with it and what stops is looked at first, at any hour of the day."""

from dataclasses import dataclass

from sinetti.database.certificates import lineage_view, usage
from sinetti.database.certificates.lineage_view import CertificateSeen
from sinetti.domain.access.roles import Right
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, Revoker, taken_along
from sinetti.domain.usage import InUse, use_of
from sinetti.domain.values import Serial, Span
from sinetti.services.access.act_transaction import guarded
from sinetti.services.access.objects import may_look
from sinetti.services.access.permissions import Actor, Standing
from sinetti.services.context import Office
from sinetti.services.revocation import revoke as revocation_revoke
from sinetti.services.revocation.revoke import NotRevocable, NotRevocableKind, RevokeAsk

__all__ = ["CertificateSeen", "Going", "NotRevocable", "NotRevocableKind", "look", "revoke", "what_goes"]


@dataclass(frozen=True, slots=True)
class Going:
    """A certificate that would be revoked, and what gateways know of its use."""

    serial: Serial
    span: Span
    use: InUse


def look(serial: Serial, standing: Standing, office: Office) -> CertificateSeen:
    """The certificate. Raises NotAllowed; one that is not there is like one of others."""
    found = lineage_view.find(office.register, serial)
    may_look(Right.REVOKE, None if found is None else found.organisation_id, standing)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def what_goes(seen: CertificateSeen, reason: RevocationReason, standing: Standing, office: Office) -> tuple[Going, ...]:
    """Everything that would be revoked with this certificate for this reason, itself first; what is is left out.

    Raises NotAllowed.
    """
    may_look(Right.REVOKE, seen.organisation_id, standing)
    line = lineage_view.line(office.register, seen.holding_id)
    renewals: dict[Serial, tuple[Serial, ...]] = {}
    for one in line:
        if one.predecessor is not None:
            renewals[one.predecessor] = (*renewals.get(one.predecessor, ()), one.serial)
    spans = {one.serial: one.span for one in line if not one.revoked}
    going = [serial for serial in taken_along(seen.serial, reason, renewals) if serial in spans]
    reports, last = usage.reports(office.register), usage.last_seen(office.register, going)
    return tuple(
        Going(serial, spans[serial], use_of(spans[serial].not_before, last.get(serial), reports, office.now()))
        for serial in going
    )


def revoke(
    serial: Serial, reason: RevocationReason, office: Office, actor: Actor, request_id: str
) -> tuple[Certificate, ...]:
    """Revoke it and what goes with it. Raises NotAllowed, and NotRevocable where it was already or for the reason."""
    found = lineage_view.find(office.register, serial)
    organisation_id = None if found is None else found.organisation_id
    for_it = guarded(Right.REVOKE, organisation_id, office, actor, request_id)
    ask = RevokeAsk(serial, reason, Revoker.HOLDER)
    return revocation_revoke.revoke(ask, for_it, actor.name, request_id)
