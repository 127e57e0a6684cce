"""Revocation by a user of the organisation, at any hour, after a preview.

The preview shows which certificates are revoked along, and what stops working.
"""

from dataclasses import dataclass

from sinetti.database.certificates import lineage_view, revocation, usage
from sinetti.database.certificates.lineage_view import LineageView
from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, cascade
from sinetti.domain.usage import UsageReport, usage_of
from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.services.access.act_transaction import act_on, guarded
from sinetti.services.access.permissions import Actor, Permissions, check_can_view
from sinetti.services.context import ServiceContext
from sinetti.services.revocation import revoke as revocation_revoke
from sinetti.services.revocation.revoke import RevocationError, RevocationErrorKind, RevocationRequest

__all__ = ["LineageView", "RevocationError", "RevocationErrorKind"]


@dataclass(frozen=True)
class AffectedCertificate:
    """A certificate that would be revoked, and its use as reported by gateways."""

    serial: Serial
    span: ValidityPeriod
    use: UsageReport


def get_for_confirmation(serial: Serial, permissions: Permissions, ctx: ServiceContext) -> LineageView:
    """Return the certificate.

    Raises PermissionDenied, for a missing certificate as for another organisation's.
    """
    found = lineage_view.find(ctx.db, serial)
    check_can_view(Permission.REVOKE, None if found is None else found.organisation_id, permissions)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def affected_certificates(
    seen: LineageView, reason: RevocationReason, permissions: Permissions, ctx: ServiceContext
) -> tuple[AffectedCertificate, ...]:
    """Return the certificates that would be revoked for this reason, itself first.

    Revoked ones are left out. Raises PermissionDenied.
    """
    check_can_view(Permission.REVOKE, seen.organisation_id, permissions)
    line = lineage_view.list_lineage(ctx.db, seen.lineage_id)
    renewals: dict[Serial, tuple[Serial, ...]] = {}
    for one in line:
        if one.predecessor is not None:
            renewals[one.predecessor] = (*renewals.get(one.predecessor, ()), one.serial)
    spans = {one.serial: one.span for one in line if not one.revoked}
    going = [serial for serial in cascade(seen.serial, reason, renewals) if serial in spans]
    reports, last = usage.reports(ctx.db), usage.last_seen(ctx.db, going)
    return tuple(
        AffectedCertificate(
            serial, spans[serial], usage_of(spans[serial].not_before, last.get(serial), reports, ctx.now())
        )
        for serial in going
    )


def rehearse(seen: LineageView, reason: RevocationReason, ctx: ServiceContext, actor: Actor, request_id: str) -> None:
    """Revoke in the database alone, for letters that are shown before.

    Nothing is published or noted in the journal; the caller rolls it back. Raises PermissionDenied.
    """
    with act_on(Permission.REVOKE, seen.organisation_id, ctx, actor, request_id) as act:
        going = [one.serial for one in affected_certificates(seen, reason, act.permissions, ctx)]
        revocation.revoke(ctx.db, seen.lineage_id, going, (reason, None), act.audit)


def revoke(
    serial: Serial, reason: RevocationReason, ctx: ServiceContext, actor: Actor, request_id: str
) -> tuple[Certificate, ...]:
    """Revoke a certificate and its dependants.

    Raises PermissionDenied, and RevocationError if it is revoked already or the reason is not allowed.
    """
    found = lineage_view.find(ctx.db, serial)
    organisation_id = None if found is None else found.organisation_id
    for_it = guarded(Permission.REVOKE, organisation_id, ctx, actor, request_id)
    ask = RevocationRequest(serial, reason, RevokerRole.HOLDER)
    return revocation_revoke.revoke(ask, for_it, actor.name, request_id)
