"""Page on which an organisation stops the naming of its first representative.

Opening the link changes nothing; its button does (docs/e-service/authorisations.md).
"""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Severity,
    Text,
)
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.signatory_letter import TITLE
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.access.signatory_namings import NamingView, find_naming, veto

_VETO = "veto"
_STOPPED = gettext_noop("The naming has been stopped. This person cannot act for the organisation.")
_TOO_LATE = gettext_noop(
    "It is too late to stop the naming here. If it is not right, contact the certificate service: it can withdraw the "
    "authorisation at once."
)
_ENDED = gettext_noop("The naming has already ended. You do not need to do anything.")
_ASKED = gettext_noop(
    "Stop the naming if the organisation does not want this person to act for it. The certificate service is informed "
    "and finds out who asked for the authorisation."
)
_UNKNOWN = gettext_noop("The link may be incomplete. Copy the whole address from the letter or message.")


@require_http_methods(["GET", "HEAD", "POST"])
def signatory_veto(request: HttpRequest, naming_id: str, token: str) -> HttpResponse:
    """Show the naming; the button stops it."""
    around = portal_context(request)
    if request.method == "POST" and request.POST.get("do") == _VETO:
        veto(naming_id, token, around.terms.operators, around.ctx, request_id(request))
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    naming = find_naming(naming_id, token, around.ctx)
    if naming is None:
        title = _("This link does not work")
        return render_page(request, Page(title, [Text([_(_UNKNOWN)])], status=HTTPStatus.NOT_FOUND))
    title = _(TITLE, organisation=naming.organisation)
    if naming.vetoed_at is not None:
        return render_page(request, Page(title, [Alert(_(_STOPPED), Severity.GOOD)]))
    if not naming.stands:
        return render_page(request, Page(title, [Alert(_(_ENDED))]))
    if around.ctx.now() >= naming.ends_at:
        return render_page(request, Page(title, [Alert(_(_TOO_LATE), Severity.WARNING)]))
    blocks: list[Component] = [
        DescriptionList(naming_values(naming)),
        Text([_(_ASKED)]),
        Form([], [Button(_("Stop the naming"), _VETO, danger=True)]),
    ]
    return render_page(request, Page(title, blocks))


def naming_values(naming: NamingView) -> list[DescriptionItem]:
    """Return the values of a naming that waits."""
    return [
        DescriptionItem(_("Organisation"), f"{naming.organisation}, {naming.customer_id}"),
        DescriptionItem(_("Representative"), f"{naming.name}, {naming.email}"),
        DescriptionItem(_("Named"), format_datetime(naming.created)),
        DescriptionItem(_("Can act from"), format_datetime(naming.ends_at)),
    ]
