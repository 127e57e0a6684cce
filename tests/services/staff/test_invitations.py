"""Invitations of signatories by clerks, which wait for a second clerk."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps

from sinetti.database.access.role_assignments import InvitationLimitReached
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.pending_invitations import (
    PENDING_A_DAY,
    PENDING_LIVES,
    InvitationProposal,
    PendingFault,
    PendingInvitationRefused,
)
from sinetti.domain.access.roles import Role
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.link_tokens import INVITATION, link_token
from sinetti.services.access.invitations import Confirmer, confirm_locked, offered, take_up
from sinetti.services.access.invitations import SelfInvitation as TakesOwn
from sinetti.services.access.permissions import Actor, ExternalRole, PermissionDenied, load_permissions
from sinetti.services.organisations.people import PeopleError, add_signatory, set_contact_person, who_is_who
from sinetti.services.organisations.registration import close
from sinetti.services.self_service import pending_invitations, role_assignments
from sinetti.services.staff import open_invitations
from sinetti.services.staff.invitations import AlreadyHasOtherRole, OrganisationClosed, SelfInvitation, invite_signatory
from sinetti.services.staff.session import NotStaff, require_staff
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.firms import rows
from tests.support.people import a_person, audited
from tests.support.registers import crowd
from tests.support.scene import REQUEST, TRANSFER_KEY
from tests.support.users import account, mandate

DIRECTOR = a_person("director")
SECOND = timedelta(seconds=1)


def asked(scene, clerk, person=DIRECTOR, customer_id=CUSTOMER_ID):
    return open_invitations.invite(customer_id, person, clerk)


def link_of(scene):
    """Return the token of the link of the latest invitation, as in its e-mail."""
    made = rows(scene, "Invitation").filter(ended_at=None).order_by("-created").first()
    return link_token(TRANSFER_KEY, INVITATION, made.pk)


def told(scene):
    """Return the message and the address of each row that is due now."""
    owed = rows(scene, "OutboxMessage").filter(kind="invitation-pending", due__lte=scene.clock.now)
    return sorted((one.facts["tells"], one.recipient.email) for one in owed.select_related("recipient"))


def a_signatory(scene, name="chair"):
    user = account(scene, name)
    mandate(scene, user, CUSTOMER_ID, Role.SIGNATORY)
    return Actor(user.pk, second_factor=True)


def refused(act, *args):
    with pytest.raises(PendingInvitationRefused) as why:
        act(*args)
    return why.value.fault


def nothing_given(scene):
    return not rows(scene, "RoleAssignment").filter(role="signatory", waiting=True).exists() and not (
        rows(scene, "Invitation").exists() or rows(scene, "OutboxMessage").filter(kind="authorisation").exists()
    )


@pytest.mark.parametrize(
    ("actor", "second_factor"),
    [(Actor("u", second_factor=True), False), (Actor("u", staff=True), True), (Actor("u"), False)],
    ids=["no clerk", "a clerk without second factor", "anybody"],
)
def test_nobody_else_invites(sqlite_scene, actor, second_factor):
    with pytest.raises(NotStaff) as lacking:
        invite_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, actor, REQUEST)
    assert lacking.value.second_factor is second_factor
    assert not rows(sqlite_scene, "PendingInvitation").exists()


def test_a_clerk_alone_gives_nothing(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    require_staff(anna.actor)
    found = asked(sqlite_scene, anna)
    assert found.made
    assert nothing_given(sqlite_scene)
    assert refused(open_invitations.confirm, found.mandate_id, anna) is PendingFault.SAME_PERSON
    assert nothing_given(sqlite_scene)
    (said,) = audited(sqlite_scene, "invitation-asked")
    assert anna.actor.name in said
    assert DIRECTOR.email not in said
    assert not asked(sqlite_scene, anna).made, "the same asked twice waits once"


def test_where_the_settings_say_one_a_clerk_confirms_alone(sqlite_scene):
    """It never is an invitation of themselves."""
    anna = a_clerk(sqlite_scene.but(approvals=ApprovalPolicy({TwoPersonAct.SIGNATORY: 1})))
    open_invitations.confirm(asked(sqlite_scene, anna).mandate_id, anna)
    assert rows(sqlite_scene, "RoleAssignment").get().waiting


def test_the_second_clerk_sees_until_when_a_first_signatory_waits(sqlite_scene):
    """The organisation gets its notice at the address of the extract, which is of none of the people."""
    scene = sqlite_scene.but(approvals=ApprovalPolicy(signatory_wait=24))
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    pending_id, extract = asked(scene, anna).mandate_id, "office@customer.example"
    assert open_invitations.find_naming(open_invitations.pending(pending_id, bo), bo) is None
    for own in (DIRECTOR.email, "anna@people.example", "BO+x@people.example"):
        assert refused(open_invitations.confirm, pending_id, bo, own) is PendingFault.ADDRESS
    assert nothing_given(scene)
    open_invitations.confirm(pending_id, bo, extract)
    naming = open_invitations.find_naming(open_invitations.pending(pending_id, bo), bo)
    assert (naming.email, naming.notified) == (DIRECTOR.email, extract)
    assert naming.ends_at == scene.clock.now + timedelta(hours=24)
    notice = rows(scene, "OutboxMessage").get(facts__tells="named")
    assert notice.recipient.email == extract


def test_a_second_clerk_confirms_where_there_is_no_signatory(scene):
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    found = asked(scene, anna)
    open_invitations.confirm(found.mandate_id, bo)
    row = rows(scene, "RoleAssignment").get()
    assert (row.role, row.waiting, row.person.email) == (Role.SIGNATORY, True, DIRECTOR.email)
    director = Actor(account(scene, "director").pk, second_factor=True)
    assert take_up(link_of(scene), scene.ctx, director, REQUEST)
    assert len(audited(scene, "invitation-confirmed")) == 1
    assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.OVER
    assert not asked(scene, anna).made, "they are a signatory already"


def test_a_signatory_confirms_where_there_is_one_and_no_clerk_does(scene):
    chair, anna, bo = a_signatory(scene), a_clerk(scene), a_clerk(scene, "bo")
    found = asked(scene, anna)
    assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.SIGNATORY_THERE
    assert nothing_given(scene)
    pending_invitations.confirm(found.mandate_id, scene.ctx, chair, REQUEST)
    director = Actor(account(scene, "director").pk, second_factor=True)
    assert take_up(link_of(scene), scene.ctx, director, REQUEST)


@pytest.mark.parametrize("who", [Role.MANAGER, Role.VIEWER, None], ids=str)
def test_who_may_not_give_authorisations_confirms_nothing(sqlite_scene, who):
    found = asked(sqlite_scene, a_clerk(sqlite_scene))
    user = account(sqlite_scene, "other")
    if who:
        mandate(sqlite_scene, user, CUSTOMER_ID, who)
    for act in (pending_invitations.confirm, pending_invitations.reject):
        with pytest.raises(PermissionDenied):
            act(found.mandate_id, sqlite_scene.ctx, Actor(user.pk, second_factor=True), REQUEST)
        with pytest.raises(PermissionDenied):
            act("0" * 32, sqlite_scene.ctx, Actor(user.pk, second_factor=True), REQUEST)


def by_address(scene, one, other):
    addresses = apps.get_model("account", "EmailAddress").objects.using(scene.db.alias)
    theirs = rows(scene, "User").get(pk=other).email
    addresses.create(user_id=one, email=theirs.upper(), verified=True)


def by_provider(scene, one, other):
    known = apps.get_model("socialaccount", "SocialAccount").objects.using(scene.db.alias)
    for provider, whose in (("bank", one), ("bank-anew", other)):
        known.create(user_id=whose, provider=provider, uid="digest")


@pytest.mark.parametrize("shared", [by_address, by_provider])
def test_another_account_of_the_same_person_confirms_nothing(sqlite_scene, shared):
    anna, second = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "annas-second")
    shared(sqlite_scene, anna.actor.user_id, second.actor.user_id)
    found = asked(sqlite_scene, anna)
    assert refused(open_invitations.confirm, found.mandate_id, second) is PendingFault.SAME_PERSON
    chair = a_signatory(sqlite_scene, "annas-third")
    shared(sqlite_scene, anna.actor.user_id, chair.user_id) if shared is by_address else rows(
        sqlite_scene, "Person"
    ).filter(email="annas-third@people.example").update(email="ANNA@people.example")
    assert (
        refused(pending_invitations.confirm, found.mandate_id, sqlite_scene.ctx, chair, REQUEST)
        is PendingFault.SAME_PERSON
    )
    assert nothing_given(sqlite_scene)


def test_the_invited_person_confirms_nothing(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = asked(sqlite_scene, anna, replace(DIRECTOR, email="Bo@people.example"))
    assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.INVITED
    chair = a_signatory(sqlite_scene)
    by_provider(sqlite_scene, chair.user_id, account(sqlite_scene, "director").pk)
    second = asked(sqlite_scene, anna, replace(DIRECTOR, email="director@people.example"))
    assert (
        refused(pending_invitations.confirm, second.mandate_id, sqlite_scene.ctx, chair, REQUEST)
        is PendingFault.INVITED
    )


def test_an_invited_person_of_whom_nothing_is_known_is_not_confirmed(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = asked(sqlite_scene, anna)
    rows(sqlite_scene, "Person").update(email="")
    assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.INVITED
    rows(sqlite_scene, "PendingInvitation").update(asked_by=None)
    assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.SAME_PERSON


def test_a_clerk_who_was_dismissed_meanwhile_has_asked_for_nothing(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = asked(sqlite_scene, anna)
    rows(sqlite_scene, "User").filter(pk=anna.actor.user_id).update(is_staff=False)
    assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.ASKER_GONE
    open_invitations.reject(found.mandate_id, bo)


def test_what_is_rejected_or_withdrawn_gives_nothing_any_more(sqlite_scene):
    chair, anna, bo = a_signatory(sqlite_scene), a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    for end, state in (
        (lambda one: pending_invitations.reject(one, sqlite_scene.ctx, chair, REQUEST), InvitationProposal.REJECTED),
        (lambda one: open_invitations.reject(one, bo), InvitationProposal.REJECTED),
        (lambda one: open_invitations.withdraw(one, anna), InvitationProposal.WITHDRAWN),
    ):
        found = asked(sqlite_scene, anna)
        assert found.made
        end(found.mandate_id)
        assert open_invitations.pending(found.mandate_id, bo).state is state
        assert (
            refused(pending_invitations.confirm, found.mandate_id, sqlite_scene.ctx, chair, REQUEST)
            is PendingFault.OVER
        )
    assert nothing_given(sqlite_scene)
    other = asked(sqlite_scene, anna)
    assert refused(open_invitations.withdraw, other.mandate_id, bo) is PendingFault.NOT_ASKER
    assert refused(open_invitations.withdraw, "0" * 32, bo) is PendingFault.OVER
    with pytest.raises(PermissionDenied):
        pending_invitations.confirm("0" * 32, sqlite_scene.ctx, chair, REQUEST)


@pytest.mark.parametrize(
    ("after", "state"),
    [(PENDING_LIVES, InvitationProposal.WAITING), (PENDING_LIVES + SECOND, InvitationProposal.LAPSED)],
)
def test_it_waits_for_14_days(sqlite_scene, after, state):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = asked(sqlite_scene, anna)
    sqlite_scene.clock.forward(after)
    (shown,) = open_invitations.listed(0, 10, anna).asked
    assert shown.state is state
    if state is InvitationProposal.LAPSED:
        assert refused(open_invitations.confirm, found.mandate_id, bo) is PendingFault.OVER
        assert asked(sqlite_scene, anna).made, "it is asked for anew"
    else:
        open_invitations.confirm(found.mandate_id, bo)


def test_those_who_are_known_hear_of_the_wait_and_its_end(sqlite_scene):
    chair, anna = a_signatory(sqlite_scene), a_clerk(sqlite_scene)
    set_contact_person(CUSTOMER_ID, a_person("contact"), sqlite_scene.ctx, "operator", REQUEST)
    known = ["chair@people.example", a_person("contact").email]
    found = asked(sqlite_scene, anna)
    assert told(sqlite_scene) == sorted(("asked", one) for one in known)
    pending_invitations.confirm(found.mandate_id, sqlite_scene.ctx, chair, REQUEST)
    assert told(sqlite_scene) == sorted((word, one) for word in ("asked", "confirmed") for one in known)
    sqlite_scene.clock.forward(PENDING_LIVES + SECOND)
    assert ("lapsed", known[0]) in told(sqlite_scene), "it is owed, and dropped when it is written"


def test_of_two_who_confirm_at_once_one_is_first(scene):
    anna, bo, cai = a_clerk(scene), a_clerk(scene, "bo"), a_clerk(scene, "cai")
    found = asked(scene, anna)

    def confirm(number):
        try:
            open_invitations.confirm(found.mandate_id, (bo, cai)[number])
        except PendingInvitationRefused as why:
            return why.fault
        return None

    assert sorted(map(str, crowd(scene.db, 2, confirm))) == ["None", "over"]
    assert rows(scene, "Invitation").count() == 1
    assert rows(scene, "OutboxMessage").filter(kind="authorisation").count() == 1


def test_what_stands_in_the_way_by_the_time_of_the_confirmation_changes_nothing(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = asked(sqlite_scene, anna, replace(DIRECTOR, email="viewer@people.example"))
    mandate(sqlite_scene, account(sqlite_scene, "viewer"), CUSTOMER_ID, Role.VIEWER)
    with pytest.raises(AlreadyHasOtherRole):
        open_invitations.confirm(found.mandate_id, bo)
    assert open_invitations.pending(found.mandate_id, bo).state is InvitationProposal.WAITING
    close(CUSTOMER_ID, sqlite_scene.ctx, "operator", REQUEST)
    with pytest.raises(OrganisationClosed):
        open_invitations.confirm(found.mandate_id, bo)


def test_whom_somebody_else_has_invited_meanwhile_gets_no_second_link(sqlite_scene):
    chair, anna = a_signatory(sqlite_scene), a_clerk(sqlite_scene)
    found = asked(sqlite_scene, anna)
    organisation = rows(sqlite_scene, "Organisation").get().pk
    to = role_assignments.PersonGrant(organisation, DIRECTOR, Role.SIGNATORY)
    role_assignments.grant(to, sqlite_scene.ctx, chair, REQUEST)
    pending_invitations.confirm(found.mandate_id, sqlite_scene.ctx, chair, REQUEST)
    assert rows(sqlite_scene, "Invitation").count() == 1


def test_who_cannot_be_invited(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    with pytest.raises(PeopleError):
        asked(sqlite_scene, anna, customer_id="nobody's")
    viewer = account(sqlite_scene, "viewer")
    mandate(sqlite_scene, viewer, CUSTOMER_ID, Role.VIEWER)
    with pytest.raises(AlreadyHasOtherRole):
        asked(sqlite_scene, anna, ContactDetails("V", viewer.email, "", DIRECTOR.language))
    close(CUSTOMER_ID, sqlite_scene.ctx, "operator", REQUEST)
    with pytest.raises(OrganisationClosed):
        asked(sqlite_scene, anna)


@pytest.mark.parametrize("email", ["Anna@people.example", "annas-other@people.example", "annas-second@people.example"])
def test_no_clerk_invites_themselves(sqlite_scene, email):
    anna = a_clerk(sqlite_scene).actor
    address = apps.get_model("account", "EmailAddress").objects.using(sqlite_scene.db.alias)
    address.create(user_id=anna.user_id, email="annas-other@people.example", verified=True)
    by_provider(sqlite_scene, anna.user_id, account(sqlite_scene, "annas-second").pk)
    with pytest.raises(SelfInvitation):
        invite_signatory(
            CUSTOMER_ID, ContactDetails("A", email, "", DIRECTOR.language), sqlite_scene.ctx, anna, REQUEST
        )
    assert not rows(sqlite_scene, "PendingInvitation").exists()
    assert not rows(sqlite_scene, "OutboxMessage").exists()
    (said,) = audited(sqlite_scene, "own-invitation-refused")
    assert anna.name in said
    assert "people.example" not in said


def test_neither_who_asked_nor_who_confirmed_takes_it_up(sqlite_scene):
    anna, bo, cai = (a_clerk(sqlite_scene, name) for name in ("anna", "bo", "cai"))
    second = account(sqlite_scene, "annas-second")
    by_provider(sqlite_scene, anna.actor.user_id, second.pk)
    open_invitations.confirm(asked(sqlite_scene, anna).mandate_id, bo)
    link = link_of(sqlite_scene)
    for actor in (anna.actor, bo.actor, replace(bo.actor, staff=False), Actor(second.pk, second_factor=True)):
        with pytest.raises(TakesOwn):
            take_up(link, sqlite_scene.ctx, actor, REQUEST)
    assert rows(sqlite_scene, "RoleAssignment").get().waiting
    assert len(audited(sqlite_scene, "own-invitation-refused")) == 4
    assert take_up(link, sqlite_scene.ctx, cai.actor, REQUEST), "another person does"
    assert take_up(link, sqlite_scene.ctx, cai.actor, REQUEST)


def test_who_is_a_representative_anyway_takes_up_their_own(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    open_invitations.confirm(asked(sqlite_scene, anna).mandate_id, bo)
    director = replace(anna.actor, outside=(ExternalRole(CUSTOMER_ID, Role.SIGNATORY),))
    assert take_up(link_of(sqlite_scene), sqlite_scene.ctx, director, REQUEST)


def test_a_link_of_before_the_upgrade_gives_no_signatorys_role(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    open_invitations.confirm(asked(sqlite_scene, anna).mandate_id, bo)
    rows(sqlite_scene, "Invitation").update(vouched=False)
    director = Actor(account(sqlite_scene, "director").pk, second_factor=True)
    assert offered(link_of(sqlite_scene), director, sqlite_scene.ctx) is None
    assert not take_up(link_of(sqlite_scene), sqlite_scene.ctx, director, REQUEST)
    assert rows(sqlite_scene, "RoleAssignment").get().waiting
    (shown,) = open_invitations.listed(0, 10, anna).links
    assert not shown.vouched
    again = asked(sqlite_scene, anna)
    assert again.made, "it is asked for anew"
    sqlite_scene.clock.forward(SECOND)
    open_invitations.confirm(again.mandate_id, bo)
    assert take_up(link_of(sqlite_scene), sqlite_scene.ctx, director, REQUEST)


def test_a_signatory_who_sends_one_of_before_again_vouches_for_it(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    open_invitations.confirm(asked(sqlite_scene, anna).mandate_id, bo)
    rows(sqlite_scene, "Invitation").update(vouched=False)
    chair, row = a_signatory(sqlite_scene), rows(sqlite_scene, "RoleAssignment").get(waiting=True)
    role_assignments.send_again(row.pk, sqlite_scene.ctx, chair, REQUEST)
    director = Actor(account(sqlite_scene, "director").pk, second_factor=True)
    assert take_up(link_of(sqlite_scene), sqlite_scene.ctx, director, REQUEST)


def test_whom_an_operator_named_stays_a_representative_when_their_invitation_is_ended(sqlite_scene):
    scene, anna, bo = sqlite_scene, a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    assert add_signatory(CUSTOMER_ID, DIRECTOR, scene.ctx, "operator", REQUEST)
    open_invitations.confirm(asked(scene, anna).mandate_id, bo)
    (one,) = open_invitations.listed(0, 10, anna).links
    assert open_invitations.end(one.invitation_id, anna)
    assert not open_invitations.end(one.invitation_id, anna), "it is ended once"
    token = link_token(TRANSFER_KEY, INVITATION, one.invitation_id)
    assert not take_up(token, scene.ctx, Actor(account(scene, "director").pk, second_factor=True), REQUEST)
    (named,) = who_is_who(CUSTOMER_ID, scene.ctx).roles.signatories
    assert named.address == DIRECTOR.email
    assert len(audited(scene, "invitation-ended")) == 1
    assert not audited(scene, "authorisation-withdrawn")


def test_a_role_that_only_waited_goes_with_its_invitation(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    open_invitations.confirm(asked(sqlite_scene, anna).mandate_id, bo)
    (one,) = open_invitations.listed(0, 10, anna).links
    assert open_invitations.end(one.invitation_id, anna)
    assert len(audited(sqlite_scene, "authorisation-withdrawn")) == 1
    assert asked(sqlite_scene, anna).made, "they are invited anew"


def test_a_signatory_sees_what_waits_and_others_see_nothing(sqlite_scene):
    chair, anna = a_signatory(sqlite_scene), a_clerk(sqlite_scene)
    found = asked(sqlite_scene, anna)
    organisation, ctx = rows(sqlite_scene, "Organisation").get().pk, sqlite_scene.ctx
    (waits,) = pending_invitations.waiting(organisation, load_permissions(chair, ctx), ctx)
    assert pending_invitations.get_for_confirmation(found.mandate_id, load_permissions(chair, ctx), ctx) == waits
    assert (waits.email, waits.asker_email) == (DIRECTOR.email, "anna@people.example")
    assert open_invitations.has_signatory(organisation, anna)
    stranger = load_permissions(Actor(account(sqlite_scene, "stranger").pk, second_factor=True), ctx)
    for pending_id in (found.mandate_id, "0" * 32):
        with pytest.raises(PermissionDenied):
            pending_invitations.get_for_confirmation(pending_id, stranger, ctx)
    with pytest.raises(PermissionDenied):
        pending_invitations.waiting(organisation, stranger, ctx)


def test_what_is_not_there_is_not_confirmed(sqlite_scene):
    user, scene = account(sqlite_scene, "chair"), sqlite_scene
    with pytest.raises(PendingInvitationRefused) as why:
        confirm_locked("0" * 32, Confirmer(user.pk, by_clerk=True), scene.ctx, scene.audit_entry())
    assert why.value.fault is PendingFault.OVER


def test_a_guarded_office_gives_no_deed_outside_of_an_act(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    with pytest.raises(RuntimeError, match="guarded"):
        anna.guarded.audit_entry(anna.actor.name, REQUEST)
    assert anna.guarded.unguarded.audit_entry(anna.actor.name, REQUEST).actor == anna.actor.name


def test_a_tag_makes_no_second_person(sqlite_scene):
    anna, spare = a_clerk(sqlite_scene, "anna"), a_clerk(sqlite_scene, "anna+spare")
    with pytest.raises(SelfInvitation):
        asked(sqlite_scene, anna, replace(DIRECTOR, email="anna+chair@people.example"))
    found = asked(sqlite_scene, anna)
    assert refused(open_invitations.confirm, found.mandate_id, spare) is PendingFault.SAME_PERSON
    assert nothing_given(sqlite_scene)


def test_so_many_are_asked_for_in_a_day(sqlite_scene):
    a_signatory(sqlite_scene)
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    for number in range(PENDING_A_DAY):
        made = asked(sqlite_scene, anna, a_person(f"one-{number}"))
        open_invitations.withdraw(made.mandate_id, anna)
    before = rows(sqlite_scene, "OutboxMessage").count()
    for clerk in (anna, bo):
        with pytest.raises(InvitationLimitReached):
            asked(sqlite_scene, clerk)
    assert rows(sqlite_scene, "OutboxMessage").count() == before
    sqlite_scene.clock.now += timedelta(days=1)
    assert asked(sqlite_scene, anna).made
