"""Acts that cannot be undone: none is carried out by a single button.

ACTS lists the buttons of every page that takes a POST, with what each of them does. A page or a button without a line
here fails. An irreversible act without the field of its check page leaves every row as it is
(docs/e-service/check-pages.md).
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.apps import apps

import sinetti.eservice
from sinetti.database import models
from sinetti.eservice.ui.acts import SEEN
from tests.eservice.test_authority import OTHERS, ROUTES
from tests.support.browser import ADDRESS
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.visits import CLERK, SIGNATORY, VIEWER, Visit, patterns, populate

PORTAL = Path(sinetti.eservice.__file__).parent


@dataclass(frozen=True, slots=True)
class Reversible:
    """Act that another act takes back, or that changes nothing; `by` says which."""

    by: str


@dataclass(frozen=True, slots=True)
class Irreversible:
    """Act that nothing takes back: `why`, and the field that only the page before it has."""

    why: str
    field: str = SEEN


LOOKS = Reversible("it only shows a page")
"""A button that leads to a form, a list or a check page."""

Act = Reversible | Irreversible

GIVEN = Irreversible("the letter with the link leaves, and its former link ends")
SPENT = Reversible("the same key gets the same certificate again")
ACTS: Mapping[str, Mapping[str, Act]] = {
    "session_time": {},  # a script extends the session
    "profile": {
        "save": Reversible("save again"),
        "check-give-up": LOOKS,
        "give-up": Irreversible("only a representative gives it again"),
    },
    "acting_for": {"represent": Reversible("the reader chooses again")},
    "authorisations_ended": {"note": Reversible("it only leaves the list, and the authorisation stays ended")},
    "fetch": {
        "fetch": SPENT,
        **dict.fromkeys(("pem", "der", "chain", "bundle"), Reversible("it downloads what was retrieved")),
    },
    "m/<str:token>": {
        "open": Reversible("another PIN code is sent"),
        "pin": Irreversible("transfer IDs are shown once", "pin"),
        "code": Irreversible("transfer IDs are shown once", "code"),
    },
    "stop/<str:message_id>/<str:token>": {
        "stop": Reversible("the organisation names the person again, and operators end the stop"),
    },
    "drill/<str:message_id>/<str:token>": {"arrived": Reversible("it records that an exercise arrived")},
    "signatory_veto": {"veto": Reversible("the person is named again")},
    "order_new": {
        "check": LOOKS,
        "back": LOOKS,
        "send": Irreversible("a letter leaves", "form"),
    },
    "order_replace": {"look": LOOKS, "order": Irreversible("letters leave", "form")},
    "order": {
        "check-send": LOOKS,
        "send": GIVEN,
        "check-cancel": LOOKS,
        "cancel": Irreversible("a cancelled order stays cancelled"),
    },
    "certificates_bulk": {
        "replace": LOOKS,
        "contacts": LOOKS,
        "order": Irreversible("letters leave", "form"),
        "check-save": LOOKS,
        "save": Irreversible("letters leave"),
        "let-end": LOOKS,
        "stop-reminders": Reversible("reminders are turned on again"),
    },
    "contacts": {"look": LOOKS, "check-save": LOOKS, "save": Irreversible("letters leave")},
    "certificate_contact": {
        "check-save": LOOKS,
        "save": Irreversible("letters leave"),
        "check-remove": LOOKS,
        "remove": Irreversible("a letter leaves"),
    },
    "certificate_let_end": {
        "let-end": Reversible("reminders are turned on again"),
        "go-on": Reversible("reminders are turned off again"),
    },
    "certificate_revoke": {"check-revoke": LOOKS, "revoke": Irreversible("a revocation is permanent")},
    "authorisation_person": {"give": Reversible("it is withdrawn")},
    "authorisation_organisation": {"give": Reversible("it is withdrawn")},
    "ask": {"ask": Reversible("a representative declines, and the request lapses")},
    "authorisation_request": {
        "approve": Reversible("the authorisation is withdrawn"),
        "decline": Reversible("the person asks again"),
    },
    "authorisation_pending": {
        "confirm": Reversible("the authorisation is withdrawn"),
        "reject": Reversible("a clerk requests it again"),
    },
    "authorisation": {
        "change": Reversible("change again"),
        "check-withdraw": LOOKS,
        "withdraw": Irreversible("only another authorisation replaces it"),
        "again": Reversible("the former link gives way to one for the same person"),
    },
    "clients": {
        "check-give-up": LOOKS,
        "give-up": Irreversible("only the client gives it again"),
        "check-again": LOOKS,
        "again-all": LOOKS,
        "again": Irreversible("letters leave"),
        "note": Reversible("it only leaves the list, and the authorisation stays ended"),
    },
    "clients_ask": {"ask": Reversible("the client declines, and the request lapses")},
    "application_new": {"apply": Reversible("it is withdrawn")},
    "application": {"check-withdraw": LOOKS, "withdraw": Irreversible("a withdrawn application stays so")},
    "invitation": {"take-up": Reversible("the authorisation is resigned"), "add-second-factor": LOOKS},
    "staff_purpose": {"go": Reversible("the purpose is changed")},
    "staff_application": {"check-decide": LOOKS, "decide": Irreversible("a decision is final")},
    "staff_organisation_new": {"add": Reversible("it is ended")},
    "staff_organisation": {
        "save": Reversible("save again"),
        "check-end": LOOKS,
        "end": Irreversible("an ended organisation stays ended"),
    },
    "staff_loads": {"compare": LOOKS},
    "staff_load": {
        "accept": Irreversible("all changes of a file are made", "digest"),
        "propose": Reversible("it is withdrawn"),
        "confirm": Irreversible("ends and mergers of organisations are permanent", "digest"),
        "end": Reversible("the file is sent again"),
        "go-on": Reversible("it continues what was confirmed"),
        **dict.fromkeys(("check-revoke-merge", "check-revoke-end"), LOOKS),
        **dict.fromkeys(("revoke-merge", "revoke-end"), Irreversible("a revocation is permanent")),
    },
    "staff_invitations": {
        "invite": Reversible("it is withdrawn"),
        "check-end": LOOKS,
        "end": Irreversible("the link never works again"),
    },
    "staff_invitation": {
        "confirm": Irreversible("the link leaves"),
        "reject": Reversible("it is requested again"),
        "withdraw": Reversible("it is requested again"),
    },
    "staff_certificate": {"check-revoke": LOOKS, "revoke": Irreversible("a revocation is permanent")},
    "staff_revocation_new": {"check-propose": LOOKS, "propose": Irreversible("a revocation is permanent")},
    "staff_revocation": {
        "confirm": Irreversible("a revocation is permanent"),
        "go-on": Reversible("it continues what was confirmed"),
        "withdraw": Reversible("it is proposed again"),
    },
    "staff_outbox": {"again": Reversible("a failed message is tried again")},
}
"""Buttons by page; a page has its name in urls.py, as in ROUTES."""

ACCOUNTS: Mapping[str, str] = {
    "account_": "the reader signs in, changes it again or adds it again",
    "account/": "as account_",
    "mfa_": "the reader adds another second factor, or makes codes anew",
    "socialaccount_": "the reader connects the provider again",
    "usersessions_": "the reader signs in again",
    "openid_connect_": "it begins a sign-in",
    "accounts/": "it leads to another page",
}
"""Pages of django-allauth by the beginning of their names, with the way back from all their acts."""

SHARED = {"ui": ("ask", "certificates_bulk"), "site": ("profile", "clients")}
"""Packages whose buttons belong to pages of other packages."""


PERSON = {
    "person_name": "Uusi Henkilö",
    "person_email": "uusi@malli.example",
    "person_phone": "",
    "person_language": "fi",
}
ORDERED = {
    "channel": "WS",
    "description": "Payroll",
    "whose": "own",
    "contact_name": "Uusi Henkilö",
    "contact_email": "uusi@malli.example",
    "contact_language": "fi",
    "deputy_language": "fi",
}
ORDER, CERTIFICATE = "/settings/orders/{order}", "/settings/certificates/{serial}"
ATTEMPTS: Mapping[tuple[str, str], tuple[str, str, Mapping[str, str]]] = {
    ("order_new", "send"): (SIGNATORY, "/settings/orders/new?organisation={organisation}", ORDERED),
    ("order_replace", "order"): (SIGNATORY, "/settings/orders/replace", {"pick": "{serial}"}),
    ("order", "send"): (SIGNATORY, ORDER, {"made": ""}),
    ("order", "cancel"): (SIGNATORY, ORDER, {}),
    ("certificates_bulk", "order"): (SIGNATORY, "/settings/bulk", {"act": "replace", "pick": "{serial}"}),
    ("certificates_bulk", "save"): (SIGNATORY, "/settings/bulk", {"act": "contacts", "pick": "{serial}", **PERSON}),
    ("contacts", "save"): (SIGNATORY, "/settings/contacts", {"leaving": "contact@malli.example", **PERSON}),
    ("certificate_contact", "save"): (SIGNATORY, f"{CERTIFICATE}/contact", PERSON),
    ("certificate_contact", "remove"): (
        SIGNATORY,
        "/settings/certificates/{stood_in}/contact",
        {"place": "deputy", "deputy": "deputy@malli.example"},
    ),
    ("certificate_revoke", "revoke"): (SIGNATORY, f"{CERTIFICATE}/revoke", {"reason": "superseded"}),
    ("authorisation", "withdraw"): (SIGNATORY, "/settings/authorisations/{mandate}", {}),
    ("profile", "give-up"): (VIEWER, "/settings/profile", {"mandate": "{mandate}"}),
    ("clients", "give-up"): (SIGNATORY, "/settings/clients?organisation={organisation}", {"mandate": "{client}"}),
    ("clients", "again"): (SIGNATORY, "/settings/clients?organisation={organisation}", {"mandate": "{client}"}),
    ("application", "withdraw"): (SIGNATORY, "/settings/applications/{application}", {}),
    ("staff_application", "decide"): (CLERK, "/staff/applications/{application}", {"verdict": "approved"}),
    ("staff_organisation", "end"): (CLERK, "/staff/organisations/{organisation}", {}),
    ("staff_load", "accept"): (CLERK, "/staff/organisations/load/{load}", {}),
    ("staff_load", "confirm"): (CLERK, "/staff/organisations/load/{to_confirm}", {}),
    ("staff_load", "revoke-merge"): (CLERK, "/staff/organisations/load/{confirmed}", {}),
    ("staff_load", "revoke-end"): (CLERK, "/staff/organisations/load/{confirmed}", {}),
    ("staff_invitations", "end"): (CLERK, "/staff/invitations", {"invitation": "{invitation}"}),
    ("staff_invitation", "confirm"): (CLERK, "/staff/invitations/{pending_first}", {}),
    ("staff_certificate", "revoke"): (CLERK, "/staff/certificates/{serial}", {"reason": "superseded"}),
    ("staff_revocation_new", "propose"): (
        CLERK,
        "/staff/revocations/new",
        {"serials": "{serial}", "reason": "superseded"},
    ),
    ("staff_revocation", "confirm"): (CLERK, "/staff/revocations/{proposal}", {}),
}
"""One-step attempts of irreversible acts: the visitor, the address, and the fields of the page before."""
TYPED = {"pin", "code"}
"""Fields that a reader types: the act cannot be attempted without them."""


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """Yield a population in which every attempt could act."""
    with opened_register("sqlite", request, tmp_path_factory.mktemp("population"), alias="default") as db:
        made = populate(opened_scene(db), ADDRESS)
        own = models.Organisation.objects.get(pk=made.objects["organisation"])
        client = models.RoleAssignment.objects.filter(agent=own).first()
        invitation = models.Invitation.objects.first()
        yield replace(
            made,
            objects={
                **made.objects,
                "client": client.pk if client else "-",
                "invitation": invitation.pk if invitation else "-",
            },
        )


@pytest.mark.long
def test_no_single_button_does_what_cannot_be_undone(built):
    irreversible = {
        (name, does)
        for name, acts in ACTS.items()
        for does, act in acts.items()
        if isinstance(act, Irreversible) and act.field not in TYPED
    }
    assert set(ATTEMPTS) == irreversible, "say in ATTEMPTS how a single POST would do it"
    acted = []
    for (name, does), (who, address, fields) in ATTEMPTS.items():
        browser, before = built.browser(Visit(name, address, who)), written()
        token = browser.get("/settings/profile").page.xpath("string(//input[@name='csrfmiddlewaretoken']/@value)")
        typed = {one: value.format(**built.objects) for one, value in fields.items()}
        browser.post(address.format(**built.objects), {"csrfmiddlewaretoken": token, **typed, "do": does})
        assert browser.reply.status != 403, (name, does)
        acted += [f"{name}: {does} changed {one}" for one, rows in written().items() if rows != before[one]]
    assert not acted, "\n".join(acted)


def written() -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of all tables, without sessions, and without the records of what clerks view."""
    rows = {
        model.__name__: list(model._default_manager.values_list())
        for model in apps.get_app_config("sinetti").get_models()
        if not issubclass(model, models.AuditEvent)
    }
    return {
        **rows,
        "AuditEvent": list(models.AuditEvent.objects.exclude(action="looked").order_by("sequence").values_list()),
    }


def test_every_page_that_takes_a_post_is_in_the_table():
    posts = {name for name, route in ROUTES.items() if route.post is not None}
    assert set(ACTS) == posts, "say in ACTS what each of its buttons does"
    assert set(ACCOUNTS) >= set(OTHERS), "say how acts of these accounts' pages are taken back"


def test_every_button_is_in_the_table():
    known: dict[str, set[str]] = {}
    for name, page in patterns().items():
        if name in ACTS:
            package = page.callback.__module__.split(".")[2]
            known.setdefault(package, set()).update(ACTS[name])
    for package, names in SHARED.items():
        known.setdefault(package, set()).update(*(ACTS[name] for name in names))
    missing = sorted(
        f"{path.relative_to(PORTAL)}: {value}"
        for path in PORTAL.rglob("*.py")
        if (package := path.relative_to(PORTAL).parts[0]) not in {"accounts", "core"}
        for value in buttons(path)
        if value not in known.get(package, set()) | known["orders" if package == "ui" else package]
    )
    assert not missing, "say in ACTS what these buttons do:\n" + "\n".join(missing)


def buttons(path: Path) -> Iterator[str]:
    """Yield the values of the buttons that a module makes, as far as they are constants."""
    module = ast.parse(path.read_text())
    constants = {
        name.id: value.value
        for one in ast.walk(module)
        if isinstance(one, ast.Assign)
        for target in one.targets
        for name, value in (
            zip(target.elts, one.value.elts, strict=False)
            if isinstance(target, ast.Tuple) and isinstance(one.value, ast.Tuple)
            else [(target, one.value)]
        )
        if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    for call in ast.walk(module):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Button"):
            continue
        given = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "does")]
        for one in given:
            if value := constant(one, constants):
                yield value


def constant(node: ast.expr, constants: Mapping[str, str]) -> str:
    """Return the value of an expression that names a button; empty for one that is computed."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.Name(id=name):
            return constants.get(name, "")
        case ast.Call(func=ast.Name(id="check_of"), args=[inner]):
            value = constant(inner, constants)
            return f"check-{value}" if value else ""
    return ""
