"""Authorisations of an organisation: people, organisations, invitations, requests."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.ends import NEAR, EndSide
from sinetti.domain.access.roles import Permission
from sinetti.eservice.authorisations.access_tasks import ENDING, SHOW
from sinetti.eservice.authorisations.common import (
    address,
    choose,
    chosen,
    day_of,
    every,
    format_until,
    name_of,
    paged,
    start_of,
)
from sinetti.eservice.authorisations.own_roles import ended_section, only_ending
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import (
    Button,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Input,
    Link,
    Links,
    Section,
    Table,
    Text,
)
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, capital, format_datetime, gettext_noop
from sinetti.services.self_service.access_ends import EndedRole, list_ended
from sinetti.services.self_service.pending_invitations import PendingView, waiting
from sinetti.services.self_service.role_assignments import RoleAssignmentView, RoleRequestView, authorisations

TITLE = gettext_noop("Authorisations")
_TITLE_OF = gettext_noop("Authorisations – {organisation}")
_SHOWN_REQUESTS = 20
"""Number of requests shown; the others appear once these are answered."""


@require_safe
@login_required
def authorisation_list(request: HttpRequest) -> HttpResponse:
    """Show the authorisations of one organisation."""
    who = current_permissions(request)
    ids = who.organisations(Permission.GRANT)
    organisation_id = chosen(request, ids, Permission.GRANT)
    if organisation_id is None:
        return choose(request, _(TITLE), ids, "authorisations", **{SHOW: request.GET.get(SHOW, "")})
    ctx, ending = portal_context(request).ctx, request.GET.get(SHOW) == ENDING
    actor = current_actor(request)
    found = authorisations(organisation_id, who, ctx, start_of(request), actor.user_id if actor and ending else None)
    gone = list_ended(EndSide.GIVEN, organisation_id, actor, who, ctx) if actor else ()
    named = name_of(request, organisation_id)
    mandates, pager = paged(request, found.mandates)
    people = [mandate for mandate in mandates if mandate.agent is None]
    firms = [mandate for mandate in mandates if mandate.agent is not None]
    pending = waiting(organisation_id, who, ctx)
    blocks: list[Component] = [
        *([_pending(pending)] if pending else ()),
        *([_waiting(found.requests)] if found.requests else ()),
        _give(organisation_id),
        *([only_ending(address("authorisations", organisation=organisation_id))] if ending else ()),
        _people(people, ctx.now()),
        _firms(firms, ctx.now()),
        *pager,
        *ended_section(EndSide.GIVEN, gone, _give_again, organisation_id),
    ]
    title, up = _(_TITLE_OF, organisation=named.name), every("authorisations", ids)
    return render_page(request, Page(title, blocks=blocks, wide=True, back=up))


def _give_again(role: EndedRole) -> tuple[str, str]:
    page = "authorisation_organisation" if role.firm else "authorisation_person"
    return _("Give again"), address(page, organisation=role.organisation.organisation_id, again=role.mandate_id)


def _give(organisation_id: str) -> Links:
    pages = {
        "authorisation_person": gettext_noop("Give an authorisation to a person"),
        "authorisation_organisation": gettext_noop("Give an authorisation to another organisation"),
        "clients": gettext_noop("The organisation's clients"),
    }
    return Links(
        [Link(_(label), address(name, organisation=organisation_id), button=True) for name, label in pages.items()]
    )


def _pending(pending: tuple[PendingView, ...]) -> Section:
    explained = gettext_noop(
        "A clerk of this service requested these invitations. Nothing is sent until a representative confirms."
    )
    title = _("New representatives to confirm")
    return Section(
        title,
        [
            Text([_(explained)]),
            Table(
                title,
                [_("Name"), _("Confirm by")],
                [
                    [
                        Cell(
                            one.name or one.email, link=address("authorisation_pending", one.pending_id), note=one.email
                        ),
                        format_datetime(one.expires),
                    ]
                    for one in pending
                ],
            ),
        ],
        "pending",
    )


def _waiting(requests: tuple[RoleRequestView, ...]) -> Section:
    blocks: list[Component] = [
        Text([_("We have not verified who sent the request. Approve it only if you know the sender.")])
    ]
    for request in requests[:_SHOWN_REQUESTS]:
        blocks += [DescriptionList(request_values(request)), _answer(request), _more(request)]
    if len(requests) > _SHOWN_REQUESTS:
        more = gettext_noop("There are more requests. Answer these first.")
        blocks.append(Text([_(more)]))
    return Section(_("Unanswered requests"), blocks, "requests")


def request_values(role_request: RoleRequestView) -> list[DescriptionItem]:
    """Return the details of a request for a role."""
    for_whom = [DescriptionItem(_("Requested by"), asker(role_request))] if role_request.agent else []
    return [
        DescriptionItem(_("Authorisation for"), asked_for(role_request)),
        *for_whom,
        DescriptionItem(_("Authorisation"), _(ROLES[role_request.role])),
        DescriptionItem(_("Until"), format_until(role_request.until)),
        DescriptionItem(_("Requested on"), format_datetime(role_request.created)),
    ]


def asked_for(role_request: RoleRequestView) -> str:
    """Return the firm or the person that would get the authorisation."""
    return f"{role_request.agent.name}, {role_request.agent.customer_id}" if role_request.agent else asker(role_request)


def asker(role_request: RoleRequestView) -> str:
    """Return the requester's name and address from the account."""
    return f"{role_request.name}, {role_request.email}" if role_request.name else role_request.email


def _answer(role_request: RoleRequestView) -> Form:
    """Return a form whose button approves the request as made."""
    day, who = day_of(role_request.until), asked_for(role_request)
    inputs = [
        Input("role", "", "hidden", role_request.role.value),
        Input("until", "", "hidden", day.isoformat() if day else ""),
    ]
    buttons = [Button(_("Approve"), "approve", note=who), Button(_("Decline"), "decline", minor=True, note=who)]
    return Form(inputs, buttons, address("authorisation_request", role_request.request_id))


def _more(role_request: RoleRequestView) -> Links:
    label = _("Approve with changes")
    return Links([Link(label, address("authorisation_request", role_request.request_id), note=asked_for(role_request))])


def _columns(first: str) -> list[str]:
    names = (first, gettext_noop("Authorisation"), gettext_noop("Since"), gettext_noop("Until"), gettext_noop("State"))
    return [_(name) for name in names]


def _people(assignments: list[RoleAssignmentView], now: datetime) -> Section:
    caption = _("People who may act for the organisation")
    empty = _("No person has an authorisation.")
    table = Table(
        caption,
        _columns(gettext_noop("Name")),
        [
            [
                Cell(
                    assignment.name or assignment.email,
                    link=address("authorisation", assignment.mandate_id),
                    note=assignment.email,
                ),
                capital(_(ROLES[assignment.role])),
                "" if assignment.waiting else format_datetime(assignment.since),
                _until(assignment, now),
                state(assignment),
            ]
            for assignment in assignments
        ],
        empty,
    )
    return Section(_("People"), [table], "people")


def state(assignment: RoleAssignmentView) -> str:
    """Return the state of a mandate in words, with the reason if it is not usable."""
    if assignment.agent is not None or assignment.account is not None:
        return _("in use")
    if assignment.link_until is not None:
        return _("invited, link valid until {until}", until=format_datetime(assignment.link_until))
    if assignment.waiting:
        return _("invitation lapsed")
    return _("gets messages, not invited to this service")


def _until(assignment: RoleAssignmentView, now: datetime) -> Cell:
    return Cell(
        format_until(assignment.until),
        note=_("ends soon") if assignment.until and assignment.until - now < NEAR else "",
    )


def _firms(assignments: list[RoleAssignmentView], now: datetime) -> Section:
    caption = _("Organisations that may act for the organisation")
    empty = _("No other organisation has an authorisation.")
    table = Table(
        caption,
        _columns(gettext_noop("Organisation")),
        [
            [
                Cell(
                    assignment.agent.name,
                    link=address("authorisation", assignment.mandate_id),
                    note=assignment.agent.customer_id,
                ),
                capital(_(ROLES[assignment.role])),
                format_datetime(assignment.since),
                _until(assignment, now),
                state(assignment),
            ]
            for assignment in assignments
            if assignment.agent is not None
        ],
        empty,
    )
    return Section(_("Organisations"), [table], "organisations")
