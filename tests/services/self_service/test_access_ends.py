"""Ends of roles on both sides' pages: counts of the start page, lists, removal, asking again."""

from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.domain.access.ends import EndSide
from sinetti.domain.access.roles import Permission, Role
from sinetti.services.access.permissions import Actor, PermissionDenied, load_permissions
from sinetti.services.access.role_requests import ask_for_oneself
from sinetti.services.self_service.access_ends import (
    count_access_ends,
    ended_to_give_again,
    list_ended,
    note_ended,
)
from sinetti.services.self_service.clients import (
    AgainRequest,
    ClientQuery,
    ClientSort,
    ClientState,
    InvalidTerms,
    InvitationLimitReached,
    ask_again,
    clients,
    to_ask_again,
)
from sinetti.services.self_service.role_assignments import (
    FirmGrantRequest,
    GrantTerms,
    approve,
    change,
    give_to_firm,
    withdraw,
)
from sinetti.services.self_service.role_resignation import resign
from tests.support.authority import CUSTOMER_ID as CLIENT
from tests.support.authority import CUSTOMER_NAME
from tests.support.firms import a_certificate, rows
from tests.support.scene import DAY, REQUEST, SECOND, add_organisation
from tests.support.users import account, mandate

FIRM = "7654321-4"
YEAR = 365 * DAY


class EndingRoles:
    """A client with a signatory and a viewer, and a firm with a manager; two roles have an end."""

    def __init__(self, scene):
        self.scene, self.began = scene, scene.ctx.now()
        add_organisation(scene, FIRM)
        self.ends = self.began + 300 * DAY
        users = {name: account(scene, name) for name in ("signatory", "viewer", "boss", "manager")}
        mandate(scene, users["signatory"], CLIENT, Role.SIGNATORY)
        mandate(scene, users["boss"], FIRM, Role.SIGNATORY)
        mandate(scene, users["manager"], FIRM, Role.MANAGER)
        self.own = mandate(scene, users["viewer"], CLIENT, Role.VIEWER, self.ends).pk
        self.firms = mandate(scene, FIRM, CLIENT, Role.MANAGER, self.ends).pk
        self.actors = {name: Actor(one.pk, second_factor=True) for name, one in users.items()}
        self.ids = {one.customer_id: one.pk for one in rows(scene, "Organisation").all()}

    def at(self, instant):
        self.scene.clock.now = instant
        return self

    def may(self, who):
        return load_permissions(self.actors[who], self.scene.ctx)

    def counts(self, who):
        """Return the sides with ended roles, and those with ending ones, with their counts."""
        found = count_access_ends(self.actors[who], self.may(who), self.scene.ctx)
        return tuple(
            {side.value: sum(of.values()) for side, of in part.items()} for part in (found.ended, found.ending)
        )

    def to_ask(self, who="manager", mandates=()):
        return to_ask_again(self.ids[FIRM], mandates, self.may(who), self.scene.ctx)

    def listed(self, **changes):
        return clients(ClientQuery(self.ids[FIRM], **changes), self.may("manager"), self.scene.ctx)


@pytest.fixture
def role_ends(sqlite_scene):
    return EndingRoles(sqlite_scene)


SIDES = {
    "61 days before": (-61 * DAY, {}, {}, {}),
    "60 days before": (-60 * DAY, {"ending": 2}, {"ending": 1}, {"ending": 1}),
    "at its last second": (timedelta(), {"ending": 2}, {"ending": 1}, {"ending": 1}),
    "a second later": (SECOND, {"ended": 2}, {"ended": 1}, {"ended": 1}),
    "a year later": (YEAR, {"ended": 2}, {"ended": 1}, {"ended": 1}),
    "after a year": (YEAR + SECOND, {}, {}, {}),
}


@pytest.mark.parametrize(("later", "signatory", "viewer", "manager"), SIDES.values(), ids=SIDES)
def test_both_sides_have_a_task(role_ends, later, signatory, viewer, manager):
    role_ends.at(role_ends.ends + later)
    for who, side, expected in (
        ("signatory", "given", signatory),
        ("viewer", "own", viewer),
        ("manager", "firm", manager),
        ("boss", "firm", manager),
    ):
        ended, ending = ({side: expected[name]} if name in expected else {} for name in ("ended", "ending"))
        assert role_ends.counts(who) == (ended, ending), who


def test_the_counts_take_one_statement_with_any_number_of_clients(role_ends, sqlite_scene):
    for number in range(20):
        add_organisation(sqlite_scene, f"client-{number}")
        mandate(sqlite_scene, FIRM, f"client-{number}", Role.MANAGER, role_ends.ends)
    who = role_ends.at(role_ends.ends + DAY).may("manager")
    with CaptureQueriesContext(connections[sqlite_scene.db.alias]) as statements:
        found = count_access_ends(role_ends.actors["manager"], who, sqlite_scene.ctx)
    assert len(statements) == 1
    assert found.ended == {EndSide.FIRM: {role_ends.ids[FIRM]: 21}}


def given_again(role_ends):
    given = FirmGrantRequest(role_ends.ids[CLIENT], FIRM, Role.MANAGER, role_ends.scene.ctx.now() + YEAR)
    assert give_to_firm(given, role_ends.scene.ctx, role_ends.actors["signatory"], REQUEST)


def removed_by_both(role_ends):
    for side, who in ((EndSide.GIVEN, "signatory"), (EndSide.FIRM, "manager")):
        assert note_ended(side, (role_ends.firms,), role_ends.scene.ctx, role_ends.actors[who], REQUEST) == 1


def closed(role_ends):
    rows(role_ends.scene, "Organisation").filter(pk=role_ends.ids[FIRM]).update(closed_at=role_ends.scene.ctx.now())


@pytest.mark.parametrize("settled", [given_again, removed_by_both, closed])
def test_what_was_settled_is_no_task_any_more(role_ends, settled):
    role_ends.at(role_ends.ends + 10 * DAY)
    settled(role_ends)
    assert role_ends.counts("signatory") == ({"given": 1}, {}), "the viewer's alone"
    assert role_ends.counts("manager") == ({}, {})


def test_each_side_removes_for_itself(role_ends):
    role_ends.at(role_ends.ends + DAY)
    assert note_ended(EndSide.OWN, (role_ends.own,), role_ends.scene.ctx, role_ends.actors["viewer"], REQUEST) == 1
    assert note_ended(EndSide.OWN, (role_ends.own,), role_ends.scene.ctx, role_ends.actors["viewer"], REQUEST) == 0
    assert role_ends.counts("viewer") == ({}, {})
    assert role_ends.counts("signatory") == ({"given": 2}, {})
    assert rows(role_ends.scene, "AuditEvent").filter(action="authorisation-end-noted").count() == 1


REFUSED = {
    "a viewer for the organisation": (EndSide.GIVEN, "viewer", "firms"),
    "the giver for the firm": (EndSide.FIRM, "signatory", "firms"),
    "another person": (EndSide.OWN, "manager", "own"),
    "a role that is missing": (EndSide.GIVEN, "signatory", "missing"),
}


@pytest.mark.parametrize(("side", "who", "which"), REFUSED.values(), ids=REFUSED)
def test_no_other_reader_removes_it(role_ends, side, who, which):
    role_ends.at(role_ends.ends + DAY)
    with pytest.raises(PermissionDenied):
        note_ended(side, (getattr(role_ends, which, "0" * 32),), role_ends.scene.ctx, role_ends.actors[who], REQUEST)
    with pytest.raises(PermissionDenied):
        list_ended(side, "0" * 32, role_ends.actors[who], role_ends.may(who), role_ends.scene.ctx)


def test_no_firm_is_spoken_for_through_another_one(role_ends):
    """The manager's role for the client comes through the firm, so the client's own roles are not theirs."""
    through = mandate(role_ends.scene, CLIENT, FIRM, Role.VIEWER, role_ends.ends).pk
    with pytest.raises(PermissionDenied):
        list_ended(
            EndSide.FIRM,
            role_ends.ids[CLIENT],
            role_ends.actors["manager"],
            role_ends.may("manager"),
            role_ends.scene.ctx,
        )
    with pytest.raises(PermissionDenied):
        note_ended(EndSide.FIRM, (through,), role_ends.scene.ctx, role_ends.actors["manager"], REQUEST)


def test_a_withdrawal_is_a_loss_to_the_holder_only(role_ends):
    withdraw(role_ends.own, role_ends.scene.ctx, role_ends.actors["signatory"], REQUEST)
    withdraw(role_ends.firms, role_ends.scene.ctx, role_ends.actors["signatory"], REQUEST)
    assert role_ends.counts("signatory") == ({}, {})
    assert role_ends.counts("viewer") == ({"own": 1}, {})
    assert role_ends.counts("manager") == ({"firm": 1}, {})


def test_giving_up_is_a_loss_to_the_organisation_only(role_ends):
    resign((role_ends.own,), role_ends.scene.ctx, role_ends.actors["viewer"], REQUEST)
    resign((role_ends.firms,), role_ends.scene.ctx, role_ends.actors["boss"], REQUEST)
    assert role_ends.counts("signatory") == ({"given": 2}, {})
    assert role_ends.counts("viewer") == role_ends.counts("manager") == ({}, {})


def test_lists_of_both_sides(role_ends):
    ctx = role_ends.scene.ctx
    role_ends.at(role_ends.ends + DAY)
    given = list_ended(
        EndSide.GIVEN, role_ends.ids[CLIENT], role_ends.actors["signatory"], role_ends.may("signatory"), ctx
    )
    assert {(one.firm.customer_id if one.firm else one.email, one.role) for one in given} == {
        (FIRM, Role.MANAGER),
        ("viewer@people.example", Role.VIEWER),
    }
    user = role_ends.actors["viewer"]
    (own,) = list_ended(EndSide.OWN, user.user_id, user, role_ends.may("viewer"), ctx)
    assert (own.organisation.name, own.ended_at) == (CUSTOMER_NAME, role_ends.ends)
    assert ended_to_give_again(role_ends.firms, role_ends.may("signatory"), ctx).firm.customer_id == FIRM
    assert ended_to_give_again(role_ends.firms, role_ends.may("manager"), ctx) is None


def test_a_person_asks_for_a_role_that_ends_and_an_approval_extends_it(role_ends):
    ctx = role_ends.scene.ctx
    role_ends.at(role_ends.ends - 70 * DAY)
    assert ask_for_oneself(CLIENT, Role.VIEWER, ctx, role_ends.actors["viewer"], REQUEST).there == (CLIENT,)
    role_ends.at(role_ends.ends - 50 * DAY)
    assert ask_for_oneself(CLIENT, Role.VIEWER, ctx, role_ends.actors["viewer"], REQUEST).now == (CLIENT,)
    request = rows(role_ends.scene, "RoleRequest").get().pk
    later = role_ends.ends + YEAR
    assert approve(request, GrantTerms(Role.VIEWER, later), ctx, role_ends.actors["signatory"], REQUEST)
    row = rows(role_ends.scene, "RoleAssignment").get(pk=role_ends.own)
    assert (row.valid_until, row.end_notice, row.withdrawn_at) == (later, None, None)
    assert role_ends.counts("viewer") == ({}, {})


def test_a_firm_asks_all_its_clients_again(role_ends):
    """The firm is asked for what it had: one client ends, one has ended, one goes on."""
    scene, ctx = role_ends.scene, role_ends.scene.ctx
    for name, role, until in (
        ("ended", Role.VIEWER, role_ends.ends - 100 * DAY),
        ("on", Role.MANAGER, role_ends.ends + YEAR),
    ):
        add_organisation(scene, name)
        mandate(scene, FIRM, name, role, until)
    role_ends.at(role_ends.ends - 30 * DAY)
    found = role_ends.to_ask()
    assert [(one.organisation.customer_id, one.is_ended) for one in found.clients] == [("ended", True), (CLIENT, False)]
    assert (found.left_today, found.has_more) == (1000, False)
    ids = [one.mandate_id for one in found.clients]
    again = AgainRequest(role_ends.ids[FIRM], ids, role_ends.ends + YEAR)
    assert ask_again(again, ctx, role_ends.actors["manager"], REQUEST) == 2
    asked = rows(scene, "RoleRequest").values_list("customer_id", "role", "until")
    assert set(asked) == {("ended", "viewer", again.until), (CLIENT, "manager", again.until)}
    assert rows(scene, "OutboxMessage").filter(facts__tells="asked").count() == 1, "the client's signatory"
    assert not role_ends.to_ask().clients
    assert ask_again(again, ctx, role_ends.actors["manager"], REQUEST) == 0, "pressed twice"
    assert role_ends.to_ask().left_today == 998
    assert {one.organisation.customer_id: one.is_asked for one in role_ends.listed().rows} == {
        CLIENT: True, "ended": True, "on": False,
    }  # fmt: skip


def test_single_clients_are_asked_again(role_ends):
    role_ends.at(role_ends.ends + DAY)
    assert [one.mandate_id for one in role_ends.to_ask(mandates=(role_ends.firms,)).clients] == [role_ends.firms]
    assert not role_ends.to_ask(mandates=("0" * 32,)).clients
    none = AgainRequest(role_ends.ids[FIRM], (), role_ends.ends + YEAR)
    assert ask_again(none, role_ends.scene.ctx, role_ends.actors["manager"], REQUEST) == 0


WRONG = {
    "an end in the past": (["x"], -DAY, InvalidTerms),
    "an end after two years": (["x"], 800 * DAY, InvalidTerms),
    "more than at once": (["x"] * 501, YEAR, InvitationLimitReached),
}


@pytest.mark.parametrize(("ids", "later", "error"), WRONG.values(), ids=WRONG)
def test_what_a_firm_cannot_ask(role_ends, ids, later, error):
    with pytest.raises(error):
        ask_again(
            AgainRequest(role_ends.ids[FIRM], ids, role_ends.began + later),
            role_ends.scene.ctx,
            role_ends.actors["manager"],
            REQUEST,
        )


def test_only_the_firms_own_people_ask(role_ends):
    for who in ("signatory", "viewer"):
        with pytest.raises(PermissionDenied):
            role_ends.to_ask(who)
        with pytest.raises(PermissionDenied):
            ask_again(
                AgainRequest(role_ends.ids[FIRM], (role_ends.firms,), role_ends.ends),
                role_ends.scene.ctx,
                role_ends.actors[who],
                REQUEST,
            )


def test_the_firms_page_searches_sorts_and_counts(role_ends):
    scene = role_ends.scene
    names = {"a": "Kahvila Korhonen Oy", "b": "Åkerman Ab", "c": "Tmi Virtanen"}
    for number, (customer_id, name) in enumerate(names.items()):
        add_organisation(scene, customer_id)
        rows(scene, "Organisation").filter(customer_id=customer_id).update(name=name)
        mandate(scene, FIRM, customer_id, Role.MANAGER, role_ends.ends + number * 100 * DAY)
        own = rows(scene, "Organisation").get(customer_id=customer_id)
        for left in range(number):
            a_certificate(scene, own, role_ends.ends + (20 - 10 * number + left) * DAY)
    role_ends.at(role_ends.ends - DAY)

    def ids(**changes):
        return [one.organisation.customer_id for one in role_ends.listed(**changes).rows]

    assert ids(text="korhonen") == ids(text="HVILA KORH") == ["a"]
    assert ids(text="123456") == [CLIENT]
    assert ids(text="%") == []
    assert ids(state=ClientState.ENDING) == ["a", CLIENT]
    assert ids(sort=ClientSort.UNTIL, descending=True)[:2] == ["c", "b"]
    assert ids(sort=ClientSort.EXPIRY)[:2] == ["c", "b"], "the first end of a certificate first"
    found = role_ends.listed()
    assert found.counts == {ClientState.ON: 2, ClientState.ENDING: 2}
    assert {sum(of.values()) for of in found.certificates.values()} == {1, 2}
    assert role_ends.listed(text="korhonen").counts == {ClientState.ENDING: 1}
    role_ends.at(role_ends.ends + DAY)
    assert ids(state=ClientState.ENDED) == ["a", CLIENT]
    assert not role_ends.may("manager").may(Permission.SEE, role_ends.ids[CLIENT])


def test_a_shorter_end_is_a_task_at_once(role_ends):
    until = role_ends.scene.ctx.now() + 30 * DAY
    assert change(
        role_ends.own, GrantTerms(Role.VIEWER, until), role_ends.scene.ctx, role_ends.actors["signatory"], REQUEST
    )
    assert role_ends.counts("viewer") == ({}, {"own": 1})
