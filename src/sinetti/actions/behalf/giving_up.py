"""Giving up a role: a person their own, a firm's representative one that another organisation gave to the firm."""

from dataclasses import dataclass

from sinetti.actions.authority import Actor, NotAllowed, Standing, signs_by_outside, standing
from sinetti.actions.office import Office
from sinetti.domain.mandates import Right
from sinetti.registry import authorised, mandating
from sinetti.registry.authorised import OwnMandate
from sinetti.registry.mandating import LastSignatory

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
    return authorised.mandates_of_user(office.register, actor.user_id, seen, office.now(), start)


def give_up(mandate_ids: tuple[str, ...], office: Office, actor: Actor, request_id: str) -> GivenUp:
    """Give up these roles, at once; those that have ended already are passed over. The other signatories are told.

    Raises NotAllowed at the first that is somebody else's: nothing is given up then.
    """
    who, done, kept = standing(actor, office), 0, 0
    now = office.now()
    holders = [mandating.holder_of(office.register, one, now) for one in mandate_ids]
    for holder in holders:
        _theirs(holder, actor, who)
    for mandate_id, holder in zip(mandate_ids, holders, strict=True):
        try:
            stays = signs_by_outside(holder.organisation_id, actor, office)
            deed = office.deed(actor.name, request_id)
            done += mandating.withdraw(office.register, mandate_id, deed, last_may_go=stays, given_up=True)
        except LastSignatory:
            kept += 1
    return GivenUp(done, kept)


def _theirs(holder: mandating.Holder, actor: Actor, who: Standing) -> None:
    if holder.agent_id:
        who.require(Right.GRANT, holder.agent_id)
    elif holder.user_id != actor.user_id:
        raise NotAllowed(Right.SEE, None)
    elif not holder.ended:
        # By one that was given up before, or whose end has passed, nobody sees anything any more.
        who.require(Right.SEE, holder.organisation_id)
