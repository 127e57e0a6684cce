"""First page for clerks, and the purpose of their access."""

from collections.abc import Mapping
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.access.access_purpose import AccessJustification, AccessPurpose
from sinetti.domain.organisations.applications import read_case_number
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.staff.common import CASE, PURPOSE, current_purpose, require_staff, safe_next, show_page
from sinetti.eservice.ui.components import Alert, Button, DescriptionItem, DescriptionList, Link, Links, Text
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.staff_labels import PURPOSES
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.access.permissions import Actor
from sinetti.services.staff import applications, bulk_revocations, organisations
from sinetti.services.staff.session import StaffSession

_PAGES: Mapping[str, str] = {
    "staff_applications": gettext_noop("Applications for the technical interface"),
    "staff_organisations": gettext_noop("Organisations"),
    "staff_invitations": gettext_noop("Invitations of representatives"),
    "staff_certificates": gettext_noop("Certificates"),
    "staff_revocations": gettext_noop("Revoke several certificates"),
    "staff_outbox": gettext_noop("Outbox"),
    "staff_audit": gettext_noop("Audit log"),
}


class PurposeForm(PortalForm):
    """Form for the purpose of access."""

    purpose = forms.ChoiceField(
        label=gettext_noop("What do you need the information for?"),
        choices=[
            ("", gettext_noop("Choose")),
            *((one.value, PURPOSES[one]) for one in AccessPurpose),
        ],  # the clerk must choose one
    )
    case = forms.CharField(
        label=gettext_noop("Case number (optional)"),
        help_text=gettext_noop("For example SI-7K3M2-Q9PXW. Enter only a case number."),
        required=False,
        max_length=20,
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_case(self) -> str:
        """Return a case number as stored, or the empty text."""
        typed = str(self.cleaned_data["case"])
        found = read_case_number(typed)
        if typed.strip() and found is None:
            self.refuse(
                "case",
                gettext_noop("A case number looks like SI-7K3M2-Q9PXW. Leave this field empty if there is none."),
            )
        return found or ""


@require_staff
@require_safe
def staff_home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the tasks. The page contains no personal data, so it needs no purpose."""
    looking = current_purpose(request)
    links = Links([Link(_(name), reverse(page)) for page, name in _PAGES.items()])
    if looking is None:
        asked = Alert(
            _("State the purpose before you view personal data. It is recorded with everything that you view."),
            links=[Link(_("State the purpose"), reverse("staff_purpose"))],
        )
        return render_page(request, Page(_("Clerk's pages"), blocks=[asked, links], wide=True))
    clerk = StaffSession(actor, looking, portal_context(request).ctx, request_id(request))
    waits = DescriptionList(
        [
            DescriptionItem(
                _("Applications awaiting a decision"),
                str(applications.count_open(clerk)),
                link=reverse("staff_applications"),
            ),
            DescriptionItem(
                _("Revocations awaiting a second clerk"),
                str(bulk_revocations.count_waiting(clerk)),
                link=reverse("staff_revocations"),
            ),
            DescriptionItem(
                _("Changes to organisations awaiting a second clerk"),
                str(organisations.count_proposed(clerk)),
                link=reverse("staff_loads"),
            ),
        ]
    )
    return show_page(request, _("Clerk's pages"), [waits, links])


@keeps_typed(replays=False)
@require_staff
@require_http_methods(["GET", "HEAD", "POST"])
def purpose(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Choose a purpose from a closed list, for the session or until it is changed."""
    if request.method == "POST":
        form = PurposeForm(request.POST)
        if form.is_valid():
            request.session[PURPOSE], request.session[CASE] = form.cleaned_data["purpose"], form.cleaned_data["case"]
            messages.info(request, _("Purpose saved. It is recorded with everything that you view."))
            return HttpResponseRedirect(safe_next(form.cleaned_data["next"]), status=HTTPStatus.SEE_OTHER)
    else:
        form = _form(request, current_purpose(request))
    explained = Text(
        [
            _(
                "Each page and search is recorded in the audit log with your account and this purpose. "
                "View only what your task requires."
            )
        ]
    )
    button = Button(_("Continue"), "go")
    return render_page(
        request,
        Page(_("Purpose of access"), blocks=[explained, form.as_component(button)], wide=True),
    )


def _form(request: HttpRequest, looking: AccessJustification | None) -> PurposeForm:
    there = {"purpose": looking.purpose.value, "case": looking.case} if looking else {}
    return PurposeForm(initial={**there, "next": request.GET.get("next", "")})
