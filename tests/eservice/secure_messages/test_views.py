"""The page of a secure message: the text of each state, the effect of each button."""

from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.models import Pin
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import GeneratedTransferIds
from sinetti.services.issuance.secure_message import send_link
from tests.support.browser import Browser
from tests.support.scene import REQUEST, accepted, new_ask, new_key
from tests.support.secure import another, asked, code_of_sms, offered, opened

NOBODYS = "a" * 32


@pytest.fixture
def sent(sqlite_scene):
    """Return a secure message for a contact with a phone."""
    return offered(sqlite_scene)


def ids_on(browser):
    transfer_id, password = browser.secrets
    return GeneratedTransferIds("", transfer_id, password, None)


def mark_sms(scene, **marks):
    models.OutboxMessage.objects.using(scene.db.alias).filter(kind="pin").update(**marks)


def test_from_the_link_to_the_ids(sqlite_scene, browser, post, sent):
    browser.get(f"/m/{sent.token}")
    assert (browser.heading, browser.buttons, browser.reply.status) == ("Secure message", ["open"], 200)
    assert "ending in 00" in browser.page.text_content()
    browser.press("open")
    assert post.sent == [models.OutboxMessage.objects.using(sqlite_scene.db.alias).get(kind="pin").message_id]
    assert (browser.heading, browser.buttons) == ("Enter the PIN code", ["pin", "open"])
    browser.press("pin", pin=code_of_sms(sqlite_scene, sent))
    assert (browser.heading, browser.buttons, browser.reply.status) == ("Your transfer IDs", ["open"], 200)
    assert "0123456-7" in browser.page.text_content()
    assert not browser.page.xpath("//header//a"), "whoever followed a link would lose them"
    accepted(enrol(new_ask(ids_on(browser), new_key()), sqlite_scene.ctx, REQUEST))
    assert browser.get(f"/m/{sent.token}").heading == "The transfer IDs have been used"
    assert browser.reply.status == 410


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_changes_and_sends_nothing(sqlite_scene, browser, post, sent, method):
    with CaptureQueriesContext(connections[sqlite_scene.db.alias]) as queries:
        browser.get(f"/m/{sent.token}", method)
        browser.get(f"/m/{sent.token}?do=open&after=0", method)
    assert (browser.reply.status, post.sent) == (200, [])
    assert all(query["sql"].lstrip().startswith("SELECT") for query in queries)


def test_the_button_pressed_twice_sends_one_pin(browser, post, sent):
    browser.get(f"/m/{sent.token}")
    other = Browser(browser.door, cookies=dict(browser.cookies))
    other.get(f"/m/{sent.token}").press("open")
    browser.press("open")
    assert len(post.sent) == 1
    assert browser.heading == "Enter the PIN code"


AFTER = {"nothing": "", "no number": "x", "a number of other digits": "\u0660", "a long number": "9" * 5000}


@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_a_form_that_is_not_ours_sends_no_pin(browser, post, sent, after):
    browser.get(f"/m/{sent.token}").press("open", after=after)
    assert (browser.heading, post.sent) == ("Secure message", [])


def test_a_form_that_asks_for_nothing_shows_the_page(browser, post, sent):
    browser.get(f"/m/{sent.token}").press("open", do="else")
    assert (browser.heading, post.sent) == ("Secure message", [])


DELIVERIES = {
    "got away": ({"sent": "2026-03-02T12:00:00Z"}, "to the number ending in 00"),
    "waits": ({}, "has not been sent yet"),
    "given up": ({"failed_at": "2026-03-02T12:00:00Z"}, "could not be delivered"),
}


@pytest.mark.parametrize(("marks", "says"), DELIVERIES.values(), ids=DELIVERIES)
def test_the_page_says_what_became_of_the_sms(sqlite_scene, browser, sent, marks, says):
    asked(sqlite_scene, sent)
    mark_sms(sqlite_scene, **marks)
    assert says in browser.get(f"/m/{sent.token}").page.text_content()


def test_a_provider_that_is_away_fails_no_page(browser, post, sent, caplog):
    post.away = True
    browser.get(f"/m/{sent.token}").press("open")
    assert (browser.heading, len(post.sent)) == ("Enter the PIN code", 1)
    assert "could not be sent at once" in caplog.text


def test_wrong_entries_are_counted_and_the_fifth_ends_the_pin(sqlite_scene, browser, sent):
    pin = asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    for left in (4, 3, 2, 1):
        browser.press("pin", pin=another(pin))
        assert (browser.error, browser.reply.status) == (f"Wrong PIN code. Attempts left: {left}.", 422)
        assert browser.page.findtext(".//title").startswith("Error: ")
        (field,) = browser.page.xpath("//input[@id='pin']")
        assert (field.get("aria-invalid"), field.get("aria-describedby")) == ("true", "pin-error pin-hint")
    browser.press("pin", pin=another(pin))
    assert (browser.error, browser.buttons) == (
        "The PIN code was entered incorrectly five times and no longer works.",
        ["open"],
    )
    assert browser.get(f"/m/{sent.token}").error == ""
    browser.press("open").press("pin", pin=code_of_sms(sqlite_scene, sent))
    assert len(browser.secrets) == 2


NO_PINS = {
    "nothing": "",
    "letters": "abcdef",
    "five digits": "12345",
    "seven": "1234567",
    "others' digits": "\u0661" * 6,
}


@pytest.mark.parametrize("entered", NO_PINS.values(), ids=NO_PINS)
def test_what_is_no_pin_is_no_guess(sqlite_scene, browser, sent, entered):
    asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}").press("pin", pin=entered)
    assert "Enter the six digits" in browser.error
    assert Pin.objects.using(sqlite_scene.db.alias).get().wrong == 0


def test_a_pin_is_used_once(sqlite_scene, browser, sent):
    pin = asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    other = Browser(browser.door, cookies=dict(browser.cookies))
    other.get(f"/m/{sent.token}").press("pin", pin=pin)
    browser.press("pin", pin=pin)
    assert (len(other.secrets), browser.secrets, browser.buttons) == (2, [], ["open"])
    assert "works once" in browser.error


def test_a_pin_past_its_time(sqlite_scene, browser, sent):
    pin = asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    sqlite_scene.clock.forward(timedelta(minutes=15, seconds=1))
    browser.press("pin", pin=pin)
    assert ("This PIN code no longer works" in browser.error, browser.buttons) == (True, ["open"])


def test_no_more_pins_today(sqlite_scene, browser, sent):
    browser.get(f"/m/{sent.token}")
    for _ in range(3):
        browser.press("open")
    assert (browser.buttons, "three PIN codes" in browser.page.text_content()) == (["pin"], True)
    stale = {name: value or "" for name, value in browser.page.forms[0].form_values()} | {"do": "open", "after": "3"}
    assert browser.post(f"/m/{sent.token}", stale).heading == "Enter the PIN code"
    sqlite_scene.clock.forward(timedelta(minutes=16))
    browser.post(f"/m/{sent.token}", stale)
    assert (browser.reply.status, browser.buttons) == (429, [])
    assert browser.get(f"/m/{sent.token}").reply.status == 200


def test_a_contact_without_a_phone_enters_the_signatorys_code(sqlite_scene, browser):
    sent = offered(sqlite_scene, phone="")
    browser.get(f"/m/{sent.token}")
    assert (browser.heading, browser.buttons) == ("Secure message", ["code"])
    browser.press("code", code="zzzzz zzzzz")
    assert browser.error == "Wrong code. Attempts left: 4."
    browser.press("code", code="not one")
    assert "did not count" in browser.error
    browser.press("code", code=f"{sent.offered.code[:5]} {sent.offered.code[5:].upper()}")
    assert len(browser.secrets) == 2


def test_the_fifth_wrong_code_ends_the_link(sqlite_scene, browser):
    sent = offered(sqlite_scene, phone="")
    browser.get(f"/m/{sent.token}")
    for _ in range(5):
        browser.press("code", code="z" * 10)
    assert (browser.reply.status, "incorrectly five times" in browser.page.text_content()) == (404, True)
    assert "incorrectly five times" not in browser.get(f"/m/{sent.token}").page.text_content()


def test_unknown_ended_and_late_links_look_alike(sqlite_scene, browser):
    ended = offered(sqlite_scene)
    send_link(ended.offered.order_id, sqlite_scene.ctx, "operator", REQUEST)
    late = offered(sqlite_scene)
    tokens = (NOBODYS, ended.token, late.token)
    seen = [browser.get(f"/m/{token}").reply for token in tokens[:2]]
    sqlite_scene.clock.forward(timedelta(days=14, seconds=1))
    seen.append(browser.get(f"/m/{late.token}").reply)
    assert {reply.status for reply in seen} == {404}
    bodies = {reply.body.replace(token.encode(), b"") for reply, token in zip(seen, tokens, strict=True)}
    assert len(bodies) == 1
    shown = {tuple(name for name, _ in reply.headers.items()) for reply in seen}
    assert len(shown) == 1


def test_the_order_is_spent_while_the_pin_is_entered(sqlite_scene, browser, sent):
    shown, pin = opened(sqlite_scene, sent), asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    accepted(enrol(new_ask(shown.ids, new_key()), sqlite_scene.ctx, REQUEST))
    assert browser.press("pin", pin=pin).heading == "The transfer IDs have been used"
