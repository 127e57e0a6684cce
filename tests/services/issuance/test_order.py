"""Orders and their transfer ids.

The tests cover permissions to order, ids that are shown once, and the events that end old ids.
"""

import re
import string
from dataclasses import replace
from functools import partial

import pytest

from sinetti.database import models
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.certificates.lifecycle import OrderState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Channel, Language, Serial
from sinetti.services.issuance import order as order_module
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import OrderError, order, reissue_transfer_ids
from sinetti.services.organisations import registration
from sinetti.services.organisations.registration import close, withdraw
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.scene import (
    CONTACT,
    DAY,
    REQUEST,
    TRANSFER_KEY,
    Scene,
    accepted,
    add_organisation,
    an_order,
    enrolled,
    new_ask,
    new_key,
    ordered,
)

OTHER_CUSTOMER = "7654321-0"
DEPUTY = ContactDetails("Sija Sijainen", "sija@sinisiipi.example", "", Language.EN)


def take(scene: Scene, new):
    return order(new, scene.ctx, "operator", REQUEST)


def test_the_shapes_of_transfer_ids(scene):
    ids = ordered(scene)
    assert re.fullmatch(r"[0-9]{32}", ids.transfer_id)
    assert re.fullmatch(r"[A-Za-z0-9]{16}", ids.transfer_password)
    assert ids.expires == NOW + 14 * DAY
    assert ids.transfer_password not in repr(ids)


def test_no_two_are_alike(scene):
    pairs = [ordered(scene) for _ in range(5)]
    assert len({one.transfer_id for one in pairs}) == len({one.transfer_password for one in pairs}) == 5


def test_the_password_is_stored_nowhere(scene):
    ids = ordered(scene)
    row = models.TransferIds.objects.using(scene.db.alias).get()
    stored = bytes(row.password_mac)
    assert ids.transfer_password.encode() not in stored
    assert len(stored) == 32
    assert stored == order_module.mac(TRANSFER_KEY, ids.transfer_id, ids.transfer_password)
    for audit in models.AuditEvent.objects.using(scene.db.alias).all():
        assert ids.transfer_password.encode() not in bytes(audit.octets)


RING = fixed_keys(b"k")()
FITTING = {
    "right": (b"k", "1", "secret", True),
    "wrong": (b"k", "1", "secre", False),
    "of other ids": (b"k", "2", "secret", False),
    "under another server key": (b"j", "1", "secret", False),
    "empty": (b"k", "1", "", False),
    "of other letters": (b"k", "1", "sëcret", False),
}


@pytest.mark.parametrize(("key", "transfer_id", "password", "fits"), FITTING.values(), ids=FITTING)
def test_a_password_fits_its_ids_only(key, transfer_id, password, fits):
    assert (
        order_module.verify_password(fixed_keys(key)(), transfer_id, password, order_module.mac(b"k", "1", "secret"))
        is fits
    )


def test_an_unknown_id_fits_no_password_and_a_dummy_is_compared():
    assert order_module.verify_password(RING, "1", "secret", None) is False


def test_ids_and_password_cannot_be_shifted_into_each_other():
    assert order_module.mac(b"k", "12", "3") != order_module.mac(b"k", "1", "23")


def test_every_letter_comes_up():
    drawn = "".join(order_module.generate_transfer_ids(RING, NOW)[1] for _ in range(200))
    assert set(drawn) == set(string.ascii_letters + string.digits)


def test_what_an_order_makes(scene):
    ids = take(scene, replace(an_order(), deputy=DEPUTY))
    row = models.Order.objects.using(scene.db.alias).select_related("lineage", "contact", "deputy").get()
    assert (row.order_id, row.state, row.description) == (ids.order_id, OrderState.OPEN, "payroll")
    assert (row.contact.name, row.contact.language) == (CONTACT.name, CONTACT.language)
    assert row.deputy.email == DEPUTY.email
    assert (row.lineage.contact_id, row.lineage.deputy_id) == (row.contact_id, row.deputy_id)
    assert re.fullmatch(r"[0-9A-F]{32}", row.lineage.subject_serial)


def test_each_order_has_a_lineage_of_its_own(scene):
    ordered(scene), ordered(scene)
    assert models.Lineage.objects.using(scene.db.alias).count() == 2


def test_a_replacement_brings_its_contact_and_keeps_the_description_unless_it_has_one(scene):
    held = enrolled(scene)
    take(scene, replace(an_order(replaces=held.serial), description="", contact=DEPUTY))
    lineage = models.Lineage.objects.using(scene.db.alias).select_related("contact").get()
    assert (lineage.description, lineage.contact.name) == ("payroll", DEPUTY.name)
    take(scene, replace(an_order(replaces=held.serial), description="pensions"))
    lineage = models.Lineage.objects.using(scene.db.alias).select_related("contact").get()
    assert (lineage.description, lineage.contact.name) == ("pensions", CONTACT.name)


def test_a_revoked_certificate_may_be_replaced(scene):
    held = enrolled(scene)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)
    new = enrolled(scene, replaces=held.serial)
    assert not scene.certificate(new.serial).revoked


def nothing(_desk: Scene) -> None:
    pass


REFUSED = {
    "no such organisation": (nothing, an_order("unknown-1")),
    "closed": (lambda scene: close(CUSTOMER_ID, scene.ctx, "operator", REQUEST), an_order()),
    "channel withdrawn": (lambda scene: withdraw(CUSTOMER_ID, Channel.WS, scene.ctx, "operator", REQUEST), an_order()),
    "replaces an unknown certificate": (nothing, an_order(replaces=Serial("41" * 19))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_orders(scene, case):
    before, new = REFUSED[case]
    before(scene)
    said = golden.refusals({case: partial(take, scene, new)}, OrderError)
    golden.check(f"sentences/orders/{case.replace(' ', '-')}", {"en.txt": said})
    assert not models.Order.objects.using(scene.db.alias).exists()
    assert not models.Person.objects.using(scene.db.alias).exists()


def test_replacing_another_organisations_certificate(scene):
    add_organisation(scene, OTHER_CUSTOMER)
    theirs = enrolled(scene, customer_id=OTHER_CUSTOMER)
    with pytest.raises(OrderError, match="does not belong to this organisation"):
        take(scene, an_order(replaces=theirs.serial))


def test_replacing_a_certificate_of_another_channel(scene):
    held = enrolled(scene, Channel.SFTP)
    with pytest.raises(OrderError, match="same channel"):
        take(scene, an_order(replaces=held.serial))


def test_new_ids_end_the_old_ones(scene):
    ids = ordered(scene)
    scene.clock.forward(DAY)
    fresh = reissue_transfer_ids(ids.order_id, scene.ctx, "operator", REQUEST)
    assert (fresh.order_id, fresh.expires) == (ids.order_id, scene.clock.now + 14 * DAY)
    rows = models.TransferIds.objects.using(scene.db.alias)
    assert rows.get(ended_at__isnull=True).transfer_id == fresh.transfer_id
    assert rows.get(transfer_id=ids.transfer_id).ended_at == scene.clock.now


def test_no_new_ids_for_a_spent_order(scene):
    ids = ordered(scene)
    accepted(enrol(new_ask(ids, new_key()), scene.ctx, REQUEST))
    with pytest.raises(OrderError, match="already been used"):
        reissue_transfer_ids(ids.order_id, scene.ctx, "operator", REQUEST)
    assert models.TransferIds.objects.using(scene.db.alias).get().ended_at is None


def test_no_new_ids_for_an_unknown_order(scene):
    with pytest.raises(OrderError, match="no order has this ID"):
        reissue_transfer_ids("0" * 32, scene.ctx, "operator", REQUEST)


def test_open_orders_are_listed_until_they_are_used(scene):
    held = enrolled(scene)
    add_organisation(scene, OTHER_CUSTOMER)
    replacing = ordered(scene, an_order(replaces=held.serial))
    scene.clock.forward(DAY)
    other = ordered(scene, an_order(OTHER_CUSTOMER, Channel.SFTP))
    fresh = reissue_transfer_ids(replacing.order_id, scene.ctx, "operator", REQUEST)
    newest, oldest = registration.open_orders(scene.ctx)
    assert (newest.order_id, newest.channel, newest.replaces) == (other.order_id, Channel.SFTP, None)
    assert (oldest.order_id, oldest.replaces, oldest.expires) == (replacing.order_id, held.serial, fresh.expires)
    assert registration.open_orders(scene.ctx, f" {OTHER_CUSTOMER}") == (newest,)
    accepted(enrol(new_ask(other, new_key(), OTHER_CUSTOMER), scene.ctx, REQUEST))
    assert registration.open_orders(scene.ctx) == (oldest,)


def test_an_organisation_is_found_by_its_id(scene):
    found = registration.organisation(scene.ctx, CUSTOMER_ID)
    assert found is not None
    assert (found.customer_id, found.open, found.channels) == (CUSTOMER_ID, True, frozenset(Channel))
    assert registration.organisation(scene.ctx, "nobody") is None
