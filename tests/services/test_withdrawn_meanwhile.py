"""Acts whose right is withdrawn before they get the lock: all are refused.

The tests use two connections to PostgreSQL, one for the act and one for the withdrawal. Each act of
`services/self_service` and `services/staff` has a line in a table here. An act without a line fails a test.
"""

import ast
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import pytest
from django.apps import apps

from sinetti.database.access import accounts
from sinetti.database.access import pending_invitations as access_pending_invitations
from sinetti.database.access import role_assignments as access_role_assignments
from sinetti.database.certificates import lineage_view
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.common.locks import locked
from sinetti.database.organisations.organisations import NewOrganisation
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.access.ends import EndSide
from sinetti.domain.access.roles import Role
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.organisations.applications import ApplicationDecision, ApplicationState, NewApplication
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange
from sinetti.domain.values import Channel, IdentifierType, Language
from sinetti.services.access.permissions import Actor, PermissionDenied, load_permissions
from sinetti.services.access.role_requests import ask_for_oneself
from sinetti.services.organisations.registration import close
from sinetti.services.self_service import (
    access_ends,
    applications,
    bulk_replace,
    clients,
    contact_handover,
    contacts,
    order,
    pending_invitations,
    renewal_opt_out,
    revoke,
    role_assignments,
    role_resignation,
    transfer_ids,
)
from sinetti.services.staff import applications as staff_applications
from sinetti.services.staff import (
    bulk_revocations,
    certificates,
    invitations,
    open_invitations,
    organisations,
    outbox,
    passkeys,
    session,
)
from sinetti.services.staff.passkeys import Assertion, ClerkDecision
from sinetti.services.staff.session import NotStaff
from tests.house.test_acts import acts, functions, opens
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.firms import rows
from tests.support.people import a_person
from tests.support.registers import opened_register
from tests.support.scene import DAY, REQUEST, Scene, add_organisation, an_order, enrolled, opened_scene, ordered
from tests.support.users import account, mandate

CLIENT, FIRM, THIRD = CUSTOMER_ID, "7654321-4", "2345678-0"
LOAD = b"customer_id;kind;country;name;language\n3456789-6;artificial;FI;Uusi Oy;fi\n"
NEWCOMER = a_person("newcomer")


@dataclass
class RepresentedClient:
    """Organisation with one of each object, a representative, and clerks."""

    scene: Scene
    actor: Actor
    anna: Any
    bo: Any
    ids: dict[str, str] = field(default_factory=dict)
    direct: str = ""
    to_firm: str = ""
    in_firm: str = ""

    @property
    def ctx(self):
        """Context of the scene."""
        return self.scene.ctx


@pytest.fixture
def scene(request, tmp_path):
    """Yield a scene on PostgreSQL, because SQLite has one transaction at a time."""
    with opened_register("postgresql", request, tmp_path) as db:
        yield opened_scene(db)


def represented_client(scene, *, through=False):
    for one in (FIRM, THIRD):
        add_organisation(scene, one)
    who = account(scene, "maija")
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    built = RepresentedClient(scene, Actor(who.pk, second_factor=True), anna, bo)
    stays = account(scene, "stays")
    for one in (CLIENT, FIRM):
        mandate(scene, stays, one, Role.SIGNATORY)
    if through:
        built.in_firm = mandate(scene, who, FIRM, Role.MANAGER).pk
        built.to_firm = mandate(scene, FIRM, CLIENT, Role.MANAGER, scene.ctx.now() + 90 * DAY).pk
    else:
        built.direct = mandate(scene, who, CLIENT, Role.SIGNATORY, scene.ctx.now() + 90 * DAY).pk
    _things(built)
    return built


def _things(built):
    scene, ctx = built.scene, built.ctx
    held = enrolled(scene)
    rows(scene, "Lineage").filter(certificates__serial=held.serial).update(
        deputy=rows(scene, "Person").create(name="D", email="deputy@malli.example", language="fi")
    )
    ids = ordered(scene, an_order())
    ask_for_oneself(CLIENT, Role.VIEWER, ctx, Actor(account(scene, "asker").pk), REQUEST)
    own = rows(scene, "Organisation").get(customer_id=CLIENT)
    stays = Actor(rows(scene, "User").get(email="stays@people.example").pk, second_factor=True)
    waits = role_assignments.grant(
        role_assignments.PersonGrant(own.pk, a_person("waits"), Role.VIEWER), ctx, stays, REQUEST
    ).mandate_id
    built.ids |= {
        "own": own.pk,
        "firm": rows(scene, "Organisation").get(customer_id=FIRM).pk,
        "third": rows(scene, "Organisation").get(customer_id=THIRD).pk,
        "serial": held.serial,
        "contact": rows(scene, "Lineage").filter(certificates__serial=held.serial).get().contact.email,
        "order": rows(scene, "TransferIds").get(transfer_id=ids.transfer_id).order_id,
        "request": rows(scene, "RoleRequest").get().pk,
        "waits": waits,
        "viewer": mandate(scene, account(scene, "viewer"), CLIENT, Role.VIEWER).pk,
        "pending": access_pending_invitations.add(
            scene.db, own.pk, a_person("pending"), built.anna.actor.user_id, scene.audit_entry()
        )[0],
        "first": access_pending_invitations.add(
            scene.db,
            rows(scene, "Organisation").get(customer_id=THIRD).pk,
            a_person("first"),
            built.anna.actor.user_id,
            scene.audit_entry(),
        )[0],
    }


def an_application(built):
    new = NewApplication(frozenset({Channel.SFTP}), "We send reports.", "", Language.FI)
    stays = Actor(rows(built.scene, "User").get(email="stays@people.example").pk, second_factor=True)
    rows(built.scene, "ApprovedChannel").filter(organisation=built.ids["own"]).update(withdrawn_at=built.ctx.now())
    return applications.apply(built.ids["own"], new, built.ctx, stays, REQUEST).application_id


def applied(built):
    rows(built.scene, "ApprovedChannel").filter(organisation=built.ids["own"]).update(withdrawn_at=built.ctx.now())
    new = NewApplication(frozenset({Channel.SFTP}), "We send reports.", "", Language.FI)
    return lambda: applications.apply(built.ids["own"], new, built.ctx, built.actor, REQUEST)


def withdrawn_application(built):
    one = an_application(built)
    return lambda: applications.withdraw(one, built.ctx, built.actor, REQUEST)


def given_to_firm(customer_id):
    def prepared(built):
        until = built.ctx.now() + 90 * DAY
        given = role_assignments.FirmGrantRequest(built.ids["own"], customer_id, Role.VIEWER, until)
        return lambda: role_assignments.give_to_firm(given, built.ctx, built.actor, REQUEST)

    return prepared


def simple(act: Callable[..., Any], *arguments: Any, id_: str = ""):
    """Return an act whose first arguments are an id, if any, and fixed values."""

    def prepared(built):
        first = (built.ids[id_],) if id_ else ()
        return lambda: act(*first, *arguments, built.ctx, built.actor, REQUEST)

    return prepared


def an_order_of(built):
    person = a_person("contact")
    ask = order.OrderAsk("form", built.ids["own"], Channel.WS, "Payroll", person)
    return lambda: order.order(ask, built.ctx, built.actor, REQUEST)


def invited(built):
    to = role_assignments.PersonGrant(built.ids["own"], NEWCOMER, Role.SIGNATORY)
    return lambda: role_assignments.grant(to, built.ctx, built.actor, REQUEST)


def asked_clients(built):
    ask = clients.AskClients(built.ids["own"], (THIRD,), Role.VIEWER, built.ctx.now() + 90 * DAY)
    return lambda: clients.ask_clients(ask, built.ctx, built.actor, REQUEST)


def asked_again(built):
    handed = mandate(built.scene, CLIENT, THIRD, Role.VIEWER, built.ctx.now() + 30 * DAY)
    again = clients.AgainRequest(built.ids["own"], (handed.pk,), built.ctx.now() + 90 * DAY)
    return lambda: clients.ask_again(again, built.ctx, built.actor, REQUEST)


def noted(built):
    ended = built.ids["viewer"]
    rows(built.scene, "RoleAssignment").filter(pk=ended).update(valid_until=built.ctx.now() - DAY)
    return lambda: access_ends.note_ended(EndSide.GIVEN, (ended,), built.ctx, built.actor, REQUEST)


def given_up(built):
    # A role of the firm for a third organisation: only its signatory gives that up.
    handed = mandate(built.scene, CLIENT, THIRD, Role.VIEWER, built.ctx.now() + 90 * DAY)
    return lambda: role_resignation.resign((handed.pk,), built.ctx, built.actor, REQUEST)


def goes_on(built):
    serial = built.ids["serial"]

    def noted():
        return renewal_opt_out.opt_in_to_renewal(serial, built.ctx, built.actor, REQUEST)

    rows(built.scene, "Lineage").filter(certificates__serial=serial).update(renewal_opt_out_at=built.ctx.now())
    return noted


def replaced(built):
    def many():
        found = bulk_replace.replace_many("form", [built.ids["serial"]], built.ctx, built.actor, REQUEST)
        assert (found.ordered, found.left) == (0, 1)
        raise PermissionDenied(None, None)  # type: ignore[arg-type] # it passes over what one may not

    return many


def let_end(built):
    def many():
        if not renewal_opt_out.opt_out_many([built.ids["serial"]], built.ctx, built.actor, REQUEST):
            raise PermissionDenied(None, None)  # type: ignore[arg-type] # it passes over what one may not

    return many


def rehearsed(built):
    seen = lineage_view.find(built.scene.db, built.ids["serial"])
    return lambda: revoke.rehearse(seen, RevocationReason.SUPERSEDED, built.ctx, built.actor, REQUEST)


def rows_handed_over(built):
    found = contact_handover.picked([built.ids["serial"]], load_permissions(built.actor, built.ctx), built.ctx)
    return lambda: contact_handover.hand_over_rows(found, ("", NEWCOMER), built.ctx, built.actor, REQUEST)


def handover_rehearsed(built):
    found = contact_handover.picked([built.ids["serial"]], load_permissions(built.actor, built.ctx), built.ctx)
    return lambda: contact_handover.rehearse(found, ("", NEWCOMER), built.ctx, built.actor, REQUEST)


TERMS = role_assignments.GrantTerms(Role.MANAGER, None)
BEHALF = {
    "access_ends.note_ended": noted,
    "applications.apply": applied,
    "applications.withdraw": withdrawn_application,
    "role_assignments.grant": invited,
    "role_assignments.give_to_firm": given_to_firm(THIRD),
    "role_assignments.give_to_firm, one that is not there": given_to_firm("9999999-9"),
    "role_assignments.change": simple(role_assignments.change, TERMS, id_="viewer"),
    "role_assignments.withdraw": simple(role_assignments.withdraw, id_="viewer"),
    "role_assignments.send_again": simple(role_assignments.send_again, id_="waits"),
    "role_assignments.approve": simple(role_assignments.approve, TERMS, id_="request"),
    "role_assignments.decline": simple(role_assignments.decline, id_="request"),
    "contacts.change_contact": simple(contacts.change_contact, (NEWCOMER, False), id_="serial"),
    "contacts.remove_deputy": simple(contacts.remove_deputy, "deputy@malli.example", id_="serial"),
    "clients.ask_again": asked_again,
    "clients.ask_clients": asked_clients,
    "role_resignation.resign": given_up,
    "contact_handover.hand_over_rows": rows_handed_over,
    "contact_handover.rehearse": handover_rehearsed,
    "renewal_opt_out.opt_out_many": let_end,
    "renewal_opt_out.opt_out_of_renewal": simple(renewal_opt_out.opt_out_of_renewal, id_="serial"),
    "renewal_opt_out.opt_in_to_renewal": goes_on,
    "order.order": an_order_of,
    "pending_invitations.confirm": simple(pending_invitations.confirm, id_="pending"),
    "pending_invitations.reject": simple(pending_invitations.reject, id_="pending"),
    "bulk_replace.replace_many": replaced,
    "revoke.rehearse": rehearsed,
    "revoke.revoke": simple(revoke.revoke, RevocationReason.SUPERSEDED, id_="serial"),
    "transfer_ids.cancel_order": simple(transfer_ids.cancel_order, id_="order"),
    "transfer_ids.offer_anew": simple(transfer_ids.offer_anew, "", id_="order"),
}
"""Acts of a representative, each with a function that makes it ready to be called."""
MANAGERS = (
    "contacts.change_contact",
    "contacts.remove_deputy",
    "contact_handover.hand_over_rows",
    "contact_handover.rehearse",
    "renewal_opt_out.opt_out_many",
    "renewal_opt_out.opt_out_of_renewal",
    "renewal_opt_out.opt_in_to_renewal",
    "order.order",
    "bulk_replace.replace_many",
    "revoke.rehearse",
    "revoke.revoke",
    "transfer_ids.cancel_order",
    "transfer_ids.offer_anew",
)
"""Acts of a firm's manager for a client."""


def of_clerk(act: Callable[..., Any], *arguments: Any, id_: str = "", by: str = "anna"):
    """Return an act of a clerk that runs last."""

    def prepared(built):
        first = (built.ids[id_],) if id_ else ()
        return lambda: act(*first, *arguments, getattr(built, by))

    return prepared


def decided(built):
    one = an_application(built)
    verdict = ApplicationDecision(ApplicationState.APPROVED, "")
    return lambda: staff_applications.decide(one, verdict, lambda _: "text", built.anna)


def ended_link(built):
    open_invitations.confirm(built.ids["first"], built.bo)
    (link,) = open_invitations.listed(0, 5, built.anna).links
    return lambda: open_invitations.end(link.invitation_id, built.anna)


def asked_by_clerk(built):
    return lambda: invitations.invite_signatory(CLIENT, NEWCOMER, built.ctx, built.anna.actor, REQUEST)


def altered(built):
    found = organisations.organisation(built.ids["own"], built.anna)
    change = ImportChange(
        line=1,
        kind=ChangeKind.CHANGE,
        customer_id=CLIENT,
        id_kind=found.kind,
        country=found.country,
        name=found.name,
        language=Language.SV.value if found.language is not Language.SV else Language.FI.value,
        name_before=found.name,
        language_before=found.language,
    )
    return lambda: organisations.alter(built.ids["own"], change, built.anna)


def accepted(built):
    load_id = organisations.preview(LOAD, built.anna)
    shown = organisations.load(load_id, built.anna).digest
    return lambda: organisations.accept(load_id, shown, built.anna)


def carried_on(built):
    load_id = organisations.preview(LOAD, built.anna)
    assert organisations.accept(load_id, organisations.load(load_id, built.anna).digest, built.anna)
    return lambda: organisations.carry_on(load_id, built.anna)


def a_renaming(built, *, proposed_by=None):
    """Upload an import that needs two clerks; return its id and the digest shown."""
    found = organisations.organisation(built.ids["own"], built.anna)
    line = f"{CLIENT};{found.kind};{found.country};New name Oy;{found.language}\n"
    load_id = organisations.preview(
        b"customer_id;kind;country;name;language\n" + line.encode(), proposed_by or built.anna
    )
    shown = organisations.load(load_id, built.anna).digest
    if proposed_by is not None:
        assert organisations.propose_load(load_id, shown, proposed_by)
    return load_id, shown


def proposed_load(built):
    load_id, shown = a_renaming(built)
    return lambda: organisations.propose_load(load_id, shown, built.anna)


def confirmed_load(built):
    load_id, shown = a_renaming(built, proposed_by=built.bo)
    return lambda: organisations.confirm_load(load_id, shown, built.anna)


def ended_load(built):
    load_id, _ = a_renaming(built, proposed_by=built.bo)
    return lambda: organisations.end_load(load_id, built.anna)


def proposed_change(built):
    found = organisations.organisation(built.ids["own"], built.anna)
    change = ImportChange(
        line=1,
        kind=ChangeKind.CHANGE,
        customer_id=CLIENT,
        id_kind=found.kind,
        country=found.country,
        name="New name",
        language=found.language,
        name_before=found.name,
        language_before=found.language,
    )
    return lambda: organisations.propose_change(built.ids["own"], change, built.anna)


def left(built):
    load_id = organisations.preview(LOAD, built.anna)
    row = rows(built.scene, "OrganisationImport").filter(pk=load_id)
    changes = [{**one, "kind": "end", "customer_id": CLIENT} for one in row.get().changes]
    row.update(changes=changes, accepted_at=built.ctx.now(), done_at=built.ctx.now())
    close(CLIENT, built.ctx, "operator", REQUEST)
    return lambda: organisations.propose_revocation(load_id, ChangeKind.END, built.anna)


def tried_again(built):
    row = rows(built.scene, "OutboxMessage").exclude(channel=None).first()
    rows(built.scene, "OutboxMessage").filter(pk=row.pk).update(failed_at=built.ctx.now())
    return lambda: outbox.try_again([row.pk], built.anna)


def proposed(act: Callable[..., Any], *, by: str = "anna", approved: bool = False):
    def prepared(built):
        now = built.ctx.now()
        row = rows(built.scene, "BulkRevocation").create(
            officer=built.anna.officer if by == "anna" or approved else built.bo.officer,
            reason="superseded",
            serials=[built.ids["serial"]],
            count=1,
            created=now,
            expires=now + DAY,
            approved_at=now if approved else None,
        )
        return lambda: act(row.proposal_id, built.anna)

    return prepared


def rehearsed_by_clerk(built):
    chosen = CertificateSelection(serials=(built.ids["serial"],))
    going = bulk_revocations.look_at(chosen, RevocationReason.SUPERSEDED, built.anna).going
    return lambda: bulk_revocations.rehearse(going, RevocationReason.SUPERSEDED, built.anna)


def wanted(act, reason=RevocationReason.SUPERSEDED):
    return lambda built: lambda: act(CertificateSelection(serials=(built.ids["serial"],)), reason, built.anna)


def asserted(built):
    now = built.ctx.now()
    decision = ClerkDecision(TwoPersonAct.SIGNATORY, "organisation:1", built.bo.officer, now, now + DAY, {})
    return lambda: passkeys.record(decision, Assertion("", "", "", "", "", -7), built.anna)


NEW = NewOrganisation("3456789-6", IdentifierType.ARTIFICIAL, "FI", "Uusi Oy", Language.FI, frozenset())
STAFF = {
    "applications.decide": decided,
    "certificates.revoke_one": of_clerk(certificates.revoke_one, RevocationReason.SUPERSEDED, id_="serial"),
    "session.log_access": of_clerk(session.log_access, "organisation:1"),
    "session.log_search": of_clerk(session.log_search, SearchScope.AUDIT, "text"),
    "invitations.invite_signatory": asked_by_clerk,
    "open_invitations.confirm": lambda built: lambda: open_invitations.confirm(built.ids["first"], built.bo),
    "open_invitations.reject": lambda built: lambda: open_invitations.reject(built.ids["first"], built.bo),
    "open_invitations.withdraw": of_clerk(open_invitations.withdraw, id_="first"),
    "open_invitations.end": ended_link,
    "organisations.add": of_clerk(organisations.add, NEW),
    "organisations.alter": altered,
    "organisations.preview": of_clerk(organisations.preview, LOAD),
    "organisations.accept": accepted,
    "organisations.carry_on": carried_on,
    "organisations.confirm_load": confirmed_load,
    "organisations.end_load": ended_load,
    "organisations.propose_change": proposed_change,
    "organisations.propose_load": proposed_load,
    "organisations.propose_revocation": left,
    "outbox.try_again": tried_again,
    "passkeys.record": asserted,
    "bulk_revocations.propose": wanted(bulk_revocations.propose),
    "bulk_revocations.confirm": proposed(bulk_revocations.confirm, by="bo"),
    "bulk_revocations.go_on": proposed(bulk_revocations.go_on, approved=True),
    "bulk_revocations.rehearse": rehearsed_by_clerk,
    "bulk_revocations.withdraw": proposed(bulk_revocations.withdraw),
}
"""Acts of a clerk."""


@pytest.mark.parametrize(("room", "table"), [("self_service", BEHALF), ("staff", STAFF)], ids=["self_service", "staff"])
def test_each_act_has_a_line(room, table):
    found = set()
    for path in acts(room):
        known = functions(ast.parse(path.read_text(encoding="utf-8")))
        if path.stem != "__init__":
            found |= {f"{path.stem}.{name}" for name in known if not name.startswith("_") and opens(name, known)}
    through_others = {"bulk_replace.replace_many"}
    openers = {"session.clerk_act", "session.guarded"} if room == "staff" else set()
    wanted_lines = found - openers | (through_others if room == "self_service" else set())
    assert wanted_lines == {one.partition(",")[0] for one in table}


def everything(scene):
    """Return all rows of the database, by table."""
    found = {}
    for model in apps.get_app_config("sinetti").get_models():
        kept = model._default_manager.using(scene.db.alias).values_list()
        found[model.__name__] = sorted(map(repr, kept))
    return found


@contextmanager
def in_between(monkeypatch, scene, withdraw):
    """Withdraw the right over another connection before the act gets its lock."""
    seen = []

    def withdrawn():
        try:
            withdraw()
        finally:
            scene.db.close()

    @contextmanager
    def late(db, *rest):
        if not seen:
            thread = Thread(target=withdrawn)
            thread.start()
            thread.join(60)
            seen.append(everything(scene))
        with locked(db, *rest) as state:
            yield state

    for place in ("sinetti.services.access.act_transaction.locked", "sinetti.services.staff.session.locked"):
        monkeypatch.setattr(place, late)
    yield seen


def refused(monkeypatch, built, act, withdraw, why):
    with in_between(monkeypatch, built.scene, withdraw) as seen, pytest.raises(why):
        act()
    (after,) = seen
    assert everything(built.scene) == after


def take(built, mandate_id):
    """Withdraw a role as the signatory of its organisation."""
    access_role_assignments.withdraw(built.scene.db, mandate_id, built.scene.audit_entry("user:another"))


@pytest.mark.long
@pytest.mark.parametrize("act", BEHALF)
def test_a_representative_whose_role_was_withdrawn(scene, monkeypatch, act):
    built = represented_client(scene)
    refused(monkeypatch, built, BEHALF[act](built), lambda: take(built, built.direct), PermissionDenied)


@pytest.mark.long
@pytest.mark.parametrize("link", ["to_firm", "in_firm"])
@pytest.mark.parametrize("act", MANAGERS)
def test_a_firms_manager_of_whom_one_link_was_withdrawn(scene, monkeypatch, act, link):
    built = represented_client(scene, through=True)
    refused(monkeypatch, built, BEHALF[act](built), lambda: take(built, getattr(built, link)), PermissionDenied)


ENDS = {
    "the role has ended": lambda built: built.scene.clock.forward(91 * DAY),
    "the organisation was closed": lambda built: close(CLIENT, built.ctx, "operator", REQUEST),
    "the account was ended": lambda built: accounts.deactivate(
        built.scene.db, built.actor.user_id, built.scene.audit_entry()
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("act", ["role_assignments.grant", "order.order", "revoke.revoke"])
def test_a_representative_whose_role_ended_otherwise(scene, monkeypatch, act, end):
    built = represented_client(scene)
    refused(monkeypatch, built, BEHALF[act](built), lambda: ENDS[end](built), PermissionDenied)


GONE = {
    "dismissed": lambda built, who: accounts.set_staff(built.scene.db, who, built.scene.audit_entry(), staff=False),
    "ended": lambda built, who: accounts.deactivate(built.scene.db, who, built.scene.audit_entry()),
}


@pytest.mark.long
@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("act", STAFF)
def test_a_clerk_who_is_none_any_more(scene, monkeypatch, act, gone):
    built = represented_client(scene)
    called = STAFF[act](built)
    who = built.bo if act in {"open_invitations.confirm", "open_invitations.reject"} else built.anna
    refused(monkeypatch, built, called, lambda: GONE[gone](built, who.actor.user_id), NotStaff)


PASSES_OVER = {"role_assignments.give_to_firm, one that is not there", "bulk_replace.replace_many"}
"""Acts that skip an object instead of raising a refusal."""


@pytest.mark.parametrize("act", [*sorted(BEHALF.keys() - PASSES_OVER), *STAFF])
def test_an_act_with_nothing_in_between_is_done(sqlite_scene, act):
    built = represented_client(sqlite_scene)
    called = (BEHALF | STAFF)[act](built)
    before = everything(sqlite_scene)
    called()
    assert everything(sqlite_scene) != before
