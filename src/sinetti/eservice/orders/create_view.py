"""Order of a certificate: form, confirmation, then the order.

See docs/e-service/ordering.md.

A page asks for the organisation if there are several, and another reports a missing approval. The form asks for type,
description, organisations served, contact person and deputy.
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.orders.ordering_rules import MOST_SERVED, OrderErrorReason, is_idempotency_key
from sinetti.domain.validation import LONGEST_DESCRIPTION
from sinetti.domain.values import Channel, Serial
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import (
    back_to_list,
    display_name,
    hidden,
    order_error_text,
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
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Link,
    Option,
    Section,
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
_DEPUTY_WHOLE = gettext_noop("Enter the deputy's name and e-mail address, or leave all of the deputy's fields empty.")


class OrderForm(PortalForm):
    """Form for an order."""

    numeric = frozenset({"count"})

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
        help_text=gettext_noop(
            "Fill in only if other organisations' reports are sent with the certificate. Reminders then "
            "say how many organisations are affected."
        ),
        required=False,
        max_length=7,
    )
    contact_name = name_field(gettext_noop("Technical contact person: name"))
    contact_email = email_field(gettext_noop("Technical contact person: e-mail"))
    contact_phone = phone_field(gettext_noop("Technical contact person: phone"))
    contact_language = language_field(gettext_noop("Technical contact person: language of the messages"))
    deputy_name = name_field(gettext_noop("Deputy: name (optional)"), required=False)
    deputy_email = email_field(gettext_noop("Deputy: e-mail (optional)"), required=False)
    deputy_phone = phone_field(
        gettext_noop("Deputy: phone (optional)"),
        gettext_noop("Used for reminders shortly before the certificate expires"),
    )
    deputy_language = language_field(gettext_noop("Deputy: language of the messages"))

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
        choices = [(one.value, _(CHANNELS[one])) for one in several]
        self.fields["channel"].choices = choices  # type: ignore[attr-defined] # it is a ChoiceField

    def clean(self) -> None:
        """Check fields that depend on each other."""
        data = self.cleaned_data
        if data.get("description"):
            checked = self.check_unlinked(
                "description", LONGEST_DESCRIPTION, _DESCRIPTION_WRONG, longest=LONGEST_DESCRIPTION
            )
            data["description"] = checked
        check_person(self, "contact_")
        check_person(self, "deputy_")
        self._check_count()
        self._check_deputy()

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
        return person_of(self, "deputy_") if self.cleaned_data["deputy_email"] else None

    def serves(self) -> int:
        """Return the number of other organisations served."""
        return int(self.cleaned_data["count"]) if self.cleaned_data["whose"] == _OTHERS else 0

    def carried(self) -> list[Input]:
        """Return all typed values as hidden fields."""
        return [hidden(bound.name, str(bound.value() or "")) for bound in self]

    def _check_count(self) -> None:
        written = "".join(str(self.cleaned_data.get("count", "")).split())
        if self.cleaned_data.get("whose") != _OTHERS or "count" in self.errors:
            return
        if not (written.isascii() and written.isdigit() and 1 <= int(written) <= MOST_SERVED):
            self.refuse("count", _HOW_MANY)
        self.cleaned_data["count"] = written

    def _check_deputy(self) -> None:
        data = self.cleaned_data
        name, email, phone = (data.get(f"deputy_{one}", "") for one in ("name", "email", "phone"))
        if (name or email or phone) and not (name and email):
            if not {"deputy_name", "deputy_email"} & set(self.errors):
                self.refuse("deputy_email" if name else "deputy_name", _DEPUTY_WHOLE)
        elif email and email.casefold() == str(data.get("contact_email", "")).casefold():
            self.refuse("deputy_email", SAME_PERSON)


def serves_initial(serves: int | None) -> dict[str, str]:
    """Return initial field values for the number of organisations served."""
    return {"whose": _OTHERS, "count": str(serves)} if serves else {"whose": "own"}


_MOST = 1000
"""Maximum number of organisations in one select list: 100 kB."""


def choose(request: HttpRequest, organisations: Sequence[OrganisationInfo]) -> HttpResponse:
    """Show a form that selects the organisation to order for."""
    options = [Option(one.organisation_id, f"{one.name}, {one.customer_id}") for one in organisations[:_MOST]]
    field = Input("organisation", _("Organisation"), "select", options=options, required=True)
    form = Form([field], [Button(_("Continue"))], search=True)
    page = Page(_("Choose an organisation"), blocks=[form], back=back_to_list())
    return render_page(request, page)


def closed(request: HttpRequest) -> HttpResponse:
    """Report that the organisation has ended and gets no more certificates."""
    alert = Alert(order_error_text(OrderErrorReason.CLOSED), Severity.WARNING)
    title = _("Order a certificate")
    return render_page(request, Page(title, blocks=[alert], status=HTTPStatus.GONE, back=back_to_list()))


def not_approved(request: HttpRequest, found: OrganisationInfo) -> HttpResponse:
    """Report a missing approval, with the link to the application."""
    if found.channels:
        message = _("{organisation} cannot order this type of certificate yet.", organisation=found.name)
    else:
        message = _("{organisation} cannot order certificates yet.", organisation=found.name)
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
@login_required
def order_create(request: HttpRequest) -> HttpResponse:
    """Show the form, then the confirmation, then place the order."""
    organisations = orderable(current_permissions(request), portal_context(request).ctx)
    old = _replaced(request)
    wanted = old.organisation_id if old is not None else _asked(request, "organisation")
    if not wanted and len(organisations) == 1:
        wanted = organisations[0].organisation_id
    if not wanted and organisations:
        return choose(request, organisations)
    if not wanted:
        raise missing_permission(Permission.ORDER, current_permissions(request))
    check_can_view(Permission.ORDER, wanted, current_permissions(request))
    organisation = next((one for one in organisations if one.organisation_id == wanted), None)
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
    if does not in {"check", "send"}:
        return render_page(request, _asking(form, organisation, old))
    refuse_phone(form, "contact_phone", sms=portal_context(request).sms)
    if not form.is_valid():
        return render_page(request, _asking(form, organisation, old, HTTPStatus.UNPROCESSABLE_ENTITY))
    made = request.POST.get("form", "")
    if does == "send" and is_idempotency_key(made):
        return _send(request, form, organisation, old)
    return render_page(request, _checking(request, form, organisation, old))


def _send(
    request: HttpRequest, form: OrderForm, organisation: OrganisationInfo, old: LineageView | None
) -> HttpResponse:
    ask = form.ask(request.POST["form"], organisation.organisation_id, old.serial if old is not None else None)
    try:
        order_id = order(ask, portal_context(request).ctx, signed_in_actor(request), request_id(request))
    except (OrderError, LimitReached) as refused:
        if isinstance(refused, LimitReached):
            why, status = limit_words(refused), HTTPStatus.TOO_MANY_REQUESTS
        else:
            why, status = order_error_text(refused.why), HTTPStatus.CONFLICT
        page, alert = _asking(form, organisation, old, status), Alert(why, Severity.ERROR)
        return render_page(request, Page(page.title, blocks=[alert, *page.blocks], status=page.status, back=page.back))
    messages.info(request, _("Certificate ordered."))
    return HttpResponseRedirect(url_or_empty("order", order_id), status=HTTPStatus.SEE_OTHER)


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
    filled = {"description": old.description, **serves_initial(old.serves)}
    people = initial_of(old.contact, "contact_") | initial_of(old.deputy, "deputy_")
    return OrderForm(allowed, initial={**filled, **people})


def _asking(
    form: OrderForm, organisation: OrganisationInfo, old: LineageView | None, status: int = HTTPStatus.OK
) -> Page:
    block = form.as_component(Button(_("Check the order"), "check"))
    carried = [*_carried(organisation, old), *block.inputs]
    values = [DescriptionItem(_("Organisation"), f"{organisation.name}, {organisation.customer_id}")]
    if old is not None:
        values.append(DescriptionItem(_("Replaces"), display_name(old)))
    how = _(
        "The technical contact person gets a link by e-mail and a PIN code by text message. The link "
        "leads to the transfer IDs, which are needed to retrieve the certificate. You can check the order "
        "before you send it."
    )
    title = _("Order a certificate") if old is None else _("Order a replacement")
    asked = Form(carried, block.buttons, errors=block.errors)
    return Page(title, blocks=[DescriptionList(values), Text([how]), asked], status=status, back=back_to_list())


def _checking(request: HttpRequest, form: OrderForm, organisation: OrganisationInfo, old: LineageView | None) -> Page:
    data, contact, deputy = form.cleaned_data, form.contact(), form.deputy()
    what = [
        DescriptionItem(_("Organisation"), f"{organisation.name}, {organisation.customer_id}"),
        DescriptionItem(_("Certificate type"), _(CHANNELS[Channel(data["channel"])])),
        DescriptionItem(_("Description"), data["description"]),
        DescriptionItem(_("Reports sent with the certificate"), serves(form.serves())),
    ]
    if old is not None:
        what.append(DescriptionItem(_("Replaces"), display_name(old)))
    who = [
        DescriptionItem(_("Technical contact person"), person(contact)),
        DescriptionItem(_("Deputy"), person(deputy)),
    ]
    channels = [DescriptionItem(_("Link by e-mail to"), contact.email)]
    if contact.phone:
        channels.append(DescriptionItem(_("PIN code by text message to"), contact.phone))
    else:
        you = _("No phone number. You get a code, which you give to the contact person yourself.")
        channels.append(DescriptionItem(_("PIN code by text message to"), you))
    buttons = [Button(_("Send the order"), "send"), Button(_("Change"), "back", minor=True)]
    sent = Form([*_carried(organisation, old), hidden("form", form_id(request)), *form.carried()], buttons)
    blocks: list[Component] = [
        Section(_("Certificate"), [DescriptionList(what)]),
        Section(_("Contact persons"), [DescriptionList(who)]),
        Section(_("Delivery of the transfer IDs"), [DescriptionList(channels)]),
        sent,
    ]
    return Page(_("Check the order"), blocks=blocks)


def _carried(organisation: OrganisationInfo, old: LineageView | None) -> list[Input]:
    carried = [hidden("organisation", organisation.organisation_id)]
    return carried if old is None else [*carried, hidden("replaces", old.serial)]
