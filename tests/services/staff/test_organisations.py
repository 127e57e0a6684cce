"""Import of organisations by clerks.

A file is applied exactly as its preview showed it, in parts. An interrupted import continues.
"""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.database.organisations import organisations as organisations_organisations
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange
from sinetti.domain.organisations.import_confirmation import find_two_person_act
from sinetti.domain.values import IdentifierType, Language
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.staff import organisations
from sinetti.services.staff.organisations import AlterResult, EndReach, NewOrganisation, OrganisationNotFound
from tests.support.acting import cast
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.clerks import a_clerk, looked
from tests.support.killed import KilledError, killed_at
from tests.support.people import audited
from tests.support.scene import REQUEST, an_order, enrolled, ordered
from tests.support.users import logged_clerk

HEAD = "customer_id;kind;country;name;language;merged_into;ended\n"
MALLI = f"{CUSTOMER_ID};artificial;FI;{CUSTOMER_NAME};fi"


def sent(clerk, *lines):
    load_id = organisations.preview((HEAD + "\n".join(lines)).encode(), clerk)
    return organisations.load(load_id, clerk)


def carried_out(clerk, *lines):
    found = accepted(clerk, *lines)
    organisations.carry_on(found.load_id, clerk)
    return organisations.load(found.load_id, clerk)


def accepted(clerk, *lines):
    """Accept a file; a second clerk confirms it if the file needs one."""
    found = sent(clerk, *lines)
    if find_two_person_act(found.difference.changes, ApprovalPolicy()):
        assert organisations.propose_load(found.load_id, found.digest, clerk)
        assert organisations.confirm_load(found.load_id, found.digest, another(clerk))
    else:
        assert organisations.accept(found.load_id, found.digest, clerk)
    return found


def another(clerk):
    rows = models.User.objects.using(clerk.ctx.db.alias)
    made = {"email": "second@clerks.example", "name": "", "is_staff": True, "created": clerk.ctx.now()}
    user, _ = rows.get_or_create(user_id="5ec0" * 8, defaults=made)
    logged_clerk(clerk.ctx.db, user)
    return replace(clerk, actor=replace(clerk.actor, user_id=user.pk))


def row(scene, customer_id):
    return models.Organisation.objects.using(scene.db.alias).select_related("merged_into").get(customer_id=customer_id)


def test_a_preview_writes_nothing_and_what_is_accepted_is_done(scene):
    anna = a_clerk(scene)
    lines = ("A-1;artificial;FI;Uusi Oy;sv;;", f"{CUSTOMER_ID};artificial;FI;Sinisiipi Oyj;fi;;", "x;y")
    found = sent(anna, *lines)
    assert [one.kind for one in found.difference.changes] == [ChangeKind.ADD, ChangeKind.CHANGE]
    assert len(found.difference.wrong) == 1
    assert organisations_organisations.find_organisation(scene.db, "A-1") is None
    done = carried_out(anna, *lines)
    assert (done.position, done.passed_over, done.content, done.done_at) == (2, 0, b"", scene.clock.now)
    assert row(scene, CUSTOMER_ID).name == "Sinisiipi Oyj"
    assert row(scene, "A-1").language == "sv"
    assert not organisations_organisations.find_organisation(scene.db, "A-1").channels
    assert "Sinisiipi" not in "".join(audited(scene, "organisation-renamed"))
    again = sent(anna, *lines)
    assert (again.difference.changes, again.difference.unchanged) == ((), 2)


def test_a_new_name_moves_what_is_being_decided_on(sqlite_scene):
    lineage = sqlite_scene.certificate(enrolled(sqlite_scene).serial).lineage
    carried_out(a_clerk(sqlite_scene), f"{CUSTOMER_ID};artificial;FI;Sinisiipi Oyj;fi;;")
    after = models.Lineage.objects.using(sqlite_scene.db.alias).get(pk=lineage.lineage_id)
    assert after.version == lineage.version + 1


def test_merged_and_ended_leave_certificates_that_are_proposed(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    carried_out(anna, "A-1;artificial;FI;Uusi Oy;fi;;", "B-2;artificial;FI;Toinen Oy;fi;;")
    serial = enrolled(sqlite_scene).serial
    done = carried_out(anna, f"{MALLI};a-1;", "B-2;artificial;FI;Toinen Oy;fi;;2026-01-01")
    assert row(sqlite_scene, CUSTOMER_ID).merged_into.customer_id == "A-1"
    assert row(sqlite_scene, "B-2").closed_at == sqlite_scene.clock.now
    (left,) = organisations.find_orphaned(done, anna)
    assert (left.kind, left.reason, left.serials) == (
        ChangeKind.MERGE,
        RevocationReason.AFFILIATION_CHANGED,
        (serial,),
    )
    assert organisations.propose_revocation(done.load_id, ChangeKind.END, anna) is None
    outcome = organisations.propose_revocation(done.load_id, ChangeKind.MERGE, anna)
    assert outcome.proposal.officer == anna.officer
    assert sqlite_scene.certificate(serial).revocation_reason is RevocationReason.AFFILIATION_CHANGED
    assert organisations.find_orphaned(done, anna) == ()
    assert sent(anna, f"{MALLI};A-1;").difference.unchanged == 1


def test_the_register_moved_so_it_is_shown_again(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    found = sent(anna, f"{CUSTOMER_ID};artificial;FI;{CUSTOMER_NAME};en;;")
    carried_out(anna, f"{CUSTOMER_ID};artificial;FI;{CUSTOMER_NAME};sv;;")
    assert not organisations.accept(found.load_id, found.digest, anna)
    shown = organisations.load(found.load_id, anna)
    assert shown.difference.changes[0].language_before == "sv"
    assert not organisations.accept(found.load_id, found.digest, anna), "what was shown before counts no more"
    assert organisations.find_orphaned(shown, anna) == ()
    assert organisations.accept(shown.load_id, shown.digest, anna)
    assert organisations.accept(shown.load_id, shown.digest, anna), "a second press does nothing"
    assert len(audited(sqlite_scene, "load-accepted")) == 2


def test_what_moved_after_it_was_accepted_is_passed_over(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    lines = (f"{MALLI};A-1;", "A-1;artificial;FI;Uusi Oy;fi;;", "B-2;artificial;FI;Toinen Oy;fi;;")
    found = accepted(anna, *lines)
    other = carried_out(anna, "A-1;artificial;FI;Ensin Oy;fi;;", f"{CUSTOMER_ID};artificial;FI;Ensin;fi;;")
    assert other.passed_over == 0
    organisations.carry_on(found.load_id, anna)
    done = organisations.load(found.load_id, anna)
    assert (done.position, done.passed_over) == (3, 2)
    assert row(sqlite_scene, "A-1").name == "Ensin Oy"
    assert row(sqlite_scene, CUSTOMER_ID).closed_at is None
    assert organisations.find_orphaned(done, anna) == ()


def test_one_merged_into_what_has_ended_meanwhile_stays(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    carried_out(anna, "A-1;artificial;FI;Uusi Oy;fi;;")
    found = accepted(anna, f"{MALLI};A-1;")
    carried_out(anna, "A-1;artificial;FI;Uusi Oy;fi;;2026-01-01")
    organisations.carry_on(found.load_id, anna)
    assert organisations.load(found.load_id, anna).passed_over == 1
    assert row(sqlite_scene, CUSTOMER_ID).closed_at is None


def test_cut_short_it_is_gone_on_with(sqlite_scene, monkeypatch):
    monkeypatch.setattr(organisations, "AT_ONCE", 1)
    anna = a_clerk(sqlite_scene)
    found = sent(anna, *(f"A-{one};artificial;FI;Uusi {one};fi;;" for one in range(4)))
    organisations.accept(found.load_id, found.digest, anna)
    with pytest.raises(KilledError):
        organisations.carry_on(found.load_id, a_clerk(sqlite_scene.but(step=killed_at("load-part")), "bo"))
    assert organisations.load(found.load_id, anna).position == 1
    slow = sqlite_scene.but(machine_now=lambda: sqlite_scene.machine.forward(organisations.WAITED_FOR * 1.1))
    organisations.carry_on(found.load_id, a_clerk(slow, "cecilia"))
    assert organisations.load(found.load_id, anna).position == 2, "nobody waits for long"
    monkeypatch.setattr(organisations, "PARTS_AT_ONCE", 1)
    organisations.carry_on(found.load_id, anna)
    assert organisations.load(found.load_id, anna).done_at is None
    organisations.carry_on(found.load_id, anna)
    assert organisations.load(found.load_id, anna).done_at is not None
    organisations.carry_on(found.load_id, anna)
    assert len(audited(sqlite_scene, "organisation-added")) == 5


def test_one_at_a_time(sqlite_scene):
    anna = a_clerk(sqlite_scene.but(approvals=ApprovalPolicy({TwoPersonAct.ORGANISATION_NAME: 1})))
    new = NewOrganisation("A-1", IdentifierType.ARTIFICIAL, "FI", "Uusi Oy", Language.FI, frozenset())
    made = organisations.add(new, anna)
    assert organisations.add(new, anna) is None
    assert organisations.organisation(made.organisation_id, anna).name == "Uusi Oy"
    renamed = ImportChange(0, ChangeKind.CHANGE, "", IdentifierType.ARTIFICIAL, "FI", "Uusi Oy", "Uusi Oyj", "fi", "sv")
    assert organisations.alter(made.organisation_id, renamed, anna) is AlterResult.DONE
    assert organisations.alter(made.organisation_id, renamed, anna) is AlterResult.MOVED
    assert [one.name for one in organisations.search("oyj", 0, 50, anna)] == ["Uusi Oyj"]
    assert [one.customer_id for one in organisations.search("a-", 0, 50, anna)] == ["A-1"]
    assert len(organisations.search("", 0, 50, anna)) == 2
    assert len(organisations.list_newest(anna)) == 0
    assert looked(sqlite_scene)[0][0] == f"organisation:{made.organisation_id}"
    assert "search" in looked(sqlite_scene)[1][1]


def test_what_is_not_there(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    renamed = ImportChange(0, ChangeKind.CHANGE, "", IdentifierType.ARTIFICIAL, "FI", "a", "b", "fi", "sv")
    for call in (
        lambda: organisations.organisation("0" * 32, anna),
        lambda: organisations.alter("0" * 32, renamed, anna),
        lambda: organisations.load("0" * 32, anna),
        lambda: organisations.propose_change("0" * 32, renamed, anna),
        lambda: organisations.accept("0" * 32, "", anna),
        lambda: organisations.propose_load("0" * 32, "", anna),
        lambda: organisations.confirm_load("0" * 32, "", anna),
        lambda: organisations.end_load("0" * 32, anna),
        lambda: organisations.propose_revocation("0" * 32, ChangeKind.END, anna),
    ):
        with pytest.raises(OrganisationNotFound):
            call()
    assert looked(sqlite_scene) == []


def test_the_reach_of_an_end_counts_what_stops_working(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    who = cast(sqlite_scene)
    assert organisations.count_reach(who.organisation_id, anna) == EndReach(0, 0, 0, 3, 0, 0)
    held = [enrolled(sqlite_scene).serial for _ in range(2)]
    revoke(RevocationRequest(held[1], RevocationReason.SUPERSEDED), sqlite_scene.ctx, "operator", REQUEST)
    models.Lineage.objects.using(sqlite_scene.db.alias).update(serves=7)
    ordered(sqlite_scene, an_order())
    for client, firm in ((who.organisation_id, who.other_id), (who.other_id, who.organisation_id)):
        terms = {"organisation_id": client, "agent_id": firm, "role": "manager", "valid_from": sqlite_scene.ctx.now()}
        models.RoleAssignment.objects.using(sqlite_scene.db.alias).create(**terms)
    assert organisations.count_reach(who.organisation_id, anna) == EndReach(1, 7, 1, 3, 1, 1)
