"""A person at the pages in Chromium, who acts on what a page says.

Links, buttons and fields are found by their role and accessible name. Names are message ids, which are translated into
the person's language; `Given` marks texts that are no messages. The mode decides how the person acts: with a mouse,
with the keyboard alone, or with a mouse in a browser without scripts. Each page is checked as it opens, and each stop
of the Tab key. Example: `Walker(page, language, mode).opens("/").follows("Sign in")`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import pytest
from playwright.sync_api import Browser, Download, Locator, Page

from sinetti.domain.values import Language
from sinetti.i18n.translate import translate, translate_plural, translate_raw
from tests.support.chromium import PATIENCE

LOCALES = {Language.FI: "fi-FI", Language.SV: "sv-FI", Language.EN: "en-GB"}
WIDTHS = {1280: 900, 390: 844}
"""Widths of the windows, with their heights."""
MOST_STOPS = 400
"""Presses of Tab after which a control counts as out of reach."""

_ARRIVED = """() => ({
  lang: document.documentElement.lang, headings: document.querySelectorAll('h1').length,
  wide: document.documentElement.scrollWidth > innerWidth, title: document.title,
})"""
_PRECEDES = """wanted => document.activeElement !== document.body
  && (document.activeElement.compareDocumentPosition(wanted) & Node.DOCUMENT_POSITION_PRECEDING) > 0"""
# A stop is visible if its outline is, and unobscured if one of nine points of it or of its label shows it.
_STOP = """wanted => {
  const one = document.activeElement
  if (!one || one === document.body) return {here: false, body: true, fault: ''}
  const here = one === wanted || (one.type === 'radio' && wanted.type === 'radio' && one.name === wanted.name)
  const parts = [one, ...(one.labels ?? [])]
  const marked = one === window.__stop || parts.map(part => getComputedStyle(part))
    .some(how => how.outlineStyle !== 'none' && parseFloat(how.outlineWidth) >= 2)
  const within = (start, end, most) => [.1, .5, .9].map(at => Math.max(start, 0)
    + (Math.min(end, most) - Math.max(start, 0)) * at)
  const shown = parts.some(part => [...part.getClientRects()].some(box =>
    box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight
    && within(box.left, box.right, innerWidth).some(x => within(box.top, box.bottom, innerHeight)
      .some(y => part.contains(document.elementFromPoint(x, y))))))
  window.__stop = one
  const fault = [marked ? '' : 'the focus is invisible', shown ? '' : 'the focus is obscured'].filter(Boolean)
  return {here, body: false, fault: fault.length ? `${fault.join(', ')}: ${one.outerHTML.slice(0, 200)}` : ''}
}"""
_FOCUSED = "one => one === document.activeElement"


class Given(str):
    """Text that is no message: a name, an address, a number."""

    __slots__ = ()


class Mode(StrEnum):
    """Ways of a person to use a page."""

    MOUSE = "mouse"
    KEYBOARD = "keyboard"
    NO_SCRIPT = "no-script"


@dataclass(frozen=True, slots=True)
class Combination:
    """Width of the window, mode and language of a walk."""

    width: int
    mode: Mode
    language: Language

    def __str__(self) -> str:
        """Return the name of the combination."""
        return f"{self.width}-{self.mode}-{self.language}"


def combinations() -> list[Combination]:
    """Return every combination, in an order whose neighbours differ in all three parts."""
    widths, modes, languages = list(WIDTHS), list(Mode), list(Language)
    whole = len(widths) * len(modes) * len(languages)
    return [Combination(widths[one % 2], modes[one % 3], languages[(one + one // 6) % 3]) for one in range(whole)]


@dataclass(slots=True)
class Walker:
    """A person with a window of their own."""

    page: Page
    language: Language
    mode: Mode

    def say(self, message: str, **values: object) -> str:
        """Return a message in the person's language; fail if the catalogues lack it.

        The two forms of a message about a count are in one text, with a line break between them.
        """
        if isinstance(message, Given):
            return str(message)
        if isinstance(count := values.get("count"), int) and "\n" in message:
            one, more = message.split("\n")
            return translate_plural(one, more, count, self.language)
        assert translate_raw(message, Language.FI) != message, f"no page says {message!r}"
        return translate(message, self.language, **values)

    def opens(self, path: str) -> "Walker":
        """Open an address, as a link of a message does."""
        with self._next_page():
            self.page.goto(path, wait_until="commit")
        return self

    def follows(self, message: str, **values: object) -> "Walker":
        """Follow a link."""
        return self._leave(self._named("link", self.say(message, **values)), "Enter")

    def presses(self, message: str, **values: object) -> "Walker":
        """Press a button that leads to another page."""
        return self._leave(self._named("button", self.say(message, **values)), "Enter")

    def downloads(self, role: str, message: str) -> Download:
        """Use a link or button that downloads a file."""
        found = self._named(role, self.say(message))
        with self.page.expect_download() as download:
            self._use(found, "Enter")
        return download.value

    def opens_tab(self, message: str) -> "Walker":
        """Press a button that opens another tab; return the person at that tab."""
        found = self._named("button", self.say(message))
        with self.page.context.expect_page() as opened:
            self._use(found, "Enter")
        opened.value.wait_for_url(re.compile("^http"))  # a new tab is empty first
        there = Walker(opened.value, self.language, self.mode)
        there._arrive()
        return there

    def types(self, label: str, text: str, within: str = "") -> "Walker":
        """Type into a field, in place of what it has; `within` is the legend of its group."""
        field = self._field(self.say(label), within)
        if self.mode is Mode.KEYBOARD:
            self._tab_to(field)
            self.page.keyboard.press("Control+A")
            self.page.keyboard.insert_text(text)
        else:
            field.click()
            field.fill(text)
        assert field.input_value().splitlines() == text.splitlines(), f"{label}: {field.input_value()!r}"
        return self

    def chooses(self, legend: str, option: str) -> "Walker":
        """Choose one of a group of radio buttons, or of a list."""
        name = self.say(legend)
        group = self._visible(self.page.get_by_role("group", name=name, exact=True))
        if group is None:
            self._choose_of_list(self._field(name), self.say(option))
            return self
        radio = self._visible(group.get_by_role("radio", name=self.say(option)))
        assert radio is not None, f"{option!r} is no choice of {group.inner_text()!r}"
        if self.mode is Mode.KEYBOARD:
            self._tab_to(radio)
            self.page.keyboard.press("Space")
            for _ in range(group.get_by_role("radio").count()):
                if radio.evaluate(_FOCUSED):
                    break
                self.page.keyboard.press("ArrowDown")
        else:
            self._labelled(radio).click()
        assert radio.is_checked(), f"{option} was not chosen"
        return self

    def ticks(self, message: str) -> "Walker":
        """Tick a box."""
        box = self._named("checkbox", self.say(message))
        if self.mode is Mode.KEYBOARD:
            self._use(box, "Space")
            assert box.evaluate(_FOCUSED), f"the focus is lost after {message!r}"
        else:
            self._labelled(box).click()
        assert box.is_checked(), f"{message} was not ticked"
        return self

    def reads(self, message: str, **values: object) -> "Walker":
        """Check that the page contains a text."""
        wanted, text = self.say(message, **values), self._text()
        assert " ".join(wanted.split()) in text, f"{wanted!r} is not on {self.page.url}: {text}"
        return self

    def misses(self, message: str) -> "Walker":
        """Check that the page does not contain a text."""
        unwanted, text = self.say(message), self._text()
        assert unwanted not in text, f"{unwanted!r} is on {self.page.url}: {text}"
        return self

    def _text(self) -> str:
        return " ".join(self.page.inner_text("body").split())

    def _named(self, role: str, name: str) -> Locator:
        """Return the visible element of a role and a name, else of a name that contains this one.

        The person opens the disclosure that hides it.
        """
        for exact in (True, False):
            every = self.page.get_by_role(role, name=name, exact=exact, include_hidden=True)  # type: ignore[arg-type]
            if (found := self._visible(every)) is not None or (found := self._disclosed(every)) is not None:
                return found
        others = self.page.get_by_role(role).all_inner_texts()  # type: ignore[arg-type]
        return pytest.fail(f"no {role} {name!r} on {self.page.url}, but {others}")

    def _field(self, label: str, within: str = "") -> Locator:
        place = self.page.get_by_role("group", name=self.say(within), exact=True) if within else self.page
        for exact in (True, False):
            every = place.get_by_label(label, exact=exact)
            if (found := self._visible(every)) is not None or (found := self._disclosed(every)) is not None:
                return found
        return pytest.fail(f"no field {label!r} on {self.page.url}: {self._text()}")

    @staticmethod
    def _visible(every: Locator) -> Locator | None:
        return next((one for one in every.all() if one.is_visible()), None)

    def _disclosed(self, every: Locator) -> Locator | None:
        """Open the closed disclosures around an element; return the element if it is visible then."""
        for one in every.all():
            closed = one.locator("xpath=ancestor::details[not(@open)]/summary")
            if not closed.count():
                continue
            self._use(closed.first, "Enter")
            if self.mode is Mode.KEYBOARD:
                assert closed.first.evaluate(_FOCUSED), "the focus is lost when a disclosure opens"
            if one.is_visible():
                return one
        return None

    @staticmethod
    def _labelled(control: Locator) -> Locator:
        """Return the label of a radio button or box, which is what a person presses."""
        label = control.page.locator(f"label[for='{control.get_attribute('id')}']")
        return label.first if label.count() else control

    def _choose_of_list(self, field: Locator, option: str) -> None:
        if self.mode is Mode.KEYBOARD:
            self._tab_to(field)
            self.page.keyboard.press("Home")
            for _ in range(field.locator("option").count()):
                if field.evaluate("one => one.selectedOptions[0].label") == option:
                    break
                self.page.keyboard.press("ArrowDown")
        else:
            field.select_option(label=option)
        assert field.evaluate("one => one.selectedOptions[0].label") == option

    def _leave(self, found: Locator, key: str) -> "Walker":
        with self._next_page():
            self._use(found, key)
        return self

    def _use(self, found: Locator, key: str) -> None:
        if self.mode is Mode.KEYBOARD:
            self._tab_to(found)
            self.page.keyboard.press(key)
        else:
            found.click()

    def _tab_to(self, found: Locator) -> None:
        """Press Tab, or Shift and Tab, until an element has a focus that a person sees."""
        wanted = found.element_handle()
        key = "Shift+Tab" if self.page.evaluate(_PRECEDES, wanted) else "Tab"
        rounds = 0
        for _ in range(MOST_STOPS):
            at = self.page.evaluate(_STOP, wanted)
            assert not at["fault"], f"{self.page.url}: {at['fault']}"
            if at["here"]:
                return
            rounds += at["body"]
            if rounds > 2:
                break
            self.page.keyboard.press(key)
        pytest.fail(f"the keyboard does not reach {found} on {self.page.url}")

    @contextmanager
    def _next_page(self) -> Iterator[None]:
        with self.page.expect_navigation() as answer:
            yield
        status = answer.value.status
        assert status < 400, f"{status} at {self.page.url}: {self._text()}"
        self._arrive()

    def _arrive(self) -> None:
        """Check what holds for each page."""
        seen = self.page.evaluate(_ARRIVED)
        assert seen["lang"] == self.language, f"{self.page.url} is in {seen['lang']}"
        assert seen["headings"] == 1, f"{self.page.url} has {seen['headings']} main headings"
        assert seen["title"], f"{self.page.url} has no title"
        assert not seen["wide"], f"{self.page.url} scrolls to the side"


@contextmanager
def windows_of(browser: Browser, address: str, chosen: Combination) -> Iterator[Walker]:
    """Open a window for a combination; close it at the end.

    A message of the console, which reports violations of the Content-Security-Policy, fails the walk.
    """
    heard: list[str] = []
    context = browser.new_context(
        base_url=address, locale=LOCALES[chosen.language], java_script_enabled=chosen.mode is not Mode.NO_SCRIPT,
        viewport={"width": chosen.width, "height": WIDTHS[chosen.width]}, reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    context.on("console", lambda one: heard.append(one.text) if one.type in {"error", "warning"} else None)
    context.on("weberror", lambda one: heard.append(str(one.error)))
    try:
        yield Walker(context.new_page(), chosen.language, chosen.mode)
    finally:
        context.close()
    assert not heard, heard
