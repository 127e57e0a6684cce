"""Registration of organisations, and their approval for more channels.

Also read-only lists for operators and the test bench.
"""

from collections.abc import Iterator

from sinetti.database.certificates import revocation
from sinetti.database.certificates.revocation import Counts
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import NewOrganisation, OpenOrder, OrganisationInfo
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.values import Channel, IdentifierType, Serial, check_customer_id
from sinetti.services.context import ServiceContext


class ChannelError(ValueError):
    """A channel for which this authority issues no certificates.

    The message lists the channels for which it does.
    """


def register_organisation(
    new: NewOrganisation, ctx: ServiceContext, actor: str, request_id: str
) -> OrganisationInfo | None:
    """Register an organisation; return None if its id is taken.

    Raises CustomerIdError for an id that this kind cannot have, and ChannelError for a channel without a CA.
    """
    check_channels(new.channels, ctx)
    customer_id = check_customer_id(new.customer_id, IdentifierType(new.kind), ctx.environment)
    checked = NewOrganisation(customer_id, new.kind, new.country, new.name, new.language, new.channels)
    with ctx.act(actor, request_id) as audit:
        return organisations.add_organisation(ctx.db, checked, audit)


def approve(customer_id: str, channels: frozenset[Channel], ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Approve an organisation for more channels; False if it does not exist.

    Raises ChannelError.
    """
    check_channels(channels, ctx)
    organisation = organisations.find_organisation(ctx.db, customer_id)
    if organisation is None:
        return False
    if missing := channels - organisation.channels:
        organisations.approve_channels(
            ctx.db, organisation.organisation_id, missing, ctx.audit_entry(actor, request_id)
        )
    return True


def withdraw(customer_id: str, channel: Channel, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Withdraw a channel: no certificate is issued or renewed for it any more.

    Returns False if the organisation does not exist.
    """
    organisation = organisations.find_organisation(ctx.db, customer_id)
    if organisation is None:
        return False
    organisations.withdraw_channel(ctx.db, organisation.organisation_id, channel, ctx.audit_entry(actor, request_id))
    return True


def is_open(customer_id: str, ctx: ServiceContext) -> bool:
    """Return True if the organisation exists and was not closed."""
    organisation = organisations.find_organisation(ctx.db, customer_id)
    return organisation is not None and organisation.open


def close(customer_id: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Close an organisation: no certificate is issued to it any more.

    Returns False if the organisation does not exist.
    """
    organisation = organisations.find_organisation(ctx.db, customer_id)
    if organisation is None:
        return False
    organisations.close_organisation(ctx.db, organisation.organisation_id, ctx.audit_entry(actor, request_id))
    return True


def check_channels(channels: frozenset[Channel], ctx: ServiceContext) -> None:
    """Raise ChannelError unless this authority has a CA for each channel."""
    if missing := channels - ctx.issuing.keys():
        there = ", ".join(sorted(ctx.issuing)) or "none"
        raise ChannelError(f"this authority has no CA for channel {', '.join(sorted(missing))}; it has: {there}")


def certificates(ctx: ServiceContext, customer_id: str | None = None) -> tuple[Certificate, ...]:
    """Return certificates, newest first, of one organisation or of all."""
    return revocation.list_certificates(ctx.db, customer_id)


def in_force(ctx: ServiceContext, channel: Channel) -> Iterator[tuple[Serial, bytes]]:
    """Yield serial and DER of each certificate of a channel that is in force now.

    That is issued, not revoked and not expired.
    """
    return revocation.in_force(ctx.db, channel, ctx.now())


def organisation(ctx: ServiceContext, customer_id: str) -> OrganisationInfo | None:
    """Return the organisation with this id."""
    return organisations.find_organisation(ctx.db, customer_id)


def open_orders(ctx: ServiceContext, customer_id: str | None = None) -> tuple[OpenOrder, ...]:
    """Return orders whose transfer ids are unused, newest first.

    They are those of one organisation, or of all.
    """
    return organisations.list_open_orders(ctx.db, customer_id)


def counts(ctx: ServiceContext) -> Counts:
    """Return the numbers of rows in the database."""
    return revocation.count(ctx.db)
