"""What clerks of the authority do: each act first asks whether somebody is one, with a second factor."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sinetti.database.common.audit_log import Deed
from sinetti.database.common.row_locks import locked
from sinetti.services.access.permissions import Actor
from sinetti.services.context import Office


class NotStaff(Exception):
    """Somebody is no clerk; or is one, but has not signed in with a second factor (`second_factor`)."""

    def __init__(self, *, second_factor: bool = False) -> None:
        """`second_factor`: signing in with one is all that is lacking."""
        super().__init__("not a clerk")
        self.second_factor = second_factor


def require_staff(actor: Actor) -> None:
    """Let a clerk pass who has signed in with a second factor. Raises NotStaff."""
    if not actor.staff:
        raise NotStaff
    if not actor.second_factor:
        raise NotStaff(second_factor=True)


@contextmanager
def clerk_act(
    actor: Actor, office: Office, request_id: str, about: Collection[str] = (), *, beside: str = ""
) -> Iterator[Deed]:
    """Open the transaction of a clerk's act.

    Locks the account and the organisations (`about`), then checks the clerk's rights again. `beside` is the id of an
    account that is locked, too, such as that of the clerk who proposed.

    Raises NotStaff where the account has been ended or is no clerk's any more, before it was locked or meanwhile.
    """
    require_staff(actor)
    with locked(office.register, actor.user_id, about, beside) as account:
        if not (account.is_active and account.is_staff):
            raise NotStaff
        yield office.deed(actor.name, request_id)


def guarded(actor: Actor, office: Office, request_id: str, beside: str = "") -> Office:
    """Return an office whose every transaction is a `clerk_act`.

    It is for use cases that open transactions of their own.
    """
    require_staff(actor)
    return replace(office, guard=lambda: clerk_act(actor, office, request_id, beside=beside))
