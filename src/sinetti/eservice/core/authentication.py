"""Who is at the page, what they may do, and what is told to whoever may not (docs/mandates.md)."""

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
"""In a session: pairs of customer id and role that its sign-in vouched for (eservice/accounts)."""
STRONG = "strong_sign_in"
"""In a session: its sign-in was by a provider whose word counts as a second factor."""
VOUCHED_BY = "vouched_for_by"
"""In a session: the id of the provider whose words these two are.

They count while the settings have it.
"""
_METHODS, _WHOSE = "account_authentication_methods", "account_authentication_methods_user"
"""In a session: by which methods somebody proved who they are, and who (django-allauth's). A second factor is noted as
"mfa": a code of an app, a recovery code, a passkey after the password or, with its own PIN or biometrics, instead of
it; and a factor that was set up in this session (accounts/signals.py). Records stay where a sign-in was begun as
somebody else, so that whose they are is looked at."""
_ACTOR, _STANDING = "sinetti_actor", "sinetti_standing"

Asked = ParamSpec("Asked")


def current_actor(request: HttpRequest) -> Actor | None:
    """Who is signed in; None for a stranger."""
    if not hasattr(request, _ACTOR):
        setattr(request, _ACTOR, _actor(request))
    found: Actor | None = getattr(request, _ACTOR)
    return found


def is_clerk(request: HttpRequest) -> bool:
    """Whether a clerk is at the page, with a second factor: for nobody else there are clerks' pages."""
    actor = current_actor(request)
    try:
        if actor is not None:
            require_staff(actor)
    except NotStaff:
        return False
    return actor is not None


def current_permissions(request: HttpRequest) -> Permissions:
    """What whoever is signed in may do now, read once for each request; a stranger may do nothing.

    For menus and lists: an act asks anew (`permissions.require_permission`).
    """
    if not hasattr(request, _STANDING):
        actor = current_actor(request)
        found = Permissions({}) if actor is None else load_permissions(actor, portal_context(request).ctx)
        setattr(request, _STANDING, found)
    there: Permissions = getattr(request, _STANDING)
    return there


def reset_actor_cache(request: HttpRequest) -> None:
    """Have who is signed in looked up anew: they just signed in, or proved more."""
    for name in (_ACTOR, _STANDING):
        if hasattr(request, name):
            delattr(request, name)


def login_required(
    view: Callable[Concatenate[HttpRequest, Asked], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Asked], HttpResponseBase]:
    """Require a signed-in user; others are sent to the sign-in page.

    eservice/middleware.py answers for missing permissions and exceeded limits.
    """

    @wraps(view)
    def answer(request: HttpRequest, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponseBase:
        if current_actor(request) is None:
            after = {"next": request.get_full_path()} if request.method in {"GET", "HEAD"} else {}
            return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(after)}" if after else reverse("start"))
        return view(request, *args, **named)

    return answer


def missing_permission(right: Permission, permissions: Permissions) -> PermissionDenied:
    """Make the refusal for a right that somebody has for no organisation.

    It names the organisation that they see, if it is one, so that it can be asked for the right.
    """
    seen = permissions.organisations(Permission.SEE) | permissions.waiting
    only = next(iter(seen)) if len(seen) == 1 else None
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
    strong = (counts and bool(session.get(STRONG))) or any(one["method"] == "mfa" for one in methods)
    roles = session.get(OUTSIDE_ROLES, ()) if counts else ()
    outside = tuple(ExternalRole(customer_id, Role(role)) for customer_id, role in roles)
    return Actor(user.pk, strong, outside, user.is_staff)
