"""Looking without changing: lists for operators and the bench."""

from collections.abc import Iterator

from sinetti.actions.office import Office
from sinetti.domain.records import Certificate
from sinetti.domain.values import Channel, Serial
from sinetti.registry import parties, revoking
from sinetti.registry.parties import OpenOrder, OrganisationFound
from sinetti.registry.revoking import Counts


def certificates(office: Office, customer_id: str | None = None) -> tuple[Certificate, ...]:
    """Certificates, newest first, of one organisation or of all."""
    return revoking.list_certificates(office.register, customer_id)


def in_force(office: Office, channel: Channel) -> Iterator[tuple[Serial, bytes]]:
    """Serial and DER of each certificate of a channel that is issued, not revoked and not at its end now."""
    return revoking.in_force(office.register, channel, office.now())


def organisation(office: Office, customer_id: str) -> OrganisationFound | None:
    """The organisation with this id."""
    return parties.find_organisation(office.register, customer_id)


def open_orders(office: Office, customer_id: str | None = None) -> tuple[OpenOrder, ...]:
    """Orders whose transfer ids were not used yet, newest first, of one organisation or of all."""
    return parties.list_open_orders(office.register, customer_id)


def counts(office: Office) -> Counts:
    """How much the register holds."""
    return revoking.count(office.register)
