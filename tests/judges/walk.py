"""Walk through one state of a page in Chromium.

axe checks it, a screenshot keeps it, and the Tab key moves through it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.support.chromium import PATIENCE
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.tools import ROOT
from tests.support.visits import STRANGER, Population, Visit, populate, session_of
from tests.support.walking import walked_pages

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
WIDTHS = (WIDE, NARROW)
ZOOMED = {"width": WIDE["width"] // 2, "height": WIDE["height"] // 2}
"""The wide window at 200 %.

Its width lies between the two others, where the layout of tables differs from both.
"""
SCREENSHOTS = ROOT / "build" / "screenshots"
WALKED_TREE = Path(__file__).with_name("walked-tree.txt")
"""Digest of the e-service at the last whole walk without a finding (`make accessibility` writes it)."""
LAST_RUN = ROOT / "src" / "sinetti" / "eservice" / "site" / "last-run.json"
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}
AXE = Axe()
AXE_VERSION = re.search(r"axe v([0-9.]+)", AXE.axe_script)[1]  # type: ignore[index] # its first line
_RUN = """options => axe.run(document, options)
  .then(found => found.violations.map(one => ({id: one.id, nodes: one.nodes.map(n => n.html)})))"""
# All visible controls. A group of radio buttons counts as the one that Tab reaches.
_CONTROLS = """() => {
  const seen = one => one.getClientRects().length && one.checkVisibility({visibilityProperty: true})
  const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  window.__reached = new Set()
  document.addEventListener('focusin', event => {
    const one = event.target, box = one.getBoundingClientRect(), how = getComputedStyle(one)
    const shown = box.width && box.right > 0 && box.bottom > 0 && box.top < innerHeight
    window.__reached.add(one.type === 'radio' ? one.name : one)
    if (one.matches('main, [tabindex="-1"]')) return
    if (!shown) (window.__hidden ??= []).push(one.outerHTML)
    if (how.outlineStyle === 'none' || parseFloat(how.outlineWidth) < 2) (window.__faint ??= []).push(one.outerHTML)
  })
  window.__wanted = all.filter(one => seen(one) && !one.disabled).map(one => one.type === 'radio' ? one.name : one)
  return new Set(window.__wanted).size
}"""
_LEFT = """() => ({
  missed: [...new Set(window.__wanted)].filter(one => !window.__reached.has(one)).map(one => one.outerHTML ?? one),
  hidden: window.__hidden ?? [], faint: window.__faint ?? [],
})"""
_TARGETS = """() => [...document.querySelectorAll('button, input:not([type=hidden]), select, summary, nav a, a.button')]
  .filter(one => one.getClientRects().length)
  .map(one => [one.outerHTML, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24 || (box.x >= 0 && box.right > innerWidth + 1))
  .map(([told]) => told)"""
# A picture is drawn with fixed numbers, none of which depends on the width of a font.
# A box of text is a fraction of a pixel wider than its letters, so one pixel at the sides is none of them.
_CUT_OFF = """() => [...document.querySelectorAll('svg text')].filter(one => {
  const box = one.getBBox(), picture = one.ownerSVGElement, {width, height} = picture.getBoundingClientRect()
  const shown = picture.hasAttribute('viewBox') ? picture.viewBox.baseVal : {x: 0, y: 0, width, height}
  return box.x < shown.x - 1 || box.x + box.width > shown.x + shown.width + 1
    || box.y + box.height > shown.y + shown.height
}).map(one => one.textContent)"""
# WCAG 2.2, 1.4.12: a reader's own spacing of lines, paragraphs, letters and words. Scripts may add a style sheet.
_SPACED = """() => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`* {line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important}
    p {margin-bottom: 2em !important}`)
  document.adoptedStyleSheets = [sheet]
}"""
# Text that is wider or higher than the box that hides the rest of it. Hidden labels are a pixel wide.
_HIDDEN_TEXT = """() => [...document.querySelectorAll('body *')].filter(one => {
  const how = getComputedStyle(one), hides = /hidden|clip/.test(how.overflowX + how.overflowY)
  return hides && one.innerText?.trim() && one.clientWidth > 1 && one.clientHeight > 1
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)
}).map(one => one.outerHTML.slice(0, 200))"""
# Only words of letters: addresses, ids and descriptions may continue in the next line.
_BROKEN = """() => {
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const one = texts.currentNode
    if (!one.parentElement.closest('tbody td')) continue
    for (const word of one.data.matchAll(/(?<=^|\\s)\\p{L}{2,22}(?=[.,:;]?(?:\\s|$))/gu)) {
      const range = document.createRange()
      range.setStart(one, word.index)
      range.setEnd(one, word.index + word[0].length)
      if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) found.push(word[0])
    }
  }
  return [...new Set(found)]
}"""


@dataclass(slots=True)
class Walk:
    """Findings of one walk."""

    name: str
    wrong: list[str] = field(default_factory=list)

    def note(self, where: str, found: object) -> None:
        """Note a fault if there is one."""
        if found:
            self.wrong.append(f"{self.name}, {where}: {found}")


def tree_digest() -> str:
    """Return the SHA-256 of all files of the e-service but LAST_RUN."""
    digest = hashlib.sha256()
    folder = ROOT / "src" / "sinetti" / "eservice"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != LAST_RUN and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def served_population(request: pytest.FixtureRequest | None, folder: Path) -> Iterator[Population]:
    """Serve the pages of a filled population until the block ends."""
    with pytest.MonkeyPatch.context() as patch, opened_register("sqlite", request, folder, alias="default") as db:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has an event loop in this thread
        scene = opened_scene(db)
        with walked_pages(scene) as address:
            yield populate(scene, address)


def windows(browser: Browser, address: str) -> tuple[BrowserContext, Page]:
    """Open a window with axe that sends requests to no other host."""
    context = browser.new_context(base_url=address, viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    context.add_init_script(AXE.axe_script)
    return context, context.new_page()


def open_visit(page: Page, population: Population, visit: Visit, language: str) -> None:
    """Open a page as the visitor, in a language, and press its button if it has one."""
    context = page.context
    context.clear_cookies()
    cookies = {"language": language}
    if visit.who != STRANGER:
        cookies |= session_of(population.browser(visit))
    context.add_cookies([{"name": name, "value": value, "url": population.address} for name, value in cookies.items()])
    page.goto(population.place(visit))
    if visit.sends is None:
        return
    does, typed = visit.sends
    for name, value in typed.items():
        _fill(page.locator(f"main [name='{name}']:not([type=hidden])"), value.format(**population.objects))
    with page.expect_navigation():
        page.locator(f"main button[value='{does}']" if does else "main form button").first.click()


def _fill(fields: Locator, value: str) -> None:
    kind = fields.first.evaluate("one => one.tagName === 'SELECT' ? 'select' : one.type")
    if kind in {"radio", "checkbox"}:
        fields.and_(fields.page.locator(f"[value='{value}']")).check()
    elif kind == "select":
        fields.select_option(value)
    else:
        fields.fill(value)


def walked(page: Page, population: Population, name: str, visit: Visit, languages: Sequence[str]) -> Walk:
    """Check one state of a page; return the findings.

    Each language is checked in light at each width and at 200 %, and with a reader's own spacing of text. Dark and the
    keyboard are checked once.
    """
    found = Walk(name)
    listen(page, population, found, visit)
    for language in languages:
        page.set_viewport_size(WIDE)
        open_visit(page, population, visit, language)
        for width in WIDTHS:
            where = f"{language} {width['width']}"
            page.set_viewport_size(width)
            found.note(where, page.evaluate(_RUN, RULES))
            fits(page, found, where)
            photographed(page, f"{name}-{language}-{width['width']}")
        page.set_viewport_size(ZOOMED)
        fits(page, found, f"{language} 200 %")
        page.evaluate(_SPACED)
        for width in WIDTHS:
            page.set_viewport_size(width)
            fits(page, found, f"{language} {width['width']}, spaced")
            found.note(f"{language} {width['width']}, spaced, hidden", page.evaluate(_HIDDEN_TEXT))
        page.evaluate("document.adoptedStyleSheets = []")
    page.set_viewport_size(NARROW)
    keyboard(page, found)
    page.emulate_media(color_scheme="dark")
    found.note("dark", page.evaluate(_RUN, COLOURS))
    photographed(page, f"{name}-dark-320")
    page.emulate_media(color_scheme="light")
    return found


def fits(page: Page, found: Walk, where: str) -> None:
    """Note elements that do not fit into the window."""
    found.note(f"{where}, too small or out of sight", page.evaluate(_TARGETS))
    found.note(f"{where}, cut off", page.evaluate(_CUT_OFF))
    found.note(f"{where}, broken in the middle", page.evaluate(_BROKEN))
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.note(where, "it scrolls to the side")


def listen(page: Page, population: Population, found: Walk, visit: Visit) -> None:
    """Note requests to other hosts and messages of the console.

    Above all the console reports violations of the Content-Security-Policy.
    """
    ours, expected = urlsplit(population.address).netloc, f"status of {visit.status}"

    def asked(url: str) -> None:
        if urlsplit(url).netloc != ours:
            found.note("asks another host", url)

    def heard(kind: str, told: str) -> None:
        # Other messages are the browser's advice to authors of pages.
        if kind in {"error", "warning"} and expected not in told:
            found.note("console", told)

    page.on("request", lambda one: asked(one.url))
    page.on("console", lambda one: heard(one.type, one.text))
    page.on("pageerror", lambda one: found.note("script", str(one)))


def keyboard(page: Page, found: Walk) -> None:
    """Press Tab through the page; note controls without focus or visible mark."""
    page.evaluate("document.activeElement.blur()")
    wanted = page.evaluate(_CONTROLS)
    for _ in range(wanted + wanted // 5 + 10):  # fields of dates have several stops
        page.keyboard.press("Tab")
    left = page.evaluate(_LEFT)
    for what in ("missed", "hidden", "faint"):
        found.note(f"Tab, {what}", json.dumps(left[what]) if left[what] else "")


def photographed(page: Page, name: str) -> None:
    """Save a screenshot of the page for review."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    place = SCREENSHOTS / f"{name.replace(' ', '-').replace(',', '')}.png"
    page.screenshot(path=Path(place), full_page=True, animations="disabled", caret="hide")
