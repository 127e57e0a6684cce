"""Access to every page, for every kind of user.

The objects are own, foreign and unknown. The result is access, a request to sign in, or a message about the missing
right.

A page that has no line in ROUTES fails here. The failure says which line to add.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from sinetti.database import models
from sinetti.database.access import pending_invitations
from sinetti.database.models import AccessApplication
from sinetti.domain.access.roles import Role
from sinetti.server.http import Response
from sinetti.services.access.permissions import Actor
from sinetti.services.access.role_requests import ask_for_oneself
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.firms import rows
from tests.support.people import a_person
from tests.support.scene import REQUEST, Scene, add_organisation, an_order, enrolled, ordered
from tests.support.users import account, mandate, signed_in

OWN, FOREIGN, FIRM, ANOTHER = CUSTOMER_ID, "2222222-2", "7654321-4", "1111111-1"

# Kinds of visitors. All roles are for OWN; the firm's manager has "viewer" for it, through their firm.
STRANGER, NOBODY, VIEWER, MANAGER = "stranger", "nobody", "viewer", "manager"
WEAK, SIGNATORY, FIRMS = "signatory without second factor", "signatory", "firm's manager"
WEAK_CLERK, CLERK = "clerk without second factor", "clerk"
VISITORS = (STRANGER, NOBODY, VIEWER, MANAGER, WEAK, SIGNATORY, FIRMS, WEAK_CLERK, CLERK)

# Groups of users with access to a page.
ALL = frozenset(VISITORS)
KNOWN = ALL - {STRANGER}
"""All users who are signed in."""
SEE = frozenset({VIEWER, MANAGER, SIGNATORY, FIRMS})
ORDER = frozenset({MANAGER, SIGNATORY})
"""Users who may order, retrieve, change contacts and revoke."""
SIGN = frozenset({SIGNATORY})
"""Users who may give authorisations and apply."""
ASK = frozenset({MANAGER, SIGNATORY, FIRMS})
"""Users of pages about the user's own organisation.

Without an id in the address, the firm's manager asks for their firm.
"""
STAFF = frozenset({CLERK})
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """Address with placeholders for objects, and users with access by GET and POST.

    None means that there is no such method. `lacks` is the result for other users who are signed in. `stranger` is the
    result for a stranger without access.
    """

    address: str
    get: frozenset[str] | None = NONE
    post: frozenset[str] | None = None
    lacks: str = "no right"
    stranger: str = "sign in"


TOKEN = {"lacks": "not there", "stranger": "not there"}
"""Routes whose proof is the token of the link.

Without a right, access is denied to every user.
"""

HIDDEN = {"lacks": "not there", "stranger": "sign in"}
"""Pages of clerks, which do not exist for other users by any method.

A stranger is led to sign-in from every address there, known or not.

A clerk who has not stated a purpose is asked for it before access.
"""

ROUTES: dict[str, Route] = {
    "start": Route("/", ALL),
    "acting_for": Route("/settings/acting-for", KNOWN, KNOWN),
    "profile": Route("/settings/profile", KNOWN, KNOWN),
    "session_time": Route("/account/session", ALL, ALL),
    "about": Route("/about", ALL),
    "interface": Route("/interface", ALL),
    "privacy": Route("/privacy", ALL),
    "accessibility": Route("/accessibility", ALL),
    "m/<str:token>": Route("/m/{unknown}", NONE, NONE, **TOKEN),
    "stop/<str:message_id>/<str:token>": Route("/stop/{unknown}/{unknown}", NONE, NONE, **TOKEN),
    "drill/<str:message_id>/<str:token>": Route("/drill/{unknown}/{unknown}", NONE, NONE, **TOKEN),
    "signatory_veto": Route("/veto/{unknown}/{unknown}", NONE, NONE, **TOKEN),
    "static/<str:name>": Route("/static/{unknown}", NONE, **TOKEN),
    "certificates": Route("/settings/certificates", SEE),
    "certificates_csv": Route("/settings/certificates.csv", SEE),
    "certificate": Route("/settings/certificates/{serial}", SEE),
    "certificate_pem": Route("/settings/certificates/{serial}/certificate.pem", SEE),
    "certificate_der": Route("/settings/certificates/{serial}/certificate.der", SEE),
    "certificate_chain": Route("/settings/certificates/{serial}/chain.pem", SEE),
    "certificate_dates": Route("/settings/certificates/{serial}/dates.ics", SEE),
    "fetch": Route("/fetch", ALL, ALL),
    "orders": Route("/settings/orders", SEE),
    "order_new": Route("/settings/orders/new?organisation={organisation}", ORDER, ORDER),
    "order_replace": Route("/settings/orders/replace", ASK, ASK),
    "order": Route("/settings/orders/{order}", SEE, SEE),
    "certificates_bulk": Route("/settings/bulk", ASK, ASK),
    "contacts": Route("/settings/contacts", ASK, ASK),
    "certificate_contact": Route("/settings/certificates/{serial}/contact", ORDER, ORDER),
    "certificate_let_end": Route("/settings/certificates/{serial}/let-end", ORDER, ORDER),
    "certificate_revoke": Route("/settings/certificates/{serial}/revoke", ORDER, ORDER),
    "authorisations": Route("/settings/authorisations?organisation={organisation}", SIGN),
    "authorisation_person": Route("/settings/authorisations/person?organisation={organisation}", SIGN, SIGN),
    "authorisation_organisation": Route(
        "/settings/authorisations/organisation?organisation={organisation}", SIGN, SIGN
    ),
    "ask": Route("/settings/authorisations/ask", KNOWN, KNOWN),
    "authorisation_request": Route("/settings/authorisations/requests/{request}", SIGN, SIGN),
    "authorisation_pending": Route("/settings/authorisations/pending/{pending}", SIGN, SIGN),
    "authorisation": Route("/settings/authorisations/{mandate}", SIGN, SIGN),
    "authorisations_ended": Route("/settings/authorisations/ended", None, KNOWN),
    "clients": Route("/settings/clients?organisation={organisation}", ORDER, ORDER),
    "clients_requests": Route("/settings/clients/requests?organisation={organisation}", ORDER),
    "clients_ask": Route("/settings/clients/ask?organisation={organisation}", ORDER, ORDER),
    "applications": Route("/settings/applications", SIGN),
    "application_new": Route("/settings/applications/new?organisation={organisation}", SIGN, SIGN),
    "application": Route("/settings/applications/{application}", SIGN, SIGN),
    "application_decision": Route("/settings/applications/{application}/decision", SIGN),
    "staff": Route("/staff", STAFF, **HIDDEN),
    "staff_purpose": Route("/staff/purpose", STAFF, STAFF, **HIDDEN),
    "staff_work": Route("/staff/tasks/fleets", STAFF, **HIDDEN),
    "staff_applications": Route("/staff/applications", STAFF, **HIDDEN),
    "staff_application": Route("/staff/applications/{unknown}", STAFF, STAFF, **HIDDEN),
    "staff_organisations": Route("/staff/organisations", STAFF, **HIDDEN),
    "staff_organisation_new": Route("/staff/organisations/new", STAFF, STAFF, **HIDDEN),
    "staff_loads": Route("/staff/organisations/load", STAFF, STAFF, **HIDDEN),
    "staff_load": Route("/staff/organisations/load/{unknown}", STAFF, STAFF, **HIDDEN),
    "staff_organisation": Route("/staff/organisations/{unknown}", STAFF, STAFF, **HIDDEN),
    "staff_invitations": Route("/staff/invitations", STAFF, STAFF, **HIDDEN),
    "staff_invitation": Route("/staff/invitations/{unknown}", STAFF, STAFF, **HIDDEN),
    "staff_invitation_letter": Route("/staff/invitations/{unknown}/letter", STAFF, **HIDDEN),
    "staff_certificates": Route("/staff/certificates", STAFF, **HIDDEN),
    "staff_certificate": Route("/staff/certificates/{unknown}", STAFF, STAFF, **HIDDEN),
    "staff_revocations": Route("/staff/revocations", STAFF, **HIDDEN),
    "staff_revocation_new": Route("/staff/revocations/new", STAFF, STAFF, **HIDDEN),
    "staff_revocation": Route("/staff/revocations/{unknown}", STAFF, STAFF, **HIDDEN),
    "staff_early_calls": Route("/staff/early-replacements", STAFF, **HIDDEN),
    "staff_early_call": Route("/staff/early-replacements/{unknown}", STAFF, **HIDDEN),
    "staff_outbox": Route("/staff/outbox", STAFF, STAFF, **HIDDEN),
    "staff_audit": Route("/staff/audit", STAFF, **HIDDEN),
    "invitation": Route("/invitation/{unknown}", frozenset({STRANGER}), frozenset({STRANGER}), lacks="not there"),
}
"""Routes by the name of the page in urls.py, otherwise by its pattern there.

Placeholders are organisation, serial, order, mandate, request and application. `unknown` belongs to no user.
"""

OTHERS = ("account_", "mfa_", "socialaccount_", "usersessions_", "openid_connect_", "account/", "accounts/")
"""Pages of django-allauth, which only concern the user's own account.

Our changes to them have tests of their own.
"""


def patterns() -> dict[str, URLPattern]:
    """Return every page of the e-service by its name, otherwise by its pattern."""

    def within(resolver: URLResolver, before: str) -> Iterator[tuple[str, URLPattern]]:
        for one in resolver.url_patterns:
            whole = before + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from within(one, whole)
            else:
                yield one.name or whole, one

    return dict(within(get_resolver("sinetti.eservice.urls"), ""))


def test_every_page_has_a_line():
    pages = {name: one for name, one in patterns().items() if not name.startswith(OTHERS)}
    missing = [f'    "{name}": Route("/{one.pattern}", SEE),' for name, one in pages.items() if name not in ROUTES]
    assert not missing, "say in ROUTES who may:\n" + "\n".join(missing)
    assert not set(ROUTES) - set(pages), "these are no pages any more"


@pytest.mark.long
def test_the_walk(sqlite_scene):
    objects = {one: made(sqlite_scene, one) for one in (OWN, FOREIGN)}
    # A second signatory, so that no act is refused because the signatory is the last.
    mandate(sqlite_scene, account(sqlite_scene, "company"), OWN, Role.SIGNATORY)
    unknown = dict.fromkeys(objects[OWN], "0" * 32)
    browsers = {one: visitor(sqlite_scene, one) for one in VISITORS}
    wrong: list[str] = []
    for name, route in ROUTES.items():
        for who, browser in browsers.items():
            wrong += [f"{name}: {told}" for told in own(browser, who, route, {**objects[OWN], "unknown": "0" * 32})]
        if "{" in route.address and "{unknown}" not in route.address:
            # A user with all rights for their own organisation, and a user with some through a firm.
            for who in (SIGNATORY, FIRMS):
                found = [foreign(browsers[who], who, route, ids) for ids in (objects[FOREIGN], unknown)]
                wrong += [f"{name}: {told}" for told, _ in found if told]
                if found[0][1] != found[1][1]:
                    wrong.append(f"{name}: to the {who} a foreign object looks unlike an unknown one")
    assert not wrong, "\n".join(wrong)


def own(browser: Browser, who: str, route: Route, ids: dict[str, str]) -> Iterator[str]:
    """Yield the faults of a user's access to objects that exist."""
    for method, allowed in (("GET", route.get), ("POST", route.post)):
        if allowed is None and who != SIGNATORY:  # the method is checked before the user
            continue
        found = outcome(asked(browser, method, route.address.format(**ids)))
        if found != (expected := expects(who, route, allowed)):
            yield f"{method} by the {who}: {found}, not: {expected}"


def expects(who: str, route: Route, allowed: frozenset[str] | None) -> str:
    """Return the expected outcome for a user."""
    if allowed is None:
        return route.lacks if route.get == STAFF else "no such method"
    if who in allowed:
        return "allowed"
    return route.stranger if who == STRANGER else route.lacks


def foreign(browser: Browser, who: str, route: Route, ids: dict[str, str]) -> tuple[str, object]:
    """Return the faults of a user's access to foreign objects, and the content shown."""
    there = [method for method, allowed in (("GET", route.get), ("POST", route.post)) if allowed is not None]
    replies = [asked(browser, method, route.address.format(**ids)) for method in there]
    found = {outcome(one) for one in replies}
    shown = replies[0].body.decode()
    for one in ids.values():
        shown = shown.replace(one, "ID")
    token = 'name="csrfmiddlewaretoken" value="'
    parts = shown.split(token)
    return (
        "" if found <= {"no right", "not there"} else f"somebody else's, by the {who}: {', '.join(sorted(found))}",
        (replies[0].status, [parts[0], *(one.partition('"')[2] for one in parts[1:])]),
    )


SECRET = "c" * 32


def asked(browser: Browser, method: str, address: str) -> Response:
    """Request a page, or send an empty form to it as its own form would be sent.

    Redirects are not followed.
    """
    place = urlsplit(address)
    browser.cookies[settings.CSRF_COOKIE_NAME] = SECRET
    body = urlencode({"csrfmiddlewaretoken": SECRET}).encode() if method == "POST" else b""
    where = f"{place.path}?{place.query}" if place.query else place.path
    return browser._ask(method, where, body).reply


def outcome(reply: Response) -> str:
    """Return the outcome of a response in a word."""
    where = reply.headers.get("location", "")
    if reply.status == 302 and (where == "/" or where.startswith("/account/login")):
        return "sign in"
    names = {403: "no right", 404: "not there", 405: "no such method"}
    return names.get(reply.status, "allowed" if reply.status < 500 else f"failed ({reply.status})")


def visitor(scene: Scene, who: str) -> Browser:
    """Return a browser of a kind of user before the pages."""
    browser = Browser(people_door(scene))
    if who == STRANGER:
        return browser
    user = account(scene, who.replace(" ", "-").replace("'", ""), staff="clerk" in who)
    roles = {VIEWER: Role.VIEWER, MANAGER: Role.MANAGER, WEAK: Role.SIGNATORY, SIGNATORY: Role.SIGNATORY}
    if who in roles:
        mandate(scene, user, OWN, roles[who])
    if who == FIRMS:
        add_organisation(scene, FIRM)
        mandate(scene, user, FIRM, Role.MANAGER)
        mandate(scene, FIRM, OWN, Role.VIEWER)
    return signed_in(browser, user, second_factor=who not in {WEAK, WEAK_CLERK})


def made(scene: Scene, customer_id: str) -> dict[str, str]:
    """Add an organisation with one of each object.

    Return their ids by the names that the addresses use.
    """
    if customer_id != OWN:
        add_organisation(scene, customer_id)
    held = enrolled(scene, customer_id=customer_id)
    ids = ordered(scene, an_order(customer_id))
    asker = account(scene, f"asker-{customer_id}")
    ask_for_oneself(customer_id, Role.VIEWER, scene.ctx, Actor(asker.pk), REQUEST)
    kept = mandate(scene, account(scene, f"kept-{customer_id}"), customer_id, Role.VIEWER)
    organisation = rows(scene, "Organisation").get(customer_id=customer_id)
    application = AccessApplication.objects.using(scene.db.alias).create(
        case_number=f"SI-{customer_id}", organisation=organisation, channels=["WS"], purpose="reports", language="en",
        state="refused", created=scene.clock.now, decision="Decision\n\nRefused",
    )  # fmt: skip
    return {
        "application": application.pk,
        "organisation": rows(scene, "Organisation").get(customer_id=customer_id).pk,
        "serial": held.serial,
        "order": rows(scene, "TransferIds").get(transfer_id=ids.transfer_id).order_id,
        "mandate": kept.pk,
        "request": rows(scene, "RoleRequest").get(user=asker).pk,
        "pending": _pending(scene, organisation),
    }


def _pending(scene: Scene, organisation: models.Organisation) -> str:
    clerk, person = account(scene, f"clerk-{organisation.pk}", staff=True), a_person("newcomer")
    return pending_invitations.add(scene.db, organisation.pk, person, clerk.pk, scene.audit_entry())[0]


@pytest.mark.parametrize(
    "place", ["authorisations", "authorisations/person", "applications", "orders/new", "orders/replace", "contacts"]
)
def test_who_sees_one_organisation_is_not_asked_which_one(browser, sqlite_scene, place):
    user = account(sqlite_scene, "viewer")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.VIEWER)
    page = signed_in(browser, user).get(f"/settings/{place}").page
    assert CUSTOMER_ID in page.find(".//main").text_content()
    assert page.xpath("//input[@name='customer_id']/@type") == ["hidden"]
