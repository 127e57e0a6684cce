"""One transaction for each act of a representative.

Rows are locked first, then the rights of the actor are read again. A right that was withdrawn before the act could lock
the organisation counts no more. All acts in `actions/behalf` go through here, and take their deed from here
(tests/house/test_acts.py, tests/services/test_withdrawn_meanwhile.py).
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sinetti.database.common.audit_log import Deed
from sinetti.database.common.row_locks import locked
from sinetti.domain.access.roles import Right
from sinetti.services.access.objects import may_act, may_look
from sinetti.services.access.permissions import Actor, NotAllowed, Standing, require, standing, ways
from sinetti.services.context import Office


@dataclass(frozen=True, slots=True)
class Act:
    """An act in progress: its deed, and the rights of the actor under the locks."""

    deed: Deed
    standing: Standing


@contextmanager
def acting(organisation_ids: Collection[str], office: Office, actor: Actor, request_id: str) -> Iterator[Act]:
    """Open the transaction of an act that concerns these organisations, and lock them.

    Organisations through which the actor has a role for them are locked, too, so that neither link is withdrawn
    meanwhile. The caller asks `Act.standing` for the right. Raises NotAllowed where the account has been ended.
    """
    held = {*organisation_ids, *ways(organisation_ids, actor, office)}
    with locked(office.register, actor.user_id, held) as account:
        if not account.is_active:
            raise NotAllowed(Right.SEE, None)
        yield Act(office.deed(actor.name, request_id), standing(actor, office))


@contextmanager
def act_for(right: Right, organisation_id: str, office: Office, actor: Actor, request_id: str) -> Iterator[Act]:
    """Open the transaction of an act on one organisation that needs this right.

    Raises NotAllowed, before anything is locked or after that.
    """
    require(right, organisation_id, actor, office)
    with acting({organisation_id}, office, actor, request_id) as act:
        act.standing.require(right, organisation_id)
        yield act


@contextmanager
def act_on(right: Right, organisation_id: str | None, office: Office, actor: Actor, request_id: str) -> Iterator[Act]:
    """Open the transaction of an act on an object of an organisation.

    `organisation_id` is None where there is no such object. Raises NotAllowed as `may_act` does: an object that is not
    there is like one of others.
    """
    may_act(right, organisation_id, actor, office)
    with acting({organisation_id} if organisation_id else (), office, actor, request_id) as act:
        may_look(right, organisation_id, act.standing)
        yield act


def guarded(right: Right, organisation_id: str | None, office: Office, actor: Actor, request_id: str) -> Office:
    """Return an office whose every transaction is an `act_on`.

    It is for use cases that open transactions of their own. Raises NotAllowed at once where the right is lacking now.
    """
    may_act(right, organisation_id, actor, office)
    return replace(office, guard=lambda: act_on(right, organisation_id, office, actor, request_id))
