"""Transfer ids over two channels: the link, the PIN and the code of the signatory.

The tests cover what each of them opens, and how often.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.models import Pin, SecureMessage
from sinetti.database.notifications import outbox_queries
from sinetti.database.organisations import organisations
from sinetti.domain.link_tokens import delivery_code, pin_code
from sinetti.domain.orders.secure_messages import LinkState, PinState, SmsDelivery
from sinetti.domain.refusals import RejectionReason
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import OrderAlreadyUsed, OrderError, OrderUnknown, reissue_transfer_ids
from sinetti.services.issuance.secure_message import (
    LinkView,
    PinSent,
    RevealedIds,
    order_and_offer,
    reveal_with_code,
    reveal_with_pin,
    send_link,
    send_pin,
    view_link,
)
from tests.support.authority import NOW
from tests.support.registers import crowd
from tests.support.scene import (
    CONTACT,
    DAY,
    REQUEST,
    SECOND,
    TRANSFER_KEY,
    accepted,
    an_order,
    new_ask,
    new_key,
    ordered,
    refused,
)
from tests.support.secure import another, asked, code_of_sms, offered, opened, sent_of

MINUTE = timedelta(minutes=1)
NOBODYS = "a" * 32


def owed(scene, kind):
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind=kind)
    return list(rows.order_by("created", "pk"))


def actions(scene):
    rows = models.AuditEvent.objects.using(scene.db.alias).filter(object__startswith="order:")
    return list(rows.order_by("sequence").values_list("action", flat=True))


def spent(scene, ids):
    accepted(enrol(new_ask(ids, new_key()), scene.ctx, REQUEST))


def test_from_the_order_to_the_certificate(scene):
    sent = offered(scene)
    (mail,) = owed(scene, "transfer-ids")
    assert (mail.channel, mail.facts, mail.due) == ("email", {"secure": sent.offered.secure_id}, NOW)
    assert (mail.recipient.email, mail.order_id) == (CONTACT.email, sent.offered.order_id)
    assert (sent.offered.needs_code, sent.offered.expires) == (False, NOW + 14 * DAY)
    assert view_link(sent.token, scene.ctx) == LinkView(LinkState.PIN, pins_left=3, phone_end="00")
    pin = asked(scene, sent)
    (sms,) = owed(scene, "pin")
    assert (sms.channel, sms.recipient.phone, sms.order_id) == ("sms", CONTACT.phone, sent.offered.order_id)
    assert pin == pin_code(TRANSFER_KEY, sms.facts["pin"])
    shown = reveal_with_pin(sent.token, f" {pin[:3]} {pin[3:]}", scene.ctx, REQUEST)
    assert (shown.customer_id, shown.description, shown.ids.expires) == ("0123456-7", "payroll", NOW + 14 * DAY)
    spent(scene, shown.ids)
    assert actions(scene)[1:] == [
        "secure-message-offered",
        "secure-message-opened",
        "transfer-ids-made-anew",
        "transfer-ids-shown",
    ]
    assert view_link(sent.token, scene.ctx) == LinkView(LinkState.SPENT)
    assert reveal_with_pin(sent.token, pin, scene.ctx, REQUEST) == LinkView(LinkState.SPENT)
    assert send_pin(sent.token, 1, scene.ctx, REQUEST) == LinkView(LinkState.SPENT)


def test_looking_changes_nothing(sqlite_scene):
    sent = offered(sqlite_scene)
    asked(sqlite_scene, sent)
    with CaptureQueriesContext(connections[sqlite_scene.db.alias]) as queries:
        view_link(sent.token, sqlite_scene.ctx)
    assert queries
    assert all(query["sql"].lstrip().startswith("SELECT") for query in queries)


def test_each_opening_makes_a_new_pair_and_ends_the_old(scene):
    sent = offered(scene)
    first, second = opened(scene, sent), opened(scene, sent)
    assert refused(enrol(new_ask(first.ids, new_key()), scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    spent(scene, second.ids)


def test_nobody_knows_the_ids_before_they_are_shown(sqlite_scene):
    """Ids that were shown before the link was sent do not work either."""
    ids = ordered(sqlite_scene)
    send_link(ids.order_id, sqlite_scene.ctx, "operator", REQUEST)
    assert refused(enrol(new_ask(ids, new_key()), sqlite_scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG


def test_a_pin_is_used_once(scene):
    sent = offered(scene)
    pin = asked(scene, sent)
    assert isinstance(reveal_with_pin(sent.token, pin, scene.ctx, REQUEST), RevealedIds)
    again = reveal_with_pin(sent.token, pin, scene.ctx, REQUEST)
    assert (again.leads, again.pin_state) == (LinkState.PIN, PinState.OVER)


def test_a_new_pin_ends_the_one_before(scene):
    sent = offered(scene)
    first = asked(scene, sent)
    second = asked(scene, sent)
    assert reveal_with_pin(sent.token, first, scene.ctx, REQUEST).pin_state is PinState.WAITING
    assert isinstance(reveal_with_pin(sent.token, second, scene.ctx, REQUEST), RevealedIds)
    old, new = owed(scene, "pin")
    assert {old.cancelled_at, new.cancelled_at} == {None, NOW}


def test_the_button_pressed_twice_sends_one(scene):
    sent = offered(scene)
    assert isinstance(send_pin(sent.token, 0, scene.ctx, REQUEST), PinSent)
    again = send_pin(sent.token, 0, scene.ctx, REQUEST)
    assert (again.pin_state, again.made, again.pins_left) == (PinState.WAITING, 1, 2)
    assert len(owed(scene, "pin")) == 1


def test_pressed_by_many_at_once_it_sends_one(scene):
    sent = offered(scene)
    results = crowd(scene.db, 6, lambda _number: send_pin(sent.token, 0, scene.ctx, REQUEST))
    assert sorted(type(one).__name__ for one in results) == ["LinkView"] * 5 + ["PinSent"]
    assert len(owed(scene, "pin")) == 1


def test_three_pins_on_a_finnish_day(scene):
    sent = offered(scene)
    for _ in range(3):
        asked(scene, sent)
    seen = send_pin(sent.token, 3, scene.ctx, REQUEST)
    assert (seen.pins_left, seen.pin_state, seen.made) == (0, PinState.WAITING, 3)
    scene.clock.now = NOW.replace(hour=21, minute=59, second=59)  # 23:59:59 in Finland
    assert isinstance(send_pin(sent.token, 3, scene.ctx, REQUEST), LinkView)
    scene.clock.forward(SECOND)
    assert view_link(sent.token, scene.ctx).pins_left == 3
    assert isinstance(send_pin(sent.token, 3, scene.ctx, REQUEST), PinSent)


TIMES = {"its last second": (timedelta(0), RevealedIds), "one second later": (SECOND, LinkView)}


@pytest.mark.parametrize(("later", "gives"), TIMES.values(), ids=TIMES)
def test_a_pin_lasts_a_quarter_of_an_hour(sqlite_scene, later, gives):
    sent = offered(sqlite_scene)
    pin = asked(sqlite_scene, sent)
    sqlite_scene.clock.forward(15 * MINUTE + later)
    assert isinstance(reveal_with_pin(sent.token, pin, sqlite_scene.ctx, REQUEST), gives)


def test_five_tries_for_a_pin(scene):
    sent = offered(scene)
    pin = asked(scene, sent)
    left = [reveal_with_pin(sent.token, another(pin), scene.ctx, REQUEST).tries_left for _ in range(4)]
    assert left == [4, 3, 2, 1]
    assert isinstance(reveal_with_pin(sent.token, pin, scene.ctx, REQUEST), RevealedIds), "the fifth try may be right"


def test_the_fifth_wrong_entry_ends_a_pin(scene):
    sent = offered(scene)
    pin = asked(scene, sent)
    for _ in range(5):
        seen = reveal_with_pin(sent.token, another(pin), scene.ctx, REQUEST)
    assert (seen.leads, seen.pin_state, seen.tries_left) == (LinkState.PIN, PinState.LOCKED, 0)
    assert reveal_with_pin(sent.token, pin, scene.ctx, REQUEST).pin_state is PinState.LOCKED
    assert actions(scene).count("pin-locked") == 1
    assert isinstance(opened(scene, sent), RevealedIds), "a new one is another code"


def test_guesses_at_once_are_five_too(scene):
    sent = offered(scene)
    pin = asked(scene, sent)
    crowd(scene.db, 8, lambda _number: reveal_with_pin(sent.token, another(pin), scene.ctx, REQUEST))
    assert Pin.objects.using(scene.db.alias).get().wrong == 5
    assert actions(scene).count("pin-locked") == 1


def test_two_right_entries_at_once_get_one_answer(scene):
    sent = offered(scene)
    pin = asked(scene, sent)
    results = crowd(scene.db, 4, lambda _number: reveal_with_pin(sent.token, pin, scene.ctx, REQUEST))
    (shown,) = (one for one in results if isinstance(one, RevealedIds))
    spent(scene, shown.ids)
    pairs = models.TransferIds.objects.using(scene.db.alias)
    assert pairs.count() == 2, "the one that nobody knew, and the one that was shown"


def meanwhile(scene, do):
    """Return a scene that runs `do` between reading and deciding.

    It runs when the clock is read for the second time.
    """
    asked_for = []

    def now():
        asked_for.append(now)
        if len(asked_for) == 2:
            do()
        return scene.clock.now

    return scene.but(now=now)


def test_a_right_entry_that_comes_after_the_fifth_wrong_one_shows_nothing(scene):
    """The right entry read the state before the others were counted."""
    sent = offered(scene)
    pin = asked(scene, sent)
    rows = Pin.objects.using(scene.db.alias)
    raced = meanwhile(scene, lambda: rows.update(wrong=5))
    assert reveal_with_pin(sent.token, pin, raced.ctx, REQUEST).pin_state is PinState.LOCKED
    assert models.TransferIds.objects.using(scene.db.alias).count() == 1


def test_an_order_that_is_spent_meanwhile_shows_nothing(scene):
    sent = offered(scene)
    shown, pin = opened(scene, sent), asked(scene, sent)
    raced = meanwhile(scene, lambda: spent(scene, shown.ids))
    assert reveal_with_pin(sent.token, pin, raced.ctx, REQUEST) == LinkView(LinkState.SPENT)


def test_a_link_that_ends_meanwhile_shows_nothing(scene):
    sent = offered(scene, phone="")
    raced = meanwhile(scene, lambda: send_link(sent.offered.order_id, scene.ctx, "operator", REQUEST))
    assert reveal_with_code(sent.token, sent.offered.code, raced.ctx, REQUEST) == LinkView(LinkState.CLOSED)


def test_a_link_that_ends_meanwhile_sends_no_pin(scene):
    sent = offered(scene)
    raced = meanwhile(scene, lambda: send_link(sent.offered.order_id, scene.ctx, "operator", REQUEST))
    assert send_pin(sent.token, 0, raced.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert not owed(scene, "pin")


def test_before_any_pin_was_sent_none_is_right(sqlite_scene):
    sent = offered(sqlite_scene)
    assert reveal_with_pin(sent.token, "000000", sqlite_scene.ctx, REQUEST) == view_link(sent.token, sqlite_scene.ctx)


def test_a_link_lasts_fourteen_days(scene):
    sent = offered(scene)
    scene.clock.forward(14 * DAY)
    assert isinstance(opened(scene, sent), RevealedIds)
    pin = asked(scene, sent)
    scene.clock.forward(SECOND)
    assert view_link(sent.token, scene.ctx) == LinkView(LinkState.CLOSED)
    assert reveal_with_pin(sent.token, pin, scene.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert send_pin(sent.token, 2, scene.ctx, REQUEST) == LinkView(LinkState.CLOSED)


def test_a_new_link_ends_the_one_before(scene):
    """A phone or an address was wrong.

    The contact was changed, and the new contact gets a link of their own.
    """
    sent = offered(scene, phone="+358 11 111")
    pin = asked(scene, sent)
    models.OutboxMessage.objects.using(scene.db.alias).filter(kind="transfer-ids").update(failed_at=NOW)
    (dead,) = outbox_queries.dead_letters(scene.db)
    assert (dead.order_id, dead.serial, bool(dead.customer_id)) == (sent.offered.order_id, None, True)
    lineage = models.Lineage.objects.using(scene.db.alias).get()
    person = models.Person.objects.using(scene.db.alias).create(
        name="B", email="b@customer.example", phone="+358 2", language="sv"
    )
    models.Lineage.objects.using(scene.db.alias).filter(pk=lineage.pk).update(contact=person)
    new = sent_of(scene, send_link(sent.offered.order_id, scene.ctx, "operator", REQUEST))
    assert reveal_with_pin(sent.token, pin, scene.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert [row.cancelled_at for row in owed(scene, "pin")] == [NOW], "it would bring a code that has ended"
    assert [row.failed_at for row in owed(scene, "transfer-ids")] == [None, None], (
        "nobody has to look at what was given up"
    )
    recipients = [row.recipient_id for row in owed(scene, "transfer-ids") if row.cancelled_at is None]
    assert recipients == [person.pk]
    spent(scene, opened(scene, new).ids)


def test_unknown_and_ended_links_take_the_same_statements(scene):
    ended, late = offered(scene), offered(scene)
    send_link(ended.offered.order_id, scene.ctx, "operator", REQUEST)
    SecureMessage.objects.using(scene.db.alias).filter(pk=late.offered.secure_id).update(expires=NOW - SECOND)
    taken = []
    for token in (NOBODYS, ended.token, late.token):
        with CaptureQueriesContext(connections[scene.db.alias]) as queries:
            answers = [
                view_link(token, scene.ctx),
                send_pin(token, 0, scene.ctx, REQUEST),
                reveal_with_pin(token, "123456", scene.ctx, REQUEST),
                reveal_with_code(token, "abcdefghij", scene.ctx, REQUEST),
            ]
        assert answers == [LinkView(LinkState.CLOSED)] * 4
        taken.append([query["sql"].replace(token, "").partition("token_sha256")[0] for query in queries])
    assert taken[0] == taken[1] == taken[2]
    assert len(taken[0]) == 4


def test_without_a_phone_the_signatorys_code_opens(scene):
    sent = offered(scene, phone="")
    code = sent.offered.code
    assert code == delivery_code(TRANSFER_KEY, sent.offered.secure_id)
    assert view_link(sent.token, scene.ctx) == LinkView(LinkState.CODE, tries_left=5)
    assert send_pin(sent.token, 0, scene.ctx, REQUEST) == LinkView(LinkState.CODE, tries_left=5)
    assert reveal_with_pin(sent.token, "123456", scene.ctx, REQUEST) == LinkView(LinkState.CODE, tries_left=5)
    first = reveal_with_code(sent.token, f"{code[:5]} {code[5:].upper()}\n", scene.ctx, REQUEST)
    second = reveal_with_code(sent.token, code, scene.ctx, REQUEST)
    assert refused(enrol(new_ask(first.ids, new_key()), scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    spent(scene, second.ids)
    assert reveal_with_code(sent.token, code, scene.ctx, REQUEST) == LinkView(LinkState.SPENT)
    assert not owed(scene, "pin")


def test_five_wrong_codes_end_the_link(scene):
    sent = offered(scene, phone="")
    tries = [reveal_with_code(sent.token, "wrong", scene.ctx, REQUEST) for _ in range(5)]
    assert [seen.tries_left for seen in tries] == [4, 3, 2, 1, 0]
    assert tries[-1] == LinkView(LinkState.CLOSED, PinState.LOCKED)
    assert reveal_with_code(sent.token, sent.offered.code, scene.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert actions(scene)[-1] == "secure-message-locked"
    assert reissue_transfer_ids(sent.offered.order_id, scene.ctx, "operator", REQUEST), "the order is as it was"


def test_where_there_is_a_phone_no_code_counts(sqlite_scene):
    sent = offered(sqlite_scene)
    code = delivery_code(TRANSFER_KEY, sent.offered.secure_id)
    assert isinstance(reveal_with_code(sent.token, code, sqlite_scene.ctx, REQUEST), LinkView)
    assert SecureMessage.objects.using(sqlite_scene.db.alias).get().wrong == 0


STANDS = {
    "waits": ({}, SmsDelivery.WAITING),
    "sent": ({"sent": NOW}, SmsDelivery.SENT),
    "given up": ({"failed_at": NOW}, SmsDelivery.FAILED),
}


@pytest.mark.parametrize(("marks", "delivery"), STANDS.values(), ids=STANDS)
def test_what_has_become_of_the_sms(sqlite_scene, marks, delivery):
    sent = offered(sqlite_scene)
    asked(sqlite_scene, sent)
    models.OutboxMessage.objects.using(sqlite_scene.db.alias).filter(kind="pin").update(**marks)
    assert view_link(sent.token, sqlite_scene.ctx).delivery is delivery


def test_retention_may_have_taken_the_sms_away(sqlite_scene):
    sent = offered(sqlite_scene)
    asked(sqlite_scene, sent)
    models.OutboxMessage.objects.using(sqlite_scene.db.alias).filter(kind="pin").delete()
    assert view_link(sent.token, sqlite_scene.ctx).delivery is SmsDelivery.WAITING


def test_no_link_for_what_is_not_open(scene):
    ids = ordered(scene)
    spent(scene, ids)
    with pytest.raises(OrderAlreadyUsed):
        send_link(ids.order_id, scene.ctx, "operator", REQUEST)
    with pytest.raises(OrderUnknown):
        send_link("0" * 32, scene.ctx, "operator", REQUEST)
    assert not SecureMessage.objects.using(scene.db.alias).exists()


def test_no_link_for_nobody(sqlite_scene):
    ids = ordered(sqlite_scene)
    models.Person.objects.using(sqlite_scene.db.alias).update(erased_at=NOW, phone="")
    with pytest.raises(OrderError, match="change-contact"):
        send_link(ids.order_id, sqlite_scene.ctx, "operator", REQUEST)
    spent(sqlite_scene, ids)


def test_an_organisation_that_was_closed_opens_nothing(scene):
    """This includes an organisation that is closed between reading and deciding."""
    sent = offered(scene)
    pin = asked(scene, sent)
    organisation = models.Organisation.objects.using(scene.db.alias).get().pk
    raced = meanwhile(
        scene, lambda: organisations.close_organisation(scene.db, organisation, scene.ctx.audit_entry("a", "b"))
    )
    assert reveal_with_pin(sent.token, pin, raced.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert send_pin(sent.token, 1, scene.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    with pytest.raises(OrderError, match="has ended"):
        send_link(sent.offered.order_id, scene.ctx, "operator", REQUEST)
    assert actions(scene).count("transfer-ids-made-anew") == 0


def test_an_erased_contact_opens_nothing(sqlite_scene):
    sent = offered(sqlite_scene, phone="")
    models.Person.objects.using(sqlite_scene.db.alias).update(erased_at=NOW)
    assert reveal_with_code(sent.token, sent.offered.code, sqlite_scene.ctx, REQUEST) == LinkView(LinkState.CLOSED)


def test_what_cannot_be_ordered_is_not_offered(sqlite_scene):
    with pytest.raises(OrderError, match="no organisation"):
        order_and_offer(replace(an_order(), customer_id="9999999-9"), sqlite_scene.ctx, "operator", REQUEST)
    assert not models.Order.objects.using(sqlite_scene.db.alias).exists()


def test_nothing_that_opens_anything_is_stored_or_shown(sqlite_scene):
    sent = offered(sqlite_scene, phone="")
    code = sent.offered.code
    second = offered(sqlite_scene)
    pin = asked(sqlite_scene, second)
    assert code not in repr(sent.offered)
    stored = []
    for model in (SecureMessage, Pin, models.OutboxMessage, models.AuditEvent):
        for row in model.objects.using(sqlite_scene.db.alias).values():
            stored += [bytes(one).decode() if isinstance(one, bytes | memoryview) else str(one) for one in row.values()]
    for secret in (sent.token, second.token, code, pin):
        assert not [
            one for one in stored if one == secret or f'"{secret}"' in one or (len(secret) > 6 and secret in one)
        ]
    assert code_of_sms(sqlite_scene, second) == pin
