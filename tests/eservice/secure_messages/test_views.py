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
from tests.support import golden
from tests.support.browser import Browser
from tests.support.pages import PARAGRAPHS, notices
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
    assert (browser.buttons, browser.reply.status) == (["open"], 200)
    browser.press("open")
    assert post.sent == [models.OutboxMessage.objects.using(sqlite_scene.db.alias).get(kind="pin").message_id]
    assert browser.buttons == ["pin", "open"]
    browser.press("pin", pin=code_of_sms(sqlite_scene, sent))
    assert (len(browser.secrets), browser.buttons, browser.reply.status) == (2, ["open"], 200)
    said = {"transfer IDs": notices(browser, PARAGRAPHS)}
    assert "0123456-7" in browser.page.text_content()
    assert not browser.page.xpath("//header//a"), "whoever followed a link would lose them"
    accepted(enrol(new_ask(ids_on(browser), new_key()), sqlite_scene.ctx, REQUEST))
    said["used"] = notices(browser.get(f"/m/{sent.token}"), PARAGRAPHS)
    assert browser.reply.status == 410
    golden.check("sentences/secure-messages/transfer-ids", {"en.txt": golden.sections(said)})


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
    assert "pin" in browser.buttons


AFTER = {"nothing": "", "no number": "x", "a number of other digits": "\u0660", "a long number": "9" * 5000}


@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_a_form_that_is_not_ours_sends_no_pin(browser, post, sent, after):
    browser.get(f"/m/{sent.token}").press("open", after=after)
    assert (browser.buttons, post.sent) == (["open"], [])


def test_a_form_that_asks_for_nothing_shows_the_page(browser, post, sent):
    browser.get(f"/m/{sent.token}").press("open", do="else")
    assert (browser.buttons, post.sent) == (["open"], [])


DELIVERIES = {
    "waits": {},
    "got away": {"sent": "2026-03-02T12:00:00Z"},
    "given up": {"sent": None, "failed_at": "2026-03-02T12:00:00Z"},
}


def test_the_page_says_what_became_of_the_sms(sqlite_scene, browser, sent):
    asked(sqlite_scene, sent)
    said = {}
    for name, marks in DELIVERIES.items():
        mark_sms(sqlite_scene, **marks)
        said[name] = notices(browser.get(f"/m/{sent.token}"), PARAGRAPHS)
    assert len(set(said.values())) == len(DELIVERIES)
    golden.check("sentences/secure-messages/deliveries", {"en.txt": golden.sections(said)})


def test_a_provider_that_is_away_fails_no_page(browser, post, sent, caplog):
    post.away = True
    browser.get(f"/m/{sent.token}").press("open")
    assert (browser.buttons, len(post.sent)) == (["pin", "open"], 1)
    assert len(caplog.messages) == 1


def test_wrong_entries_are_counted_and_the_fifth_ends_the_pin(sqlite_scene, browser, sent):
    pin = asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    for left in (4, 3, 2, 1):
        browser.press("pin", pin=another(pin))
        assert (f": {left}." in browser.error, browser.reply.status) == (True, 422)
        assert browser.page.findtext(".//title").startswith("Error: ")
        (field,) = browser.page.xpath("//input[@id='pin']")
        assert (field.get("aria-invalid"), field.get("aria-describedby")) == ("true", "pin-error pin-hint")
    said = {"one left": notices(browser)}
    said["the fifth"] = notices(browser.press("pin", pin=another(pin)))
    assert (bool(browser.error), browser.buttons) == (True, ["open"])
    golden.check("sentences/secure-messages/wrong-pins", {"en.txt": golden.sections(said)})
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
    assert browser.error
    assert Pin.objects.using(sqlite_scene.db.alias).get().wrong == 0


def test_a_pin_is_used_once(sqlite_scene, browser, sent):
    pin = asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    other = Browser(browser.door, cookies=dict(browser.cookies))
    other.get(f"/m/{sent.token}").press("pin", pin=pin)
    browser.press("pin", pin=pin)
    assert (len(other.secrets), browser.secrets, browser.buttons) == (2, [], ["open"])
    assert browser.error


def test_a_pin_past_its_time(sqlite_scene, browser, sent):
    pin = asked(sqlite_scene, sent)
    browser.get(f"/m/{sent.token}")
    sqlite_scene.clock.forward(timedelta(minutes=15, seconds=1))
    browser.press("pin", pin=pin)
    assert browser.buttons == ["open"]
    golden.check("sentences/secure-messages/a-late-pin", {"en.txt": notices(browser)})


def test_no_more_pins_today(sqlite_scene, browser, sent):
    browser.get(f"/m/{sent.token}")
    for _ in range(3):
        browser.press("open")
    assert browser.buttons == ["pin"]
    said = {"three": notices(browser, PARAGRAPHS)}
    stale = {name: value or "" for name, value in browser.page.forms[0].form_values()} | {"do": "open", "after": "3"}
    assert browser.post(f"/m/{sent.token}", stale).buttons == ["pin"]
    sqlite_scene.clock.forward(timedelta(minutes=16))
    browser.post(f"/m/{sent.token}", stale)
    assert (browser.reply.status, browser.buttons) == (429, [])
    said["no more"] = notices(browser, PARAGRAPHS)
    golden.check("sentences/secure-messages/no-more-pins-today", {"en.txt": golden.sections(said)})
    assert browser.get(f"/m/{sent.token}").reply.status == 200


def test_a_contact_without_a_phone_enters_the_signatorys_code(sqlite_scene, browser):
    sent = offered(sqlite_scene, phone="")
    browser.get(f"/m/{sent.token}")
    assert browser.buttons == ["code"]
    said = {"wrong": notices(browser.press("code", code="zzzzz zzzzz"))}
    assert ": 4." in browser.error
    said["no code"] = notices(browser.press("code", code="not one"))
    assert ": 4." not in browser.error
    golden.check("sentences/secure-messages/wrong-codes", {"en.txt": golden.sections(said)})
    browser.press("code", code=f"{sent.offered.code[:5]} {sent.offered.code[5:].upper()}")
    assert len(browser.secrets) == 2


def test_the_fifth_wrong_code_ends_the_link(sqlite_scene, browser):
    sent = offered(sqlite_scene, phone="")
    browser.get(f"/m/{sent.token}")
    for _ in range(5):
        browser.press("code", code="z" * 10)
    assert browser.reply.status == 404
    said = {"the fifth": notices(browser, PARAGRAPHS), "later": notices(browser.get(f"/m/{sent.token}"), PARAGRAPHS)}
    golden.check("sentences/secure-messages/the-fifth-wrong-code", {"en.txt": golden.sections(said)})


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
    assert (browser.press("pin", pin=pin).reply.status, browser.secrets) == (410, [])
