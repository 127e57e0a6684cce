"""Organisations for clerks: search, add, rename, end."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange, RowErrorKind
from sinetti.domain.validation import LONGEST_ORGANISATION, ValidationError, check_country, check_text
from sinetti.domain.values import CustomerIdError, IdentifierType, Language
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_check, show_page, staff_view
from sinetti.eservice.ui.acts import Confirmation, check_of, is_step
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Link,
    Links,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.i18n.staff_labels import CHANNELS, KINDS, SLIPS
from sinetti.i18n.translate import LANGUAGES, _, format_datetime, gettext_noop
from sinetti.services.staff import organisations
from sinetti.services.staff.organisations import (
    AlterResult,
    EndReach,
    NewOrganisation,
    OrganisationListItem,
    OrganisationNotFound,
)
from sinetti.services.staff.session import StaffSession

END = "end"
"""Value of the button that ends an organisation."""
_MOVED = gettext_noop(
    "The organisation has changed since you opened this page. Nothing was done. Check the details again."
)


class OrganisationSearchForm(PortalForm):
    """Search form for organisations."""

    text = forms.CharField(
        label=gettext_noop("ID or name"),
        help_text=gettext_noop("Part of the ID or name. Leave empty to list all."),
        required=False,
        max_length=LONGEST_ORGANISATION,
    )


class NameForm(PortalForm):
    """Form for a new name or language of an organisation."""

    name = forms.CharField(label=gettext_noop("Name"), max_length=LONGEST_ORGANISATION)
    spoken = forms.ChoiceField(label=gettext_noop("Language of messages"), choices=LANGUAGE_CHOICES)

    def clean_name(self) -> str:
        """Return the name as stored."""
        try:
            return check_text("name", str(self.cleaned_data["name"]), LONGEST_ORGANISATION)
        except ValidationError:
            self.refuse("name", SLIPS[RowErrorKind.NAME])
            return ""


class NewForm(NameForm):
    """Form for a new organisation."""

    customer_id = forms.CharField(label=gettext_noop("ID"), max_length=30)
    kind = forms.ChoiceField(
        label=gettext_noop("Type of ID"), choices=[(one.value, KINDS[one]) for one in IdentifierType]
    )
    country = forms.CharField(
        label=gettext_noop("Country"),
        help_text=gettext_noop("Two letters, for example FI."),
        initial="FI",
        max_length=2,
    )
    field_order = ("customer_id", "kind", "country", "name", "spoken")

    def clean_country(self) -> str:
        """Return the country in two capital letters."""
        try:
            return check_country("country", str(self.cleaned_data["country"]).strip().upper())
        except ValidationError:
            self.refuse("country", SLIPS[RowErrorKind.COUNTRY])
            return ""


@staff_view
@require_safe
def organisation_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List organisations by name, in pages."""
    form = OrganisationSearchForm(request.GET if "text" in request.GET else None)
    asked = form.cleaned_data["text"] if form.is_bound and form.is_valid() else ""
    number = page_number(request)
    rows = organisations.search(asked.strip(), (number - 1) * A_PAGE, A_PAGE + 1, clerk)
    table = Table(
        _("Organisations"),
        [_("Name"), _("ID"), _("Type"), _("State")],
        [
            [
                Cell(row.name, reverse("staff_organisation", args=[row.organisation_id])),
                row.customer_id,
                _(KINDS[row.kind]),
                _("active") if row.closed_at is None else _("ended"),
            ]
            for row in rows[:A_PAGE]
        ],
        _("No results."),
    )
    links = Links(
        [
            Link(_("Add an organisation"), reverse("staff_organisation_new"), button=True),
            Link(_("Import from a file"), reverse("staff_loads"), button=True),
        ]
    )
    blocks: list[Component] = [form.as_component(Button(_("Search")), search=True), links, table]
    blocks.append(pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE))
    return show_page(request, _("Organisations"), blocks)


@keeps_typed(acts=("add",))
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_create(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Add one organisation; its application approves channels."""
    form = NewForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        asked = NewOrganisation(
            values["customer_id"],
            IdentifierType(values["kind"]),
            values["country"],
            values["name"],
            Language(values["spoken"]),
            frozenset(),
        )
        try:
            made = organisations.add(asked, clerk)
        except CustomerIdError:
            form.refuse("customer_id", SLIPS[RowErrorKind.ID])
        else:
            if made is not None:
                messages.info(
                    request,
                    _("Organisation added. Now invite its representative, who can apply for the technical interface."),
                )
                return redirect_to("staff_organisation", made.organisation_id)
            form.refuse(
                "customer_id", gettext_noop("The register already has an organisation with this ID. Search for it.")
            )
    blocks: list[Component] = [
        Text(
            [
                _(
                    "The organisation's representative applies for the technical interface. The channels are approved "
                    "in that application."
                )
            ]
        ),
        form.as_component(Button(_("Add the organisation"), "add")),
    ]
    return show_page(request, _("Add an organisation"), blocks, _back())


@keeps_typed(acts=("save", "end"))
@proves_again("save", "end")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_detail(request: HttpRequest, clerk: StaffSession, organisation_id: str) -> HttpResponse:
    """Show one organisation; rename or end it."""
    try:
        organisation = organisations.organisation(organisation_id, clerk)
    except OrganisationNotFound:
        return not_found(request)
    saved = request.method == "POST" and request.POST.get("do") == "save"
    form = NameForm(
        request.POST if saved else None, initial={"name": organisation.name, "spoken": organisation.language.value}
    )
    blocks: list[Component] = []
    if organisation.closed_at is None and is_step(request, END):
        return _end(request, organisation, clerk)
    if organisation.closed_at is None and saved:
        change = _asked(organisation, form)
        if change is not None:
            if (answer := _alter(request, clerk, organisation_id, change)) is not None:
                return answer
            blocks.append(Alert(_(_MOVED), Severity.ERROR))
    blocks += [_values(organisation), Links(_ways(organisation))]
    if organisation.closed_at is None:
        blocks += _changing(clerk, form)
    return show_page(request, organisation.name, blocks, _back())


def _alter(
    request: HttpRequest, clerk: StaffSession, organisation_id: str, change: ImportChange
) -> HttpResponse | None:
    """Make or propose a change, and redirect.

    Returns None if the organisation has changed meanwhile.
    """
    match organisations.alter(organisation_id, change, clerk):
        case AlterResult.MOVED:
            return None
        case AlterResult.DONE:
            messages.info(request, _("The organisation has ended.") if change.kind is ChangeKind.END else _("Saved."))
            return redirect_to("staff_organisation", organisation_id)
        case AlterResult.SECOND_CLERK:
            proposed = organisations.propose_change(organisation_id, change, clerk)
            return None if proposed is None else redirect_to("staff_load", proposed)


def _changing(clerk: StaffSession, form: NameForm) -> list[Component]:
    """Show the forms for a new name or language, and for the end."""
    named = Text([_("The new name appears in certificates issued or renewed after the change.")])
    save = form.as_component(Button(_("Save name and language"), "save"))
    blocks: list[Component] = []
    if organisations.needs_second(TwoPersonAct.ORGANISATION_NAME, clerk):
        blocks.append(Alert(_("A second clerk must confirm a new name. A new language counts at once.")))
    return [
        *blocks,
        Section(_("New name or language"), [named, save]),
        Section(_("End of the organisation"), _ending()),
    ]


def _asked(organisation: OrganisationListItem, form: NameForm) -> ImportChange | None:
    """Return the requested change; None if the form is invalid."""
    if not form.is_valid():
        return None
    return _change(organisation, ChangeKind.CHANGE, (form.cleaned_data["name"], form.cleaned_data["spoken"]))


def _change(organisation: OrganisationListItem, kind: ChangeKind, after: tuple[str, str]) -> ImportChange:
    before = (organisation.name, organisation.language.value)
    return ImportChange(
        0,
        kind,
        organisation.customer_id,
        organisation.kind,
        organisation.country,
        before[0],
        after[0],
        before[1],
        after[1],
    )


def _end(request: HttpRequest, organisation: OrganisationListItem, clerk: StaffSession) -> HttpResponse:
    """Show the reach of the end of an organisation; end it, or propose it."""
    reach = organisations.count_reach(organisation.organisation_id, clerk)
    second = organisations.needs_second(TwoPersonAct.ORGANISATION_END, clerk)
    once = Confirmation(
        request, END, organisation.organisation_id, organisation.name, organisation.language, reach, second
    )
    if once.is_given:
        change = _change(organisation, ChangeKind.END, (organisation.name, organisation.language.value))
        if (answer := _alter(request, clerk, organisation.organisation_id, change)) is not None:
            return answer
    press = _("Propose the end of the organisation") if second else _("End the organisation permanently")
    page = check_page(
        _("End the organisation {name}?", name=organisation.name),
        Form(once.fields, [Button(press, END, danger=True)]),
        summary=_reach_items(organisation, reach),
        effects=[
            _(
                "The end cannot be undone. The organisation gets no more certificates, and users can no longer act "
                "for it."
            ),
            _("Its certificates stay valid until they are revoked. You can revoke them on the next page."),
            *([_("A second clerk must confirm this. Nothing ends before that.")] if second else []),
        ],
        letters=(),
        blocks=[Alert(_(_MOVED), Severity.ERROR)] if once.was_pressed else [],
        back=Link(organisation.name, reverse("staff_organisation", args=[organisation.organisation_id])),
    )
    return show_check(request, page)


def _reach_items(organisation: OrganisationListItem, reach: EndReach) -> list[DescriptionItem]:
    served = _("Reports of about {count} other organisations are sent with them", count=reach.served)
    certificates = f"{reach.certificates}. {served}" if reach.served else str(reach.certificates)
    return [
        DescriptionItem(_("Organisation"), f"{organisation.name}, {organisation.customer_id}"),
        DescriptionItem(_("Valid certificates"), certificates),
        DescriptionItem(_("Open orders that can no longer be used"), str(reach.orders)),
        DescriptionItem(_("People who can no longer act for it"), str(reach.people)),
        DescriptionItem(_("Firms that can no longer act for it"), str(reach.firms)),
        DescriptionItem(_("Organisations for which it can no longer act"), str(reach.clients)),
    ]


def _ending() -> list[Component]:
    explanation = _(
        "An ended organisation gets no more certificates, and users can no longer act for it. This cannot "
        "be undone. Its certificates stay valid until they are revoked."
    )
    return [Text([explanation]), Form((), [Button(_("End the organisation"), check_of(END), danger=True)])]


def _ways(organisation: OrganisationListItem) -> list[Link]:
    ways = [
        Link(_("The organisation's certificates"), f"{reverse('staff_certificates')}?text={organisation.customer_id}")
    ]
    ways.append(
        Link(
            _("Revoke the organisation's certificates"),
            f"{reverse('staff_revocation_new')}?organisation={organisation.customer_id}",
        )
    )
    if organisation.closed_at is None:
        ways.append(
            Link(
                _("Invite a representative"), f"{reverse('staff_invitations')}?organisation={organisation.customer_id}"
            )
        )
    return [*ways, Link(_("Audit log"), f"{reverse('staff_audit')}?object=organisation:{organisation.organisation_id}")]


def _values(organisation: OrganisationListItem) -> DescriptionList:
    rows = [
        DescriptionItem(_("ID"), organisation.customer_id),
        DescriptionItem(_("Type"), _(KINDS[organisation.kind])),
        DescriptionItem(_("Country"), organisation.country),
        DescriptionItem(_("Language of messages"), _(LANGUAGES[organisation.language])),
        DescriptionItem(_("Added to the register"), format_datetime(organisation.created)),
        DescriptionItem(
            _("Approved channels"),
            ", ".join(_(CHANNELS[channel]) for channel in sorted(organisation.channels)) or _("none yet"),
        ),
    ]
    if organisation.closed_at is not None:
        rows.append(DescriptionItem(_("Ended"), format_datetime(organisation.closed_at)))
    if organisation.merged_into:
        rows.append(DescriptionItem(_("Merged into"), organisation.merged_into))
    return DescriptionList(rows)


def _back() -> Link:
    return Link(_("Organisations"), reverse("staff_organisations"))
