"""Nobody is to stand in for the technical contact person any more: asked, looked at, and done by a second button."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from sinetti.domain.values import Language
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.orders.common import certificate_values, hidden, person, signed_in_actor, translator
from sinetti.eservice.ui.components import Button, Component, DescriptionItem, DescriptionList, Form, Link, Text
from sinetti.eservice.ui.flash import flash
from sinetti.eservice.ui.links import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import gettext_noop, translate
from sinetti.services.self_service.contacts import LineageView, remove_deputy

ASKS, REMOVES = "no-deputy", "remove"
"""What the two buttons ask for."""
_REMOVE = gettext_noop("Remove the deputy")
_PLACE = hidden("place", "deputy")


def removing(language: Language) -> list[Component]:
    """The button that leads to the look before it."""
    return [Form([_PLACE], [Button(translate(_REMOVE, language), ASKS)], name="no-deputy")]


def ask(request: HttpRequest, seen: LineageView) -> HttpResponse:
    """Show who it is and what it means, with the button that does it: about the one who is shown, and nobody else."""
    language = language_of(request)
    _ = translator(language)
    named = (seen.organisation, seen.customer_id)
    values = certificate_values(seen, named, seen.channel.value, seen.span.not_after, language)
    values.append(DescriptionItem(_("Deputy"), person(seen.deputy, language)))
    told = _(
        "After this nobody stands in for the technical contact person. The deputy is told by e-mail, and gets no more "
        "messages about this certificate."
    )
    shown = hidden("deputy", seen.deputy.email if seen.deputy else "")
    form = Form([_PLACE, shown], [Button(_(_REMOVE), REMOVES, danger=True)])
    back = Link(
        _("Deputy of the technical contact person"), f"{url_or_empty('certificate_contact', seen.serial)}?place=deputy"
    )
    return render_page(
        request, Page(_("Remove the deputy?"), blocks=[DescriptionList(values), Text([told]), form], back=back)
    )


def remove(request: HttpRequest, seen: LineageView) -> HttpResponse:
    """Do it, and say so; somebody else who is the deputy by now stays, and where nobody is nothing is done."""
    language, ctx = language_of(request), portal_context(request).ctx
    email = request.POST.get("deputy", "")
    if seen.deputy is None:
        said = translate("Nothing was changed: it was so already.", language)
    elif remove_deputy(seen.serial, email, ctx, signed_in_actor(request), request_id(request)):
        said = translate("Removed. The deputy of before is told by e-mail.", language)
    else:
        said = translate("Nothing was changed: somebody else is the deputy now.", language)
    flash(request, said)
    return HttpResponseRedirect(url_or_empty("certificate", seen.serial) or request.path, status=HTTPStatus.SEE_OTHER)
