"""Imports that end, merge or rename organisations, which need two clerks."""

import json
from datetime import timedelta

import pytest
from django.apps import apps

from sinetti.database import models
from sinetti.database.access import accounts
from sinetti.database.models import OrganisationImport
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange
from sinetti.domain.organisations.import_confirmation import (
    PROPOSAL_LIVES,
    LoadReason,
    LoadRefused,
    LoadState,
)
from sinetti.domain.values import IdentifierType
from sinetti.services.staff import organisations
from sinetti.services.staff.organisations import AlterResult
from sinetti.services.staff.session import NotStaff
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.clerks import a_clerk
from tests.support.killed import KilledError, killed_at
from tests.support.registers import crowd
from tests.support.scene import add_organisation

HEAD = "customer_id;kind;country;name;language;merged_into;ended\n"
MALLI = f"{CUSTOMER_ID};artificial;FI;{CUSTOMER_NAME};fi"
ADDED = "A-1;artificial;FI;Uusi Oy;fi;;"
LINES = {
    "an end": f"{MALLI};;2026-01-01",
    "a merger": f"{MALLI};A-1;",
    "a new name": f"{CUSTOMER_ID};artificial;FI;Toinen Oy;fi;;",
}
RENAME = LINES["a new name"]


def sent(clerk, *lines):
    return organisations.load(organisations.preview((HEAD + "\n".join(lines)).encode(), clerk), clerk)


def proposed(clerk, *lines):
    found = sent(clerk, *lines)
    assert organisations.propose_load(found.load_id, found.digest, clerk)
    return organisations.load(found.load_id, clerk)


def refused_for(call, *rest):
    with pytest.raises(LoadRefused) as refused:
        call(*rest)
    return refused.value.reason


def row(scene, customer_id=CUSTOMER_ID):
    return models.Organisation.objects.using(scene.db.alias).get(customer_id=customer_id)


def audited(scene, *actions):
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(action__in=actions).order_by("sequence")
    return [(one.action, one.actor, json.loads(bytes(one.octets))["facts"]) for one in rows]


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_one_clerk_alone_ends_merges_and_renames_nothing_by_a_file(sqlite_scene, line):
    anna, before = a_clerk(sqlite_scene), row(sqlite_scene)
    found = sent(anna, ADDED, line)
    assert refused_for(organisations.accept, found.load_id, found.digest, anna) is LoadReason.SECOND_CLERK
    organisations.carry_on(found.load_id, anna)
    assert organisations.propose_load(found.load_id, found.digest, anna)
    assert refused_for(organisations.confirm_load, found.load_id, found.digest, anna) is LoadReason.SAME_CLERK
    assert refused_for(organisations.accept, found.load_id, found.digest, anna) is LoadReason.PROPOSED
    organisations.carry_on(found.load_id, anna)
    after = row(sqlite_scene)
    assert (after.name, after.closed_at) == (before.name, None)
    assert models.Organisation.objects.using(sqlite_scene.db.alias).count() == 1, "one load is carried out as one"


def test_a_second_clerk_confirms_and_any_clerk_carries_on(scene, monkeypatch):
    monkeypatch.setattr(organisations, "AT_ONCE", 1)
    monkeypatch.setattr(organisations, "PARTS_AT_ONCE", 1)
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    waiting = proposed(anna, ADDED, RENAME)
    assert [one.load_id for one in organisations.list_proposed(bo)] == [waiting.load_id]
    assert organisations.confirm_load(waiting.load_id, waiting.digest, bo)
    organisations.carry_on(waiting.load_id, bo)
    assert organisations.load(waiting.load_id, bo).position == 1
    organisations.carry_on(waiting.load_id, a_clerk(scene, "cecilia"))
    done = organisations.load(waiting.load_id, anna)
    assert (done.done_at, done.content, done.confirmation.accepted_by) == (scene.clock.now, b"", bo.actor.user_id)
    assert row(scene).name == "Toinen Oy"
    assert len(organisations.list_proposed(bo)) == 0
    told = audited(scene, "load-proposed", "load-accepted")
    assert told == [
        ("load-proposed", anna.actor.name, {"digest": waiting.digest, "changes": 2}),
        ("load-accepted", bo.actor.name, {"digest": waiting.digest, "proposed_by": anna.actor.name}),
    ]


SAME = {
    "an address in other capitals": ("anna2", "ANNA@people.example"),
    "an address that waits to be confirmed": ("anna3", "anna@people.example"),
}


@pytest.mark.parametrize(("name", "address"), SAME.values(), ids=SAME)
def test_another_account_of_the_same_person_does_not_confirm(sqlite_scene, name, address):
    anna, second = a_clerk(sqlite_scene), a_clerk(sqlite_scene, name)
    rows = apps.get_model("account", "EmailAddress").objects.using(sqlite_scene.db.alias)
    rows.create(user_id=second.actor.user_id, email=address, verified=False, primary=False)
    waiting = proposed(anna, RENAME)
    assert refused_for(organisations.confirm_load, waiting.load_id, waiting.digest, second) is LoadReason.SAME_PERSON
    assert row(sqlite_scene).name == CUSTOMER_NAME


def test_the_register_moved_so_the_confirmation_starts_anew(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    waiting = proposed(anna, RENAME)
    models.Organisation.objects.using(sqlite_scene.db.alias).update(name="Muu Oy")
    assert not organisations.confirm_load(waiting.load_id, waiting.digest, bo)
    shown = organisations.load(waiting.load_id, bo)
    assert shown.confirmation.state(sqlite_scene.clock.now) is LoadState.COMPARED
    assert shown.difference.changes[0].name_before == "Muu Oy"
    assert refused_for(organisations.confirm_load, shown.load_id, shown.digest, bo) is LoadReason.NOT_PROPOSED
    assert refused_for(organisations.propose_load, shown.load_id, shown.digest, bo) is LoadReason.OTHER_CLERK
    assert organisations.propose_load(shown.load_id, shown.digest, anna)
    assert not organisations.confirm_load(shown.load_id, waiting.digest, bo), "what was shown before counts no more"
    assert organisations.confirm_load(shown.load_id, shown.digest, bo)
    organisations.carry_on(shown.load_id, bo)
    assert row(sqlite_scene).name == "Toinen Oy"


def test_the_register_moved_before_it_was_proposed(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    found = sent(anna, RENAME)
    models.Organisation.objects.using(sqlite_scene.db.alias).update(name="Muu Oy")
    assert not organisations.propose_load(found.load_id, found.digest, anna)
    assert len(organisations.list_proposed(anna)) == 0


def test_what_is_compared_anew_between_two_statements_is_not_what_was_shown(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    rows = OrganisationImport.objects.using(sqlite_scene.db.alias)

    def moved(point):
        if point == "load-compared":
            rows.update(digest="0" * 64)

    bo = a_clerk(sqlite_scene.but(step=moved), "bo")
    waiting = proposed(anna, RENAME)
    assert not organisations.confirm_load(waiting.load_id, waiting.digest, bo)
    rows.update(digest=waiting.digest, proposed_by="", proposed_at=None)
    assert not organisations.propose_load(waiting.load_id, "0" * 64, anna)


def test_rejected_withdrawn_and_lapsed_it_is_over(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    rejected, withdrawn, lapsed = (proposed(anna, RENAME) for _ in range(3))
    organisations.end_load(rejected.load_id, bo)
    organisations.end_load(withdrawn.load_id, anna)
    over = {}
    for one in (rejected, withdrawn):
        over[one.load_id] = refused_for(organisations.confirm_load, one.load_id, one.digest, bo)
        assert organisations.load(one.load_id, anna).content == b""
    assert list(over.values()) == [LoadReason.REJECTED, LoadReason.WITHDRAWN]
    assert len(organisations.list_proposed(bo)) == 1
    sqlite_scene.clock.forward(PROPOSAL_LIVES + timedelta(seconds=1))
    assert refused_for(organisations.confirm_load, lapsed.load_id, lapsed.digest, bo) is LoadReason.LAPSED
    assert refused_for(organisations.end_load, lapsed.load_id, anna) is LoadReason.LAPSED
    assert len(organisations.list_proposed(bo)) == 0
    assert [one[:2] for one in audited(sqlite_scene, "load-rejected", "load-withdrawn")] == [
        ("load-rejected", bo.actor.name),
        ("load-withdrawn", anna.actor.name),
    ]
    assert row(sqlite_scene).name == CUSTOMER_NAME


def test_of_two_confirmers_at_once_one_wins(scene):
    anna, others = a_clerk(scene), [a_clerk(scene, name) for name in ("bo", "cecilia")]
    waiting = proposed(anna, RENAME)

    def confirms(number):
        try:
            return organisations.confirm_load(waiting.load_id, waiting.digest, others[number])
        except LoadRefused as refused:
            return refused.reason

    assert sorted(map(str, crowd(scene.db, 2, confirms))) == ["True", "accepted"]
    assert len(audited(scene, "load-accepted")) == 1


def test_two_who_confirm_each_others_do_not_wait_for_each_other(scene):
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    add_organisation(scene, "B-2")
    ours = [(proposed(anna, RENAME), bo), (proposed(bo, "B-2;artificial;FI;Muu Oy;fi;;"), anna)]
    confirmed = crowd(
        scene.db, 2, lambda at: organisations.confirm_load(ours[at][0].load_id, ours[at][0].digest, ours[at][1])
    )
    assert confirmed == [True, True]


ACTS = {
    "accepting": lambda load, clerk: organisations.accept(load.load_id, load.digest, clerk),
    "proposing": lambda load, clerk: organisations.propose_load(load.load_id, load.digest, clerk),
    "confirming": lambda load, clerk: organisations.confirm_load(load.load_id, load.digest, clerk),
    "ending": lambda load, clerk: organisations.end_load(load.load_id, clerk),
    "carrying on": lambda load, clerk: organisations.carry_on(load.load_id, clerk),
}


def prepared(act, anna, bo):
    if act == "accepting":
        return sent(bo, ADDED)
    if act == "proposing":
        return sent(bo, RENAME)
    found = proposed(anna, RENAME)
    if act == "carrying on":
        assert organisations.confirm_load(found.load_id, found.digest, bo)
    return found


@pytest.mark.parametrize("ends", ["dismissed", "ended"])
@pytest.mark.parametrize("act", ACTS)
def test_who_is_a_clerk_no_more_does_nothing(sqlite_scene, act, ends):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = prepared(act, anna, bo)
    audit = sqlite_scene.ctx.audit_entry("operator", "1")
    if ends == "dismissed":
        accounts.set_staff(sqlite_scene.db, bo.actor.user_id, audit, staff=False)
    else:
        accounts.deactivate(sqlite_scene.db, bo.actor.user_id, audit)
    with pytest.raises(NotStaff):
        ACTS[act](found, bo)
    assert row(sqlite_scene).name == CUSTOMER_NAME
    assert models.Organisation.objects.using(sqlite_scene.db.alias).count() == 1


def test_what_a_dismissed_clerk_proposed_is_not_confirmed(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    found = proposed(anna, RENAME)
    audit = sqlite_scene.ctx.audit_entry("operator", "1")
    accounts.set_staff(sqlite_scene.db, anna.actor.user_id, audit, staff=False)
    assert refused_for(organisations.confirm_load, found.load_id, found.digest, bo) is LoadReason.PROPOSER_GONE
    organisations.end_load(found.load_id, bo)


def test_killed_after_the_confirmation_it_is_gone_on_with(sqlite_scene, monkeypatch):
    monkeypatch.setattr(organisations, "AT_ONCE", 1)
    anna, dies = a_clerk(sqlite_scene), a_clerk(sqlite_scene.but(step=killed_at("load-part")), "bo")
    found = proposed(anna, ADDED, RENAME)
    assert organisations.confirm_load(found.load_id, found.digest, dies)
    with pytest.raises(KilledError):
        organisations.carry_on(found.load_id, dies)
    organisations.carry_on(found.load_id, anna)
    assert row(sqlite_scene).name == "Toinen Oy"


def change(kind, name, after="", language="fi"):
    return ImportChange(0, kind, "", IdentifierType.ARTIFICIAL, "FI", name, after or name, "fi", language)


def test_a_clerk_alone_renames_and_ends_nothing(scene):
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    first, second, third = (add_organisation(scene, one) for one in ("A-1", "A-2", "A-3"))
    name = row(scene, "A-1").name
    assert organisations.needs_second(TwoPersonAct.ORGANISATION_END, anna)
    assert organisations.alter(first, change(ChangeKind.END, name), anna) is AlterResult.SECOND_CLERK
    renamed = change(ChangeKind.CHANGE, name, 'Toinen; "Oy"')
    assert organisations.alter(second, renamed, anna) is AlterResult.SECOND_CLERK
    assert (row(scene, "A-1").closed_at, row(scene, "A-2").name) == (None, name)
    spoken = change(ChangeKind.CHANGE, name, language="sv")
    assert organisations.alter(third, spoken, anna) is AlterResult.DONE, "a language takes one"
    assert organisations.alter(third, spoken, anna) is AlterResult.MOVED
    waiting = organisations.propose_change(second, renamed, anna)
    assert organisations.propose_change(second, renamed, anna) == waiting, "the same is not proposed twice"
    found = organisations.load(waiting, bo)
    assert refused_for(organisations.confirm_load, waiting, found.digest, anna) is LoadReason.SAME_CLERK
    assert refused_for(organisations.accept, waiting, found.digest, bo) is LoadReason.PROPOSED
    assert organisations.confirm_load(waiting, found.digest, bo)
    organisations.carry_on(waiting, bo)
    assert row(scene, "A-2").name == 'Toinen; "Oy"'
    assert organisations.propose_change(second, renamed, anna) is None, "it has changed meanwhile"


ALONE = {
    ChangeKind.CHANGE: TwoPersonAct.ORGANISATION_NAME,
    ChangeKind.END: TwoPersonAct.ORGANISATION_END,
}


@pytest.mark.parametrize("kind", ALONE, ids=str)
def test_where_the_settings_say_one_a_clerk_does_it_alone(sqlite_scene, kind):
    """Each act has a number of its own."""
    one = sqlite_scene.but(approvals=ApprovalPolicy({ALONE[kind]: 1}))
    anna, organisation = a_clerk(one), add_organisation(one, "A-1")
    before = row(one, "A-1")
    asked = change(kind, before.name, "Toinen Oy" if kind is ChangeKind.CHANGE else "")
    assert organisations.alter(organisation, asked, anna) is AlterResult.DONE
    other = next(wanted for wanted in ALONE if wanted is not kind)
    again = change(other, row(one, "A-1").name, "Kolmas Oy" if other is ChangeKind.CHANGE else "")
    assert organisations.alter(organisation, again, anna) is AlterResult.SECOND_CLERK


def test_an_end_that_is_proposed(sqlite_scene):
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    organisation = add_organisation(sqlite_scene, "A-1")
    waiting = organisations.propose_change(organisation, change(ChangeKind.END, row(sqlite_scene, "A-1").name), anna)
    found = organisations.load(waiting, bo)
    assert organisations.confirm_load(waiting, found.digest, bo)
    organisations.carry_on(waiting, bo)
    assert row(sqlite_scene, "A-1").closed_at == sqlite_scene.clock.now


def test_who_is_a_clerk_no_more_alters_nothing(sqlite_scene):
    anna = a_clerk(sqlite_scene)
    organisation = add_organisation(sqlite_scene, "A-1")
    accounts.set_staff(sqlite_scene.db, anna.actor.user_id, sqlite_scene.ctx.audit_entry("operator", "1"), staff=False)
    name = row(sqlite_scene, "A-1").name
    with pytest.raises(NotStaff):
        organisations.alter(organisation, change(ChangeKind.CHANGE, name, language="sv"), anna)
    with pytest.raises(NotStaff):
        organisations.propose_change(organisation, change(ChangeKind.END, name), anna)
    assert (row(sqlite_scene, "A-1").closed_at, row(sqlite_scene, "A-1").language) == (None, "fi")
