"""What is typed into each form survives, as Chromium shows it: sign-in, Back, another language, an act."""

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from playwright.sync_api import Page

from sinetti.eservice.accounts.sessions import SessionStore, stored
from tests.eservice.conftest import opened_register
from tests.judges.walk import open_visit
from tests.support.chromium import started_chromium
from tests.support.service_context import opened_desk
from tests.support.typed_forms import FORMS, TypedForm
from tests.support.users import signed_in
from tests.support.visits import CLERK, STRANGER, VISITS, Town, town
from tests.support.walking import walked_pages

_FILL = """(form, given) => {
  for (const one of form.elements) {
    if (!one.name || ["hidden", "file", "submit", "password"].includes(one.type) || one.tagName === "FIELDSET") continue
    if (one.type === "checkbox" || one.type === "radio") one.checked = given[one.name] === undefined || given[one.name] === one.value
    else if (given[one.name] !== undefined) one.value = given[one.name]
    else if (one.tagName === "SELECT") one.selectedIndex = one.options.length - 1
    else if (one.type === "date") one.value = "2027-06-01"
    else one.value = one.type === "email" ? "typed@malli.example" : "7".repeat(Math.min(one.maxLength < 0 ? 3 : one.maxLength, 3))
  }
}"""
_TYPED = """form => [...new FormData(form)].filter(([name]) =>
  !["csrfmiddlewaretoken", "typed", "next", "shown", "form"].includes(name) && !/password|pin$|code$/.test(name) && typeof name === "string")
  .filter(([name, value]) => typeof value === "string").map(one => one.join("=")).sort()"""
_ALL = """() => [...document.querySelectorAll("main form[method=post]")].flatMap(form =>
  [...new FormData(form)].map(one => one.join("=")))"""


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """Yield a town with its pages over HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has an event loop in this thread
        with opened_register("sqlite", request, tmp_path_factory.mktemp("town"), alias="default") as db:
            desk = opened_desk(db)
            with walked_pages(desk) as address:
                yield town(desk, address)


@pytest.fixture(scope="module")
def chromium():
    """Yield Debian's Chromium."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium, built):
    """Yield a window before the pages."""
    context = chromium.new_context(base_url=built.address, locale="en-GB")
    yield context.new_page()
    context.close()


def form_of(page: Page, form: TypedForm):
    """Return the form on the page."""
    button = (
        f"main form:has(button[name=do][value='{form.does}'])" if form.does else "main form:has(button:not([name]))"
    )
    return page.locator(button).first


def opened(page: Page, built: Town, form: TypedForm) -> None:
    open_visit(page, built, VISITS[form.visit], "en")


def fill(page: Page, form: TypedForm, given: dict[str, str]) -> list[str]:
    """Type into every field; return what the form would send."""
    there = form_of(page, form)
    there.evaluate(_FILL, given)
    return there.evaluate(_TYPED)


def press(page: Page, form: TypedForm) -> None:
    with page.expect_navigation():
        form_of(page, form).locator(".buttons button").first.click()


def in_language(page: Page, language: str) -> None:
    with page.expect_navigation():
        page.locator(f".languages [lang='{language}']").click()
    assert page.locator("html").get_attribute("lang") == language


def errors(page: Page) -> int:
    return page.locator("#errors li").count()


@pytest.mark.parametrize("name", FORMS)
def test_another_language_keeps_what_is_typed(page, built, name):
    form = FORMS[name]
    opened(page, built, form)
    typed = fill(page, form, {})
    for language in ("sv", "fi", "en"):
        in_language(page, language)
        assert form_of(page, form).evaluate(_TYPED) == typed
        assert errors(page) == 0, "nothing was sent, so nothing is wrong"
    page.go_back()
    assert page.locator("html").get_attribute("lang") == "fi"
    assert form_of(page, form).evaluate(_TYPED) == typed


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.wrong])
def test_an_error_page_and_back_keep_what_is_typed(page, built, name):
    form = FORMS[name]
    opened(page, built, form)
    typed = fill(page, form, dict(form.wrong))
    press(page, form)
    assert "draft=" in page.url
    found = errors(page)
    assert found
    assert form_of(page, form).evaluate(_TYPED) == typed
    in_language(page, "sv")
    assert errors(page) == found
    assert form_of(page, form).evaluate(_TYPED) == typed
    page.reload()
    assert form_of(page, form).evaluate(_TYPED) == typed
    page.goto("/privacy")
    page.go_back()
    assert form_of(page, form).evaluate(_TYPED) == typed, "no ERR_CACHE_MISS"


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if VISITS[form.visit].who != STRANGER])
def test_the_end_of_the_session_keeps_what_is_typed(page, built, name):
    form, who = FORMS[name], VISITS[FORMS[name].visit].who
    opened(page, built, form)
    typed = fill(page, form, dict(form.valid or {}))
    (cookie,) = (one for one in page.context.cookies() if one["name"] == settings.SESSION_COOKIE_NAME)
    SessionStore(stored(cookie["value"])).delete()
    press(page, form)
    assert "/account/login" in page.url
    after = page.locator("main input[name=next]").first.input_value()
    signed_in_here(page, built, who)
    page.goto(after)
    kept = page.evaluate(_ALL)
    assert [one for one in typed if one not in kept] == []
    assert page.get_by_text("nothing has been sent yet").count()


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form.valid is not None])
def test_back_after_the_act_says_that_it_was_done(page, built, name):
    form = FORMS[name]
    opened(page, built, form)
    typed = fill(page, form, dict(form.valid or {}))
    press(page, form)
    if form.then:
        check = page.url
        page.go_back()
        assert form_of(page, form).evaluate(_TYPED) == typed, "Back from the check page"
        page.goto(check)
        with page.expect_navigation():
            page.locator(f"main button[value='{form.then}']").click()
    assert not errors(page), page.inner_text("main")
    result = page.url
    page.go_back()
    assert page.get_by_text("You sent this form on").count() == 1
    if page.get_by_role("link", name="Show what you sent").count():
        page.get_by_role("link", name="Show what you sent").click()
    kept = page.evaluate(_ALL)
    assert [one for one in typed if one not in kept] == []
    with page.expect_navigation():
        page.locator(
            f"main button[value='{form.then}']" if form.then else "main form[method=post] .buttons button"
        ).first.click()
    assert page.url == result, "the same answer"
    assert page.get_by_text("Nothing was done again").count() == 1


def test_enter_presses_the_first_button_of_the_form_and_no_language(page, built):
    form = FORMS["order_new"]
    opened(page, built, form)
    fill(page, form, dict(form.valid or {}))
    with page.expect_navigation():
        page.locator("#description").press("Enter")
    assert page.get_by_role("heading", name="Check the order").count() == 1


def signed_in_here(page: Page, built: Town, who: str) -> None:
    """Sign in within the session of the browser, as the sign-in page leaves it."""
    (cookie,) = (one for one in page.context.cookies() if one["name"] == settings.SESSION_COOKIE_NAME)
    kept = SessionStore(stored(cookie["value"])).load()
    assert SESSION_KEY not in kept
    keeps = kept | ({"looking_purpose": "support"} if who == CLERK else {})
    browser = signed_in(built.browser(VISITS["privacy"]), built.people[who], recent=True, keeps=keeps)
    value = browser.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": built.address}])
