"""Values typed into each form survive sign-in, Back, another language and an act, in Chromium."""

from collections.abc import Mapping

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from playwright.sync_api import Locator, Page

from sinetti.domain.values import Language
from sinetti.eservice.accounts.sessions import SessionStore, stored
from sinetti.i18n.translate import translate_raw
from tests.judges.walk import open_visit, served_population
from tests.support.chromium import PATIENCE
from tests.support.typed_forms import FORMS, TypedForm
from tests.support.users import signed_in
from tests.support.visits import CLERK, STRANGER, VISITS, Population

_FILL = """(form, given) => {
  for (const one of form.elements) {
    const wanted = given[one.name]
    if (!one.name || !one.labels?.length || ["file", "password"].includes(one.type)) continue
    if (["checkbox", "radio"].includes(one.type)) one.checked = wanted === undefined || wanted === one.value
    else if (wanted !== undefined) one.value = wanted
    else if (one.tagName === "SELECT") one.selectedIndex = one.options.length - 1
    else if (one.type === "date") one.value = "2027-06-01"
    else one.value = one.type === "email" ? "typed@malli.example" : "7".repeat(one.maxLength === 2 ? 2 : 3)
  }
}"""
_TYPED = """form => [...form.elements].filter(one => one.labels?.length && !["file", "password"].includes(one.type))
  .filter(one => one.id !== "password" && (!["checkbox", "radio"].includes(one.type) || one.checked))
  .map(one => `${one.name}=${one.value}`).sort()"""
_ALL = """() => [...document.querySelectorAll("main form[method=post]")].flatMap(form =>
  [...new FormData(form)].map(one => one.join("=")))"""

DONE = "You sent this form on {at}. Sending the same again changes nothing."
UNSENT = "We kept what you typed, but nothing has been sent yet. Check it. Then press the button again."
AGAIN, UNCHANGED = "This was already done. Nothing was done again.", "No changes were needed."


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """Yield a population with its pages over HTTP."""
    with served_population(request, tmp_path_factory.mktemp("population")) as built:
        yield built


@pytest.fixture(scope="module")
def window(chromium, built):
    """Yield the one window of the module: its cache keeps styles and scripts, as that of a person's browser."""
    context = chromium.new_context(base_url=built.address, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(window):
    """Yield the window without cookies."""
    window.context.clear_cookies()
    return window


def opened(page: Page, built: Population, form: TypedForm, language: str = "en") -> None:
    open_visit(page, built, VISITS[form.visit], language)


def form_of(page: Page) -> Locator:
    """Return the form whose buttons the languages are."""
    return page.locator(f"form[id='{page.locator('.languages button').first.get_attribute('form')}']")


def fill(page: Page, given: Mapping[str, str]) -> list[str]:
    """Type into every field; return what is typed."""
    there = form_of(page)
    there.evaluate(_FILL, given)
    return there.evaluate(_TYPED)


def kept(page: Page) -> list[str]:
    """Return what the form has."""
    return form_of(page).evaluate(_TYPED)


def lost(page: Page, typed: list[str]) -> list[str]:
    """Return what no form of the page has, visible or hidden."""
    there = page.evaluate(_ALL)
    return [one for one in typed if one not in there]


def press(page: Page) -> None:
    """Press the form's first button."""
    with page.expect_navigation():
        form_of(page).locator(".buttons button").first.click()


def act(page: Page) -> None:
    """Press the button of a check page, or of a form that acts at once."""
    with page.expect_navigation():
        page.locator("main form[method=post] .buttons button").first.click()


def in_language(page: Page, language: str) -> None:
    with page.expect_navigation():
        page.locator(f".languages [lang='{language}']").click()
    assert page.locator("html").get_attribute("lang") == language


def errors(page: Page) -> int:
    return page.locator("#errors li").count()


def says(page: Page, *messages: str) -> int:
    """Return how often the page has the beginning of one of these messages, in its language."""
    language, text = Language(page.locator("html").get_attribute("lang")), page.inner_text("body")
    return sum(text.count(translate_raw(one, language).split("{")[0]) for one in messages)


@pytest.mark.parametrize("name", FORMS)
def test_languages_errors_back_and_reload_keep_what_is_typed(page, built, name):
    form = FORMS[name]
    opened(page, built, form, "fi")
    typed = fill(page, built.filled(form.wrong))
    for language in ("sv", "en"):
        in_language(page, language)
        assert kept(page) == typed
        assert errors(page) == 0, "nothing was sent, so nothing is wrong"
    page.go_back()
    assert page.locator("html").get_attribute("lang") == "sv"
    assert kept(page) == typed, "Back"
    if not form.wrong:
        return
    press(page)
    assert "draft=" in page.url
    found = errors(page)
    assert found
    assert kept(page) == typed, "the page with the errors"
    in_language(page, "fi")
    assert page.locator(".notice.error").count()
    assert errors(page) <= found
    assert kept(page) == typed, "the page with the errors in another language"
    page.go_back()
    assert kept(page) == typed, "no ERR_CACHE_MISS"
    page.reload()
    assert kept(page) == typed, "reload"


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if VISITS[form.visit].who != STRANGER])
def test_the_end_of_the_session_keeps_what_is_typed(page, built, name):
    form, who = FORMS[name], VISITS[FORMS[name].visit].who
    opened(page, built, form)
    typed = fill(page, built.filled(form.valid or {}))
    (cookie,) = (one for one in page.context.cookies() if one["name"] == settings.SESSION_COOKIE_NAME)
    SessionStore(stored(cookie["value"])).delete()
    press(page)
    assert "/account/login" in page.url
    after = page.locator("main input[name=next]").first.input_value()
    signed_in_here(page, built, who)
    page.goto(after)
    assert lost(page, typed) == []
    assert says(page, UNSENT) == 1


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.valid is not None])
def test_back_from_the_check_page_and_after_the_act_keeps_what_was_typed(page, built, name):
    form = FORMS[name]
    opened(page, built, form)
    typed = fill(page, built.filled(form.valid or {}))
    press(page)
    assert not errors(page), page.inner_text("main")
    if "draft=" in page.url:
        page.go_back()
        assert kept(page) == typed, "Back from the check page"
        page.go_forward()
        in_language(page, "sv")
        assert not errors(page), page.inner_text("main")
        assert lost(page, typed) == [], "the check page in another language"
        if form.once:  # its act takes what the other proofs need
            return
        act(page)
    result = page.url
    page.go_back()
    if VISITS[form.visit].who == STRANGER:  # the next person at the browser may not see what was typed
        assert page.locator("main form").count(), "Back shows the form, not an error of the browser"
        return
    assert says(page, DONE) == 1, page.inner_text("main")
    if (sent := page.locator(".notice a[href*='draft=']")).count():
        with page.expect_navigation():
            sent.click()
    assert lost(page, typed) == []
    act(page)
    assert page.url == result, "the same answer"
    assert says(page, AGAIN, UNCHANGED) == 1


def test_a_change_of_language_keeps_ticked_rows(page, built):
    open_visit(page, built, VISITS["certificates"], "fi")
    boxes = page.locator("tbody input[type=checkbox]")
    boxes.nth(1).check()
    ticked = boxes.nth(1).get_attribute("value")
    for language in ("sv", "en"):
        in_language(page, language)
        chosen = page.locator("tbody input[type=checkbox]:checked")
        assert [one.get_attribute("value") for one in chosen.all()] == [ticked]
    with page.expect_navigation():
        page.locator(".acts button").first.click()
    assert page.locator("tbody input[type=checkbox]:checked").count() == 1, page.inner_text("main")
    page.goto(built.place(VISITS["certificates"]))
    assert page.locator("tbody input[type=checkbox]:checked").count() == 0, "a new visit"


def test_back_after_several_are_let_end_leads_to_their_preview(page, built):
    open_visit(page, built, VISITS["ticked: let them expire"], "en")
    preview = page.url
    with page.expect_navigation():
        page.get_by_role("button", name="Let the ticked certificates expire").click()
    assert page.url.endswith("/settings/certificates")
    assert "Certificates whose reminders are now off: 1." in page.inner_text("main")
    page.go_back()
    text = page.inner_text("main")
    assert page.url == preview
    assert ("You sent this form on" in text, "Reminders about these certificates are already off" in text) == (
        True,
        True,
    )
    page.reload()
    assert page.inner_text("main") == text
    with page.expect_navigation():
        page.get_by_role("link", name="Show the result").click()
    assert page.url.endswith("/settings/certificates")


def test_enter_presses_the_first_button_of_the_form_and_no_language(page, built):
    form = FORMS["order_new"]
    opened(page, built, form)
    fill(page, form.valid or {})
    with page.expect_navigation():
        page.locator("#description").press("Enter")
    assert page.get_by_role("heading", name="Check the order").count() == 1


def signed_in_here(page: Page, built: Population, who: str) -> None:
    """Sign in within the session of the browser, as the sign-in page leaves it."""
    (cookie,) = (one for one in page.context.cookies() if one["name"] == settings.SESSION_COOKIE_NAME)
    kept = SessionStore(stored(cookie["value"])).load()
    assert SESSION_KEY not in kept
    keeps = kept | ({"looking_purpose": "support"} if who == CLERK else {})
    browser = signed_in(built.browser(VISITS["privacy"]), built.people[who], recent=True, keeps=keeps)
    value = browser.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": built.address}])
