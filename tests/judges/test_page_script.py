"""Chromium uses what the script of the pages adds, and the same pages without it."""

import pytest
from django.conf import settings

from tests.eservice.conftest import opened_register
from tests.support.chromium import PATIENCE
from tests.support.scene import opened_scene
from tests.support.serving import until
from tests.support.walking import walked_pages


@pytest.fixture(scope="module")
def address(request, tmp_path_factory):
    """Serve the page with every block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has an event loop in this thread
        patch.setattr(settings, "ROOT_URLCONF", "tests.judges.gallery")
        with (
            opened_register("sqlite", request, tmp_path_factory.mktemp("gallery"), alias="default") as db,
            walked_pages(opened_scene(db)) as address,
        ):
            yield f"{address}/gallery?lang=en"


def opened(chromium, address, **how):
    page = chromium.new_context(viewport={"width": 390, "height": 844}, **how).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def test_a_button_copies_a_value_and_says_so(chromium, address):
    page = opened(chromium, address, permissions=["clipboard-read", "clipboard-write"])
    for name, value in (
        ("Customer ID", "1234567-1"),
        ("Renews on the command line", f"sinetti renew payroll --store {'x' * 90}"),
    ):
        page.get_by_role("button", name=f"Copy {name}").first.click()
        page.locator("#copied", has_text="Copied").wait_for(state="attached")  # since the first one
        until(lambda value=value: page.evaluate("navigator.clipboard.readText()") == value)
    assert page.locator(".copied").count() == 1


def test_without_the_script_there_is_no_button_that_does_nothing(chromium, address):
    page = opened(chromium, address, java_script_enabled=False)
    assert page.locator("button.copy:visible").count() == 0
    assert page.locator("button.copy").count() > 2


@pytest.mark.parametrize("script", [True, False])
def test_a_field_appears_once_its_option_is_chosen(chromium, address, script):
    page = opened(chromium, address, java_script_enabled=script)
    assert page.locator("#number").is_hidden()
    page.locator("form:has(#number) input[type=radio][value=others]").check()
    assert page.locator("#number").is_visible()


def test_an_address_leads_to_its_field_and_the_summary_has_the_focus(chromium, address):
    page = opened(chromium, address)
    assert page.evaluate("document.activeElement.id") == "errors"
    page.locator("#errors a").nth(1).click()
    assert page.evaluate("location.hash") == "#email-wrong"
