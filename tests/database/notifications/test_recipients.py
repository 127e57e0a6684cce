"""Recipients: people of lineages and organisations, as stored at one instant."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.notifications import recipients
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from tests.support.authority import NOW
from tests.support.scene import DAY, SECOND, ordered

MARKS = {
    "an address that works": ({}, True, True),
    "one that is known to fail": ({"bounced_at": NOW}, False, True),
    "one to which mail was stopped": ({"stopped_at": NOW}, False, True),
    "written to before": ({"first_written_at": NOW}, True, True),
    "no phone": ({"phone": ""}, True, False),
    "erased": ({"name": "", "email": "", "phone": "", "erased_at": NOW}, False, False),
    "erased, whatever is left": ({"erased_at": NOW}, False, False),
}


def person(scene, name="A Name", **marks):
    values = {"name": name, "email": f"{name.lower().replace(' ', '.')}@customer.example", "phone": "+358 00 001"}
    return models.Person.objects.using(scene.db.alias).create(**{**values, "language": "sv", **marks})


def mandate(scene, role=Role.SIGNATORY, **changes):
    values = {"organisation": organisation(scene), "role": role, "valid_from": NOW}
    return models.RoleAssignment.objects.using(scene.db.alias).create(**{**values, **changes})


def organisation(scene):
    return models.Organisation.objects.using(scene.db.alias).get(customer_id="0123456-7")


def an_agent(scene, name="firm", **changes):
    values = {"customer_id": name, "normalised_id": name, "kind": "artificial", "name": name, "language": "fi"}
    return models.Organisation.objects.using(scene.db.alias).create(**{**values, "created": NOW, **changes})


def roles_of(scene, now=NOW):
    one = organisation(scene).organisation_id
    return recipients.roles(scene.db, [one], now)[one]


@pytest.mark.parametrize(("marks", "mailable", "textable"), MARKS.values(), ids=MARKS)
def test_who_can_be_reached(sqlite_scene, marks, mailable, textable):
    one = person(sqlite_scene, **marks)
    found = recipients.readers(sqlite_scene.db, [one.person_id, "nobody"])
    assert list(found) == [one.person_id]
    assert (found[one.person_id].mailable, found[one.person_id].textable) == (mailable, textable)
    assert "@" not in repr(found), "an address is never in a log by accident"


STANDING = {
    "the instant it begins": ({}, NOW, True),
    "a second before": ({}, NOW - SECOND, False),
    "the last instant": ({"valid_until": NOW + DAY}, NOW + DAY, True),
    "a second after": ({"valid_until": NOW + DAY}, NOW + DAY + SECOND, False),
    "withdrawn": ({"withdrawn_at": NOW + DAY}, NOW + 2 * DAY, False),
    "of another role": ({"role": Role.VIEWER}, NOW, False),
}


@pytest.mark.parametrize(("changes", "now", "stands"), STANDING.values(), ids=STANDING)
def test_signatories_of_now(sqlite_scene, changes, now, stands):
    mandate(sqlite_scene, person=person(sqlite_scene), **changes)
    assert bool(roles_of(sqlite_scene, now).signatories) is stands


def test_agents_that_are_open(scene):
    mandate(scene, Role.MANAGER, agent=(firm := an_agent(scene)))
    mandate(scene, Role.MANAGER, agent=an_agent(scene, "closed", closed_at=NOW))
    mandate(scene, Role.MANAGER, person=person(scene))
    mandate(scene, person=None)
    assert roles_of(scene) == recipients.Roles(agents=(firm.organisation_id,))


def test_many_at_once(scene):
    """Each organisation that was asked about is there.

    The number of statements does not grow with them.
    """
    first = ordered(scene)
    one, two, contact = person(scene, "One"), person(scene, "Two"), person(scene, "Contact")
    mandate(scene, person=two, valid_from=NOW - DAY)
    mandate(scene, person=one)
    models.Organisation.objects.using(scene.db.alias).update(contact=contact)
    ours, other = organisation(scene), an_agent(scene)
    with CaptureQueriesContext(connections[scene.db.alias]) as asked:
        found = recipients.roles(scene.db, [ours.pk, other.pk, "unknown", other.pk], NOW)
    assert len(asked) == 3
    assert [signatory.name for signatory in found[ours.pk].signatories] == ["Two", "One"]
    assert found[ours.pk].contact_person.name == "Contact"
    assert found[other.pk] == found["unknown"] == recipients.Roles()
    lineage = models.Order.objects.using(scene.db.alias).get(pk=first.order_id).lineage_id
    with CaptureQueriesContext(connections[scene.db.alias]) as asked:
        held = recipients.holders(scene.db, [lineage, "unknown"])
    assert len(asked) == 1
    assert [held[lineage][0].language, held[lineage][1]] == [Language.SV, None]
    assert list(held) == [lineage]


def test_more_than_one_statement_takes(sqlite_scene):
    found = recipients.roles(sqlite_scene.db, [str(number) for number in range(1201)], NOW)
    assert len(found) == 1201


def test_once_for_each_address(sqlite_scene):
    same = [person(sqlite_scene, email=email) for email in ("a@customer.example", "A@Customer.example")]
    gone = person(sqlite_scene, email="", erased_at=NOW)
    people = [recipients.reader(row) for row in (*same, gone, gone)]
    assert recipients.unique_by_address([None, *people]) == (people[0], people[2])
