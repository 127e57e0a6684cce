"""Opt-out page *Not your task any more?* behind a link in a mail.

Opening it changes nothing; its button does.
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.notifications.opt_out import OptOutNotifies, OptOutPage, UnknownLink
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Alert, Button, Form, Severity, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.organisations.email_opt_out import opt_out_page, request_opt_out

_STOP = "stop"
_TITLE = gettext_noop("Not your task any more?")
_NOTIFIES = {
    OptOutNotifies.SIGNATORIES: gettext_noop(
        "We first tell the organisation's representatives, so that they can name another person."
    ),
    OptOutNotifies.CONTACT_PERSON: gettext_noop(
        "We first tell the organisation's contact person, so that another person can be named."
    ),
    OptOutNotifies.OPERATORS: gettext_noop(
        "The organisation has no other person we could tell, so we tell the operator of this service. You "
        "get e-mail until another person is named."
    ),
}
_THEN = gettext_noop("After that we send you no more e-mail. The certificates do not change.")
_ASKED = gettext_noop("Thank you for telling us. You do not need to do anything else.")
_STOPPED = gettext_noop("We send you no more e-mail.")
_NOTHING = gettext_noop("You no longer have any tasks with certificates, so you get no more reminders.")
_UNKNOWN = (
    gettext_noop("The link may be incomplete or too old. Copy the whole link from our message into your browser."),
    gettext_noop("You can also ask the organisation's representative to name another person."),
)


@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest, message_id: str, token: str) -> HttpResponse:
    """Show the effect of the button, or its result."""
    ctx = portal_context(request).ctx
    if request.method == "POST" and request.POST.get("do") == _STOP:
        request_opt_out(message_id, token, ctx, request_id(request))
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    page = opt_out_page(message_id, token, ctx)
    if isinstance(page, UnknownLink):
        title = _("This link does not work")
        return render_page(request, Page(title, [Text([_(one) for one in _UNKNOWN])], status=HTTPStatus.NOT_FOUND))
    return render_page(request, _page(page))


def _page(opt_out_page: OptOutPage) -> Page:
    title = _(_TITLE)
    if opt_out_page.stopped:
        return Page(title, [Alert(_(_STOPPED), Severity.GOOD)])
    if not opt_out_page.notified:
        return Page(title, [Text([_(_NOTHING)])])
    notified = [_(_NOTIFIES[OptOutNotify]) for OptOutNotify in OptOutNotifies if OptOutNotify in opt_out_page.notified]
    then = [_(_THEN)] if opt_out_page.stops else []
    what = Text([*notified, *then])
    if opt_out_page.asked:
        return Page(title, [Alert(_(_ASKED), Severity.GOOD), what])
    return Page(title, [what, Form([], [Button(_("This is not my task any more"), _STOP)])])
