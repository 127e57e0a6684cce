"""May they, for the organisation of this very object? What is not there and what is others' are refused alike."""

from sinetti.domain.access.roles import Held, Right
from sinetti.services.access.permissions import Actor, NotAllowed, Standing, require, standing
from sinetti.services.context import Office


def may_look(right: Right, organisation_id: str | None, now: Standing) -> None:
    """Raise NotAllowed where this right is lacking; for pages that only show.

    Of an organisation whose certificates they may not even see nothing is told, not even that it is there.
    """
    if organisation_id is None or not now.may(right, organisation_id):
        raise _refused(right, organisation_id, now)


def may_act(right: Right, organisation_id: str | None, actor: Actor, office: Office) -> Held:
    """Ask the register, before an act. Raises NotAllowed as `may_look` does."""
    if organisation_id is None:
        raise NotAllowed(right, None)
    try:
        return require(right, organisation_id, actor, office)
    except NotAllowed:
        raise _refused(right, organisation_id, standing(actor, office)) from None


def _refused(right: Right, organisation_id: str | None, now: Standing) -> NotAllowed:
    waiting = organisation_id in now.waiting
    seen = organisation_id is not None and now.may(Right.SEE, organisation_id)
    return NotAllowed(right, organisation_id if waiting or seen else None, second_factor=waiting)
