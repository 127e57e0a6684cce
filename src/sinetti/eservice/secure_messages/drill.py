"""Page behind the link of a drill's message: the reader confirms that it arrived.

Opening it changes nothing, because mail scanners follow links; its button records the answer. It shows no data.
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import Alert, Button, Form, Severity, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.revocation.drills import answer_drill, is_answerable

_ARRIVED = "arrived"
_TITLE = gettext_noop("Exercise: did the message reach you?")
_WHAT = gettext_noop(
    "The button records that our message arrived. It changes no certificate and opens nothing. This was an exercise, "
    "so no other action is needed."
)
_THANKS = gettext_noop("Thank you. We have recorded that the message reached you. No other action is needed.")
_UNKNOWN = gettext_noop(
    "The link may be incomplete or too old. Copy the whole link from our message into your browser. The exercise needs "
    "no other action."
)


@require_http_methods(["GET", "HEAD", "POST"])
def drill_answer(request: HttpRequest, message_id: str, token: str) -> HttpResponse:
    """Show the button that confirms a message, or its result."""
    ctx = portal_context(request).ctx
    if request.method == "POST" and request.POST.get("do") == _ARRIVED:
        answer_drill(message_id, token, ctx)
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    is_open = is_answerable(message_id, token, ctx)
    if is_open is None:
        title = _("This link does not work")
        return render_page(request, Page(title, [Text([_(_UNKNOWN)])], status=HTTPStatus.NOT_FOUND))
    if not is_open:
        return render_page(request, Page(_(_TITLE), [Alert(_(_THANKS), Severity.GOOD)]))
    button = Button(_("The message reached me"), _ARRIVED)
    return render_page(request, Page(_(_TITLE), [Text([_(_WHAT)]), Form([], [button])]))
