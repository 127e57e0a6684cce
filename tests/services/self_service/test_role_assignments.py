"""Role assignments: grants, changes, withdrawals, requests and approvals.

Tests of concurrent calls run on both databases, the rest on SQLite.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.domain.access.invitations import (
    ASKED_A_DAY,
    INVITATION_LIVES,
    NOTIFIED_A_DAY,
    REQUEST_LIVES,
    RoleRequestState,
)
from sinetti.domain.access.roles import Permission, Role
from sinetti.domain.link_tokens import INVITATION, link_token
from sinetti.services.access.invitations import offered, take_up
from sinetti.services.access.permissions import Actor, ExternalRole, PermissionDenied, load_permissions
from sinetti.services.access.role_requests import ask_for_oneself, asked_by
from sinetti.services.organisations.registration import close
from sinetti.services.self_service import role_assignments
from sinetti.services.self_service.clients import (
    AskClients,
    ClientQuery,
    OwnOrganisation,
    ask_clients,
    clients,
    requests,
)
from sinetti.services.self_service.role_assignments import (
    AlreadyHasOtherRole,
    FirmGrantRequest,
    GrantTerms,
    InvalidTerms,
    InvitationLimitReached,
    LastSignatory,
    NoLongerExists,
    OrganisationClosed,
    PersonGrant,
    UnknownOrganisation,
)
from tests.support.authority import CUSTOMER_ID as CLIENT
from tests.support.authority import NOW
from tests.support.firms import rows
from tests.support.people import a_person, audited
from tests.support.registers import crowd
from tests.support.scene import DAY, REQUEST, SECOND, TRANSFER_KEY, add_organisation, enrolled
from tests.support.users import account, mandate

FIRM, OTHER = "7654321-4", "1111111-1"
A_YEAR = NOW + 365 * DAY
TERMS = GrantTerms(Role.VIEWER, None)


def organisation(scene, customer_id=CLIENT):
    return rows(scene, "Organisation").get(customer_id=customer_id).pk


def acting(scene, name, *roles, second_factor=True):
    """Return an actor with roles, given as pairs of customer id and role."""
    user = account(scene, name)
    for customer_id, role in roles:
        mandate(scene, user, customer_id, role)
    return Actor(user.pk, second_factor=second_factor)


@pytest.fixture
def signatory(sqlite_scene):
    add_organisation(sqlite_scene, FIRM)
    return acting(sqlite_scene, "signatory", (CLIENT, Role.SIGNATORY))


def to_person(scene, person=None, role=Role.MANAGER, until=None):
    return PersonGrant(organisation(scene), person or a_person("manager"), role, until)


def given(scene, actor, **terms):
    """Return the mandate of a role to be accepted, and the token of its link."""
    made = role_assignments.grant(to_person(scene, **terms), scene.ctx, actor, REQUEST)
    return made.mandate_id, token(scene, made.mandate_id)


def token(scene, mandate_id):
    link = rows(scene, "Invitation").filter(mandate=mandate_id, ended_at=None).get()
    return link_token(TRANSFER_KEY, INVITATION, link.pk)


def queued(scene):
    """Return the queued e-mails about roles, as pairs of kind and address."""
    found = rows(scene, "OutboxMessage").filter(kind="authorisation").values_list("facts", "recipient__email")
    return sorted((facts["tells"], email) for facts, email in found)


def test_what_is_given_counts_once_it_is_taken_up(sqlite_scene, signatory):
    scene, actor = sqlite_scene, acting(sqlite_scene, "newcomer")
    mandate_id, link = given(scene, signatory)
    assert rows(scene, "Invitation").get().token_sha256 not in link
    assert not load_permissions(actor, scene.ctx).held
    assert offered(link, actor, scene.ctx).role is Role.MANAGER
    assert take_up(link, scene.ctx, actor, REQUEST)
    assert take_up(link, scene.ctx, actor, REQUEST)
    assert load_permissions(actor, scene.ctx).may(Permission.ORDER, organisation(scene))
    assert len(audited(scene, "invitation-used")) == 1
    assert role_assignments.withdraw(mandate_id, scene.ctx, signatory, REQUEST)
    assert not role_assignments.withdraw(mandate_id, scene.ctx, signatory, REQUEST)
    assert not load_permissions(actor, scene.ctx).held
    assert offered(link, actor, scene.ctx) is None
    assert queued(scene) == [
        ("invitation", "manager@customer.example"),
        ("withdrawn", "manager@customer.example"),
    ]


def test_one_link_is_taken_up_once_whoever_presses(scene):
    signer = acting(scene, "signatory", (CLIENT, Role.SIGNATORY))
    people = [acting(scene, f"somebody{number}") for number in range(3)]
    _, link = given(scene, signer)
    done = crowd(scene.db, 3, lambda number: take_up(link, scene.ctx, people[number], REQUEST))
    assert sorted(done) == [False, False, True]


def test_two_signatories_who_withdraw_each_other_leave_one(scene):
    signers = [acting(scene, name, (CLIENT, Role.SIGNATORY)) for name in ("first", "second")]
    ids = [rows(scene, "RoleAssignment").get(user=one.user_id).pk for one in signers]

    def withdraw(number):
        try:
            return role_assignments.withdraw(ids[1 - number], scene.ctx, signers[number], REQUEST)
        except (LastSignatory, PermissionDenied) as refused:
            return type(refused).__name__

    assert crowd(scene.db, 2, withdraw).count(True) == 1
    assert rows(scene, "RoleAssignment").filter(withdrawn_at=None).count() == 1


def test_the_same_asked_at_once_is_one_request(scene):
    asker = acting(scene, "asker")
    done = crowd(scene.db, 2, lambda _: ask_for_oneself(CLIENT, Role.VIEWER, scene.ctx, asker, REQUEST))
    assert sorted(len(one.now) for one in done) == [0, 1]
    assert rows(scene, "RoleRequest").count() == 1


def test_an_approval_pressed_twice_gives_once(scene):
    signer, asker = acting(scene, "signatory", (CLIENT, Role.SIGNATORY)), acting(scene, "asker")
    ask_for_oneself(CLIENT, Role.VIEWER, scene.ctx, asker, REQUEST)
    asked = rows(scene, "RoleRequest").get().pk

    def approve(_):
        try:
            return role_assignments.approve(asked, TERMS, scene.ctx, signer, REQUEST)
        except NoLongerExists:
            return False

    assert sorted(crowd(scene.db, 2, approve)) == [False, True]
    assert rows(scene, "RoleAssignment").filter(user=asker.user_id).count() == 1


LAPSED = {
    "the last second": (INVITATION_LIVES, True),
    "one second later": (INVITATION_LIVES + SECOND, False),
}


@pytest.mark.parametrize(("after", "works"), LAPSED.values(), ids=LAPSED)
def test_a_link_works_for_14_days(sqlite_scene, signatory, after, works):
    _, link = given(sqlite_scene, signatory)
    sqlite_scene.clock.forward(after)
    actor = acting(sqlite_scene, "newcomer")
    assert (offered(link, actor, sqlite_scene.ctx) is not None) is works
    assert take_up(link, sqlite_scene.ctx, actor, REQUEST) is works


def test_a_link_works_no_longer_than_what_it_gives(sqlite_scene, signatory):
    _, link = given(sqlite_scene, signatory, until=NOW + DAY)
    sqlite_scene.clock.forward(DAY + SECOND)
    assert not take_up(link, sqlite_scene.ctx, acting(sqlite_scene, "newcomer"), REQUEST)


def test_the_link_before_ends_when_another_is_sent(sqlite_scene, signatory):
    mandate_id, first = given(sqlite_scene, signatory)
    role_assignments.send_again(mandate_id, sqlite_scene.ctx, signatory, REQUEST)
    actor = acting(sqlite_scene, "newcomer")
    assert not take_up(first, sqlite_scene.ctx, actor, REQUEST)
    assert take_up(token(sqlite_scene, mandate_id), sqlite_scene.ctx, actor, REQUEST)
    with pytest.raises(NoLongerExists):
        role_assignments.send_again(mandate_id, sqlite_scene.ctx, signatory, REQUEST)


def test_a_signatory_needs_a_second_factor_and_the_others_hear_of_them(sqlite_scene, signatory):
    _, link = given(sqlite_scene, signatory, role=Role.SIGNATORY)
    newcomer = acting(sqlite_scene, "newcomer", second_factor=False)
    with pytest.raises(PermissionDenied) as lacking:
        take_up(link, sqlite_scene.ctx, newcomer, REQUEST)
    assert lacking.value.second_factor
    assert take_up(link, sqlite_scene.ctx, replace(newcomer, second_factor=True), REQUEST)
    assert ("joined", "signatory@people.example") in queued(sqlite_scene)
    assert ("joined", "manager@customer.example") not in queued(sqlite_scene)


def test_nobody_takes_up_what_a_closed_organisation_gave(sqlite_scene, signatory):
    _, link = given(sqlite_scene, signatory)
    actor, ctx = acting(sqlite_scene, "newcomer"), sqlite_scene.ctx
    assert not take_up("nobody's", ctx, actor, REQUEST)
    close(CLIENT, ctx, "operator", REQUEST)
    assert not take_up(link, ctx, actor, REQUEST)


def test_the_same_given_twice_is_given_once(sqlite_scene, signatory):
    given(sqlite_scene, signatory)
    assert not role_assignments.grant(to_person(sqlite_scene), sqlite_scene.ctx, signatory, REQUEST).made
    with pytest.raises(AlreadyHasOtherRole):
        role_assignments.grant(to_person(sqlite_scene, role=Role.VIEWER), sqlite_scene.ctx, signatory, REQUEST)
    with pytest.raises(InvalidTerms):
        role_assignments.grant(to_person(sqlite_scene, until=NOW), sqlite_scene.ctx, signatory, REQUEST)
    assert len(queued(sqlite_scene)) == 1


ENDS = {
    "an end where there was none": (None, A_YEAR),
    "an earlier end": (A_YEAR, A_YEAR - 100 * DAY),
    "no end any more": (A_YEAR, None),
}


@pytest.mark.parametrize(("before", "after"), ENDS.values(), ids=ENDS)
def test_what_is_given_anew_after_its_link_lapsed_has_the_new_end(sqlite_scene, signatory, before, after):
    mandate_id, _ = given(sqlite_scene, signatory, until=before)
    sqlite_scene.clock.forward(INVITATION_LIVES + SECOND)
    again = role_assignments.grant(to_person(sqlite_scene, until=after), sqlite_scene.ctx, signatory, REQUEST)
    assert (again.mandate_id, again.made) == (mandate_id, True)
    assert take_up(token(sqlite_scene, mandate_id), sqlite_scene.ctx, acting(sqlite_scene, "newcomer"), REQUEST)
    assert rows(sqlite_scene, "RoleAssignment").get(pk=mandate_id).valid_until == after
    assert len(audited(sqlite_scene, "authorisation-changed")) == 1
    assert {tells for tells, _ in queued(sqlite_scene)} == {"invitation"}, "who has not taken it up hears by the link"


def test_the_same_given_anew_after_its_link_lapsed_is_changed_in_nothing(sqlite_scene, signatory):
    mandate_id, _ = given(sqlite_scene, signatory, until=A_YEAR)
    sqlite_scene.clock.forward(INVITATION_LIVES + SECOND)
    again = role_assignments.grant(to_person(sqlite_scene, until=A_YEAR), sqlite_scene.ctx, signatory, REQUEST)
    assert (again.mandate_id, again.made) == (mandate_id, True)
    assert not audited(sqlite_scene, "authorisation-changed")


def test_not_more_than_some_invitations_leave_in_a_day(sqlite_scene, signatory, monkeypatch):
    monkeypatch.setattr("sinetti.database.access.role_assignments.INVITED_A_DAY", 1)
    given(sqlite_scene, signatory)
    with pytest.raises(InvitationLimitReached):
        given(sqlite_scene, signatory, person=a_person("another"))
    assert rows(sqlite_scene, "RoleAssignment").count() == 2
    sqlite_scene.clock.forward(DAY)
    given(sqlite_scene, signatory, person=a_person("another"))


def firm_terms(scene, role=Role.MANAGER, until=A_YEAR, customer_id=FIRM):
    return FirmGrantRequest(organisation(scene), customer_id, role, until)


def test_a_firm_acts_until_its_last_second_and_passes_nothing_on(sqlite_scene, signatory):
    ctx = sqlite_scene.ctx
    accountant = acting(sqlite_scene, "accountant", (FIRM, Role.MANAGER))
    assert role_assignments.give_to_firm(firm_terms(sqlite_scene), ctx, signatory, REQUEST)
    assert not role_assignments.give_to_firm(firm_terms(sqlite_scene), ctx, signatory, REQUEST)
    assert queued(sqlite_scene) == [("given-to-firm", "accountant@people.example")]
    assert load_permissions(accountant, ctx).held[organisation(sqlite_scene)].via == organisation(sqlite_scene, FIRM)
    with pytest.raises(PermissionDenied):
        role_assignments.authorisations(organisation(sqlite_scene), load_permissions(accountant, ctx), ctx)
    with pytest.raises(PermissionDenied):
        clients(ClientQuery(organisation(sqlite_scene)), load_permissions(accountant, ctx), ctx)
    sqlite_scene.clock.now = A_YEAR
    assert load_permissions(accountant, ctx).may(Permission.ORDER, organisation(sqlite_scene))
    sqlite_scene.clock.forward(SECOND)
    assert organisation(sqlite_scene) not in load_permissions(accountant, ctx).held


def test_a_role_that_is_given_anew_takes_the_place_of_the_one_before(sqlite_scene, signatory):
    for role in (Role.MANAGER, Role.VIEWER):
        role_assignments.give_to_firm(firm_terms(sqlite_scene, role), sqlite_scene.ctx, signatory, REQUEST)
    assert rows(sqlite_scene, "RoleAssignment").get(agent__isnull=False, withdrawn_at=None).role == Role.VIEWER


def test_whom_no_role_is_given(sqlite_scene, signatory, monkeypatch):
    monkeypatch.setattr(role_assignments, "MISSED_A_DAY", 3)
    ctx = sqlite_scene.ctx
    with pytest.raises(InvalidTerms):
        role_assignments.give_to_firm(firm_terms(sqlite_scene, Role.SIGNATORY), ctx, signatory, REQUEST)
    close(FIRM, ctx, "operator", REQUEST)
    for one in (CLIENT, FIRM, "nobody's"):
        with pytest.raises(UnknownOrganisation):
            role_assignments.give_to_firm(firm_terms(sqlite_scene, customer_id=one), ctx, signatory, REQUEST)
    with pytest.raises(InvitationLimitReached):
        role_assignments.give_to_firm(firm_terms(sqlite_scene, customer_id="nobody's"), ctx, signatory, REQUEST)
    close(CLIENT, ctx, "operator", REQUEST)
    with pytest.raises(PermissionDenied):
        role_assignments.give_to_firm(firm_terms(sqlite_scene), ctx, signatory, REQUEST)


def test_the_last_signatory_stays_unless_one_by_an_outside_source_withdraws(sqlite_scene, signatory):
    ctx, row = sqlite_scene.ctx, rows(sqlite_scene, "RoleAssignment").get()
    # A person without an account, and one who has not accepted the role, cannot grant anything.
    rows(sqlite_scene, "RoleAssignment").create(
        organisation=row.organisation, role=Role.SIGNATORY, person=row.person, valid_from=NOW
    )
    given(sqlite_scene, signatory, role=Role.SIGNATORY)
    for terms in (GrantTerms(Role.MANAGER, None), GrantTerms(Role.SIGNATORY, A_YEAR)):
        with pytest.raises(LastSignatory):
            role_assignments.change(row.pk, terms, ctx, signatory, REQUEST)
    with pytest.raises(LastSignatory):
        role_assignments.withdraw(row.pk, ctx, signatory, REQUEST)
    outside = Actor(
        acting(sqlite_scene, "outside").user_id,
        second_factor=True,
        outside=(ExternalRole(CLIENT, Role.SIGNATORY), ExternalRole("nobody's", Role.SIGNATORY)),
    )
    assert role_assignments.withdraw(row.pk, ctx, outside, REQUEST)
    with pytest.raises(PermissionDenied):
        role_assignments.authorisations(row.organisation_id, load_permissions(signatory, ctx), ctx)


def test_a_role_is_changed_and_whoever_has_it_is_told(sqlite_scene, signatory):
    ctx, viewer = sqlite_scene.ctx, acting(sqlite_scene, "viewer", (CLIENT, Role.VIEWER))
    row = rows(sqlite_scene, "RoleAssignment").get(user=viewer.user_id)
    assert role_assignments.change(row.pk, GrantTerms(Role.SIGNATORY, None), ctx, signatory, REQUEST)
    assert not role_assignments.change(row.pk, GrantTerms(Role.SIGNATORY, None), ctx, signatory, REQUEST)
    assert queued(sqlite_scene) == [("changed", "viewer@people.example"), ("joined", "signatory@people.example")]
    with pytest.raises(InvalidTerms):
        role_assignments.change(row.pk, GrantTerms(Role.VIEWER, NOW), ctx, signatory, REQUEST)
    assert role_assignments.change(row.pk, GrantTerms(Role.SIGNATORY, A_YEAR), ctx, signatory, REQUEST)
    assert role_assignments.authorisation(row.pk, load_permissions(signatory, ctx), ctx).until == A_YEAR
    sqlite_scene.clock.now = A_YEAR + SECOND
    with pytest.raises(NoLongerExists):
        role_assignments.change(row.pk, GrantTerms(Role.VIEWER, None), ctx, signatory, REQUEST)
    with pytest.raises(NoLongerExists):
        role_assignments.authorisation(row.pk, load_permissions(signatory, ctx), ctx)
    assert not role_assignments.withdraw(row.pk, ctx, signatory, REQUEST)


def test_a_firms_role_keeps_an_end(sqlite_scene, signatory):
    ctx = sqlite_scene.ctx
    role_assignments.give_to_firm(firm_terms(sqlite_scene), ctx, signatory, REQUEST)
    row = rows(sqlite_scene, "RoleAssignment").get(agent__isnull=False)
    with pytest.raises(InvalidTerms):
        role_assignments.change(row.pk, GrantTerms(Role.VIEWER, None), ctx, signatory, REQUEST)
    assert role_assignments.change(row.pk, GrantTerms(Role.VIEWER, A_YEAR), ctx, signatory, REQUEST)
    with pytest.raises(NoLongerExists):
        role_assignments.send_again(row.pk, ctx, signatory, REQUEST)


FOREIGN = {
    "see": lambda found, who, ctx: role_assignments.authorisation(found, load_permissions(who, ctx), ctx),
    "change": lambda found, who, ctx: role_assignments.change(found, TERMS, ctx, who, REQUEST),
    "withdraw": lambda found, who, ctx: role_assignments.withdraw(found, ctx, who, REQUEST),
    "send again": lambda found, who, ctx: role_assignments.send_again(found, ctx, who, REQUEST),
    "see a request": lambda found, who, ctx: role_assignments.get_request(found, load_permissions(who, ctx), ctx),
    "whose a request is": lambda found, who, ctx: role_assignments.organisation_asked(
        found, load_permissions(who, ctx), ctx
    ),
    "approve": lambda found, who, ctx: role_assignments.approve(found, TERMS, ctx, who, REQUEST),
    "decline": lambda found, who, ctx: role_assignments.decline(found, ctx, who, REQUEST),
}


@pytest.mark.parametrize("act", FOREIGN.values(), ids=FOREIGN)
def test_what_is_others_is_like_what_is_not_there(sqlite_scene, signatory, act):
    ctx, stranger = sqlite_scene.ctx, acting(sqlite_scene, "stranger", (FIRM, Role.SIGNATORY))
    mandate_id, _ = given(sqlite_scene, signatory)
    ask_for_oneself(CLIENT, Role.VIEWER, ctx, stranger, REQUEST)
    asked = rows(sqlite_scene, "RoleRequest").get().pk
    for one in (mandate_id, asked, "nobody's"):
        with pytest.raises(PermissionDenied):
            act(one, stranger, ctx)
    assert rows(sqlite_scene, "RoleAssignment").filter(withdrawn_at=None).count() == 3


def test_a_request_is_answered_and_its_asker_told(sqlite_scene, signatory):
    scene, ctx, asker = sqlite_scene, sqlite_scene.ctx, acting(sqlite_scene, "asker")
    for role in (Role.VIEWER, Role.MANAGER, Role.SIGNATORY):
        assert ask_for_oneself(CLIENT, role, ctx, asker, REQUEST).now
    assert ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST).before
    viewer, manager, signer = (
        rows(scene, "RoleRequest").get(role=one).pk for one in ("viewer", "manager", "signatory")
    )
    assert role_assignments.approve(manager, GrantTerms(Role.MANAGER, None), ctx, signatory, REQUEST)
    assert not role_assignments.approve(manager, GrantTerms(Role.MANAGER, None), ctx, signatory, REQUEST)
    # A role that the user already has stays as it is: an approval takes nothing away.
    assert role_assignments.approve(viewer, TERMS, ctx, signatory, REQUEST)
    assert rows(scene, "RoleAssignment").get(user=asker.user_id).role == Role.MANAGER
    assert ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST).there
    with pytest.raises(InvalidTerms):
        role_assignments.approve(signer, GrantTerms(Role.VIEWER, NOW), ctx, signatory, REQUEST)
    assert role_assignments.decline(signer, ctx, signatory, REQUEST)
    assert not role_assignments.decline(signer, ctx, signatory, REQUEST)
    with pytest.raises(NoLongerExists):
        role_assignments.get_request(signer, load_permissions(signatory, ctx), ctx)
    states = {one.role: one.state for one in asked_by(asker, ctx)}
    assert states == {
        Role.VIEWER: RoleRequestState.GIVEN,
        Role.MANAGER: RoleRequestState.GIVEN,
        Role.SIGNATORY: RoleRequestState.DECLINED,
    }
    mails = [one for one in queued(scene) if one[1] == "asker@people.example"]
    assert mails == [("declined", mails[0][1]), ("granted", mails[0][1]), ("granted", mails[0][1])]
    assert rows(scene, "Person").filter(email="asker@people.example", named_until=NOW).exists()


def test_a_request_raises_a_role_and_others_hear_of_a_new_signatory(sqlite_scene, signatory):
    scene, ctx = sqlite_scene, sqlite_scene.ctx
    viewer, newcomer = acting(scene, "viewer", (CLIENT, Role.VIEWER)), acting(scene, "newcomer")
    for asker in (viewer, newcomer):
        ask_for_oneself(CLIENT, Role.SIGNATORY, ctx, asker, REQUEST)
        asked = rows(scene, "RoleRequest").get(user=asker.user_id).pk
        assert role_assignments.organisation_asked(asked, load_permissions(signatory, ctx), ctx) == organisation(scene)
        assert role_assignments.get_request(asked, load_permissions(signatory, ctx), ctx).role is Role.SIGNATORY
        role_assignments.approve(asked, GrantTerms(Role.SIGNATORY, None), ctx, signatory, REQUEST)
    assert [one for one, _ in queued(scene)].count("joined") == 3
    assert rows(scene, "RoleAssignment").filter(role=Role.SIGNATORY).count() == 3


def test_the_certificates_of_an_organisation_are_counted_for_its_people(sqlite_scene, signatory):
    ctx, who = sqlite_scene.ctx, load_permissions(signatory, sqlite_scene.ctx)
    assert role_assignments.count_certificates(organisation(sqlite_scene), who, ctx) == 0
    enrolled(sqlite_scene)
    assert role_assignments.count_certificates(organisation(sqlite_scene), who, ctx) == 1
    with pytest.raises(PermissionDenied):
        role_assignments.count_certificates(organisation(sqlite_scene, FIRM), who, ctx)


def test_requests_lapse(sqlite_scene, signatory):
    ctx, asker = sqlite_scene.ctx, acting(sqlite_scene, "asker")
    ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST)
    asked = rows(sqlite_scene, "RoleRequest").get().pk
    sqlite_scene.clock.forward(REQUEST_LIVES + SECOND)
    for answer in (role_assignments.decline, lambda one, *rest: role_assignments.approve(one, TERMS, *rest)):
        with pytest.raises(NoLongerExists):
            answer(asked, ctx, signatory, REQUEST)
    assert not role_assignments.authorisations(
        organisation(sqlite_scene), load_permissions(signatory, ctx), ctx
    ).requests
    assert ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST).now


def test_nobody_is_given_what_somebody_asked_who_is_gone(sqlite_scene, signatory):
    ctx, asker = sqlite_scene.ctx, acting(sqlite_scene, "asker")
    ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST)
    asked = rows(sqlite_scene, "RoleRequest").get()
    rows(sqlite_scene, "User").filter(pk=asker.user_id).update(is_active=False)
    with pytest.raises(NoLongerExists):
        role_assignments.approve(asked.pk, TERMS, ctx, signatory, REQUEST)
    rows(sqlite_scene, "User").filter(pk=asker.user_id).delete()
    assert role_assignments.decline(asked.pk, ctx, signatory, REQUEST)
    assert ("declined", "asker@people.example") not in queued(sqlite_scene)


def test_nobody_floods_signatories(sqlite_scene, signatory):
    ctx = sqlite_scene.ctx
    asker = acting(sqlite_scene, "asker")
    for number in range(ASKED_A_DAY):
        ask_for_oneself(f"{number}", Role.VIEWER, ctx, asker, REQUEST)
    with pytest.raises(InvitationLimitReached):
        ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST)
    for number in range(NOTIFIED_A_DAY + 1):
        ask_for_oneself(CLIENT, Role.VIEWER, ctx, acting(sqlite_scene, f"asker{number}"), REQUEST)
    assert [one for one, _ in queued(sqlite_scene)].count("asked") == NOTIFIED_A_DAY
    found = role_assignments.authorisations(organisation(sqlite_scene), load_permissions(signatory, ctx), ctx)
    assert len(found.requests) == NOTIFIED_A_DAY + 1
    sqlite_scene.clock.forward(DAY)
    assert ask_for_oneself(CLIENT, Role.VIEWER, ctx, asker, REQUEST).now


def test_a_firm_asks_many_and_each_client_answers(sqlite_scene, signatory):
    scene, ctx = sqlite_scene, sqlite_scene.ctx
    accountant = acting(scene, "accountant", (FIRM, Role.MANAGER))
    firm_id = organisation(scene, FIRM)
    ids = [CLIENT, *(f"nobody-{number}" for number in range(40))]
    ask = AskClients(firm_id, ids, Role.MANAGER, A_YEAR)
    assert ask_clients(ask, ctx, accountant, REQUEST).now == tuple(ids)
    assert ask_clients(ask, ctx, accountant, REQUEST).before == tuple(ids)
    asked = rows(scene, "RoleRequest").get(customer_id=CLIENT).pk
    with pytest.raises(InvalidTerms):
        role_assignments.approve(asked, TERMS, ctx, signatory, REQUEST)
    assert role_assignments.approve(asked, GrantTerms(Role.VIEWER, A_YEAR), ctx, signatory, REQUEST)
    who = load_permissions(accountant, ctx)
    found = [(one.organisation.customer_id, one.role) for one in clients(ClientQuery(firm_id), who, ctx).rows]
    assert found == [(CLIENT, Role.VIEWER)]
    assert {one.state for one in requests(firm_id, who, ctx)} == {RoleRequestState.GIVEN, RoleRequestState.WAITING}
    # A role smaller than the requested one does not prevent a new request. The same role does.
    assert ask_clients(replace(ask, role=Role.VIEWER), ctx, accountant, REQUEST).there == (CLIENT,)
    assert ("given-to-firm", "accountant@people.example") in queued(scene)
    again = rows(scene, "RoleRequest").filter(customer_id="nobody-1").first().pk
    with pytest.raises(PermissionDenied):
        role_assignments.approve(again, GrantTerms(Role.VIEWER, A_YEAR), ctx, signatory, REQUEST)


def test_what_a_firm_has_already_is_approved_as_it_stands(sqlite_scene, signatory):
    scene, ctx = sqlite_scene, sqlite_scene.ctx
    accountant = acting(scene, "accountant", (FIRM, Role.MANAGER))
    ask_clients(AskClients(organisation(scene, FIRM), [CLIENT], Role.MANAGER, A_YEAR), ctx, accountant, REQUEST)
    role_assignments.give_to_firm(firm_terms(scene), ctx, signatory, REQUEST)
    asked = rows(scene, "RoleRequest").get().pk
    assert role_assignments.approve(asked, GrantTerms(Role.MANAGER, A_YEAR), ctx, signatory, REQUEST)
    assert rows(scene, "RoleAssignment").filter(agent__isnull=False).count() == 1


@pytest.mark.parametrize("asked", [(Role.VIEWER, A_YEAR), (Role.VIEWER, A_YEAR + DAY), (Role.MANAGER, A_YEAR - DAY)])
def test_an_approval_takes_nothing_from_a_firm_that_was_given_more_meanwhile(sqlite_scene, signatory, asked):
    scene, ctx, terms = sqlite_scene, sqlite_scene.ctx, GrantTerms(*asked)
    accountant = acting(scene, "accountant", (FIRM, Role.MANAGER))
    ask = AskClients(organisation(scene, FIRM), [CLIENT], terms.role, terms.until)
    ask_clients(ask, ctx, accountant, REQUEST)
    role_assignments.give_to_firm(firm_terms(scene), ctx, signatory, REQUEST)
    assert role_assignments.approve(rows(scene, "RoleRequest").get().pk, terms, ctx, signatory, REQUEST)
    (has,) = clients(ClientQuery(organisation(scene, FIRM)), load_permissions(accountant, ctx), ctx).rows
    assert (has.role, has.until) == (Role.MANAGER, A_YEAR)
    assert {one.state for one in requests(organisation(scene, FIRM), load_permissions(accountant, ctx), ctx)} == {
        RoleRequestState.GIVEN
    }


def test_an_approval_gives_a_firm_a_later_end(sqlite_scene, signatory):
    scene, ctx = sqlite_scene, sqlite_scene.ctx
    accountant = acting(scene, "accountant", (FIRM, Role.MANAGER))
    ask = AskClients(organisation(scene, FIRM), [CLIENT], Role.MANAGER, A_YEAR + DAY)
    ask_clients(ask, ctx, accountant, REQUEST)
    role_assignments.give_to_firm(firm_terms(scene), ctx, signatory, REQUEST)
    asked = rows(scene, "RoleRequest").get().pk
    assert role_assignments.approve(asked, GrantTerms(Role.MANAGER, A_YEAR + DAY), ctx, signatory, REQUEST)
    (has,) = clients(ClientQuery(organisation(scene, FIRM)), load_permissions(accountant, ctx), ctx).rows
    assert (has.role, has.until) == (Role.MANAGER, A_YEAR + DAY)


NOT_ASKED = {
    "a viewer": (((FIRM, Role.VIEWER),), {}, PermissionDenied),
    "nobody of the firm": ((), {}, PermissionDenied),
    "without an end that fits": (((FIRM, Role.MANAGER),), {"until": NOW}, InvalidTerms),
    "as signatory": (((FIRM, Role.MANAGER),), {"role": Role.SIGNATORY}, InvalidTerms),
    "too many": (((FIRM, Role.MANAGER),), {"customer_ids": tuple(map(str, range(501)))}, InvitationLimitReached),
    "itself": (((FIRM, Role.MANAGER),), {"customer_ids": (CLIENT, f" {FIRM}")}, OwnOrganisation),
}


@pytest.mark.parametrize(("roles", "changed", "refused"), NOT_ASKED.values(), ids=NOT_ASKED)
def test_what_a_firm_may_not_ask(sqlite_scene, signatory, roles, changed, refused):
    actor = acting(sqlite_scene, "somebody", *roles)
    ask = AskClients(organisation(sqlite_scene, FIRM), (CLIENT,), Role.MANAGER, A_YEAR)
    with pytest.raises(refused):
        ask_clients(replace(ask, **changed), sqlite_scene.ctx, actor, REQUEST)
    assert not rows(sqlite_scene, "RoleRequest").exists()


def test_who_acts_for_a_firm_through_another_one_asks_nothing_in_its_name(sqlite_scene, signatory):
    ctx = sqlite_scene.ctx
    accountant = acting(sqlite_scene, "accountant", (FIRM, Role.MANAGER))
    role_assignments.give_to_firm(firm_terms(sqlite_scene), ctx, signatory, REQUEST)
    with pytest.raises(PermissionDenied):
        ask_clients(AskClients(organisation(sqlite_scene), ["1"], Role.VIEWER, A_YEAR), ctx, accountant, REQUEST)


def test_a_closed_organisation_answers_nobody(sqlite_scene, signatory):
    ctx, accountant = sqlite_scene.ctx, acting(sqlite_scene, "accountant", (FIRM, Role.MANAGER))
    ask_clients(AskClients(organisation(sqlite_scene, FIRM), [CLIENT], Role.VIEWER, A_YEAR), ctx, accountant, REQUEST)
    close(FIRM, ctx, "operator", REQUEST)
    with pytest.raises(OrganisationClosed):
        role_assignments.approve(
            rows(sqlite_scene, "RoleRequest").get().pk, GrantTerms(Role.VIEWER, A_YEAR), ctx, signatory, REQUEST
        )


def test_timings_are_of_the_offices_clock(sqlite_scene, signatory):
    sqlite_scene.machine.forward(timedelta(days=400))
    _, link = given(sqlite_scene, signatory)
    assert take_up(link, sqlite_scene.ctx, acting(sqlite_scene, "newcomer"), REQUEST)
