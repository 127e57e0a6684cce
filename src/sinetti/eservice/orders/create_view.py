"""Order of a certificate: form, confirmation, then the order.

See docs/e-service/ordering.md.

A page asks for the organisation if there are several, and another reports a missing approval. The form asks for type,
description, organisations served, contact person and deputy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.orders.ordering_rules import MOST_SERVED, OrderErrorReason, is_idempotency_key
from sinetti.domain.validation import LONGEST_DESCRIPTION
from sinetti.domain.values import Channel, Serial
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.core.representation import represented_permissions
from sinetti.eservice.orders.choices import Choice, choose_organisation
from sinetti.eservice.orders.common import (
    back_to_list,
    change_link,
    display_name,
    hidden,
    order_error_text,
    orders_left,
    person,
    serves,
    signed_in_actor,
)
from sinetti.eservice.orders.person_forms import (
    SAME_PERSON,
    as_the_reader,
    check_person,
    email_field,
    initial_of,
    language_field,
    name_field,
    person_of,
    phone_field,
    refuse_phone,
)
from sinetti.eservice.ui.acts import ActLetters, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Link,
    Severity,
    Text,
)
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import form_id, keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.staff_labels import CHANNELS
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.access.permissions import check_can_view
from sinetti.services.issuance.order import OrderError
from sinetti.services.self_service.order import (
    ContactDetails,
    LineageView,
    OrderAsk,
    OrganisationInfo,
    order,
    orderable,
    replaced,
)

_OTHERS = "others"
_DESCRIPTION_WRONG = gettext_noop("Write a description on one line, at most {longest} characters.")
_HOW_MANY = gettext_noop("Enter an estimate of the number of other organisations, at least 1.")
_DEPUTY_NAME = gettext_noop("Enter the deputy's name, or leave the deputy out.")
_DEPUTY_EMAIL = gettext_noop("Enter the deputy's e-mail address, or leave the deputy out.")


class OrderForm(PortalForm):
    """Form for an order."""

    numeric = frozenset({"count"})
    reveals: ClassVar = {
        "whose": {_OTHERS: ["count"]},
        "with_deputy": {"yes": ["deputy_name", "deputy_email", "deputy_phone", "deputy_language"]},
    }
    groups: ClassVar = (
        (gettext_noop("Certificate"), ("channel", "description", "whose")),
        (
            gettext_noop("Technical contact person"),
            ("contact_name", "contact_email", "contact_phone", "contact_language"),
        ),
        (gettext_noop("Deputy of the technical contact person"), ("with_deputy",)),
    )

    channel = forms.ChoiceField(label=gettext_noop("Certificate type"), choices=())
    description = forms.CharField(
        label=gettext_noop("Description"),
        help_text=gettext_noop("For example the program that uses the certificate: “Payroll”"),
        max_length=LONGEST_DESCRIPTION,
    )
    whose = forms.ChoiceField(
        label=gettext_noop("Reports sent with the certificate"),
        choices=[
            ("own", gettext_noop("Own reports only")),
            (_OTHERS, gettext_noop("Also reports of other organisations")),
        ],
        initial="own",
    )
    count = forms.CharField(
        label=gettext_noop("Number of other organisations (estimate)"),
        help_text=gettext_noop("Reminders then say how many organisations are affected."),
        required=False,
        max_length=7,
    )
    contact_name = name_field(gettext_noop("Name"))
    contact_email = email_field(gettext_noop("E-mail"))
    contact_phone = phone_field(gettext_noop("Phone"))
    contact_language = language_field(gettext_noop("Language of the messages"))
    with_deputy = forms.BooleanField(label=gettext_noop("Name a deputy, who also gets the reminders"), required=False)
    deputy_name = name_field(gettext_noop("Deputy's name"), required=False)
    deputy_email = email_field(gettext_noop("Deputy's e-mail"), required=False)
    deputy_phone = phone_field(
        gettext_noop("Deputy's phone"), gettext_noop("Used for reminders shortly before the certificate expires")
    )
    deputy_language = language_field(gettext_noop("Language of the deputy's messages"))

    def __init__(
        self,
        channels: Iterable[Channel],
        data: Mapping[str, object] | None = None,
        initial: Mapping[str, object] | None = None,
    ) -> None:
        """Initialise the form with the types that may be ordered."""
        several = sorted(channels)
        first = {"channel": several[0].value} if len(several) == 1 else {}
        super().__init__(data, initial={**first, **(initial or {})})
        as_the_reader(self, "contact_", "deputy_")
        choices = [(channel.value, _(CHANNELS[channel])) for channel in several]
        self.fields["channel"].choices = choices  # type: ignore[attr-defined] # it is a ChoiceField

    def clean(self) -> None:
        """Check fields that depend on each other; fields that are not shown do not count."""
        data = self.cleaned_data
        if data.get("description"):
            checked = self.check_unlinked(
                "description", LONGEST_DESCRIPTION, _DESCRIPTION_WRONG, longest=LONGEST_DESCRIPTION
            )
            data["description"] = checked
        check_person(self, "contact_")
        if data.get("with_deputy"):
            check_person(self, "deputy_")
            self._check_deputy()
        else:
            for name in [error for error in self.errors if error.startswith("deputy_")]:
                del self.errors[name]
        self._check_count()

    def ask(self, form: str, organisation_id: str, replaces: Serial | None) -> OrderAsk:
        """Return the order of the valid form; `form` identifies the submission."""
        data = self.cleaned_data
        return OrderAsk(
            form,
            organisation_id,
            Channel(data["channel"]),
            data["description"],
            self.contact(),
            self.deputy(),
            self.serves(),
            replaces,
        )

    def contact(self) -> ContactDetails:
        """Return the technical contact person."""
        return person_of(self, "contact_")

    def deputy(self) -> ContactDetails | None:
        """Return the deputy, or None."""
        return person_of(self, "deputy_") if self.cleaned_data["with_deputy"] else None

    def serves(self) -> int:
        """Return the number of other organisations served."""
        return int(self.cleaned_data["count"]) if self.cleaned_data["whose"] == _OTHERS else 0

    def carried(self) -> list[Input]:
        """Return all typed values as hidden fields."""
        return [hidden(bound.name, "yes" if bound.value() is True else str(bound.value() or "")) for bound in self]

    def _check_count(self) -> None:
        written = "".join(str(self.cleaned_data.get("count", "")).split())
        if self.cleaned_data.get("whose") != _OTHERS or "count" in self.errors:
            return
        if not (written.isascii() and written.isdigit() and 1 <= int(written) <= MOST_SERVED):
            self.refuse("count", _HOW_MANY)
        self.cleaned_data["count"] = written

    def _check_deputy(self) -> None:
        data = self.cleaned_data
        for name, message_id in (("deputy_name", _DEPUTY_NAME), ("deputy_email", _DEPUTY_EMAIL)):
            if not data.get(name) and name not in self.errors:
                self.refuse(name, message_id)
        email = str(data.get("deputy_email", "")).casefold()
        if email and email == str(data.get("contact_email", "")).casefold():
            self.refuse("deputy_email", SAME_PERSON)


def serves_initial(serves: int | None) -> dict[str, str]:
    """Return initial field values for the number of organisations served."""
    return {"whose": _OTHERS, "count": str(serves)} if serves else {"whose": "own"}


def closed(request: HttpRequest) -> HttpResponse:
    """Report that the organisation has ended and gets no more certificates."""
    alert = Alert(order_error_text(OrderErrorReason.CLOSED), Severity.WARNING)
    title = _("Order a certificate")
    return render_page(request, Page(title, blocks=[alert], status=HTTPStatus.GONE, back=back_to_list()))


def not_approved(request: HttpRequest, organisation: OrganisationInfo) -> HttpResponse:
    """Report a missing approval, with the link to the application."""
    if organisation.channels:
        message = _("{organisation} cannot order this type of certificate yet.", organisation=organisation.name)
    else:
        message = _("{organisation} cannot order certificates yet.", organisation=organisation.name)
    then = _(
        "The organisation must first apply for the technical interface. Its representative applies in the "
        "e-service. You can order certificates once the application has been approved."
    )
    address = url_or_empty("applications")
    links = [Link(_("Apply for the technical interface"), address, button=True)] if address else []
    blocks: list[Component] = [Alert(message, Severity.WARNING, links), Text([then])]
    return render_page(request, Page(_("Order a certificate"), blocks=blocks, back=back_to_list()))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("send",))
@proves_again("send")
@login_required
def order_create(request: HttpRequest) -> HttpResponse:
    """Show the form, then the confirmation, then place the order."""
    old, here = _replaced(request), url_or_empty("order_new")
    wanted = old.organisation_id if old is not None else _asked(request, "organisation")
    permissions = current_permissions(request) if wanted else represented_permissions(request, Permission.ORDER)
    organisations = orderable(permissions, portal_context(request).ctx, wanted)
    if not wanted and len(organisations) == 1:
        wanted = organisations[0].organisation_id
    if not wanted and organisations:
        choices = [
            Choice(organisation.name, organisation.customer_id, f"{here}?organisation={organisation.organisation_id}")
            for organisation in organisations
        ]
        return choose_organisation(request, choices, _("Order a certificate"), back_to_list())
    if not wanted:
        raise missing_permission(Permission.ORDER, current_permissions(request))
    check_can_view(Permission.ORDER, wanted, current_permissions(request))
    organisation = next(
        (organisation for organisation in organisations if organisation.organisation_id == wanted), None
    )
    if organisation is None:
        return closed(request)
    allowed = organisation.channels & {old.channel} if old is not None else organisation.channels
    if not allowed:
        return not_approved(request, organisation)
    form = _form(request, allowed, old)
    return _answer(request, form, organisation, old)


def _answer(
    request: HttpRequest, form: OrderForm, organisation: OrganisationInfo, old: LineageView | None
) -> HttpResponse:
    does = request.POST.get("do", "") if request.method == "POST" else ""
    if does not in {"check", "send"} or "change" in request.GET:
        return render_page(request, _asking(request, form, organisation, old))
    refuse_phone(form, "contact_phone", sms=portal_context(request).sms)
    if not form.is_valid():
        return render_page(request, _asking(request, form, organisation, old, HTTPStatus.UNPROCESSABLE_ENTITY))
    made = request.POST.get("form", "")
    replaces = old.serial if old is not None else None
    try:
        if does == "send" and is_idempotency_key(made):
            ask = form.ask(made, organisation.organisation_id, replaces)
            order_id = order(ask, portal_context(request).ctx, signed_in_actor(request), request_id(request))
            messages.info(request, _("Certificate ordered."))
            return HttpResponseRedirect(url_or_empty("order", order_id), status=HTTPStatus.SEE_OTHER)
        ask = form.ask(form_id(request), organisation.organisation_id, replaces)
        act_letters = letters_of(request, lambda ctx: order(ask, ctx, signed_in_actor(request), request_id(request)))
    except (OrderError, LimitReached) as refused:
        limit = isinstance(refused, LimitReached)
        why = limit_words(refused) if isinstance(refused, LimitReached) else order_error_text(refused.why)
        status = HTTPStatus.TOO_MANY_REQUESTS if limit else HTTPStatus.CONFLICT
        page = _asking(request, form, organisation, old, status)
        return render_page(request, replace(page, error=why))
    return render_page(request, _checking(request, form, organisation, old, act_letters))


def _asked(request: HttpRequest, name: str) -> str:
    """Return a hidden value of the form, or of the page's address."""
    return str(request.POST.get(name, "") or request.GET.get(name, ""))


def _replaced(request: HttpRequest) -> LineageView | None:
    serial = _asked(request, "replaces")
    if not serial:
        return None
    return replaced(Serial(serial.casefold()), current_permissions(request), portal_context(request).ctx)


def _form(request: HttpRequest, allowed: frozenset[Channel], old: LineageView | None) -> OrderForm:
    if request.method == "POST":
        return OrderForm(allowed, request.POST)
    if old is None:
        return OrderForm(allowed)
    filled = {"description": old.description, "with_deputy": old.deputy is not None, **serves_initial(old.serves)}
    people = initial_of(old.contact, "contact_") | initial_of(old.deputy, "deputy_")
    return OrderForm(allowed, initial={**filled, **people})


def _asking(
    request: HttpRequest,
    form: OrderForm,
    organisation: OrganisationInfo,
    old: LineageView | None,
    status: int = HTTPStatus.OK,
) -> Page:
    block = form.as_component(Button(_("Check the order"), "check"))
    errors = () if "change" in request.GET or request.POST.get("do") == "back" else block.errors
    inputs = block.inputs if errors else [replace(one, error="") for one in block.inputs]
    values = [DescriptionItem(_("Organisation"), f"{organisation.name}, {organisation.customer_id}")]
    if old is not None:
        values.append(DescriptionItem(_("Replaces"), display_name(old)))
    how = _(
        "The technical contact person gets a link by e-mail and a PIN code by text message. The link "
        "leads to the transfer IDs, which are needed to retrieve the certificate. You can check the order "
        "before you send it."
    )
    title = _("Order a certificate") if old is None else _("Order a replacement")
    asked = replace(block, inputs=[*_carried(organisation, old), *inputs], errors=errors)
    left = orders_left(request, organisation.organisation_id)
    return Page(title, blocks=[DescriptionList(values), Text([how]), *left, asked], status=status, back=back_to_list())


def _checking(
    request: HttpRequest,
    form: OrderForm,
    organisation: OrganisationInfo,
    old: LineageView | None,
    act_letters: ActLetters,
) -> Page:
    data, contact = form.cleaned_data, form.contact()

    def changed(name: str, value: str, field: str) -> DescriptionItem:
        return DescriptionItem(name, value, change=change_link(request, name, field))

    what = [
        DescriptionItem(_("Organisation"), f"{organisation.name}, {organisation.customer_id}"),
        changed(_("Certificate type"), _(CHANNELS[Channel(data["channel"])]), "channel"),
        changed(_("Description"), data["description"], "description"),
        changed(_("Reports sent with the certificate"), serves(form.serves()), "whose"),
    ]
    if old is not None:
        what.append(DescriptionItem(_("Replaces"), display_name(old)))
    without = _("No phone number. You get a code, which you give to the contact person yourself.")
    who = [
        changed(_("Technical contact person"), person(contact), "contact_name"),
        changed(_("Deputy"), person(form.deputy()), "with_deputy"),
        changed(_("Link by e-mail to"), contact.email, "contact_email"),
        changed(_("PIN code by text message to"), contact.phone or without, "contact_phone"),
    ]
    buttons = [Button(_("Send the order"), "send"), Button(_("Change"), "back", minor=True)]
    sent = Form([*_carried(organisation, old), hidden("form", form_id(request)), *form.carried()], buttons)
    return check_page(_("Check the order"), sent, summary=[*what, *who], letters=act_letters.letters)


def _carried(organisation: OrganisationInfo, old: LineageView | None) -> list[Input]:
    carried = [hidden("organisation", organisation.organisation_id)]
    return carried if old is None else [*carried, hidden("replaces", old.serial)]
