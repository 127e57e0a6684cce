"""Drafts of forms: what was typed survives, belongs to its reader, and never acts."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.apps import apps
from django.conf import settings
from django.test import override_settings
from django.urls import resolve

from sinetti.database import sql
from sinetti.database.models import AuditEvent, Order, OutboxMessage
from sinetti.domain.access.roles import Role
from sinetti.domain.refusals import WriteRefused
from sinetti.eservice.accounts.sessions import SessionStore, stored
from sinetti.eservice.ui.draft_store import KEEPS, is_secret
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import ADDRESS, Browser
from tests.support.pages import notices
from tests.support.scene import enrolled, opened_scene
from tests.support.typed_forms import FORMS
from tests.support.users import account, mandate, signed_in
from tests.support.visits import STRANGER, VISITS, populate

NEW = "/settings/orders/new"
FILE = "customer_id;kind;country;name;language;merged_into;ended\n"
TYPED = {
    "description": "Palkat",
    "contact_name": "Terho Tekninen",
    "contact_email": "terho@malli.example",
    "contact_language": "fi",
    "deputy_language": "fi",
    "whose": "own",
    "channel": "WS",
}


@pytest.fixture
def maija(sqlite_scene):
    """Return an account with a manager's role."""
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.MANAGER)
    return user


@pytest.fixture
def form(browser, maija):
    """Return a browser before the form of an order."""
    return signed_in(browser, maija).get(NEW)


def value(browser: Browser, name: str) -> str:
    """Return the value of a field on the page."""
    return next((str(one) for one in browser.page.xpath(f"//*[@name='{name}']/@value")), "")


def said(browser: Browser) -> str:
    return " ".join(browser.page.find(".//main").text_content().split())


def every_notice(browser: Browser) -> str:
    """Return the notices of a page with those about its draft."""
    return notices(browser, "//main//*[starts-with(@class, 'notice ')]")


def send(browser: Browser, does: str, headers: dict[str, str] | None = None, **typed: str) -> str:
    """Press a button without following the redirect; return its address."""
    (form,) = (one for one in browser.page.forms if one.xpath(f".//button[@value='{does}']"))
    body = {name: text or "" for name, text in form.form_values()} | {"do": does} | typed
    browser.headers |= headers or {}
    browser._ask("POST", form.action, urlencode(body).encode())
    return browser.reply.headers.get("location", "")


def switch(browser: Browser, language: str, **typed: str) -> Browser:
    """Press a language in the header, with these values typed into the form."""
    (button,) = browser.page.xpath(f"//nav[@class='languages']//button[@value='{language}']")
    (form,) = browser.page.xpath(f"//form[@id='{button.get('form')}']")
    body = {name: text or "" for name, text in form.form_values()} | {"lang": language} | typed
    browser._ask("POST", button.get("formaction"), urlencode(body).encode())
    assert browser.reply.status == 303
    return browser.get(browser.reply.headers["location"])


def end_session(browser: Browser) -> None:
    """End the session on the server, as the end of its time does."""
    SessionStore(stored(browser.cookies[settings.SESSION_COOKIE_NAME])).delete()


def sign_in_again(browser: Browser, user: object) -> None:
    """Sign in within the session of the browser, as allauth does it."""
    kept = SessionStore(stored(browser.cookies[settings.SESSION_COOKIE_NAME])).load()
    signed_in(browser, user, keeps=kept)


def test_an_error_page_is_a_visit_that_keeps_the_values(form):
    where = send(form, "check", **TYPED | {"contact_email": "x"})
    assert form.reply.status == 303
    form.get(where)
    assert (form.reply.status, value(form, "description")) == (422, "Palkat")
    assert "Error" in form.page.findtext(".//title")


def test_a_plain_visit_shows_what_was_typed_and_offers_an_empty_form(form):
    send(form, "check", **TYPED)
    form.get(NEW)
    assert value(form, "description") == "Palkat"
    golden.check("sentences/drafts/kept", {"en.txt": every_notice(form)})
    empty = form.page.xpath("//main//a[contains(@href, 'draft=none')]/@href")[0]
    assert value(form.get(empty), "description") == ""


def test_a_check_page_survives_reload_and_another_language(form):
    where = send(form, "check", **TYPED)
    for _reload in range(2):
        assert "send" in form.get(where).buttons
    assert "Palkat" in said(form.get(f"{where}&lang=sv"))


def test_a_change_of_language_keeps_values_and_shows_no_new_error(form):
    switch(form, "fi", description="Palkat", contact_email="x")
    assert (form.reply.status, form.error) == (200, "")
    assert value(form, "contact_email") == "x"
    assert form.page.get("lang") == "fi"


def test_a_change_of_language_keeps_the_errors_that_were_shown(form):
    form.get(send(form, "check", **TYPED | {"contact_email": "x"}))
    before = len(form.page.xpath("//*[@id='errors']//li"))
    switch(form, "sv", description="Lön", contact_name="")
    assert len(form.page.xpath("//*[@id='errors']//li")) == before == 1
    assert value(form, "description") == "Lön"


def test_values_survive_the_end_of_a_session(form, maija):
    end_session(form)
    where = send(form, "check", **TYPED)
    assert where.startswith("/account/login?next=")
    form.get(where)
    after = form.page.xpath("//input[@name='next']/@value")[0]
    sign_in_again(form, maija)
    form.get(after)
    golden.check("sentences/drafts/after-a-sign-in", {"en.txt": every_notice(form)})
    assert "Palkat" in said(form)


def test_another_person_in_the_same_browser_sees_nothing(form, sqlite_scene):
    end_session(form)
    form.get(send(form, "check", **TYPED))
    after = form.page.xpath("//input[@name='next']/@value")[0]
    other = account(sqlite_scene, "other")
    mandate(sqlite_scene, other, CUSTOMER_ID, Role.MANAGER)
    sign_in_again(form, other)
    for place in (after, NEW):
        assert "Palkat" not in form.get(place).reply.body.decode()


def test_a_form_of_another_reader_is_not_kept(form, sqlite_scene):
    mine = form.page.xpath("//input[@name='typed']/@value")[0]
    other = account(sqlite_scene, "other")
    mandate(sqlite_scene, other, CUSTOMER_ID, Role.MANAGER)
    signed_in(form, other).get(NEW)
    send(form, "check", **TYPED | {"typed": mine})
    assert form.reply.status == 200, "answered at once, without a draft"


def test_back_after_the_act_says_so_and_the_button_acts_once(form, sqlite_scene):
    check = send(form, "check", **TYPED)
    done = send(form.get(check), "send")
    assert done.startswith("/settings/orders/")
    form.get(done)
    shown = every_notice(form.get(check))
    assert send(form, "send") == done
    orders = Order.objects.using(sqlite_scene.db.alias)
    assert orders.count() == 1
    assert value(form.get(NEW), "description") == "", "a new form is empty"
    sent = {"the check page": shown, "a new form": every_notice(form)}
    golden.check("sentences/drafts/sent", {"en.txt": golden.sections(sent)})


def test_a_page_shown_again_never_acts(form, sqlite_scene):
    check = send(form, "check", **TYPED)
    form.get(check)
    end_session(form)
    send(form, "send")
    assert Order.objects.using(sqlite_scene.db.alias).count() == 0


def test_a_block_that_reads_only_refuses_writes(sqlite_scene):
    rows = OutboxMessage.objects.using(sqlite_scene.db.alias)
    with sqlite_scene.db.reading_only():
        assert rows.count() == 0
        with pytest.raises(WriteRefused):
            rows.update(kind="x")
        with pytest.raises(WriteRefused):
            rows.filter(pk="x").delete()


def test_back_from_a_check_page_shows_what_was_corrected_after_an_error(form):
    wrong = send(form, "check", **TYPED | {"contact_email": "x"})
    form.get(wrong)
    assert form.reply.status == 422
    form.get(send(form, "check", **TYPED))
    form.get(wrong)
    assert value(form, "contact_email") == TYPED["contact_email"], "Back"


def test_ticked_rows_survive_another_language_but_no_new_visit(form, sqlite_scene):
    ticked = enrolled(sqlite_scene).serial
    switch(form.get("/settings/certificates"), "sv", pick=ticked)
    assert form.page.xpath("//input[@name='pick' and @checked]/@value") == [ticked]
    assert not form.get("/settings/certificates").page.xpath("//input[@name='pick' and @checked]")


def test_a_draft_lapses_after_an_hour(form, sqlite_scene):
    where = send(form, "check", **TYPED)
    sqlite_scene.clock.now += timedelta(hours=1, seconds=1)
    form.get(where)
    assert value(form, "description") == ""
    golden.check("sentences/drafts/lapsed", {"en.txt": every_notice(form)})


def test_a_draft_is_limited_in_size_and_number(form):
    send(form, "check", **TYPED | {"description": "x" * 17_000})
    assert form.reply.status == 422
    found = [send(form.get(f"{NEW}?draft=none"), "check", **TYPED) for _more in range(11)]
    assert "send" not in form.get(found[0]).buttons
    assert "send" in form.get(found[1]).buttons


def test_a_stale_page_keeps_its_values(form):
    form.cookies[settings.CSRF_COOKIE_NAME] = "n" * 32
    where = send(form, "check", {"sec-fetch-site": "same-origin"}, **TYPED)
    assert form.reply.status == 303
    assert form.get(where).page.xpath("//main//*[starts-with(@class, 'notice ')]")
    assert "Palkat" in form.reply.body.decode()


@pytest.mark.parametrize("place", ["cross-site", ""])
def test_another_sites_form_is_not_kept(form, place):
    form.cookies[settings.CSRF_COOKIE_NAME] = "n" * 32
    send(form, "check", {"sec-fetch-site": place} if place else {}, **TYPED)
    assert form.reply.status == 403


@pytest.mark.long
def test_no_page_of_a_draft_writes(sqlite_db):
    """Each form is sent with each button that acts after its session has ended, and shown after sign-in."""
    built = populate(opened_scene(sqlite_db), ADDRESS)
    for name, form in FORMS.items():
        visit = VISITS[form.visit]
        if visit.who == STRANGER or visit.sends is not None:
            continue
        page = built.visited(visit, "en")
        forms = page.page.xpath("//form[.//input[@name='typed']]")
        assert forms, name
        sent = forms[0]
        fields = {key: value or "" for key, value in sent.form_values()} | dict(form.valid or {})
        for does in sorted(getattr(resolve(urlsplit(sent.action).path).func, KEEPS)) or [""]:
            browser = built.visited(visit, "en")
            end_session(browser)
            browser.headers["sec-fetch-site"] = "same-origin"
            body = fields | {"do": does, "csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME]}
            browser._ask("POST", sent.action, urlencode(body).encode())
            after = parse_qs(urlsplit(browser.reply.headers["location"]).query)["next"][0]
            assert "draft=" in after, (name, does)
            kept = SessionStore(stored(browser.cookies[settings.SESSION_COOKIE_NAME])).load()
            signed_in(browser, built.people[visit.who], recent=True, keeps=kept | {"looking_purpose": "support"})
            before = contents(sqlite_db.alias)
            assert browser.get(after).reply.status in {200, 422}, (name, does)
            assert contents(sqlite_db.alias) == before, (name, does)


def contents(alias: str) -> dict[str, object]:
    """Return all rows but sessions, and audit rows but those about views."""
    rows = {one.__name__: sorted(map(str, one.objects.using(alias).values_list())) for one in apps.get_models()}
    del rows["Session"], rows["AuditEvent"], rows["UserSession"]
    looks = AuditEvent.objects.using(alias).order_by("sequence").values_list("octets", flat=True)
    return rows | {"acts": [one for one in map(bytes, looks) if b'"action":"looked"' not in one]}


def test_no_secret_is_kept():
    names = ("password", "oldpassword", "password1", "pin", "code", "credential", "csrfmiddlewaretoken", "person_pin")
    assert all(is_secret(one, "text") for one in names)
    assert is_secret("file", "file")
    assert not any(is_secret(one, "text") for one in ("name", "email", "transfer_id", "reason", "customer_id"))


KEYS = {
    "PEM": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    "PEM in small letters": "-----begin private key-----\nAAAA",
    "PuTTY": "PuTTY-User-Key-File-3: ssh-rsa\nAAAA",
    "base64 without PEM": "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_private_key_is_not_kept(browser, key):
    page = browser.get("/fetch")
    switch(page, "sv", request=key, organisation="1234567-1", password="secret-password")
    assert value(page, "organisation") == "1234567-1"
    for text in ("AAAA", "secret-password"):
        assert text not in page.reply.body.decode()
    session = SessionStore(stored(page.cookies[settings.SESSION_COOKIE_NAME])).load()
    assert "AAAA" not in str(session)
    assert "secret-password" not in str(session)


def test_a_clerk_whose_session_has_ended_returns_to_the_form(sqlite_scene, browser):
    anna = account(sqlite_scene, "anna", staff=True)
    page = signed_in(browser, anna, keeps={"looking_purpose": "support"}).get("/staff/organisations/new")
    end_session(page)
    where = send(page, "add", {"sec-fetch-site": "same-origin"}, name="Uusi Oy")
    after = parse_qs(urlsplit(where).query)["next"][0]
    sign_in_again(page, anna)
    page.get(after)
    assert page.reply.headers["location"].startswith("/staff/purpose?next=")
    page.get(page.reply.headers["location"]).press("go", purpose="support", case="")
    assert value(page.get(after), "name") == "Uusi Oy"


def test_a_zero_octet_is_not_kept(form):
    form.cookies[settings.CSRF_COOKIE_NAME] = "n" * 32
    where = send(form, "check", {"sec-fetch-site": "same-origin"}, **TYPED | {"description": "Pal\0kat"})
    assert value(form.get(where), "contact_name") == "Terho Tekninen"
    assert value(form, "description") == ""


def test_a_stranger_sees_nothing_that_another_stranger_typed(browser):
    page = browser.get("/fetch")
    where = send(page, "fetch", organisation="1234567-1", transfer_id="12345", request="x", password="secret")
    assert value(page.get(where), "transfer_id") == "12345"
    assert value(page.get("/fetch"), "transfer_id") == ""
    assert "We kept" not in said(page)


def test_a_form_that_succeeded_leaves_no_draft_of_its_errors(sqlite_scene, browser):
    page = signed_in(browser, account(sqlite_scene, "anna", staff=True)).get("/staff/purpose")
    page.get(send(page, "go", purpose="support", case="wrong"))
    send(page, "go", purpose="support", case="")
    assert "We kept" not in said(page.get("/staff/purpose"))
    assert value(page, "case") == ""


def send_file(browser: Browser, does: str, content: str) -> str:
    """Send the form of a file as browsers do, without following the redirect; return its address."""
    (form,) = (one for one in browser.page.forms if one.xpath(f".//button[@value='{does}']"))
    fields = {name: text or "" for name, text in form.form_values()} | {"do": does}
    parts = [f'name="{name}"\r\n\r\n{text}' for name, text in fields.items()]
    parts.append(f'name="file"; filename="a.csv"\r\n\r\n{content}')
    body = "".join(f"--xxxx\r\nContent-Disposition: form-data; {one}\r\n" for one in parts) + "--xxxx--\r\n"
    browser.headers["content-type"] = "multipart/form-data; boundary=xxxx"
    browser._ask("POST", form.action or browser.path, body.encode())
    del browser.headers["content-type"]
    return browser.reply.headers.get("location", "")


def test_another_file_sent_from_the_same_page_is_no_repetition(sqlite_scene, browser):
    anna = account(sqlite_scene, "anna", staff=True)
    page = signed_in(browser, anna, keeps={"looking_purpose": "support"}).get("/staff/organisations/load")
    wrong = send_file(page, "compare", "name\n")
    first = send_file(page.get(wrong), "compare", f"{FILE}A-1;artificial;FI;Uusi Oy;fi;;\n")
    assert send_file(page.get(wrong), "compare", f"{FILE}A-1;artificial;FI;Uusi Oy;fi;;\n") == first, "the same file"
    second = send_file(page.get(wrong), "compare", f"{FILE}A-2;artificial;FI;Toinen Oy;fi;;\n")
    assert second != first
    assert "Toinen Oy" in said(page.get(second))


def test_strangers_of_one_address_cannot_fill_the_database_with_drafts(browser):
    page = browser.get("/fetch")
    with override_settings(ACCOUNT_RATE_LIMITS={"drafts": "3/h/ip"}):
        for _more in range(6):
            page.cookies.pop(settings.SESSION_COOKIE_NAME, None)
            send(page, "fetch", organisation="1234567-1", transfer_id="12345")
            page = page.get("/fetch") if page.reply.status == 303 else page
    assert apps.get_model("sessions", "Session").objects.count() == 3
    assert page.reply.status == 422, "answered at once, without a draft"
    assert value(page, "transfer_id") == "12345"


def test_a_block_that_reads_only_refuses_hand_written_statements(sqlite_scene):
    statement = "UPDATE sinetti_counter SET value = %(key)s WHERE name = %(key)s"
    with pytest.raises(WriteRefused), sqlite_scene.db.reading_only():
        sql.write(sqlite_scene.db, statement, {"key": "1"})


def test_a_refused_act_is_recorded_once_and_not_by_each_visit_of_its_page(browser, sqlite_scene):
    user = account(sqlite_scene, "signatory")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    page = signed_in(browser, user).get("/settings/authorisations/organisation")
    where = send(page, "give", customer_id="9999999-9", role="manager")
    missed = AuditEvent.objects.using(sqlite_scene.db.alias).filter(action="authorisation-to-nobody")
    for _reload in range(2):
        assert page.get(where).error
        assert missed.count() == 1
