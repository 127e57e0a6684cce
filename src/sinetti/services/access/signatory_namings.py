"""Namings of first signatories, which wait, and the organisation's veto.

See docs/e-service/authorisations.md. The link for a veto is made from the server key; the database has its SHA-256.
"""

from collections.abc import Iterable
from datetime import timedelta

from sinetti.database import sql
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.organisations import signatory_namings
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.database.organisations.signatory_namings import NewNaming
from sinetti.domain.access.pending_invitations import NamingView, WaitingRole
from sinetti.domain.access.persons import Identity, is_same_person, merge
from sinetti.domain.link_tokens import VETO, constant_time_equal, link_token, token_hash
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import normalise
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext

__all__ = ["NamingView", "WaitingRole"]

_BY_LINK = "veto-link"
"""Actor in audit rows: the bearer of the link, who has no account."""


def new_naming(ctx: ServiceContext, address: ContactDetails | None = None) -> NewNaming | None:
    """Return a naming for the database; None if this authority sets no time."""
    if not ctx.approvals.signatory_wait:
        return None
    ring = ctx.keyring
    naming_id = ring.new_row_id(SecretPurpose.LINKS, sql.random_id())
    token = link_token(ring.of_row(SecretPurpose.LINKS, naming_id), VETO, naming_id)
    return NewNaming(naming_id, token_hash(token), timedelta(hours=ctx.approvals.signatory_wait), address)


def link_path(naming_id: str, ctx: ServiceContext) -> str:
    """Return the path of the page on which the organisation stops a naming."""
    key = ctx.keyring.of_row(SecretPurpose.LINKS, naming_id)
    return f"/veto/{naming_id}/{link_token(key, VETO, naming_id)}"


def is_other_address(email: str, persons: Iterable[Identity]) -> bool:
    """Return True if an address belongs to none of these persons."""
    return not is_same_person(Identity(addresses=frozenset({email})), merge(persons))


def find_naming(naming_id: str, token: str, ctx: ServiceContext) -> NamingView | None:
    """Return the naming of a link, or None if the link is not one of this service."""
    naming = signatory_namings.find_naming(ctx.db, naming_id)
    wanted = naming.token_sha256 if naming is not None else token_hash(naming_id)
    return naming if constant_time_equal(token_hash(token), wanted) else None


def list_namings(customer_id: str, ctx: ServiceContext) -> tuple[NamingView, ...]:
    """Return the namings of an organisation that the organisation can still stop."""
    return signatory_namings.list_waiting(ctx.db, normalise(customer_id), ctx.now())


def list_own_waiting(actor: Actor, ctx: ServiceContext) -> tuple[WaitingRole, ...]:
    """Return the roles that the user has accepted and that do not count yet."""
    return signatory_namings.list_waiting_of_user(ctx.db, actor.user_id, ctx.now())


def veto(naming_id: str, token: str, operators: Iterable[str], ctx: ServiceContext, request_id: str) -> bool:
    """End a naming that waits, by its link, and inform the operators.

    Returns False if the link is unknown, or the naming no longer waits.
    """
    naming = find_naming(naming_id, token, ctx)
    if naming is None:
        return False
    audit = ctx.audit_entry(_BY_LINK, request_id)
    sentence = (
        f"the organisation {naming.customer_id} stopped the naming of its first representative: find out with it who "
        "asked for the invitation"
    )
    facts = {"finding": "signatory-vetoed", "text": sentence, "once": "yes"}
    letters = [
        NewMessage(
            MessageKind.OPERATOR,
            MessageChannel.EMAIL,
            about=naming_id,
            step="vetoed",
            due=audit.at,
            address=text,
            facts=facts,
        )
        for text in dict.fromkeys(address.casefold() for address in operators)
    ]
    return signatory_namings.veto(ctx.db, naming_id, letters, audit)
