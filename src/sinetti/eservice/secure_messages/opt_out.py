"""*Not your task any more?*: the page behind that link, and its button. Opening it changes nothing."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.notifications.opt_out import StopPage, Tells, Unknown
from sinetti.domain.values import Language
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Button, Form, Notice, Text, Tone
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import mark, text
from sinetti.services.organisations.email_opt_out import ask_to_stop, stop_page

_STOP = "stop"
_TITLE = mark("Not your task any more?")
_TOLD = {
    Tells.SIGNATORIES: mark("The organisation's representatives are told first, so that they can name somebody else."),
    Tells.CONTACT_PERSON: mark("The organisation's contact person is told first, so that somebody else can be named."),
    Tells.OPERATORS: mark(
        "The organisation has nobody else whom we could tell, so those who run this service are told. Mail to you "
        "goes on until somebody else is named."
    ),
}
_THEN = mark("After that no more mail goes to your address. The certificates themselves stay as they are.")
_ASKED = mark("You have told us. Thank you: you need not do anything more.")
_STOPPED = mark("No more mail goes to your address.")
_NOTHING = mark("You are not named for any task with certificates any more, so no more reminders come to you.")
_UNKNOWN = (
    mark("Perhaps it is not whole, or it is too old. Copy the whole link from our message into your browser."),
    mark("You can also ask the organisation's representative to name somebody else."),
)


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, message_id: str, token: str) -> HttpResponse:
    """Say what the button does, or what has come of it."""
    office, language = surroundings(request).office, language_of(request)
    if request.method == "POST" and request.POST.get("do") == _STOP:
        ask_to_stop(message_id, token, office, request_id(request))
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    found = stop_page(message_id, token, office)
    if isinstance(found, Unknown):
        title = text("This link does not work", language)
        return show(
            request, Page(title, [Text([text(one, language) for one in _UNKNOWN])], status=HTTPStatus.NOT_FOUND)
        )
    return show(request, _page(found, language))


def _page(found: StopPage, language: Language) -> Page:
    title = text(_TITLE, language)
    if found.stopped:
        return Page(title, [Notice(text(_STOPPED, language), Tone.GOOD)])
    if not found.told:
        return Page(title, [Text([text(_NOTHING, language)])])
    told = [text(_TOLD[one], language) for one in Tells if one in found.told]
    then = [text(_THEN, language)] if found.stops else []
    what = Text([*told, *then])
    if found.asked:
        return Page(title, [Notice(text(_ASKED, language), Tone.GOOD), what])
    return Page(title, [what, Form([], [Button(text("This is not my task any more", language), _STOP)])])
