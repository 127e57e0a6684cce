"""Current actor and permissions, and checks of them.

See docs/e-service/authorisations.md.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from sinetti.domain.access.roles import Permission, Role
from sinetti.eservice.core.context import portal_context
from sinetti.services.access.permissions import Actor, ExternalRole, PermissionDenied, Permissions, load_permissions
from sinetti.services.staff.session import NotStaff, require_staff

OUTSIDE_ROLES = "outside_roles"
"""Session key: pairs of customer id and role that the provider vouched for.

Set at sign-in (eservice/accounts).
"""
STRONG = "strong_sign_in"
"""Session key: the provider's sign-in counts as a second factor."""
VOUCHED_BY = "vouched_for_by"
"""Session key: the id of the provider of the two values above.

They count while the settings have this provider.
"""
_METHODS, _WHOSE = "account_authentication_methods", "account_authentication_methods_user"
"""Session keys: the authentication methods, and the user they belong to (allauth).

A second factor is recorded as "mfa": a TOTP code, a recovery code, or a passkey. The passkey comes after the password,
or replaces it with its own PIN or biometrics. A factor that was set up in this session counts, too
(accounts/signals.py). Records stay if a sign-in began as another user, so the owner is checked.
"""
_ACTOR, _STANDING = "sinetti_actor", "sinetti_standing"

Asked = ParamSpec("Asked")


def current_actor(request: HttpRequest) -> Actor | None:
    """Return the signed-in actor; None for a stranger."""
    if not hasattr(request, _ACTOR):
        setattr(request, _ACTOR, _actor(request))
    actor: Actor | None = getattr(request, _ACTOR)
    return actor


def is_clerk(request: HttpRequest) -> bool:
    """Return True if the user is a clerk with a second factor.

    Pages for clerks exist for no other user.
    """
    actor = current_actor(request)
    try:
        if actor is not None:
            require_staff(actor)
    except NotStaff:
        return False
    return actor is not None


def current_permissions(request: HttpRequest) -> Permissions:
    """Return the permissions of the current user, read once per request.

    A stranger has none. Use them for menus and lists; a use case checks again.
    """
    if not hasattr(request, _STANDING):
        actor = current_actor(request)
        permissions = Permissions({}) if actor is None else load_permissions(actor, portal_context(request).ctx)
        setattr(request, _STANDING, permissions)
    there: Permissions = getattr(request, _STANDING)
    return there


def reset_actor_cache(request: HttpRequest) -> None:
    """Forget the cached actor and permissions after a sign-in or a new proof."""
    for name in (_ACTOR, _STANDING):
        if hasattr(request, name):
            delattr(request, name)


class Detour(HttpResponseRedirect):
    """Redirect to a page that comes first, such as sign-in, and then leads on."""

    def __init__(self, first: str, address: str) -> None:
        """Create the redirect; `first` is the address of the first page."""
        super().__init__(f"{first}?{urlencode({'next': address})}")
        self.first = first


def sign_in(address: str) -> Detour:
    """Return the redirect to the sign-in page, which then leads to an address."""
    return Detour(reverse("account_login"), address)


def login_required(
    view: Callable[Concatenate[HttpRequest, Asked], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Asked], HttpResponseBase]:
    """Require a signed-in user; redirect others to the sign-in page.

    eservice/middleware.py answers for missing permissions and exceeded limits.
    """

    @wraps(view)
    def answer(request: HttpRequest, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponseBase:
        if current_actor(request) is None:
            return sign_in(request.get_full_path())
        return view(request, *args, **named)

    return answer


def missing_permission(right: Permission, permissions: Permissions) -> PermissionDenied:
    """Return the refusal for a right that the user has for no organisation.

    If the user sees exactly one organisation, the refusal names it, so that the user can request the right.
    """
    earlier = permissions.organisations(Permission.SEE) | permissions.waiting
    only = next(iter(earlier)) if len(earlier) == 1 else None
    waits = bool(permissions.waiting) if only is None else only in permissions.waiting
    return PermissionDenied(right, only, second_factor=waits)


def _actor(request: HttpRequest) -> Actor | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    session = request.session
    methods = session.get(_METHODS, ()) if session.get(_WHOSE) == user.pk else ()
    vouches = session.get(VOUCHED_BY)
    counts = vouches is None or portal_context(request).eservice.provider(vouches) is not None
    strong = (counts and bool(session.get(STRONG))) or any(method["method"] == "mfa" for method in methods)
    roles = session.get(OUTSIDE_ROLES, ()) if counts else ()
    outside = tuple(ExternalRole(customer_id, Role(role)) for customer_id, role in roles)
    return Actor(user.pk, strong, outside, user.is_staff)
