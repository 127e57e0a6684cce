"""A holder revokes a certificate: what goes with it and what stops is looked at first, at any hour of the day."""

from dataclasses import dataclass

from sinetti.actions import revoke as revoking
from sinetti.actions.acts import guarded
from sinetti.actions.authority import Actor, Standing
from sinetti.actions.objects import may_look
from sinetti.actions.office import Office
from sinetti.actions.revoke import NotRevocable, NotRevocableKind, RevokeAsk
from sinetti.domain.mandates import Right
from sinetti.domain.records import Certificate
from sinetti.domain.revocation import RevocationReason, Revoker, taken_along
from sinetti.domain.use import InUse, use_of
from sinetti.domain.values import Serial, Span
from sinetti.registry import gateways, holding_seen
from sinetti.registry.holding_seen import CertificateSeen

__all__ = ["CertificateSeen", "Going", "NotRevocable", "NotRevocableKind", "look", "revoke", "what_goes"]


@dataclass(frozen=True, slots=True)
class Going:
    """A certificate that would be revoked, and what gateways know of its use."""

    serial: Serial
    span: Span
    use: InUse


def look(serial: Serial, standing: Standing, office: Office) -> CertificateSeen:
    """The certificate. Raises NotAllowed; one that is not there is like one of others."""
    found = holding_seen.find(office.register, serial)
    may_look(Right.REVOKE, None if found is None else found.organisation_id, standing)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def what_goes(seen: CertificateSeen, reason: RevocationReason, standing: Standing, office: Office) -> tuple[Going, ...]:
    """Everything that would be revoked with this certificate for this reason, itself first; what is is left out.

    Raises NotAllowed.
    """
    may_look(Right.REVOKE, seen.organisation_id, standing)
    line = holding_seen.line(office.register, seen.holding_id)
    renewals: dict[Serial, tuple[Serial, ...]] = {}
    for one in line:
        if one.predecessor is not None:
            renewals[one.predecessor] = (*renewals.get(one.predecessor, ()), one.serial)
    spans = {one.serial: one.span for one in line if not one.revoked}
    going = [serial for serial in taken_along(seen.serial, reason, renewals) if serial in spans]
    reports, last = gateways.reports(office.register), gateways.last_seen(office.register, going)
    return tuple(
        Going(serial, spans[serial], use_of(spans[serial].not_before, last.get(serial), reports, office.now()))
        for serial in going
    )


def revoke(
    serial: Serial, reason: RevocationReason, office: Office, actor: Actor, request_id: str
) -> tuple[Certificate, ...]:
    """Revoke it and what goes with it. Raises NotAllowed, and NotRevocable where it was already or for the reason."""
    found = holding_seen.find(office.register, serial)
    organisation_id = None if found is None else found.organisation_id
    for_it = guarded(Right.REVOKE, organisation_id, office, actor, request_id)
    ask = RevokeAsk(serial, reason, Revoker.HOLDER)
    return revoking.revoke(ask, for_it, actor.name, request_id)
