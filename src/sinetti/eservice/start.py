"""The first page: what the service is, for somebody who has never heard of it."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.eservice.blocks import Link, Links
from sinetti.eservice.rendering import Page, show
from sinetti.eservice.surroundings import language_of
from sinetti.texts.reader import mark, text

_TITLE = mark("Certificate service")
_WHAT = (
    mark(
        "Organisations get certificates here for their programs. With its certificate a program proves whose data it "
        "sends or asks for over the technical interface."
    ),
    mark(
        "Did you get a message from us? The link in it leads to the page that you need. These pages need no "
        "sign-in, and nobody will ask you for a PIN code by phone."
    ),
    mark("Looking for your organisation's certificate? Ask your software supplier or your technical contact person."),
)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Say what this is."""
    language = language_of(request)
    by_hand = Link(text("Retrieve a certificate in the browser", language), reverse("fetch"))
    told = [text(one, language) for one in _WHAT]
    return show(request, Page(text(_TITLE, language), told, blocks=[Links([by_hand])]))
