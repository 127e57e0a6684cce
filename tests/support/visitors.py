"""Users at the pages of a bench, each with a browser, and the messages to them.

Users sign in, press buttons and type. Examples: `signatory.goes("/settings/orders")`, `signatory.signs_in()`,
`signatory.presses("Order")`, `visitors.letters(to, "transfer-ids")`.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize

from sinetti.infra.clock import utc_now
from sinetti.testbench.core.totp import totp
from tests.support.chromium import PATIENCE
from tests.support.programs import Bench

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
WIDE = ViewportSize(width=1100, height=900)
_PEOPLE = itertools.count(1)
_LINK = re.compile(r"http://localhost:\d+(/\S+)")


@dataclass
class Visitor:
    """A user with a browser of their own, and an account if one was given."""

    page: Page
    email: str = ""
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    shots: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def goes(self, path: str) -> int:
        """Open a page and return its status."""
        answer = self.page.goto(path)
        assert answer is not None
        return answer.status

    def signs_in(self) -> None:
        """Sign in with the password and a code of the app, as every user does."""
        self.goes("/account/login")
        self.page.locator("[name=login]").fill(self.email)
        self.page.locator("[name=password]").fill(self.password)
        self.presses("Sign in")
        self.page.locator("[name=code]").fill(totp(self.secret, utc_now()))
        self.presses("Continue")
        assert self.page.get_by_role("link", name="Sign out", include_hidden=True).count() == 1, self.reads()

    def presses(self, button: str) -> None:
        """Press a button by its whole name, and wait for the next page."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button, exact=True).click()

    def follows(self, link: str) -> None:
        """Follow a link by its whole name."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=link, exact=True).first.click()

    def fills(self, **values: str) -> None:
        """Fill in fields by name, and select options."""
        for name, value in values.items():
            found = self.page.locator(f"[name={name}]:not([type=hidden])")
            kind = found.first.evaluate("one => one.tagName === 'SELECT' ? 'select' : one.type")
            if kind in {"radio", "checkbox"}:
                self.page.locator(f"[name={name}][value='{value}']").check()
            elif kind == "select":
                found.select_option(value)
            else:
                found.fill(value)

    def reads(self) -> str:
        """Return the text of the page."""
        return self.page.inner_text("main")

    def shows(self, name: str) -> None:
        """Save a screenshot of the page for review."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"story-{name}.png", full_page=True)

    # Keyboard only, for users without a mouse.

    def tabs_to(self, selector: str) -> Locator:
        """Press Tab until this element has a visible focus."""
        for _ in range(80):
            if self.page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
                outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"{selector} has the focus, and nobody sees it"
                return self.page.locator(":focus")
            self.page.keyboard.press("Tab")
        return pytest.fail(f"the keyboard does not reach {selector} on {self.reads()!r}")

    def types(self, **values: str) -> None:
        """Reach fields by Tab and type into them; arrow keys select a choice."""
        for name, value in values.items():
            focused = self.tabs_to(f"[name={name}]:not([type=hidden])")
            if focused.get_attribute("type") != "radio":
                self.page.keyboard.insert_text(value)
                continue
            self.page.keyboard.press("Space")
            for _ in range(10):
                if self.page.locator(":focus").get_attribute("value") == value:
                    break
                self.page.keyboard.press("ArrowDown")
            assert self.page.locator(f"[name={name}][value={value}]").is_checked()

    def enters(self, selector: str) -> None:
        """Reach a link or button by Tab, and press Enter."""
        self.tabs_to(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


@dataclass
class BenchVisitors:
    """A bench and all users who visit its pages."""

    bench: Bench
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def stranger(self) -> Visitor:
        """Return a user without an account, who reads English."""
        address = self.bench.ready["people_url"]
        context = self.browser.new_context(locale="en-GB", base_url=address, viewport=WIDE)
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        return Visitor(context.new_page())

    def somebody(self, name: str, **more: object) -> Visitor:
        """Return a user with an account, signed in."""
        asked = {"email": f"{name}-{next(_PEOPLE)}@people.example", "name": name.title(), **more}
        status, made = self.bench.control("POST", "/accounts", asked)
        assert status == 201, made
        visitor = self.stranger()
        visitor.email, visitor.password, visitor.secret = made["email"], made["password"], made["totp_secret"]
        visitor.signs_in()
        return visitor

    def letters(self, to: str, kind: str) -> list[dict[str, str]]:
        """Return the messages to an address or a phone number, oldest first."""
        found: list[dict[str, str]] = self.bench.control("GET", f"/messages?to={quote(to)}&kind={kind}")[1]
        return found

    def way(self, to: str, kind: str) -> str:
        """Return the path of the page that the newest message links to."""
        found = self.letters(to, kind)
        assert found, f"no {kind} was sent to {to}"
        link = _LINK.search(found[-1]["text"])
        assert link, found[-1]["text"]
        return urlsplit(link[1]).path

    def close(self) -> None:
        """Close every browser window."""
        for context in self.contexts:
            context.close()
