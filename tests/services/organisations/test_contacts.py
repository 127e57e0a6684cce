"""New contacts and deputies, and corrected addresses.

The old and the new person are notified, and transfer ids go to the new one.
"""

from dataclasses import replace
from functools import partial

import pytest

from sinetti.database import models
from sinetti.domain.values import Language
from sinetti.services.organisations.contacts import ContactCorrection, ContactUpdate, change_contact
from sinetti.services.organisations.people import PeopleError
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.killed import KilledError, killed_at
from tests.support.people import a_person, audited
from tests.support.scene import CONTACT, DAY, REQUEST, an_order, enrolled, ordered
from tests.support.secure import offered

WHO = ("operator", REQUEST)
NEW = a_person("new")


def lineage(scene):
    return models.Lineage.objects.using(scene.db.alias).select_related("contact", "deputy").get()


def events(scene):
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="contact-changed").order_by("created")
    return [row.facts for row in rows]


def changed(scene, named, who=NEW, *, deputy=False):
    return change_contact(ContactUpdate(named, who, deputy=deputy), scene.ctx, *WHO)


def test_a_new_contact_and_the_same_again(scene):
    held = enrolled(scene)
    old, at = lineage(scene).contact, scene.clock.forward(DAY)
    models.Certificate.objects.using(scene.db.alias).update(next_reminder_at=at)
    done = changed(scene, held.serial.upper())
    assert (done.customer_id, done.changed, done.offered) == (CUSTOMER_ID, True, ())
    new = lineage(scene).contact
    assert (new.name, new.email, new.named_until) == (NEW.name, NEW.email, None)
    old.refresh_from_db(using=scene.db.alias)
    assert (old.email, old.named_until) == (CONTACT.email, at), "the row of before stays for who was written to"
    assert events(scene) == [{"old": old.person_id, "new": new.person_id, "place": "contact"}]
    assert models.Certificate.objects.using(scene.db.alias).get().next_reminder_at is None, "looked at anew"
    assert not changed(scene, held.serial).changed
    assert len(events(scene)) == len(audited(scene, "contact-changed")) == 1
    assert "example" not in audited(scene, "contact-changed")[0]


def test_a_deputy(sqlite_scene):
    ids = ordered(sqlite_scene)
    assert changed(sqlite_scene, ids.order_id, deputy=True).changed
    assert (lineage(sqlite_scene).deputy.name, lineage(sqlite_scene).contact.name) == (NEW.name, CONTACT.name)
    assert events(sqlite_scene) == [{"old": None, "new": lineage(sqlite_scene).deputy_id, "place": "deputy"}]
    assert len(audited(sqlite_scene, "deputy-changed")) == 1


CORRECTIONS = {
    "the phone alone": (ContactCorrection(phone="+358 00 999"), replace(CONTACT, phone="+358 00 999"), False),
    "no phone any more": (ContactCorrection(phone=""), replace(CONTACT, phone=""), False),
    "the address": (
        ContactCorrection(email="right@customer.example"),
        replace(CONTACT, email="right@customer.example"),
        True,
    ),
    "name and language": (
        ContactCorrection(name="Nimi Uusi", language=Language.EN),
        replace(CONTACT, name="Nimi Uusi", language=Language.EN),
        False,
    ),
}


@pytest.mark.parametrize(("what", "person", "anew"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_mended(sqlite_scene, what, person, anew):
    """Another address gets the next reminder anew; the same address had it already."""
    held = enrolled(sqlite_scene)
    at = sqlite_scene.clock.now
    models.Certificate.objects.using(sqlite_scene.db.alias).update(next_reminder_at=at)
    assert changed(sqlite_scene, held.serial, what).changed
    row = lineage(sqlite_scene).contact
    assert (row.name, row.email, row.phone, row.language) == (person.name, person.email, person.phone, person.language)
    assert (models.Certificate.objects.using(sqlite_scene.db.alias).get().next_reminder_at is None) is anew
    assert not changed(sqlite_scene, held.serial, what).changed


def test_mending_nobody(sqlite_scene):
    held = enrolled(sqlite_scene)
    correct = partial(changed, sqlite_scene, held.serial, ContactCorrection(phone="", email="right@customer.example"))
    attempts = {
        "no deputy": lambda: correct(deputy=True),
        "nothing of this name": lambda: changed(sqlite_scene, "00" * 19),
    }
    said = golden.refusals(attempts, PeopleError)
    models.Person.objects.using(sqlite_scene.db.alias).update(
        name="", email="", phone="", erased_at=sqlite_scene.clock.now
    )
    said += f"\n{golden.refusals({'an erased contact': correct}, PeopleError)}"
    golden.check("sentences/organisations/contacts", {"en.txt": said})
    assert changed(sqlite_scene, held.serial).changed


def test_whoever_bounced_is_named_again(sqlite_scene):
    held = enrolled(sqlite_scene)
    models.Person.objects.using(sqlite_scene.db.alias).update(
        bounced_at=sqlite_scene.clock.now, first_written_at=sqlite_scene.clock.now
    )
    assert changed(sqlite_scene, held.serial, CONTACT).changed
    row = lineage(sqlite_scene).contact
    assert (row.bounced_at, row.first_written_at) == (None, sqlite_scene.clock.now)


def test_transfer_ids_go_to_the_new_address(scene):
    """The link of before ends.

    A wrong phone number is corrected without a new order, too.
    """
    first = offered(scene)
    done = changed(scene, first.offered.order_id)
    (second,) = done.offered
    assert second.order_id == first.offered.order_id
    rows = models.SecureMessage.objects.using(scene.db.alias)
    assert rows.get(pk=first.offered.secure_id).ended_at == scene.clock.now
    assert rows.get(pk=second.secure_id).recipient.email == NEW.email
    (third,) = changed(scene, first.offered.order_id, ContactCorrection(phone="")).offered
    assert third.needs_code
    assert changed(scene, first.offered.order_id, ContactCorrection(phone="")).offered == ()
    assert rows.filter(ended_at__isnull=True).count() == 1
    assert changed(scene, first.offered.order_id, deputy=True).offered == (), "the contact stays"


def test_ids_that_were_told_otherwise_are_not_offered(sqlite_scene):
    ids = ordered(sqlite_scene)
    assert changed(sqlite_scene, ids.order_id).offered == ()


def test_cut_short_before_the_new_link(scene):
    first = offered(scene)
    dying = scene.but(step=killed_at("contact-changed"))
    with pytest.raises(KilledError):
        changed(dying, first.offered.order_id)
    done = changed(scene, first.offered.order_id)
    assert (done.changed, len(done.offered)) == (False, 1)
    assert changed(scene, first.offered.order_id).offered == ()


def test_a_replacement_that_is_ordered_has_its_own_people(sqlite_scene):
    """The former people stay, and the renewal opt-out ends."""
    held = enrolled(sqlite_scene)
    changed(sqlite_scene, held.serial)
    rows = models.Lineage.objects.using(sqlite_scene.db.alias)
    rows.update(renewal_opt_out_at=sqlite_scene.clock.now)
    at, before = sqlite_scene.clock.forward(DAY), lineage(sqlite_scene).contact
    ordered(sqlite_scene, replace(an_order(replaces=held.serial), contact=a_person("third")))
    assert (lineage(sqlite_scene).contact.name, lineage(sqlite_scene).renewal_opt_out_at) == ("The third", None)
    before.refresh_from_db(using=sqlite_scene.db.alias)
    assert before.named_until == at


def test_a_closed_organisation_gets_no_link_to_transfer_ids(sqlite_scene):
    scene, sent = sqlite_scene, offered(sqlite_scene)
    models.Organisation.objects.using(scene.db.alias).update(closed_at=scene.clock.now)
    done = changed(scene, sent.offered.order_id)
    assert (done.changed, done.offered) == (True, ())
