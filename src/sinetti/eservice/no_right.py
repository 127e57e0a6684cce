"""Not allowed? Which right is missing, who can give it, and a button that asks for it (docs/mandates.md)."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from sinetti.actions.authority import NotAllowed
from sinetti.actions.staff import NotStaff
from sinetti.eservice.blocks import Text
from sinetti.eservice.rendering import Page, show
from sinetti.eservice.surroundings import language_of
from sinetti.texts.reader import mark, text

_TITLE = mark("You do not have the authorisation for this")
_SECOND = mark("This needs a second factor: sign in with your passkey or a verification code.")
_CLERKS = mark("This page is for clerks of the authority that issues the certificates.")
_WHO = mark("The organisation's representative (for example the managing director) can give it.")


def no_right(request: HttpRequest, lacking: NotAllowed) -> HttpResponse:
    """Say what is lacking; an organisation that is not there reads like one that is somebody else's."""
    language = language_of(request)
    sentence = _SECOND if lacking.second_factor else _WHO
    page = Page(text(_TITLE, language), [Text([text(sentence, language)])], status=HTTPStatus.FORBIDDEN)
    return show(request, page)


def not_staff(request: HttpRequest, lacking: NotStaff) -> HttpResponse:
    """Say that a page is for clerks, and to a clerk what is lacking; whatever it was asked about is not looked at."""
    language = language_of(request)
    sentence = _SECOND if lacking.second_factor else _CLERKS
    return show(request, Page(text(_TITLE, language), [Text([text(sentence, language)])], status=HTTPStatus.FORBIDDEN))
