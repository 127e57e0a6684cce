"""The organisation for which a user acts on the pages, chosen in the header.

The choice narrows lists, the start page and prefilled forms. It gives no permission: it counts only while the user has
a role for the organisation, and each act checks its own permission.
"""

from dataclasses import dataclass

from django.http import HttpRequest

from sinetti.domain.access.roles import Permission
from sinetti.eservice.core.authentication import current_permissions
from sinetti.services.access.permissions import Permissions

REPRESENTED = "represented_organisation"
"""Session key: id of the chosen organisation, absent for all."""


@dataclass(frozen=True)
class Representation:
    """Organisation for which the user acts.

    `customer_id` and `name` are empty if the user acts for all `count` organisations.
    """

    count: int
    customer_id: str = ""
    name: str = ""


def represented(request: HttpRequest) -> str | None:
    """Return the id of the chosen organisation, or of the only one; None for all.

    A choice for which the user no longer has a role is ignored.
    """
    held = current_permissions(request).held
    if len(held) == 1:
        return next(iter(held))
    chosen = request.session.get(REPRESENTED, "") if held else ""
    return chosen if chosen in held else None


def represented_permissions(request: HttpRequest, right: Permission = Permission.SEE) -> Permissions:
    """Return the user's permissions for the chosen organisation, for lists and forms.

    They are all of the user's if the user lacks the right of the page for that organisation. An organisation in the
    address (`organisation`) takes precedence, so links of messages lead where they say.
    """
    permissions, chosen = current_permissions(request), represented(request)
    if chosen is None or request.GET.get("organisation") or not permissions.may(right, chosen):
        return permissions
    return permissions.narrowed(chosen)


def representation(request: HttpRequest) -> Representation | None:
    """Return the organisation in the header; None for users without any.

    It takes no statement, because names are read with the permissions.
    """
    permissions, chosen = current_permissions(request), represented(request)
    if not permissions.held:
        return None
    if chosen is None:
        return Representation(len(permissions.held))
    name = permissions.names[chosen]
    return Representation(len(permissions.held), name.customer_id, name.name)
