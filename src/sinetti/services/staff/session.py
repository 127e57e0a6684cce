"""Staff session: a clerk, the purpose of the access, and the access log.

docs/e-service/clerks.md describes them.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import locked
from sinetti.database.operations import audit_queries
from sinetti.domain.access.access_purpose import AccessJustification, SearchScope, search_digest
from sinetti.domain.certificates.bulk_revocation import officer_of_account
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext


class NotStaff(Exception):
    """Raised if a user is no clerk, or has no second factor (`second_factor`)."""

    def __init__(self, *, second_factor: bool = False) -> None:
        """Create the exception; `second_factor` says that only a second factor is missing."""
        super().__init__("not a clerk")
        self.second_factor = second_factor


def require_staff(actor: Actor) -> None:
    """Raise NotStaff unless the user is a clerk with a second factor."""
    if not actor.staff:
        raise NotStaff
    if not actor.second_factor:
        raise NotStaff(second_factor=True)


@contextmanager
def clerk_act(
    actor: Actor,
    ctx: ServiceContext,
    request_id: str,
    about: Collection[str] = (),
    *,
    beside: str = "",
    is_look: bool = False,
) -> Iterator[AuditContext]:
    """Open the transaction of a clerk's action.

    Locks the account and the organisations (`about`), then checks the clerk's status again. `beside` is the id of
    another account to lock, such as that of the proposing clerk. Raises NotStaff if the account is deactivated or no
    longer a clerk's, and, unless the clerk only looks, if the log does not have the clerk's rights and person like
    this.
    """
    require_staff(actor)
    with locked(ctx.db, actor.user_id, about, beside) as account:
        if not (account.is_active and account.is_staff):
            raise NotStaff
        if not (is_look or ctx.facts.is_proven(ctx.db, f"user:{actor.user_id}", ctx.now())):
            raise NotStaff
        yield ctx.audit_entry(actor.name, request_id)


def guarded(actor: Actor, ctx: ServiceContext, request_id: str, beside: str = "") -> ServiceContext:
    """Return a context whose every transaction is a `clerk_act`.

    For use cases that open transactions of their own.
    """
    require_staff(actor)
    return replace(ctx, guard=lambda: clerk_act(actor, ctx, request_id, beside=beside))


@dataclass(frozen=True)
class StaffSession:
    """A clerk with a second factor and a stated access purpose.

    Its creation raises NotStaff for other users, so use cases that take it need no further check.
    """

    actor: Actor
    looking: AccessJustification
    ctx: ServiceContext
    request_id: str

    def __post_init__(self) -> None:
        """Raise NotStaff unless the user is a clerk with a second factor."""
        require_staff(self.actor)

    @property
    def officer(self) -> str:
        """The clerk's officer id in bulk revocations."""
        return officer_of_account(self.actor.user_id)

    def act(self, about: Collection[str] = (), *, beside: str = "") -> AbstractContextManager[AuditContext]:
        """Open the transaction of an action on these organisations. Raises NotStaff.

        Yields its audit data. `beside` is the id of a second account on which the action depends.
        """
        return clerk_act(self.actor, self.ctx, self.request_id, about, beside=beside)

    @property
    def guarded(self) -> ServiceContext:
        """The context for a use case that opens transactions of its own."""
        return guarded(self.actor, self.ctx, self.request_id)


def log_access(subject: str, clerk: StaffSession) -> None:
    """Log the access to one object, such as `organisation:ID`, before it is shown."""
    with clerk_act(clerk.actor, clerk.ctx, clerk.request_id, is_look=True) as audit:
        audit_queries.note_look(clerk.ctx.db, audit, subject, **_facts(clerk))


def log_search(place: SearchScope, text: str, clerk: StaffSession) -> None:
    """Log a list or a search.

    It stores no input, but its digest under our key.
    """
    key = clerk.ctx.keyring.current(SecretPurpose.SEARCHES).octets
    digest = {"search": search_digest(key, place, text)} if text else {}
    with clerk_act(clerk.actor, clerk.ctx, clerk.request_id, is_look=True) as audit:
        audit_queries.note_look(clerk.ctx.db, audit, f"search:{place}", **_facts(clerk), **digest)


def _facts(clerk: StaffSession) -> dict[str, str]:
    found = {"purpose": clerk.looking.purpose.value}
    return {**found, "case": clerk.looking.case} if clerk.looking.case else found
