"""Texts of all pages of the e-service, which tests/golden/pages has with a folder each and a file for each language.

A file has one state of a page (a visit, or the outcome of a button): status, title, headings, texts, links, buttons,
fields and errors in reading order. Header, menu and footer depend on the visitor, so `around-VISITOR` has them once. A
page whose header, menu or footer differs has its own below the content.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import InitVar, dataclass, field, replace
from itertools import count
from pathlib import Path
from unittest.mock import patch

from django.conf import settings
from django.db import connections
from lxml import html

from sinetti.database.connection import Database
from sinetti.domain.values import Language
from sinetti.eservice.accounts.sessions import SessionStore
from tests.support.authority import authority
from tests.support.browser import ADDRESS, Browser
from tests.support.page_outcomes import KEYHOLDER, NEWCOMER, OUTCOMES, OWN_VISITS, Outcome
from tests.support.passkeys import Passkey
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.users import account
from tests.support.visits import STRANGER, VISITS, Population, Visit, populate

LINES = re.compile(
    "blockquote|body|caption|dialog|div|dl|details|fieldset|figcaption|figure|footer|form|h[1-4]|header|input|legend|li|"
    "main|nav|ol|option|p|pre|section|select|summary|table|textarea|tr|ul"
)
"""Elements that stand on lines of their own."""
MARKS = {"h1": "# ", "h2": "## ", "h3": "### ", "li": "- ", "summary": "+ ", "option": "* "}
AFTER = {"button": ">", "dt": ": ", "dd": " ", "th": " | ", "td": " | ", "text": " · "}
SPOKEN = ("aria-label", "alt", "data-copied", "data-over")
"""Attributes that hold a text for readers."""
RANDOM = re.compile(r"(?<![0-9a-f])[0-9a-f]{24,}|(?<![0-9A-F])[0-9A-F]{24,}|\b(?:[A-Z2-7]{4} ?){8}(?!\S)")
"""Ids and digests in hexadecimal, and the secret of one-time codes."""
MIN_ID_LENGTH = 16
"""Shorter values among the objects of a population are no random ids."""


EVERY: Mapping[str, Visit] = {**VISITS, **OWN_VISITS}


def states() -> dict[str, str]:
    """Return the names of all visits and outcomes by their folders."""
    return {"-".join(re.findall(r"\w+", name.replace("'", ""))): name for name in (*EVERY, *OUTCOMES)}


def visitors() -> list[str]:
    """Return all kinds of visitors."""
    return sorted({visit.who for visit in EVERY.values()})


@dataclass(slots=True)
class PageTexts:
    """Pages of a population; a visit leaves no trace in the database."""

    db: InitVar[Database]
    population: Population = field(init=False)
    untouched: sqlite3.Connection = field(init=False)
    frames: dict[tuple[str, Language], str] = field(default_factory=dict)

    def __post_init__(self, db: Database) -> None:
        """Create the population, and keep a copy of its database and the frames of all visitors."""
        with counted_ids("a"):
            self.population = populate(opened_scene(db, authority()), ADDRESS)
            self.population.people[KEYHOLDER] = holder = account(self.population.scene, KEYHOLDER)
            Passkey("people.sinetti.example", ADDRESS).register(holder)
            self.population.objects["passkey"] = str(holder.authenticator_set.get().pk)
        self.untouched = sqlite3.connect(":memory:")
        connections["default"].connection.backup(self.untouched)
        for who in visitors():
            for language in Language:
                page = self.opened(Visit("start", "/", who), language).page
                self.frames[who, language] = self.stable(frame(page))

    def state_files(self, name: str) -> dict[str, str]:
        """Return the files of a visit or an outcome."""
        return {f"{language}.txt": self.page(name, language) for language in Language}

    def frame_files(self, who: str) -> dict[str, str]:
        """Return the files with header, menu and footer of a kind of visitor."""
        return {f"{language}.txt": f"{self.frames[who, language]}\n" for language in Language}

    def page(self, name: str, language: Language) -> str:
        """Return the page of a visit or an outcome in a language."""
        visit, presses = EVERY.get(name), list[Outcome]()
        while visit is None:
            presses.insert(0, OUTCOMES[name])
            name = presses[0].after
            visit = EVERY.get(name)
        with counted_ids("b"):
            browser = self.opened(visit, language)
            for outcome in presses:
                self.population.press(browser, outcome.presses, outcome.types)
        page = browser.page
        own = self.stable(frame(page))
        current = " ".join(text(one) for one in page.xpath("//header//*[@aria-current='page']"))
        lines = [
            f"{browser.reply.status} {browser.path if presses else visit.address}",
            f"title: {text(page.find('.//title'))}",
            *([f"current: {current}"] if current else []),
            "",
            lines_of(page.find(".//main")),
            "",
            f"around-{visit.who}" if own == self.frames[visit.who, language] else f"around:\n{own}",
        ]
        return self.stable("\n".join(lines)).rstrip() + "\n"

    def opened(self, visit: Visit, language: Language) -> Browser:
        """Open the page of a visit; the database is as before any visit."""
        self.untouched.backup(connections["default"].connection)
        if visit.who != NEWCOMER:
            return self.population.visited(visit, language.value)
        browser = self.population.browser(replace(visit, who=STRANGER))
        browser.cookies |= {"language": language.value, settings.SESSION_COOKIE_NAME: pending_sign_up()}
        return browser.get(visit.address)

    def stable(self, whole: str) -> str:
        """Replace random values by placeholders."""
        known = {value: name for name, value in self.population.objects.items() if len(str(value)) >= MIN_ID_LENGTH}
        for value in sorted(known, key=len, reverse=True):
            whole = whole.replace(value, f"{{{known[value]}}}")
        return RANDOM.sub("{id}", whole)


def pending_sign_up() -> str:
    """Return the session of a user whom a provider has signed in for the first time."""
    subject = {"provider": "op", "uid": "1"}
    session = SessionStore()
    session["socialaccount_sociallogin"] = {
        "provider": {"id": "op"},
        "account": subject,
        "user": {"email": "new@people.example", "name": "Uusi Nimi"},
        "state": {},
        "email_addresses": [],
    }
    session.save()
    return session.secret


@contextmanager
def counted_ids(first: str) -> Iterator[None]:
    """Let ids that begin with this digit count up, because many lists are in the order of ids."""
    numbers = count(1)
    with (
        patch("secrets.token_hex", lambda octets: f"{first}{next(numbers):0{2 * octets - 1}x}"),
        patch("secrets.token_bytes", lambda octets: next(numbers).to_bytes(octets)),
    ):
        yield


@contextmanager
def opened_pages(folder: Path) -> Iterator[PageTexts]:
    """Open the pages of a new population; its database is in the folder until the block ends."""
    with opened_register("sqlite", None, folder, alias="default") as db:
        yield PageTexts(db)


def frame(page: html.HtmlElement) -> str:
    """Return the texts outside the content, without what depends on the page's form and address."""
    body = deepcopy(page.find("body"))
    for one in body.xpath(".//main | .//header//button[@hidden]"):
        one.drop_tree()
    for one in body.xpath(".//nav[@class='languages']"):
        names = [text(each) for each in one.xpath(".//a | .//button")]
        one.remove(one[0])
        one.text = " | ".join(names)
    return lines_of(body)


def text(element: html.HtmlElement) -> str:
    """Return the text of an element with normalised white space."""
    return " ".join(element.text_content().split())


def lines_of(element: html.HtmlElement) -> str:
    """Return the texts of an element in reading order, a line for each block."""
    lines = (" ".join(line.split()) for line in "".join(parts(element)).split("\n"))
    whole = "\n".join(line.removesuffix(" |").removesuffix(" ·") for line in lines if line)
    return re.sub(r"^([-+*!])\n", r"\1 ", whole, flags=re.MULTILINE)


def parts(element: html.HtmlElement) -> Iterator[str]:
    """Yield the texts of an element, and the signs around them."""
    tag, name = element.tag, element.get("name")
    if not isinstance(tag, str) or name in {"csrfmiddlewaretoken", "typed"}:
        return
    in_a_line = tag == "input" and element.getparent().get("class") in {"choice", "pick"}
    around = "\n" if (LINES.fullmatch(tag) and not in_a_line) or element.xpath("self::svg[text]") else ""
    alert = element.get("class") == "wrong" or element.get("role") == "alert"
    yield around + ("! " if alert else MARKS.get(tag, ""))
    yield from (f"({element.get(one)}) " for one in SPOKEN if element.get(one))
    yield control(element, tag, name, element.get("value"))
    if tag in {"pre", "textarea"}:
        yield element.text_content().strip()
    else:
        yield re.sub(r"\s+", " ", element.text or "")
        for child in element:
            yield from parts(child)
            yield re.sub(r"\s+", " ", child.tail or "")
    yield (f"]({element.get('href')})" if tag == "a" else AFTER.get(tag, "")) + around


def control(element: html.HtmlElement, tag: str, name: str | None, value: str | None) -> str:
    """Return what stands before the text of a link, a button, a form, a field or an option."""
    match tag:
        case "a":
            return "["
        case "button":
            return f"<{value or 'button'}: "
        case "form":
            return f"form {element.get('method')} {element.get('action') or ''}\n"
        case "option":
            return f"{value}{' (chosen)' if 'selected' in element.attrib else ''}: "
        case "input" | "select" | "textarea":
            ticked = " (ticked)" if "checked" in element.attrib else ""
            return f"<{element.get('type') or tag} {name}{f' = {value}' if value else ''}{ticked}> "
        case _:
            return ""
