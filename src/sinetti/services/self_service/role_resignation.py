"""Giving up a role: a person their own, a firm's representative one that another organisation gave to the firm."""

from dataclasses import dataclass

from sinetti.database.access import queries, role_assignments
from sinetti.database.access.queries import OwnMandate
from sinetti.database.access.role_assignments import LastSignatory
from sinetti.domain.access.roles import Right
from sinetti.services.access.act_transaction import Act, acting
from sinetti.services.access.permissions import Actor, NotAllowed, Standing, signs_by_outside, standing
from sinetti.services.context import Office

__all__ = ["GivenUp", "LastSignatory", "OwnMandate", "give_up", "own"]


@dataclass(frozen=True, slots=True)
class GivenUp:
    """How many roles were given up, and how many not: the last representative stays."""

    done: int
    kept: int


def own(actor: Actor, who: Standing, office: Office, start: int = 0) -> tuple[OwnMandate, ...]:
    """The roles that somebody has directly, by our own mandates, of the organisations that they may see.

    By the organisation's name, from `start` on: those of a page and one more.
    """
    seen = who.organisations(Right.SEE)
    return queries.mandates_of_user(office.register, actor.user_id, seen, office.now(), start)


def give_up(mandate_ids: tuple[str, ...], office: Office, actor: Actor, request_id: str) -> GivenUp:
    """Give up these roles, at once; those that have ended already are passed over. The other signatories are told.

    Raises NotAllowed at the first that is somebody else's: nothing is given up then.
    """
    who, done, kept = standing(actor, office), 0, 0
    now = office.now()
    holders = [role_assignments.holder_of(office.register, one, now) for one in mandate_ids]
    for holder in holders:
        _theirs(holder, actor, who)
    about = {one.organisation_id for one in holders} | {one.agent_id for one in holders if one.agent_id}
    with acting(about, office, actor, request_id) as act:
        # Each as it is now: by one that was given up before, or by another that has ended, it may be theirs no more.
        for mandate_id in mandate_ids:
            went = _given_up(mandate_id, act, office, actor)
            done, kept = done + bool(went), kept + (went is None)
    return GivenUp(done, kept)


def _given_up(mandate_id: str, act: Act, office: Office, actor: Actor) -> bool | None:
    """Give up one authorisation. Raises NotAllowed.

    Returns False if it has ended, and None if the last signatory must keep it.
    """
    holder = role_assignments.holder_of(office.register, mandate_id, act.deed.at)
    _theirs(holder, actor, act.standing)
    stays = signs_by_outside(holder.organisation_id, actor, office)
    try:
        return role_assignments.withdraw(office.register, mandate_id, act.deed, last_may_go=stays, given_up=True)
    except LastSignatory:
        return None


def _theirs(holder: role_assignments.Holder, actor: Actor, who: Standing) -> None:
    if holder.agent_id:
        who.require(Right.GRANT, holder.agent_id)
    elif holder.user_id != actor.user_id:
        raise NotAllowed(Right.SEE, None)
    elif not holder.ended:
        # By one that was given up before, or whose end has passed, nobody sees anything any more.
        who.require(Right.SEE, holder.organisation_id)
