"""Readers of a page: its text, fields, errors, and the SQL statements it took."""

from collections.abc import Callable

from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.support import golden
from tests.support.browser import Browser, sent_by

MOST_STATEMENTS = 8
NOTICES = (
    "//main//h1 | //main//*[@role='alert' or @role='status' or @class='wrong' or starts-with(@class, 'notice ')]"
    "[not(ancestor::*[@role] or @id='errors' or .//a[contains(@href, 'draft=')])]"
    " | //main//p[@class='empty' or ../@class='pager'] | //main//*[@id='errors']//li[not(a)]"
)
PARAGRAPHS = "//main//p[not(@class) and not(ancestor::blockquote or ancestor::section[@class='card'])]"


def statements(act: Callable[[], object]) -> list[str]:
    """Return the SQL statements of an action, including those of session and user."""
    with CaptureQueriesContext(connections["default"]) as taken:
        act()
    begun = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")
    return [one["sql"] for one in taken.captured_queries if not one["sql"].upper().startswith(begun)]


def errors(browser: Browser) -> dict[str, str]:
    """Return the errors beside the fields, by field name.

    Checks that the summary at the top links to each of them with the same text.
    """
    beside = {
        str(one.get("id")).removesuffix("-error"): one.text_content()
        for one in browser.page.xpath("//p[@class='wrong']")
    }
    summary = {str(one.get("href")).removeprefix("#"): one.text_content() for one in browser.page.xpath("//a[@href]")}
    assert all(summary[name] == page_text for name, page_text in beside.items())
    return beside


def fields(browser: Browser, does: str) -> dict[str, str | list[str]]:
    """Return the fields that the form with this button would send."""
    (form,) = (one for one in browser.page.forms if one.xpath(f".//button[@value='{does}']"))
    return sent_by(form)


def notices(browser: Browser, *more: str) -> str:
    """Return heading, notices and errors of a page for a golden file, a line each, and elements by other paths."""
    found = browser.page.xpath(" | ".join((NOTICES, *more)))
    lines = dict.fromkeys(" ".join(one.text_content().split()) for one in found)
    return golden.stable_text("".join(f"{line}\n" for line in lines if line))


def page_text(browser: Browser) -> str:
    """Return the text of the page with normalised white space."""
    return " ".join(browser.page.text_content().split())
