"""The first page: for a stranger what the service is, for who is signed in what there is to do."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Right
from sinetti.domain.certificates.display_status import State
from sinetti.domain.values import Language
from sinetti.eservice.core.authentication import actor_of, standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import Block, Link, Links, Notice, Section, Task, Tasks, Text, Tone
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import count_text, mark, mark_count, text
from sinetti.services.access.permissions import Actor
from sinetti.services.self_service.dashboard import Overview, overview

_TITLE = mark("Certificate service")
_WHAT = (
    mark(
        "Organisations get certificates here for their programs. With its certificate a program proves whose data it "
        "sends or asks for over the technical interface."
    ),
    mark("Looking for your organisation's certificate? Ask your software supplier or your technical contact person."),
)
_SIGN_IN = (
    mark("Sign in to order certificates, to see when they end, and to give others an authorisation."),
    mark("An account alone gives no rights: your organisation's representative gives you an authorisation."),
)
_FETCH = mark(
    "Do you have transfer IDs? With them you retrieve a certificate, in your program or here in the browser, without "
    "signing in."
)
_MESSAGE = mark(
    "Did you get a message from us? The link in it leads to the page that you need, and you "
    "need not sign in there. Nobody will ask you for a PIN code by phone."
)
_NOTHING = mark("Nothing waits for you now.")
_NO_AUTHORISATION = (
    mark("You have no authorisation for any organisation yet, so there is nothing to see here."),
    mark(
        "Your organisation's representative (for example the managing director) can give you one. You can ask for it."
    ),
)
_WAITING = mark(
    "You have authorisations that you cannot use now: sign in with your second factor, or set one up for your account."
)

_STATES: dict[State, tuple[Tone, tuple[str, str]]] = {
    State.EXPIRED: (
        Tone.ERROR,
        mark_count(
            "{count} certificate has expired, and nothing has taken its place",
            "{count} certificates have expired, and nothing has taken their place",
        ),
    ),
    State.REVOKED: (
        Tone.ERROR,
        mark_count(
            "{count} certificate was revoked, and nothing has taken its place",
            "{count} certificates were revoked, and nothing has taken their place",
        ),
    ),
    State.ENDS_SOON: (
        Tone.WARNING,
        mark_count("{count} certificate ends in 14 days or less", "{count} certificates end in 14 days or less"),
    ),
    State.OLD_IN_USE: (
        Tone.WARNING,
        mark_count(
            "{count} certificate was renewed, but the old one is still in use",
            "{count} certificates were renewed, but the old ones are still in use",
        ),
    ),
    State.NEW_WAITS: (
        Tone.WARNING,
        mark_count("{count} new certificate waits to be retrieved", "{count} new certificates wait to be retrieved"),
    ),
    State.NOT_FETCHED: (
        Tone.WARNING,
        mark_count("{count} certificate has not been retrieved", "{count} certificates have not been retrieved"),
    ),
    State.IDS_LAPSED: (
        Tone.WARNING,
        mark_count(
            "{count} order has transfer IDs that have lapsed", "{count} orders have transfer IDs that have lapsed"
        ),
    ),
    State.RENEWAL_OPEN: (
        Tone.PLAIN,
        mark_count("{count} certificate can be renewed now", "{count} certificates can be renewed now"),
    ),
    State.IDS_OPENED: (
        Tone.PLAIN,
        mark_count(
            "{count} order has transfer IDs that were opened and not used",
            "{count} orders have transfer IDs that were opened and not used",
        ),
    ),
    State.IDS_SENT: (
        Tone.PLAIN,
        mark_count(
            "{count} order has transfer IDs that nobody has opened",
            "{count} orders have transfer IDs that nobody has opened",
        ),
    ),
}
"""The most urgent first."""
_REQUESTS = mark_count(
    "{count} request for an authorisation waits for your answer",
    "{count} requests for an authorisation wait for your answer",
)
_APPLICATIONS = mark_count("{count} application waits for a decision", "{count} applications wait for a decision")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Say what this is, or what there is to do."""
    actor, language = actor_of(request), language_of(request)
    blocks = _welcome(language) if actor is None else _to_do(request, actor, language)
    return show(request, Page(text(_TITLE, language), blocks))


def _welcome(language: Language) -> list[Block]:
    sign_in = Link(text(mark("Sign in"), language), link_to("account_login"), button=True)
    fetch = Link(text(mark("Retrieve a certificate"), language), link_to("fetch"), button=True)
    fetching: list[Block] = [Text([text(_FETCH, language)]), *([Links([fetch])] if fetch.address else [])]
    return [
        Text([text(one, language) for one in _WHAT]),
        Section(
            text(mark("Your organisation's certificates"), language),
            [Text([text(one, language) for one in _SIGN_IN]), Links([sign_in])],
        ),
        Section(text(mark("Retrieve with transfer IDs"), language), fetching),
        Section(text(mark("A message from us"), language), [Text([text(_MESSAGE, language)])]),
    ]


def _to_do(request: HttpRequest, actor: Actor, language: Language) -> list[Block]:
    who = standing_of(request)
    found = overview(actor, who, surroundings(request).office)
    blocks: list[Block] = []
    if who.waiting:
        factor = Link(text(SECURITY, language), link_to("mfa_index"))
        blocks.append(Notice(text(_WAITING, language), Tone.WARNING, [factor] if factor.address else []))
    tasks = _tasks(found, language)
    if tasks:
        blocks.append(Section(text(mark("What waits for you"), language), [Tasks(tasks)]))
    elif found.organisations or actor.staff:
        blocks.append(Notice(text(_NOTHING, language), Tone.GOOD))
    elif not who.waiting:
        blocks.append(Text([text(one, language) for one in _NO_AUTHORISATION]))
    orders = bool(who.organisations(Right.ORDER))
    ways = _ways(language, sees=bool(found.organisations), orders=orders)
    if actor.staff and actor.second_factor:
        desk = Link(text(mark("Clerk's pages"), language), link_to("staff"), button=True)
        ways = [desk, *(ways if found.organisations else [])]
    return [*blocks, Links(ways)]


def _tasks(found: Overview, language: Language) -> list[Task]:
    certificates = link_to("certificates")
    tasks = [
        Task(count_text(*told, count, language), f"{certificates}?state={state}" if certificates else "", tone)
        for state, (tone, told) in _STATES.items()
        if (count := found.states.get(state, 0))
    ]
    if found.requests:
        tasks.append(Task(count_text(*_REQUESTS, found.requests, language), link_to("authorisations"), Tone.WARNING))
    if found.applications:
        place = link_to("staff_applications") or link_to("staff")
        tasks.append(Task(count_text(*_APPLICATIONS, found.applications, language), place, Tone.WARNING))
    return tasks


def _ways(language: Language, *, sees: bool, orders: bool) -> list[Link]:
    """Where most want to go next, of what they may."""
    places = [(mark("All certificates"), "certificates")] if sees else [(mark("Ask for an authorisation"), "ask")]
    if orders:
        places.append((mark("Order a certificate"), "order_new"))
    elif not sees:
        places.append((mark("Retrieve a certificate"), "fetch"))
    ways = (Link(text(name, language), link_to(place), button=True) for name, place in places)
    return [one for one in ways if one.address]
