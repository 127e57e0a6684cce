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
    lineage = lineage_view.find(ctx.db, serial)
    check_can_view(Permission.REVOKE, None if lineage is None else lineage.organisation_id, permissions)
    assert lineage is not None  # noqa: S101 - without one the right is lacking
    return lineage


def affected_certificates(
    lineage: LineageView, reason: RevocationReason, permissions: Permissions, ctx: ServiceContext
) -> tuple[AffectedCertificate, ...]:
    """Return the certificates that would be revoked for this reason, itself first.

    Revoked ones are left out. Raises PermissionDenied.
    """
    check_can_view(Permission.REVOKE, lineage.organisation_id, permissions)
    line = lineage_view.list_lineage(ctx.db, lineage.lineage_id)
    renewals: dict[Serial, tuple[Serial, ...]] = {}
    for lineage_entry in line:
        if lineage_entry.predecessor is not None:
            renewals[lineage_entry.predecessor] = (*renewals.get(lineage_entry.predecessor, ()), lineage_entry.serial)
    spans = {lineage_entry.serial: lineage_entry.span for lineage_entry in line if not lineage_entry.revoked}
    going = [serial for serial in cascade(lineage.serial, reason, renewals) if serial in spans]
    reports, last = usage.reports(ctx.db), usage.last_seen(ctx.db, going)
    return tuple(
        AffectedCertificate(
            serial, spans[serial], usage_of(spans[serial].not_before, last.get(serial), reports, ctx.now())
        )
        for serial in going
    )


def rehearse(
    lineage: LineageView, reason: RevocationReason, ctx: ServiceContext, actor: Actor, request_id: str
) -> None:
    """Revoke in the database alone, for letters that are shown before.

    Nothing is published or noted in the journal; the caller rolls it back. Raises PermissionDenied.
    """
    with act_on(Permission.REVOKE, lineage.organisation_id, ctx, actor, request_id) as act:
        going = [certificate.serial for certificate in affected_certificates(lineage, reason, act.permissions, ctx)]
        revocation.revoke(ctx.db, lineage.lineage_id, going, (reason, None), act.audit)


def revoke(
    serial: Serial, reason: RevocationReason, ctx: ServiceContext, actor: Actor, request_id: str
) -> tuple[Certificate, ...]:
    """Revoke a certificate and its dependants.

    Raises PermissionDenied, and RevocationError if it is revoked already or the reason is not allowed.
    """
    lineage = lineage_view.find(ctx.db, serial)
    organisation_id = None if lineage is None else lineage.organisation_id
    for_it = guarded(Permission.REVOKE, organisation_id, ctx, actor, request_id)
    ask = RevocationRequest(serial, reason, RevokerRole.HOLDER)
    return revocation_revoke.revoke(ask, for_it, actor.name, request_id)
