"""Visits to all pages, each with the user who opens it.

Tests and judges open all of them. A page without a visit fails a test. The address of a visit has placeholders for
objects of the population: {organisation}, {serial}, {message} … The author of a new page adds a visit to it, and one
for each state of the page that looks different.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr
from django.apps import apps
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from sinetti.database import models
from sinetti.database.access import pending_invitations
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.access_purpose import AccessJustification, AccessPurpose
from sinetti.domain.access.roles import Role
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.link_tokens import DRILL_LINK, VETO, link_token
from sinetti.domain.values import Language
from sinetti.eservice.staff.common import PURPOSE
from sinetti.services.access.permissions import Actor
from sinetti.services.access.role_requests import ask_for_oneself
from sinetti.services.monitoring.figures import refresh_figures
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.staff import open_invitations
from sinetti.services.staff.organisations import confirm_load, end_load, load, preview, propose_load
from sinetti.services.staff.session import StaffSession
from sinetti.services.token_encryption import SECOND_FACTOR, encrypt_token
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, Post, people_door, sent_by
from tests.support.firms import a_certificate, a_person, rows
from tests.support.scene import (
    REQUEST,
    TRANSFER_KEY,
    Scene,
    add_organisation,
    an_order,
    csr,
    enrolled,
    new_key,
    ordered,
)
from tests.support.secure import asked, offered, opened
from tests.support.users import account, mandate, signed_in

DAY = timedelta(days=1)
STRANGER, NOBODY, SIGNATORY, VIEWER, CLERK, WEAK = "stranger", "nobody", "signatory", "viewer", "clerk", "weak"
OWNER, APPLICANT = "owner", "applicant"
"""Kinds of visitors.

All but the stranger are signed in, one of them without a role. `weak` is a signatory without a second factor. `owner`
has a password and one-time codes. `applicant` is a signatory of an organisation without a certificate type.
"""
PASSWORD = "neljä sanaa peräkkäin"
LOAD = (
    b"customer_id;kind;country;name;language;merged_into;ended\n7654321-4;business-id;FI;Uusi nimi Oy;fi;;\nx;y;;;;;\n"
)
RENAMING = (
    "customer_id;kind;country;name;language;merged_into;ended\nA-1;artificial;FI;Uusi Oy;sv;;\n"
    f"{CUSTOMER_ID};artificial;FI;Toinen nimi Oy;sv;;\n7654321-4;artificial;FI;Kolmas nimi Oy;fi;A-1;\n"
).encode()


@dataclass(frozen=True, slots=True)
class Visit:
    """One state of a page.

    `sends` presses the button with this value, after these values are typed into its form. Without `recent` the
    sign-in was long ago. A clerk who `looks` has stated a purpose.
    """

    route: str
    address: str
    who: str = STRANGER
    status: int = 200
    sends: tuple[str, Mapping[str, str]] | None = None
    recent: bool = True
    looks: bool = True


VISITS: dict[str, Visit] = {
    "start of a stranger": Visit("start", "/"),
    "start of a signatory": Visit("start", "/", SIGNATORY),
    "start of somebody without authorisations": Visit("start", "/", NOBODY),
    "start without the second factor": Visit("start", "/", WEAK),
    "start of a clerk": Visit("start", "/", CLERK),
    "whom I act for": Visit("acting_for", "/settings/acting-for", SIGNATORY),
    "whom I act for, no match": Visit("acting_for", "/settings/acting-for?find=zz", SIGNATORY),
    "whom I act for, of nobody": Visit("acting_for", "/settings/acting-for", NOBODY),
    "my settings": Visit("profile", "/settings/profile", SIGNATORY),
    "my settings, wrong": Visit("profile", "/settings/profile", SIGNATORY, 422, ("save", {"name": ""})),
    "description of the service": Visit("about", "/about"),
    "description of the interface": Visit("interface", "/interface"),
    "privacy": Visit("privacy", "/privacy"),
    "accessibility": Visit("accessibility", "/accessibility"),
    "a message": Visit("m/<str:token>", "/m/{message}"),
    "a message whose PIN waits": Visit("m/<str:token>", "/m/{asked}"),
    "a wrong PIN": Visit("m/<str:token>", "/m/{asked}", STRANGER, 422, ("pin", {"pin": "12"})),
    "a message by a code": Visit("m/<str:token>", "/m/{by_code}"),
    "an old message": Visit("m/<str:token>", "/m/{unknown}", STRANGER, 404),
    "a stop link that is not ours": Visit("stop/<str:message_id>/<str:token>", "/stop/{unknown}/x", STRANGER, 404),
    "a link of a drill": Visit("drill/<str:message_id>/<str:token>", "/drill/{exercise}"),
    "a link of a drill, used": Visit("drill/<str:message_id>/<str:token>", "/drill/{exercised}"),
    "a link of a drill that is not ours": Visit(
        "drill/<str:message_id>/<str:token>", "/drill/{unknown}/x", STRANGER, 404
    ),
    "a first representative": Visit("signatory_veto", "/veto/{naming}/{veto}"),
    "a first representative, not ours": Visit("signatory_veto", "/veto/{naming}/x", STRANGER, 404),
    "no such page": Visit("static/<str:name>", "/static/{unknown}", STRANGER, 404),
    "authorisations": Visit("authorisations", "/settings/authorisations?organisation={organisation}", SIGNATORY),
    "authorisations, not allowed": Visit(
        "authorisations", "/settings/authorisations?organisation={organisation}", VIEWER, 403
    ),
    "authorisations without the second factor": Visit(
        "authorisations", "/settings/authorisations?organisation={organisation}", WEAK, 403
    ),
    "a role for a person": Visit(
        "authorisation_person", "/settings/authorisations/person?organisation={organisation}", SIGNATORY
    ),
    "a role for an organisation": Visit(
        "authorisation_organisation", "/settings/authorisations/organisation?organisation={organisation}", SIGNATORY
    ),
    "asking for a role": Visit("ask", "/settings/authorisations/ask", NOBODY),
    "a request": Visit("authorisation_request", "/settings/authorisations/requests/{request}", SIGNATORY),
    "an invitation to confirm": Visit("authorisation_pending", "/settings/authorisations/pending/{pending}", SIGNATORY),
    "one authorisation": Visit("authorisation", "/settings/authorisations/{mandate}", SIGNATORY),
    "clients": Visit("clients", "/settings/clients?organisation={organisation}", SIGNATORY),
    "asking clients": Visit("clients_ask", "/settings/clients/ask?organisation={organisation}", SIGNATORY),
    "an invitation, to a stranger": Visit("invitation", "/invitation/{unknown}"),
    "an invitation that is not there": Visit("invitation", "/invitation/{unknown}", NOBODY, 404),
    "sign in": Visit("account_login", "/account/login"),
    "sign in, wrong": Visit(
        "account_login", "/account/login", STRANGER, 200, ("", {"login": "maija@people.example", "password": "x"})
    ),
    "sign out": Visit("account_logout", "/account/logout", VIEWER),
    "make an account": Visit("account_signup", "/account/signup"),
    "an account that has ended": Visit("account_inactive", "/account/inactive", status=403),
    "a letter to confirm the address was sent": Visit("account_email_verification_sent", "/account/confirm-email"),
    "an address is confirmed, too late": Visit("account_confirm_email", "/account/confirm-email/{unknown}", status=404),
    "a new password": Visit("account_reset_password", "/account/password/reset"),
    "a new password was asked for": Visit("account_reset_password_done", "/account/password/reset/done"),
    "a new password is set": Visit("account_reset_password_from_key_done", "/account/password/reset/key/done"),
    "my e-mail address": Visit("account_email", "/account/email", VIEWER),
    "where I am signed in": Visit("usersessions_list", "/account/sessions", VIEWER),
    "my second factor": Visit("mfa_index", "/account/security", VIEWER),
    "my password": Visit("account_change_password", "/account/password/change", OWNER),
    "my first password": Visit("account_set_password", "/account/password/set", VIEWER),
    "the password once more": Visit("account_reauthenticate", "/account/reauthenticate", NOBODY, recent=False),
    "a link for a new password, too late": Visit(
        "account_reset_password_from_key", "/account/password/reset/key/x-{unknown}", status=404
    ),
    "codes of an app": Visit("mfa_activate_totp", "/account/security/codes/add", VIEWER),
    "a passkey": Visit("mfa_add_webauthn", "/account/security/passkeys/add", VIEWER),
    "my second factor, with codes": Visit("mfa_index", "/account/security", OWNER),
    "no more codes": Visit("mfa_deactivate_totp", "/account/security/codes/remove", OWNER),
    "recovery codes": Visit("mfa_generate_recovery_codes", "/account/security/recovery-codes/new", OWNER),
    "a code once more": Visit("mfa_reauthenticate", "/account/security/reauthenticate", OWNER, recent=False),
    "sign in, the second factor": Visit(
        "mfa_authenticate", "/account/login", sends=("", {"login": "owner@people.example", "password": PASSWORD})
    ),
    "a provider was left": Visit("socialaccount_login_cancelled", "/account/providers/cancelled"),
    "other services": Visit("socialaccount_connections", "/account/providers", VIEWER),
    "certificates": Visit("certificates", "/settings/certificates", SIGNATORY),
    "certificates, chosen": Visit("certificates", "/settings/certificates?state=all&channel=WS&q=z", VIEWER),
    "certificates of nobody": Visit("certificates", "/settings/certificates", NOBODY, 403),
    "certificates without the second factor": Visit("certificates", "/settings/certificates", WEAK, 403),
    "a certificate": Visit("certificate", "/settings/certificates/{serial}", SIGNATORY),
    "a certificate near its end": Visit("certificate", "/settings/certificates/{near}", VIEWER),
    "a certificate that was revoked": Visit("certificate", "/settings/certificates/{revoked}", SIGNATORY),
    "orders": Visit("orders", "/settings/orders", SIGNATORY),
    "an order": Visit("order", "/settings/orders/{order}", SIGNATORY),
    "ordering": Visit("order_new", "/settings/orders/new?organisation={organisation}", SIGNATORY),
    "ordering, wrong": Visit(
        "order_new",
        "/settings/orders/new?organisation={organisation}",
        SIGNATORY,
        422,
        ("check", {"contact_email": "x"}),
    ),
    "ordering, not allowed": Visit("order_new", "/settings/orders/new?organisation={organisation}", VIEWER, 403),
    "a replacement": Visit(
        "order_new", "/settings/orders/new?organisation={organisation}&replaces={serial}", SIGNATORY
    ),
    "replacements for many": Visit("order_replace", "/settings/orders/replace", SIGNATORY),
    "another contact person": Visit("certificate_contact", "/settings/certificates/{serial}/contact", SIGNATORY),
    "a deputy": Visit("certificate_contact", "/settings/certificates/{stood_in}/contact?place=deputy", SIGNATORY),
    "removing a deputy": Visit(
        "certificate_contact",
        "/settings/certificates/{stood_in}/contact?place=deputy",
        SIGNATORY,
        sends=("check-remove", {}),
    ),
    "checking an order": Visit(
        "order_new",
        "/settings/orders/new?organisation={organisation}&replaces={serial}",
        SIGNATORY,
        sends=("check", {}),
    ),
    "checking a new link": Visit("order", "/settings/orders/{order}", SIGNATORY, sends=("check-send", {})),
    "cancelling an order": Visit("order", "/settings/orders/{order}", SIGNATORY, sends=("check-cancel", {})),
    "checking replacements": Visit(
        "order_replace", "/settings/orders/replace", SIGNATORY, sends=("look", {"days": "730"})
    ),
    "checking another contact person": Visit(
        "certificate_contact",
        "/settings/certificates/{serial}/contact",
        SIGNATORY,
        sends=("check-save", {"person_name": "Uusi Nimi", "person_email": "new@malli.example", "person_phone": ""}),
    ),
    "handing over": Visit(
        "contacts", "/settings/contacts", SIGNATORY, sends=("look", {"leaving": "contact@malli.example"})
    ),
    "acts on ticked certificates": Visit("certificates_bulk", "/settings/bulk", VIEWER, 403),
    "ticked: replacements": Visit(
        "certificates_bulk", "/settings/certificates", SIGNATORY, sends=("replace", {"pick": "{serial}"})
    ),
    "ticked: another contact person": Visit(
        "certificates_bulk", "/settings/certificates", SIGNATORY, sends=("contacts", {"pick": "{serial}"})
    ),
    "ticked: let them expire": Visit(
        "certificates_bulk", "/settings/certificates", SIGNATORY, sends=("let-end", {"pick": "{serial}"})
    ),
    "checking a revocation": Visit(
        "certificate_revoke",
        "/settings/certificates/{serial}/revoke",
        SIGNATORY,
        sends=("check-revoke", {"reason": "superseded"}),
    ),
    "withdrawing an application": Visit(
        "application", "/settings/applications/{application}", SIGNATORY, sends=("check-withdraw", {})
    ),
    "clerk: checking a decision": Visit(
        "staff_application", "/staff/applications/{application}", CLERK, sends=("check-decide", {"verdict": "approved"})
    ),
    "clerk: ending an organisation": Visit(
        "staff_organisation", "/staff/organisations/{organisation}", CLERK, sends=("check-end", {})
    ),
    "clerk: checking a revocation": Visit(
        "staff_certificate", "/staff/certificates/{serial}", CLERK, sends=("check-revoke", {"reason": "superseded"})
    ),
    "clerk: checking many revocations": Visit(
        "staff_revocation_new",
        "/staff/revocations/new",
        CLERK,
        sends=("check-propose", {"serials": "{serial}", "reason": "superseded"}),
    ),
    "letting one end": Visit("certificate_let_end", "/settings/certificates/{serial}/let-end", SIGNATORY),
    "revoking": Visit("certificate_revoke", "/settings/certificates/{serial}/revoke", SIGNATORY),
    "contacts of many": Visit("contacts", "/settings/contacts", SIGNATORY),
    "contacts of many, shown": Visit(
        "contacts", "/settings/contacts", SIGNATORY, sends=("look", {"leaving": "contact@malli.example"})
    ),
    "fetching": Visit("fetch", "/fetch"),
    "fetching, wrong": Visit("fetch", "/fetch", STRANGER, 422, ("fetch", {"transfer_id": "1"})),
    "applications": Visit("applications", "/settings/applications", SIGNATORY),
    "an application": Visit("application", "/settings/applications/{application}", SIGNATORY),
    "applying": Visit("application_new", "/settings/applications/new?organisation={without_type}", APPLICANT),
    "applying, wrong": Visit(
        "application_new",
        "/settings/applications/new?organisation={without_type}",
        APPLICANT,
        200,
        ("apply", {"purpose": ""}),
    ),
    "applying, all types": Visit(
        "application_new", "/settings/applications/new?organisation={organisation}", SIGNATORY
    ),
    "a decision": Visit("application_decision", "/settings/applications/{decided}/decision", SIGNATORY),
    "requests to clients": Visit(
        "clients_requests", "/settings/clients/requests?organisation={organisation}", SIGNATORY
    ),
    "a clerk's purpose": Visit("staff_purpose", "/staff/purpose", CLERK, looks=False),
    "clerks' pages": Visit("staff", "/staff", CLERK),
    "clerks' pages without a purpose": Visit("staff", "/staff", CLERK, looks=False),
    "clerk: contacts who are missing": Visit("staff_work", "/staff/tasks/contactless", CLERK),
    "clerk: fleets": Visit("staff_work", "/staff/tasks/fleets", CLERK),
    "clerk: applications": Visit("staff_applications", "/staff/applications", CLERK),
    "clerk: an application": Visit("staff_application", "/staff/applications/{application}", CLERK),
    "clerk: organisations": Visit("staff_organisations", "/staff/organisations", CLERK),
    "clerk: a new organisation": Visit("staff_organisation_new", "/staff/organisations/new", CLERK),
    "clerk: an organisation": Visit("staff_organisation", "/staff/organisations/{organisation}", CLERK),
    "clerk: loads": Visit("staff_loads", "/staff/organisations/load", CLERK),
    "clerk: a load": Visit("staff_load", "/staff/organisations/load/{load}", CLERK),
    "clerk: a load to propose": Visit("staff_load", "/staff/organisations/load/{renaming}", CLERK),
    "clerk: a load of their own that waits": Visit("staff_load", "/staff/organisations/load/{own_proposal}", CLERK),
    "clerk: a load to confirm": Visit("staff_load", "/staff/organisations/load/{to_confirm}", CLERK),
    "clerk: a load that was rejected": Visit("staff_load", "/staff/organisations/load/{rejected}", CLERK),
    "clerk: a load that two decided": Visit("staff_load", "/staff/organisations/load/{confirmed}", CLERK),
    "clerk: invitations": Visit("staff_invitations", "/staff/invitations", CLERK),
    "clerk: an invitation that waits": Visit("staff_invitation", "/staff/invitations/{pending}", CLERK),
    "clerk: the letter about a first representative": Visit(
        "staff_invitation_letter", "/staff/invitations/{pending_named}/letter", CLERK
    ),
    "clerk: a first representative who waits": Visit("staff_invitation", "/staff/invitations/{pending_named}", CLERK),
    "clerk: an invitation for a second clerk": Visit("staff_invitation", "/staff/invitations/{pending_first}", CLERK),
    "clerk: an invitation of their own": Visit("staff_invitation", "/staff/invitations/{pending_own}", CLERK),
    "clerk: certificates": Visit("staff_certificates", "/staff/certificates?text={near}", CLERK),
    "clerk: a certificate": Visit("staff_certificate", "/staff/certificates/{serial}", CLERK),
    "clerk: revocations": Visit("staff_revocations", "/staff/revocations", CLERK),
    "clerk: revoking many": Visit("staff_revocation_new", "/staff/revocations/new", CLERK),
    "clerk: a revocation of many": Visit("staff_revocation", "/staff/revocations/{proposal}", CLERK),
    "clerk: early replacements": Visit("staff_early_calls", "/staff/early-replacements", CLERK),
    "clerk: an early replacement": Visit("staff_early_call", "/staff/early-replacements/{call}", CLERK),
    "clerk: messages": Visit("staff_outbox", "/staff/outbox", CLERK),
    "clerk: the audit trail": Visit("staff_audit", "/staff/audit", CLERK),
    "clerk's page for others": Visit("staff", "/staff", SIGNATORY, 404),
}

OWN_WALK: Mapping[str, str] = {
    "mfa_login_webauthn": "needs a passkey",
    "mfa_reauthenticate_webauthn": "needs a passkey",
    "mfa_edit_webauthn": "needs a passkey",
    "mfa_remove_webauthn": "needs a passkey",
    "mfa_view_recovery_codes": "codes are shown once",
    "socialaccount_signup": "comes after a provider's answer",
}
"""Pages of accounts that have their own walk (tests/judges/test_accounts.py, tests/judges/test_oidc.py)."""
NOT_WALKED: Mapping[str, str] = {
    "certificates_csv": "a file",
    "certificate_pem": "a file",
    "certificate_der": "a file",
    "certificate_chain": "a file",
    "certificate_dates": "a file",
    "openid_connect_login": "leads to a provider at once",
    "openid_connect_callback": "comes from a provider, and leads on at once",
    "session_time": "answers a script",
    "authorisations_ended": "takes rows from a list, and leads back to it",
    **OWN_WALK,
}
"""Pages that the visits leave out, with the reason."""


@dataclass(slots=True)
class Population:
    """An authority with objects of every kind, and one user of each kind."""

    scene: Scene
    address: str
    objects: dict[str, str] = field(default_factory=dict)
    people: dict[str, models.User] = field(default_factory=dict)

    def browser(self, visit: Visit) -> Browser:
        """Return a browser of the user of a visit."""
        browser = Browser(people_door(self.scene, Post(), self.address))
        if visit.who == STRANGER:
            return browser
        keeps = {PURPOSE: "support"} if visit.who == CLERK and visit.looks else None
        factor = visit.who != WEAK
        return signed_in(browser, self.people[visit.who], second_factor=factor, recent=visit.recent, keeps=keeps)

    def place(self, visit: Visit) -> str:
        """Return the address of a visit with its placeholders filled in."""
        return visit.address.format(**self.objects)

    def filled(self, typed: Mapping[str, str]) -> dict[str, str]:
        """Return typed values with their placeholders filled in."""
        return {name: value.format(**self.objects) for name, value in typed.items()}

    def visited(self, visit: Visit, language: str) -> Browser:
        """Open the page of a visit in a language, and return the browser."""
        browser = self.browser(visit)
        browser.cookies["language"] = language
        browser.get(self.place(visit))
        if visit.sends is not None:
            self.press(browser, *visit.sends)
        return browser

    def press(self, browser: Browser, does: str, typed: Mapping[str, str]) -> None:
        """Press a button of the page, after values were typed into its form, and follow to the next page."""
        forms = browser.page.xpath("//main//form[@method='post']")
        form = next(one for one in forms if one.xpath(f".//button[@value='{does}' or '' = '{does}']"))
        browser.post(form.action or browser.path, {**sent_by(form), "do": does, **self.filled(typed)})
        while browser.reply.status in {302, 303}:
            browser.get(browser.reply.headers["location"])


def populate(scene: Scene, address: str) -> Population:
    """Create the objects and users of the pages."""
    built = Population(scene, address)
    people_door(scene, Post(), address)  # the names of cookies depend on its address
    for who in (NOBODY, SIGNATORY, VIEWER, CLERK, WEAK, OWNER, APPLICANT):
        built.people[who] = account(scene, who, staff=who == CLERK)
    with_factors(scene, built.people[OWNER])
    built.people[NOBODY].set_password(PASSWORD)
    built.people[NOBODY].save()
    for who, role in ((SIGNATORY, Role.SIGNATORY), (WEAK, Role.SIGNATORY), (VIEWER, Role.VIEWER)):
        kept = mandate(scene, built.people[who], CUSTOMER_ID, role)
    without_type = add_organisation(scene, "3333333-9", frozenset())
    mandate(scene, built.people[APPLICANT], "3333333-9", Role.SIGNATORY)
    now, contact = scene.ctx.now(), a_person(scene, "contact@malli.example", "Terho Tekninen")
    own = rows(scene, "Organisation").get(customer_id=CUSTOMER_ID)
    held = enrolled(scene)
    near = [a_certificate(scene, own, now + left * DAY, contact) for left in (3, 9, 40, 500)]
    rows(scene, "Lineage").filter(pk=near[2].lineage_id).update(
        deputy=a_person(scene, "deputy@malli.example", "Vara Sijainen")
    )
    gone = enrolled(scene)
    revoke(RevocationRequest(gone.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    ids = ordered(scene, an_order())
    add_organisation(scene, "7654321-4")
    mandate(scene, CUSTOMER_ID, "7654321-4", Role.MANAGER, now + 50 * DAY)
    mandate(scene, account(scene, "former"), CUSTOMER_ID, Role.VIEWER, now - DAY)
    ask_for_oneself(CUSTOMER_ID, Role.VIEWER, scene.ctx, Actor(built.people[NOBODY].pk), REQUEST)
    known = {"organisation": own, "channels": ["WS"], "purpose": "Payroll", "language": "fi", "created": now}
    application = rows(scene, "AccessApplication").create(case_number="1", state="open", **known)
    decided = rows(scene, "AccessApplication").create(
        case_number="2", state="refused", decided_at=now, reason="Syy.", decision="Päätös", **known
    )
    clerk = StaffSession(
        Actor(built.people[CLERK].pk, second_factor=True, staff=True),
        AccessJustification(AccessPurpose.SUPPORT),
        scene.ctx,
        REQUEST,
    )
    proposal = rows(scene, "BulkRevocation").create(
        officer=clerk.officer, reason="superseded", serials=[near[3].serial], count=1, created=now, expires=now + DAY
    )
    sent = preview(LOAD, clerk)
    loads = loads_of_two(scene, clerk)
    asker, person = (
        account(scene, "asker", staff=True),
        ContactDetails("Uusi Edustaja", "new@malli.example", "", Language.FI),
    )
    alone = rows(scene, "Organisation").get(customer_id="7654321-4").pk
    waits = [
        pending_invitations.add(
            scene.db, where, replace(person, email=f"{by.pk}@malli.example"), by.pk, scene.audit_entry()
        )[0]
        for where, by in ((own.pk, asker), (alone, asker), (own.pk, built.people[CLERK]))
    ]
    named = first_representative(scene, (alone, asker, replace(person, email="named@malli.example")), clerk)
    pin = offered(scene)
    asked(scene, pin)
    shown = offered(scene)
    opened(scene, shown)
    refresh_figures(scene.ctx)
    built.objects |= {
        "organisation": own.pk,
        "without_type": without_type,
        "serial": held.serial,
        "transfer_id": ids.transfer_id,
        "one_time_password": ids.transfer_password,
        "csr": load_der_x509_csr(csr(new_key())).public_bytes(Encoding.PEM).decode(),
        "order": rows(scene, "TransferIds").get(transfer_id=ids.transfer_id).order_id,
        "mandate": kept.pk,
        "request": rows(scene, "RoleRequest").get(user=built.people[NOBODY]).pk,
        "application": application.pk,
        "decided": decided.pk,
        "near": near[1].serial,
        "stood_in": near[2].serial,
        "revoked": gone.serial,
        "proposal": proposal.proposal_id,
        "load": sent,
        **loads,
        "pending": waits[0],
        "pending_first": waits[1],
        "pending_own": waits[2],
        **named,
        **called_early(scene, near[3]),
        "message": offered(scene).token,
        "asked": pin.token,
        "by_code": offered(scene, phone="").token,
        "unknown": "0" * 32,
    }
    return built


def called_early(scene: Scene, certificate: models.Certificate) -> dict[str, str]:
    """Add a call for early replacement and a drill, and return the placeholders of their pages."""
    now, words = scene.ctx.now(), {"officer": "a17", "reason": "incident 7"}
    span = {"created": now, "ends": now + DAY, "done_at": now}
    call = rows(scene, "EarlyReplacement").create(serials=[certificate.serial], count=1, **words, **span)
    rows(scene, "EarlyReplacementItem").create(certificate=certificate, call=call)
    drill = rows(scene, "Drill").create(audience="holders", reach={}, created=now, **words)
    letter, answered = (
        rows(scene, "OutboxMessage").create(
            kind="drill", channel="email", step=f"{number}:email", created=now, due=now, sent=now,
            facts={"drill": drill.drill_id},
        ).message_id
        for number in range(2)
    )  # fmt: skip
    rows(scene, "DrillAnswer").create(drill=drill, message_id=answered, at=now)
    links = {"exercise": letter, "exercised": answered}
    return {
        "call": call.call_id,
        **{name: f"{one}/{link_token(TRANSFER_KEY, DRILL_LINK, one)}" for name, one in links.items()},
    }


def first_representative(
    scene: Scene, asked: tuple[str, models.User, ContactDetails], clerk: StaffSession
) -> dict[str, str]:
    """Have a first representative wait, and return the placeholders of its pages."""
    organisation_id, asker, person = asked
    pending = pending_invitations.add(scene.db, organisation_id, person, asker.pk, scene.audit_entry())[0]
    waiting = scene.but(approvals=ApprovalPolicy(signatory_wait=24)).ctx
    open_invitations.confirm(pending, replace(clerk, ctx=waiting), "register@malli.example")
    naming = rows(scene, "SignatoryNaming").get().naming_id
    return {"pending_named": pending, "naming": naming, "veto": link_token(TRANSFER_KEY, VETO, naming)}


def loads_of_two(scene: Scene, clerk: StaffSession) -> dict[str, str]:
    """Insert loads that need a second clerk, one in each state, by placeholder name."""
    other = replace(clerk, actor=Actor(account(scene, "other", staff=True).pk, second_factor=True, staff=True))
    found = {"renaming": preview(RENAMING, clerk)}
    for name, sender in (("own_proposal", clerk), ("to_confirm", other), ("rejected", clerk), ("confirmed", clerk)):
        found[name] = preview(RENAMING, sender)
        propose_load(found[name], load(found[name], sender).digest, sender)
    end_load(found["rejected"], other)
    confirm_load(found["confirmed"], load(found["confirmed"], other).digest, other)
    return found


def with_factors(scene: Scene, user: models.User) -> None:
    """Give an account a password, a confirmed address and one-time codes."""
    user.set_password(PASSWORD)
    user.save(using=scene.db.alias)
    secret = encrypt_token(TRANSFER_KEY, SECOND_FACTOR, "JBSWY3DPEHPK3PXP")
    address, factor = apps.get_model("account", "EmailAddress"), apps.get_model("mfa", "Authenticator")
    address.objects.create(user=user, email=user.email, verified=True, primary=True)
    factor.objects.create(user=user, type="totp", data={"secret": secret})


def patterns() -> dict[str, URLPattern]:
    """Return all pages of the e-service by their name or pattern in urls.py."""

    def within(resolver: URLResolver, before: str) -> Iterator[tuple[str, URLPattern]]:
        for one in resolver.url_patterns:
            whole = before + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from within(one, whole)
            else:
                yield one.name or whole, one

    return dict(within(get_resolver("sinetti.eservice.urls"), ""))


def session_of(browser: Browser) -> dict[str, str]:
    """Return the session cookie of a browser."""
    name = settings.SESSION_COOKIE_NAME
    return {name: browser.cookies[name]} if name in browser.cookies else {}
