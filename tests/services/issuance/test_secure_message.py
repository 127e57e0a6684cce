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
from tests.support.secure import another, asked, code_of_sms, offered, opened, sent_of
from tests.support.service_context import (
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

MINUTE = timedelta(minutes=1)
NOBODYS = "a" * 32


def owed(desk, kind):
    rows = models.OutboxMessage.objects.using(desk.db.alias).filter(kind=kind)
    return list(rows.order_by("created", "pk"))


def actions(desk):
    rows = models.AuditEvent.objects.using(desk.db.alias).filter(object__startswith="order:")
    return list(rows.order_by("sequence").values_list("action", flat=True))


def spent(desk, ids):
    accepted(enrol(new_ask(ids, new_key()), desk.ctx, REQUEST))


def test_from_the_order_to_the_certificate(desk):
    sent = offered(desk)
    (mail,) = owed(desk, "transfer-ids")
    assert (mail.channel, mail.facts, mail.due) == ("email", {"secure": sent.offered.secure_id}, NOW)
    assert (mail.recipient.email, mail.order_id) == (CONTACT.email, sent.offered.order_id)
    assert (sent.offered.needs_code, sent.offered.expires) == (False, NOW + 14 * DAY)
    assert view_link(sent.token, desk.ctx) == LinkView(LinkState.PIN, pins_left=3, phone_end="00")
    pin = asked(desk, sent)
    (sms,) = owed(desk, "pin")
    assert (sms.channel, sms.recipient.phone, sms.order_id) == ("sms", CONTACT.phone, sent.offered.order_id)
    assert pin == pin_code(TRANSFER_KEY, sms.facts["pin"])
    shown = reveal_with_pin(sent.token, f" {pin[:3]} {pin[3:]}", desk.ctx, REQUEST)
    assert (shown.customer_id, shown.description, shown.ids.expires) == ("0123456-7", "payroll", NOW + 14 * DAY)
    spent(desk, shown.ids)
    assert actions(desk)[1:] == [
        "secure-message-offered",
        "secure-message-opened",
        "transfer-ids-made-anew",
        "transfer-ids-shown",
    ]
    assert view_link(sent.token, desk.ctx) == LinkView(LinkState.SPENT)
    assert reveal_with_pin(sent.token, pin, desk.ctx, REQUEST) == LinkView(LinkState.SPENT)
    assert send_pin(sent.token, 1, desk.ctx, REQUEST) == LinkView(LinkState.SPENT)


def test_looking_changes_nothing(sqlite_desk):
    sent = offered(sqlite_desk)
    asked(sqlite_desk, sent)
    with CaptureQueriesContext(connections[sqlite_desk.db.alias]) as queries:
        view_link(sent.token, sqlite_desk.ctx)
    assert queries
    assert all(query["sql"].lstrip().startswith("SELECT") for query in queries)


def test_each_opening_makes_a_new_pair_and_ends_the_old(desk):
    sent = offered(desk)
    first, second = opened(desk, sent), opened(desk, sent)
    assert refused(enrol(new_ask(first.ids, new_key()), desk.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    spent(desk, second.ids)


def test_nobody_knows_the_ids_before_they_are_shown(sqlite_desk):
    """Ids that were shown before the link was sent do not work either."""
    ids = ordered(sqlite_desk)
    send_link(ids.order_id, sqlite_desk.ctx, "operator", REQUEST)
    assert refused(enrol(new_ask(ids, new_key()), sqlite_desk.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG


def test_a_pin_is_used_once(desk):
    sent = offered(desk)
    pin = asked(desk, sent)
    assert isinstance(reveal_with_pin(sent.token, pin, desk.ctx, REQUEST), RevealedIds)
    again = reveal_with_pin(sent.token, pin, desk.ctx, REQUEST)
    assert (again.leads, again.pin_state) == (LinkState.PIN, PinState.OVER)


def test_a_new_pin_ends_the_one_before(desk):
    sent = offered(desk)
    first = asked(desk, sent)
    second = asked(desk, sent)
    assert reveal_with_pin(sent.token, first, desk.ctx, REQUEST).pin_state is PinState.WAITING
    assert isinstance(reveal_with_pin(sent.token, second, desk.ctx, REQUEST), RevealedIds)
    old, new = owed(desk, "pin")
    assert {old.cancelled_at, new.cancelled_at} == {None, NOW}


def test_the_button_pressed_twice_sends_one(desk):
    sent = offered(desk)
    assert isinstance(send_pin(sent.token, 0, desk.ctx, REQUEST), PinSent)
    again = send_pin(sent.token, 0, desk.ctx, REQUEST)
    assert (again.pin_state, again.made, again.pins_left) == (PinState.WAITING, 1, 2)
    assert len(owed(desk, "pin")) == 1


def test_pressed_by_many_at_once_it_sends_one(desk):
    sent = offered(desk)
    results = crowd(desk.db, 6, lambda _number: send_pin(sent.token, 0, desk.ctx, REQUEST))
    assert sorted(type(one).__name__ for one in results) == ["LinkView"] * 5 + ["PinSent"]
    assert len(owed(desk, "pin")) == 1


def test_three_pins_on_a_finnish_day(desk):
    sent = offered(desk)
    for _ in range(3):
        asked(desk, sent)
    seen = send_pin(sent.token, 3, desk.ctx, REQUEST)
    assert (seen.pins_left, seen.pin_state, seen.made) == (0, PinState.WAITING, 3)
    desk.clock.now = NOW.replace(hour=21, minute=59, second=59)  # 23:59:59 in Finland
    assert isinstance(send_pin(sent.token, 3, desk.ctx, REQUEST), LinkView)
    desk.clock.forward(SECOND)
    assert view_link(sent.token, desk.ctx).pins_left == 3
    assert isinstance(send_pin(sent.token, 3, desk.ctx, REQUEST), PinSent)


TIMES = {"its last second": (timedelta(0), RevealedIds), "one second later": (SECOND, LinkView)}


@pytest.mark.parametrize(("later", "gives"), TIMES.values(), ids=TIMES)
def test_a_pin_lasts_a_quarter_of_an_hour(sqlite_desk, later, gives):
    sent = offered(sqlite_desk)
    pin = asked(sqlite_desk, sent)
    sqlite_desk.clock.forward(15 * MINUTE + later)
    assert isinstance(reveal_with_pin(sent.token, pin, sqlite_desk.ctx, REQUEST), gives)


def test_five_tries_for_a_pin(desk):
    sent = offered(desk)
    pin = asked(desk, sent)
    left = [reveal_with_pin(sent.token, another(pin), desk.ctx, REQUEST).tries_left for _ in range(4)]
    assert left == [4, 3, 2, 1]
    assert isinstance(reveal_with_pin(sent.token, pin, desk.ctx, REQUEST), RevealedIds), "the fifth try may be right"


def test_the_fifth_wrong_entry_ends_a_pin(desk):
    sent = offered(desk)
    pin = asked(desk, sent)
    for _ in range(5):
        seen = reveal_with_pin(sent.token, another(pin), desk.ctx, REQUEST)
    assert (seen.leads, seen.pin_state, seen.tries_left) == (LinkState.PIN, PinState.LOCKED, 0)
    assert reveal_with_pin(sent.token, pin, desk.ctx, REQUEST).pin_state is PinState.LOCKED
    assert actions(desk).count("pin-locked") == 1
    assert isinstance(opened(desk, sent), RevealedIds), "a new one is another code"


def test_guesses_at_once_are_five_too(desk):
    sent = offered(desk)
    pin = asked(desk, sent)
    crowd(desk.db, 8, lambda _number: reveal_with_pin(sent.token, another(pin), desk.ctx, REQUEST))
    assert Pin.objects.using(desk.db.alias).get().wrong == 5
    assert actions(desk).count("pin-locked") == 1


def test_two_right_entries_at_once_get_one_answer(desk):
    sent = offered(desk)
    pin = asked(desk, sent)
    results = crowd(desk.db, 4, lambda _number: reveal_with_pin(sent.token, pin, desk.ctx, REQUEST))
    (shown,) = (one for one in results if isinstance(one, RevealedIds))
    spent(desk, shown.ids)
    pairs = models.TransferIds.objects.using(desk.db.alias)
    assert pairs.count() == 2, "the one that nobody knew, and the one that was shown"


def meanwhile(desk, do):
    """Return a desk that runs `do` between reading and deciding.

    It runs when the clock is read for the second time.
    """
    asked_for = []

    def now():
        asked_for.append(now)
        if len(asked_for) == 2:
            do()
        return desk.clock.now

    return desk.but(now=now)


def test_a_right_entry_that_comes_after_the_fifth_wrong_one_shows_nothing(desk):
    """The right entry read the state before the others were counted."""
    sent = offered(desk)
    pin = asked(desk, sent)
    rows = Pin.objects.using(desk.db.alias)
    raced = meanwhile(desk, lambda: rows.update(wrong=5))
    assert reveal_with_pin(sent.token, pin, raced.ctx, REQUEST).pin_state is PinState.LOCKED
    assert models.TransferIds.objects.using(desk.db.alias).count() == 1


def test_an_order_that_is_spent_meanwhile_shows_nothing(desk):
    sent = offered(desk)
    shown, pin = opened(desk, sent), asked(desk, sent)
    raced = meanwhile(desk, lambda: spent(desk, shown.ids))
    assert reveal_with_pin(sent.token, pin, raced.ctx, REQUEST) == LinkView(LinkState.SPENT)


def test_a_link_that_ends_meanwhile_shows_nothing(desk):
    sent = offered(desk, phone="")
    raced = meanwhile(desk, lambda: send_link(sent.offered.order_id, desk.ctx, "operator", REQUEST))
    assert reveal_with_code(sent.token, sent.offered.code, raced.ctx, REQUEST) == LinkView(LinkState.CLOSED)


def test_a_link_that_ends_meanwhile_sends_no_pin(desk):
    sent = offered(desk)
    raced = meanwhile(desk, lambda: send_link(sent.offered.order_id, desk.ctx, "operator", REQUEST))
    assert send_pin(sent.token, 0, raced.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert not owed(desk, "pin")


def test_before_any_pin_was_sent_none_is_right(sqlite_desk):
    sent = offered(sqlite_desk)
    assert reveal_with_pin(sent.token, "000000", sqlite_desk.ctx, REQUEST) == view_link(sent.token, sqlite_desk.ctx)


def test_a_link_lasts_fourteen_days(desk):
    sent = offered(desk)
    desk.clock.forward(14 * DAY)
    assert isinstance(opened(desk, sent), RevealedIds)
    pin = asked(desk, sent)
    desk.clock.forward(SECOND)
    assert view_link(sent.token, desk.ctx) == LinkView(LinkState.CLOSED)
    assert reveal_with_pin(sent.token, pin, desk.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert send_pin(sent.token, 2, desk.ctx, REQUEST) == LinkView(LinkState.CLOSED)


def test_a_new_link_ends_the_one_before(desk):
    """A phone or an address was wrong.

    The contact was changed, and the new contact gets a link of their own.
    """
    sent = offered(desk, phone="+358 11 111")
    pin = asked(desk, sent)
    models.OutboxMessage.objects.using(desk.db.alias).filter(kind="transfer-ids").update(failed_at=NOW)
    (dead,) = outbox_queries.dead_letters(desk.db)
    assert (dead.order_id, dead.serial, bool(dead.customer_id)) == (sent.offered.order_id, None, True)
    lineage = models.Lineage.objects.using(desk.db.alias).get()
    person = models.Person.objects.using(desk.db.alias).create(
        name="B", email="b@customer.example", phone="+358 2", language="sv"
    )
    models.Lineage.objects.using(desk.db.alias).filter(pk=lineage.pk).update(contact=person)
    new = sent_of(desk, send_link(sent.offered.order_id, desk.ctx, "operator", REQUEST))
    assert reveal_with_pin(sent.token, pin, desk.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert [row.cancelled_at for row in owed(desk, "pin")] == [NOW], "it would bring a code that has ended"
    assert [row.failed_at for row in owed(desk, "transfer-ids")] == [None, None], (
        "nobody has to look at what was given up"
    )
    recipients = [row.recipient_id for row in owed(desk, "transfer-ids") if row.cancelled_at is None]
    assert recipients == [person.pk]
    spent(desk, opened(desk, new).ids)


def test_unknown_and_ended_links_take_the_same_statements(desk):
    ended, late = offered(desk), offered(desk)
    send_link(ended.offered.order_id, desk.ctx, "operator", REQUEST)
    SecureMessage.objects.using(desk.db.alias).filter(pk=late.offered.secure_id).update(expires=NOW - SECOND)
    taken = []
    for token in (NOBODYS, ended.token, late.token):
        with CaptureQueriesContext(connections[desk.db.alias]) as queries:
            answers = [
                view_link(token, desk.ctx),
                send_pin(token, 0, desk.ctx, REQUEST),
                reveal_with_pin(token, "123456", desk.ctx, REQUEST),
                reveal_with_code(token, "abcdefghij", desk.ctx, REQUEST),
            ]
        assert answers == [LinkView(LinkState.CLOSED)] * 4
        taken.append([query["sql"].replace(token, "").partition("token_sha256")[0] for query in queries])
    assert taken[0] == taken[1] == taken[2]
    assert len(taken[0]) == 4


def test_without_a_phone_the_signatorys_code_opens(desk):
    sent = offered(desk, phone="")
    code = sent.offered.code
    assert code == delivery_code(TRANSFER_KEY, sent.offered.secure_id)
    assert view_link(sent.token, desk.ctx) == LinkView(LinkState.CODE, tries_left=5)
    assert send_pin(sent.token, 0, desk.ctx, REQUEST) == LinkView(LinkState.CODE, tries_left=5)
    assert reveal_with_pin(sent.token, "123456", desk.ctx, REQUEST) == LinkView(LinkState.CODE, tries_left=5)
    first = reveal_with_code(sent.token, f"{code[:5]} {code[5:].upper()}\n", desk.ctx, REQUEST)
    second = reveal_with_code(sent.token, code, desk.ctx, REQUEST)
    assert refused(enrol(new_ask(first.ids, new_key()), desk.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    spent(desk, second.ids)
    assert reveal_with_code(sent.token, code, desk.ctx, REQUEST) == LinkView(LinkState.SPENT)
    assert not owed(desk, "pin")


def test_five_wrong_codes_end_the_link(desk):
    sent = offered(desk, phone="")
    tries = [reveal_with_code(sent.token, "wrong", desk.ctx, REQUEST) for _ in range(5)]
    assert [seen.tries_left for seen in tries] == [4, 3, 2, 1, 0]
    assert tries[-1] == LinkView(LinkState.CLOSED, PinState.LOCKED)
    assert reveal_with_code(sent.token, sent.offered.code, desk.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert actions(desk)[-1] == "secure-message-locked"
    assert reissue_transfer_ids(sent.offered.order_id, desk.ctx, "operator", REQUEST), "the order is as it was"


def test_where_there_is_a_phone_no_code_counts(sqlite_desk):
    sent = offered(sqlite_desk)
    code = delivery_code(TRANSFER_KEY, sent.offered.secure_id)
    assert isinstance(reveal_with_code(sent.token, code, sqlite_desk.ctx, REQUEST), LinkView)
    assert SecureMessage.objects.using(sqlite_desk.db.alias).get().wrong == 0


STANDS = {
    "waits": ({}, SmsDelivery.WAITING),
    "sent": ({"sent": NOW}, SmsDelivery.SENT),
    "given up": ({"failed_at": NOW}, SmsDelivery.FAILED),
}


@pytest.mark.parametrize(("marks", "delivery"), STANDS.values(), ids=STANDS)
def test_what_has_become_of_the_sms(sqlite_desk, marks, delivery):
    sent = offered(sqlite_desk)
    asked(sqlite_desk, sent)
    models.OutboxMessage.objects.using(sqlite_desk.db.alias).filter(kind="pin").update(**marks)
    assert view_link(sent.token, sqlite_desk.ctx).delivery is delivery


def test_retention_may_have_taken_the_sms_away(sqlite_desk):
    sent = offered(sqlite_desk)
    asked(sqlite_desk, sent)
    models.OutboxMessage.objects.using(sqlite_desk.db.alias).filter(kind="pin").delete()
    assert view_link(sent.token, sqlite_desk.ctx).delivery is SmsDelivery.WAITING


def test_no_link_for_what_is_not_open(desk):
    ids = ordered(desk)
    spent(desk, ids)
    with pytest.raises(OrderAlreadyUsed):
        send_link(ids.order_id, desk.ctx, "operator", REQUEST)
    with pytest.raises(OrderUnknown):
        send_link("0" * 32, desk.ctx, "operator", REQUEST)
    assert not SecureMessage.objects.using(desk.db.alias).exists()


def test_no_link_for_nobody(sqlite_desk):
    ids = ordered(sqlite_desk)
    models.Person.objects.using(sqlite_desk.db.alias).update(erased_at=NOW, phone="")
    with pytest.raises(OrderError, match="change-contact"):
        send_link(ids.order_id, sqlite_desk.ctx, "operator", REQUEST)
    spent(sqlite_desk, ids)


def test_an_organisation_that_was_closed_opens_nothing(desk):
    """This includes an organisation that is closed between reading and deciding."""
    sent = offered(desk)
    pin = asked(desk, sent)
    organisation = models.Organisation.objects.using(desk.db.alias).get().pk
    raced = meanwhile(
        desk, lambda: organisations.close_organisation(desk.db, organisation, desk.ctx.audit_entry("a", "b"))
    )
    assert reveal_with_pin(sent.token, pin, raced.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    assert send_pin(sent.token, 1, desk.ctx, REQUEST) == LinkView(LinkState.CLOSED)
    with pytest.raises(OrderError, match="has ended"):
        send_link(sent.offered.order_id, desk.ctx, "operator", REQUEST)
    assert actions(desk).count("transfer-ids-made-anew") == 0


def test_an_erased_contact_opens_nothing(sqlite_desk):
    sent = offered(sqlite_desk, phone="")
    models.Person.objects.using(sqlite_desk.db.alias).update(erased_at=NOW)
    assert reveal_with_code(sent.token, sent.offered.code, sqlite_desk.ctx, REQUEST) == LinkView(LinkState.CLOSED)


def test_what_cannot_be_ordered_is_not_offered(sqlite_desk):
    with pytest.raises(OrderError, match="no organisation"):
        order_and_offer(replace(an_order(), customer_id="9999999-9"), sqlite_desk.ctx, "operator", REQUEST)
    assert not models.Order.objects.using(sqlite_desk.db.alias).exists()


def test_nothing_that_opens_anything_is_stored_or_shown(sqlite_desk):
    sent = offered(sqlite_desk, phone="")
    code = sent.offered.code
    second = offered(sqlite_desk)
    pin = asked(sqlite_desk, second)
    assert code not in repr(sent.offered)
    stored = []
    for model in (SecureMessage, Pin, models.OutboxMessage, models.AuditEvent):
        for row in model.objects.using(sqlite_desk.db.alias).values():
            stored += [bytes(one).decode() if isinstance(one, bytes | memoryview) else str(one) for one in row.values()]
    for secret in (sent.token, second.token, code, pin):
        assert not [
            one for one in stored if one == secret or f'"{secret}"' in one or (len(secret) > 6 and secret in one)
        ]
    assert code_of_sms(sqlite_desk, second) == pin
