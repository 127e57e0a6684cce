"""Looking at a page: what it says, its fields and errors, and how many statements it took."""

from collections.abc import Callable

from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.support.browser import Browser

MOST_STATEMENTS = 8


def statements(act: Callable[[], object]) -> list[str]:
    """The statements that something takes: those of the page's data, session and user included."""
    with CaptureQueriesContext(connections["default"]) as taken:
        act()
    begun = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")
    return [one["sql"] for one in taken.captured_queries if not one["sql"].upper().startswith(begun)]


def errors(browser: Browser) -> dict[str, str]:
    """What stands beside the fields, by their names, and in the summary above with a link to each."""
    beside = {
        str(one.get("id")).removesuffix("-error"): one.text_content()
        for one in browser.page.xpath("//p[@class='wrong']")
    }
    summary = {str(one.get("href")).removeprefix("#"): one.text_content() for one in browser.page.xpath("//a[@href]")}
    assert all(summary[name] == told for name, told in beside.items())
    return beside


def fields(browser: Browser, does: str) -> dict[str, str]:
    """What the form with this button would send."""
    (form,) = (one for one in browser.page.forms if one.xpath(f".//button[@value='{does}']"))
    return {name: value or "" for name, value in form.form_values()}


def told(browser: Browser) -> str:
    """All that the page says, white space normalised_id."""
    return " ".join(browser.page.text_content().split())
