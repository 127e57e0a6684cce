"""Error pages with the cause and the next step."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from sinetti.eservice.core.context import forget_account, request_id
from sinetti.eservice.ui.components import Link, Links, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for a malformed request (400)."""
    del exception
    title = _("The request could not be understood")
    text = _("Nothing was done. Open the link in our message again.")
    return render_page(request, Page(title, [Text([text])], status=400))


def forbidden(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form without a valid CSRF token (403)."""
    del reason
    page = Page(
        _("The button could not be used"),
        [
            Text(
                [
                    _("Nothing was done. Let your browser accept this site's cookies."),
                    _("Then load the page again and press the button."),
                ]
            )
        ],
        status=403,
    )
    return render_page(request, page)


def too_many(request: HttpRequest) -> HttpResponse:
    """Return the page for too many tries (429)."""
    page = Page(_("Too many tries"), [Text([_("Nothing was done. Wait a few minutes, then try again.")])], status=429)
    return render_page(request, page)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the page for an unknown address (404)."""
    del exception
    text = _(
        "If you came by a link in our message, it may have been cut: copy the whole link into your "
        "browser. Otherwise begin at the first page of the service."
    )
    start = Links([Link(_("To the first page"), reverse("start"))])
    return render_page(request, Page(_("There is no such page"), [Text([text]), start], status=404))


def failed(request: HttpRequest) -> HttpResponse:
    """Return the page for an internal error (500) with the reference of the log entry.

    It makes no database query.
    """
    forget_account(request)
    page = Page(
        _("This cannot be done now"),
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
