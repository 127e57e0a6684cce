"""Error pages with the cause and the next step."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sinetti.eservice.core.context import forget_account, request_id
from sinetti.eservice.ui.components import Link, Links, Text
from sinetti.eservice.ui.draft_store import KEEPS, keep_unsent
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for a malformed request (400)."""
    del exception
    title = _("We could not process the request")
    text = _("Nothing was done. Go back and try again. If you followed a link in our message, open it again.")
    return render_page(request, Page(title, [Text([text])], status=400))


def forbidden(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form without a valid CSRF token (403).

    A form of an old page of ours leads back to a new one with its values, and does nothing. Only our pages have the
    statement of a form, and only browsers that say so prove that such a page sent it.
    """
    del reason
    match = request.resolver_match
    if match is not None and hasattr(match.func, KEEPS) and request.headers.get("Sec-Fetch-Site") == "same-origin":
        kept = keep_unsent(request)
        if kept is not None:
            return HttpResponseRedirect(kept.address, status=HTTPStatus.SEE_OTHER)
    page = Page(
        _("The form could not be sent"),
        [
            Text(
                [
                    _("Nothing was done. Allow this site's cookies in your browser."),
                    _("Then reload the page and send the form again."),
                ]
            )
        ],
        status=403,
    )
    return render_page(request, page)


def too_many(request: HttpRequest) -> HttpResponse:
    """Return the page for too many tries (429)."""
    page = Page(
        _("Too many attempts"), [Text([_("Nothing was done. Wait a few minutes, then try again.")])], status=429
    )
    return render_page(request, page)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for an unknown address (404)."""
    del exception
    text = _(
        "If you followed a link in our message, it may have been cut. Copy the whole link into your "
        "browser. Otherwise start from the home page."
    )
    start = Links([Link(_("Go to the home page"), reverse("start"))])
    return render_page(request, Page(_("Page not found"), [Text([text]), start], status=404))


def failed(request: HttpRequest) -> HttpResponse:
    """Return the page for an internal error (500) with the reference of the log entry.

    It makes no database query.
    """
    forget_account(request)
    page = Page(
        _("Something went wrong"),
        [
            Text(
                [
                    _("The fault is ours. Try again in a few minutes."),
                    _("Reference: {reference}", reference=request_id(request)),
                ]
            )
        ],
        final=True,  # links would query the database
        status=500,
    )
    return render_page(request, page)
