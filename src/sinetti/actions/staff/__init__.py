"""What clerks of the authority do: each act first asks whether somebody is one, with a second factor."""

from sinetti.actions.authority import Actor


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
