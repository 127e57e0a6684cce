"""Looking without changing: lists for operators and the bench."""

from collections.abc import Iterator

from sinetti.database.certificates import revocation
from sinetti.database.certificates.revocation import Counts
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import OpenOrder, OrganisationInfo
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.values import Channel, Serial
from sinetti.services.context import ServiceContext


def certificates(ctx: ServiceContext, customer_id: str | None = None) -> tuple[Certificate, ...]:
    """Certificates, newest first, of one organisation or of all."""
    return revocation.list_certificates(ctx.db, customer_id)


def in_force(ctx: ServiceContext, channel: Channel) -> Iterator[tuple[Serial, bytes]]:
    """Serial and DER of each certificate of a channel that is issued, not revoked and not at its end now."""
    return revocation.in_force(ctx.db, channel, ctx.now())


def organisation(ctx: ServiceContext, customer_id: str) -> OrganisationInfo | None:
    """The organisation with this id."""
    return organisations.find_organisation(ctx.db, customer_id)


def open_orders(ctx: ServiceContext, customer_id: str | None = None) -> tuple[OpenOrder, ...]:
    """Orders whose transfer ids were not used yet, newest first, of one organisation or of all."""
    return organisations.list_open_orders(ctx.db, customer_id)


def counts(ctx: ServiceContext) -> Counts:
    """How much the register holds."""
    return revocation.count(ctx.db)
