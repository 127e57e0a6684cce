"""Handover of all certificates of a leaving contact person.

See docs/e-service/ordering.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE
from sinetti.eservice.core.authentication import current_permissions, login_required, missing_permission
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import (
    back_to_list,
    change_link,
    hidden,
    order_error_text,
    person,
    signed_in_actor,
)
from sinetti.eservice.orders.person_forms import PersonForm, email_field, refuse_phone
from sinetti.eservice.ui.acts import ActLetters, Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Column,
    Component,
    DescriptionItem,
    Form,
    Input,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.daily_limits import limit_words
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop, ngettext, ngettext_noop
from sinetti.services.issuance.order import OrderError
from sinetti.services.self_service.contact_handover import (
    AssignedLineage,
    ContactSummary,
    contacts,
    get_for_confirmation,
    hand_over_rows,
    rehearse,
)

_NO_SUCH_CONTACT = gettext_noop(
    "This address does not belong to a contact person of your certificates. Check the address."
)
_SAME = gettext_noop("This is the current contact person's address. Enter the new person's address.")
_NONE = gettext_noop("Choose at least one certificate.")
_HAND_OVER = ngettext_noop(
    "Hand over {count} certificate and send the messages", "Hand over {count} certificates and send the messages"
)
SAVE, _FORM = "save", "handover"
"""Value of the button that hands over, and name of the form."""


class LeavingForm(PortalForm):
    """Form for the contact person who leaves."""

    leaving = email_field(gettext_noop("E-mail of the current contact person"))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("save",))
@login_required
def contact_handover(request: HttpRequest) -> HttpResponse:
    """Ask for the leaving person, show their certificates, and hand them over."""
    permissions = current_permissions(request)
    if not permissions.organisations(Permission.CONTACT):
        raise missing_permission(Permission.CONTACT, permissions)
    who = LeavingForm(request.POST if request.method == "POST" and "leaving" in request.POST else None)
    if not who.is_bound or not who.is_valid():
        return render_page(request, _asking(request, who))
    leaving = who.cleaned_data["leaving"].strip()
    lineages = get_for_confirmation(leaving, permissions, portal_context(request).ctx)
    if not lineages:
        who.refuse("leaving", _NO_SUCH_CONTACT)
        return render_page(request, _asking(request, who))
    return hand_over_found(request, lineages, leaving)


def hand_over_found(request: HttpRequest, lineages: Sequence[AssignedLineage], leaving: str = "") -> HttpResponse:
    """Ask for the new person, show the letters, then hand over.

    Without `leaving` the present contact person of each is replaced.
    """
    form = PersonForm(request.POST if is_step(request, SAVE) else None)
    ticked = set(request.POST.getlist("pick")) if form.is_bound else {lineage.lineage_id for lineage in lineages}
    taken = [lineage for lineage in lineages[:MOST_AT_ONCE] if lineage.lineage_id in ticked]
    if form.is_bound and not taken:
        form.refuse(None, _NONE)
    if form.is_bound and form.is_valid() and form.person().email.casefold() == leaving.casefold():
        form.refuse("person_email", _SAME)
    refuse_phone(form, "person_phone", sms=portal_context(request).sms)
    if not form.is_bound or not form.is_valid() or "change" in request.GET:
        return render_page(request, _preview(leaving, lineages, form, ticked))
    return _save(request, lineages, (leaving, taken), form)


def _save(
    request: HttpRequest,
    lineages: Sequence[AssignedLineage],
    chosen: tuple[str, Sequence[AssignedLineage]],
    form: PersonForm,
) -> HttpResponse:
    (leaving, taken), new = chosen, form.person()
    actor, who = signed_in_actor(request), (leaving, new)
    once = Confirmation(request, SAVE, leaving, new, *(lineage.lineage_id for lineage in taken))
    try:
        if not once.is_given:
            letters = letters_of(request, lambda ctx: rehearse(taken, who, ctx, actor, request_id(request)))
            return render_page(request, _check(request, chosen, form, (once, letters)))
        done = hand_over_rows(taken, who, portal_context(request).ctx, actor, request_id(request))
    except LimitReached as reached:
        form.add_error("person_email", limit_words(reached))
        return render_page(request, _preview(leaving, lineages, form, {lineage.lineage_id for lineage in taken}))
    except OrderError as refused:
        messages.info(request, order_error_text(refused.why))
        return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
    message = _("Certificates handed over: {count}. Both people get a message about it.", count=done.count)
    messages.info(request, message if done.count else _("No changes were needed."))
    if done.offered:
        messages.info(request, _("New links to transfer IDs of open orders: {count}.", count=done.offered))
    if len(lineages) > MOST_AT_ONCE:
        messages.info(request, _("This person has more certificates. Repeat this for the rest."))
    return HttpResponseRedirect(url_or_empty("certificates") or request.path, status=HTTPStatus.SEE_OTHER)


def _check(
    request: HttpRequest,
    chosen: tuple[str, Sequence[AssignedLineage]],
    form: PersonForm,
    shown: tuple[Confirmation, ActLetters],
) -> Page:
    (leaving, taken), (once, letters) = chosen, shown
    carried = [
        *_about(leaving),
        *form.carried(),
        *(hidden("pick", lineage.lineage_id) for lineage in taken),
        *once.fields,
    ]
    before = leaving or ", ".join(dict.fromkeys(lineage.email or _("Not named") for lineage in taken))
    name = _("New contact person")
    return check_page(
        _("Check the new contact person"),
        Form(carried, [Button(ngettext(*_HAND_OVER, len(taken)), SAVE)]),
        summary=[
            DescriptionItem(_("Current contact person"), before),
            DescriptionItem(name, person(form.person()), change=change_link(request, name, "person_name")),
            letters.informed,
        ],
        letters=letters.letters,
        blocks=[Section(_title(taken), [_table(taken)])],
        back=back_to_list(),
    )


def _asking(request: HttpRequest, form: LeavingForm) -> Page:
    people = contacts(current_permissions(request), portal_context(request).ctx)
    explanation = _(
        "Hand over all certificates of a contact person to another person at once. This covers all "
        "organisations that you may act for."
    )
    blocks: list[Component] = [
        Text([explanation]),
        form.as_component(Button(_("Show the certificates"), "look")),
        _people(people),
    ]
    return Page(
        _("Hand over to a new contact person"),
        blocks=blocks,
        wide=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_list(),
    )


def _people(people: Sequence[ContactSummary]) -> Table:
    return Table(
        _("Current technical contact persons"),
        [_("Name"), _("E-mail"), Column(_("Certificates"), numeric=True)],
        [[person.name, person.email, str(person.count)] for person in people],
        _("Your certificates have no contact persons."),
    )


def _about(leaving: str) -> list[Input]:
    """Return the hidden field that says which certificates the form is about."""
    return [hidden("leaving", leaving) if leaving else hidden("act", "contacts")]


def _preview(leaving: str, lineages: Sequence[AssignedLineage], form: PersonForm, ticked: Collection[str]) -> Page:
    displayed = lineages[:MOST_AT_ONCE]
    blocks: list[Component] = []
    if len(lineages) > MOST_AT_ONCE:
        more = _(
            "There are more than {most} certificates. The first ones are shown here. Repeat this for the rest.",
            most=MOST_AT_ONCE,
        )
        blocks.append(Alert(more, Severity.WARNING))
    block = form.as_component(Button(_("Check the new contact person"), check_of(SAVE)), name=_FORM)
    carried = [*_about(leaving), *block.inputs]
    explanation = _(
        "Both people get one message that lists the certificates. The new person also gets a link to the "
        "transfer IDs of open orders."
    )
    how = _("Remove the tick from certificates that stay with their current contact person.")
    blocks += [
        Section(_title(displayed), [Text([how]), _table(displayed, picked=ticked)]),
        Section(_("Person who takes over"), [Text([explanation]), replace(block, inputs=carried)]),
    ]
    return Page(
        _("New contact person"),
        blocks=blocks,
        wide=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_list(),
    )


def _title(lineages: Sequence[AssignedLineage]) -> str:
    return _("Certificates to hand over: {count}", count=len(lineages))


def _table(lineages: Sequence[AssignedLineage], picked: Collection[str] | None = None) -> Table:
    """Return the certificates; with checkboxes of the form if `picked` are given."""
    names = (_("Certificate"), _("Organisation"), _("Task"), _("Valid until"))
    table = Table(
        _title(lineages),
        names,
        [
            [
                lineage.description or lineage.channel.value,
                f"{lineage.organisation}, {lineage.customer_id}",
                _("Technical contact person") if lineage.contact else _("Deputy"),
                format_datetime(lineage.not_after) if lineage.not_after is not None else _("Not retrieved yet"),
            ]
            for lineage in lineages
        ],
    )
    if picked is None:
        return table
    return replace(
        table, pick="pick", picks=[lineage.lineage_id for lineage in lineages], form=_FORM, picked=tuple(picked)
    )
