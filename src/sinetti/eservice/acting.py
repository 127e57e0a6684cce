"""Who is at the page, what they may do, and what is told to whoever may not (docs/mandates.md)."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sinetti.actions.authority import Actor, NotAllowed, OutsideRole, Standing, standing
from sinetti.actions.staff import NotStaff
from sinetti.domain.mandates import Role
from sinetti.eservice.surroundings import surroundings

OUTSIDE_ROLES = "outside_roles"
"""In a session: pairs of customer id and role that its sign-in vouched for (eservice/accounts)."""
STRONG = "strong_sign_in"
"""In a session: its sign-in was by a provider whose word counts as a second factor."""
_METHODS = "account_authentication_methods"
"""In a session: by which methods somebody proved who they are (django-allauth's)."""
_SAID = "said"
_ACTOR, _STANDING = "sinetti_actor", "sinetti_standing"

Asked = ParamSpec("Asked")


def actor_of(request: HttpRequest) -> Actor | None:
    """Who is signed in; None for a stranger."""
    if not hasattr(request, _ACTOR):
        setattr(request, _ACTOR, _actor(request))
    found: Actor | None = getattr(request, _ACTOR)
    return found


def standing_of(request: HttpRequest) -> Standing:
    """What whoever is signed in may do now, read once for each request; a stranger may do nothing.

    For menus and lists: an act asks anew (`actions.authority.require`).
    """
    if not hasattr(request, _STANDING):
        actor = actor_of(request)
        found = Standing({}) if actor is None else standing(actor, surroundings(request).office)
        setattr(request, _STANDING, found)
    there: Standing = getattr(request, _STANDING)
    return there


def signed_in(
    view: Callable[Concatenate[HttpRequest, Asked], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Asked], HttpResponse]:
    """Make a page one for who is signed in: others sign in first. A right that is lacking is told by a page."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponse:
        if actor_of(request) is None:
            after = {"next": request.get_full_path()} if request.method in {"GET", "HEAD"} else {}
            return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(after)}" if after else "/")
        try:
            return view(request, *args, **named)
        except (NotAllowed, NotStaff) as lacking:
            # Imported here: that page is shown like all others.
            from sinetti.eservice.no_right import no_right, not_staff  # noqa: PLC0415

            return not_staff(request, lacking) if isinstance(lacking, NotStaff) else no_right(request, lacking)

    return answer


def say(request: HttpRequest, sentence: str) -> None:
    """Have the next page of this reader say what was done."""
    request.session[_SAID] = [*request.session.get(_SAID, ()), sentence]


def taken_words(request: HttpRequest) -> list[str]:
    """What is to be said on this page, once. Where there is no session nothing is, and none is made."""
    session = getattr(request, "session", None)
    if session is None or request.method == "HEAD" or _SAID not in session:
        return []
    return list(session.pop(_SAID))


def _actor(request: HttpRequest) -> Actor | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    session = request.session
    methods = session.get(_METHODS, ())
    strong = bool(session.get(STRONG)) or any(
        one.get("method") == "mfa" or one.get("passwordless") for one in methods if isinstance(one, dict)
    )
    outside = tuple(OutsideRole(customer_id, Role(role)) for customer_id, role in session.get(OUTSIDE_ROLES, ()))
    return Actor(user.pk, strong, outside, user.is_staff)
