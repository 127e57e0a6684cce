"""Chromium visits the pages for people in three languages, by keyboard alone.

axe checks every state.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.cli.main import main
from sinetti.database import models
from sinetti.database.models import Pin, SecureMessage
from sinetti.domain.access.roles import Role
from sinetti.domain.link_tokens import OPEN_LINK, STOP_LINK, link_token, pin_code
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Language
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.secure_message import LinkSent, order_and_offer, reveal_with_pin, send_pin, view_link
from tests.judges.test_deploy import nginx
from tests.support.chromium import PATIENCE
from tests.support.mail_servers import mail_server
from tests.support.ports import reserve_ports
from tests.support.programs import CUSTOMER, ran
from tests.support.registers import all_connections_closed
from tests.support.scene import CONTACT, REQUEST, an_order, new_ask, new_key
from tests.support.serving import serving
from tests.support.small_server import small_server
from tests.support.web_servers import tool

LOCALES = {Language.FI: "fi-FI", Language.SV: "sv-FI", Language.EN: "en-GB"}
NARROW = {"width": 320, "height": 640}
PHONE = "+358 40 1234567"
NOTICES = """\
people_address = "{people}"
service = "Sinetti"
operators = ["operators@authority.example"]
[help]
fi = "tuki@authority.example"
sv = "stod@authority.example"
en = "help@authority.example"
[mail]
server = "smtp://127.0.0.1:{mails}"
from = "Sinetti <notices@authority.example>"
[sms]
url = "{texts}/sms"
sender = "Sinetti"
token_file = "sms-token"
"""


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A running node, a service context on its database, and the sent mail and SMS."""

    root: Path
    address: str
    soap: str
    ctx: ServiceContext
    mails: object
    texts: object
    log: Callable[[], str]

    def using(self, model):
        return model.objects.using(self.ctx.db.alias)

    def link_key(self, secure_id: str) -> bytes:
        return self.ctx.keyring.of_row(SecretPurpose.LINKS, secure_id)

    def offered(self, phone: str = PHONE) -> tuple[LinkSent, str]:
        """Order a certificate; return the order and the path of the mail's link."""
        contact = replace(CONTACT, phone=phone)
        offered = order_and_offer(replace(an_order(), contact=contact), self.ctx, "operator", REQUEST)
        return offered, f"/m/{link_token(self.link_key(offered.secure_id), OPEN_LINK, offered.secure_id)}"

    def asked(self, path: str) -> str:
        """Make a PIN code whose SMS was sent; return the code."""
        token = path.rpartition("/")[2]
        send_pin(token, view_link(token, self.ctx).made, self.ctx, REQUEST)
        self.using(models.OutboxMessage).filter(kind="pin").update(sent=self.ctx.now())
        return self.pin(path)

    def pin(self, path: str) -> str:
        """Return the PIN code that was made last for the page."""
        secure_id = next(
            one.secure_id
            for one in self.using(SecureMessage).all()
            if path.endswith(link_token(self.link_key(one.secure_id), OPEN_LINK, one.secure_id))
        )
        row = self.using(Pin).get(message=secure_id, ended_at__isnull=True)
        return pin_code(self.ctx.keyring.of_row(SecretPurpose.PINS, row.pin_id), row.pin_id)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Serve an authority with pages, a mail server and a provider of text messages."""
    root = tmp_path_factory.mktemp("running") / "authority"
    (port,) = reserve_ports(1)
    address = f"http://127.0.0.1:{port}"
    with mail_server() as mails, small_server(lambda _question: (202, {}, b"")) as texts:
        founded(root, NOTICES.format(people=address, mails=mails.port, texts=texts.url))
        with serving(root, "--people-bind", f"127.0.0.1:{port}", "--workers", "1") as served:
            yield root, address, served.soap, mails, texts, lambda: served.log


@pytest.fixture
def running(node):
    """Open the database of the running node.

    It does so independently of what this process opened in the meantime.
    """
    root, address, soap, *left = node
    with office_of(root) as ctx:
        yield RunningNode(root, address, soap, ctx, *left)


@contextmanager
def office_of(root: Path) -> Iterator[ServiceContext]:
    with all_connections_closed():
        opened = open_authority(root, DirectoryKind.AUTHORITY)
        yield opened.ctx
        opened.journal.close()


def founded(root: Path, notices: str) -> None:
    did(
        "init",
        "--environment",
        "TEST",
        "--base-url",
        "http://pki.example",
        "--soap-url",
        "https://a.example",
        root=root,
    )
    did("organisation", "add", "--customer-id", "0123456-7", "--kind", "artificial", "--name", "Malli Oy", root=root)
    DataDirectory(root).notices.write_text(notices, encoding="utf-8")
    (root / "sms-token").write_text("token")
    for path in (root / "sms-token", DataDirectory(root).notices):
        path.chmod(0o600)


def did(*words: object, root: Path) -> None:
    assert main(["authority", *(str(word) for word in words), "--dir", str(root)]) == 0


@pytest.fixture
def page(request, chromium: Browser, running: RunningNode):
    """Yield a window of 320 pixels without scripts, in the language of the test."""
    language = request.node.callspec.params.get("language", Language.EN) if hasattr(request.node, "callspec") else "en"
    context = chromium.new_context(locale=LOCALES[Language(language)], viewport=NARROW, base_url=running.address)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def focus_on(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus; check that the focus is visible."""
    for _ in range(30):
        if page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", f"{selector} has the focus, and nobody sees it"
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {selector} on {page.inner_text('main')!r}")


def pressed(page: Page, does: str) -> None:
    """Press a button with the keyboard and wait for the page that follows."""
    focus_on(page, f"button[value='{does}']")
    with page.expect_navigation():
        page.keyboard.press("Enter")


def entered(page: Page, field: str, text: str) -> None:
    """Write into a field that already has the focus, and press Enter."""
    page.locator(f"#{field}:focus").wait_for()
    page.keyboard.type(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def waiting(page, running):
    _, path = running.offered()
    pin = running.asked(path)
    page.goto(path)
    return path, pin


def wrong(pin):
    return f"{(int(pin) + 1) % 1_000_000:06}"


def a_first_page(page, running):
    page.goto("/")


def no_such_page(page, running):
    page.goto("/nothing")


def a_link(page, running):
    page.goto(running.offered()[1])


def a_pin_is_sent(page, running):
    waiting(page, running)


def a_pin_waits(page, running):
    _, path = running.offered()
    token = path.rpartition("/")[2]
    send_pin(token, 0, running.ctx, REQUEST)
    page.goto(path)


def a_pin_was_given_up(page, running):
    path, _ = waiting(page, running)
    pins = running.using(models.OutboxMessage).filter(kind="pin")
    pins.update(sent=None, failed_at=running.ctx.now())
    page.goto(path)
    pins.update(sent=running.ctx.now(), failed_at=None)  # a test that sends gets a report of all abandoned messages


def a_wrong_pin(page, running):
    entered(page, "pin", wrong(waiting(page, running)[1]))


def no_pin_at_all(page, running):
    waiting(page, running)
    entered(page, "pin", "12")


def the_fifth_wrong_pin(page, running):
    path, pin = waiting(page, running)
    for _ in range(4):
        reveal_with_pin(path.rpartition("/")[2], wrong(pin), running.ctx, REQUEST)
    entered(page, "pin", wrong(pin))


def a_pin_past_its_time(page, running):
    _, pin = waiting(page, running)
    running.using(Pin).update(expires=running.ctx.now() - timedelta(seconds=1))
    entered(page, "pin", pin)


def the_last_pin_today(page, running):
    _, path = running.offered()
    for _ in range(3):
        running.asked(path)
    page.goto(path)


def no_more_pins_today(page, running):
    the_last_pin_today(page, running)
    running.using(Pin).update(expires=running.ctx.now() - timedelta(seconds=1))
    page.reload()


def the_ids(page, running):
    entered(page, "pin", waiting(page, running)[1])


def spent(page, running):
    path, pin = waiting(page, running)
    ids = reveal_with_pin(path.rpartition("/")[2], pin, running.ctx, REQUEST).ids
    enrol(new_ask(ids, new_key()), running.ctx, REQUEST)
    page.goto(path)


def a_closed_link(page, running):
    page.goto("/m/aaaa")


def a_code_is_asked_for(page, running):
    page.goto(running.offered(phone="")[1])


def a_wrong_code(page, running):
    a_code_is_asked_for(page, running)
    entered(page, "code", "zzzzz zzzzz")


def no_code_at_all(page, running):
    a_code_is_asked_for(page, running)
    entered(page, "code", "what?")


def the_fifth_wrong_code(page, running):
    a_code_is_asked_for(page, running)
    for _ in range(5):
        entered(page, "code", "zzzzzzzzzz")


def ids_by_code(page, running):
    offered, path = running.offered(phone="")
    page.goto(path)
    entered(page, "code", f"{offered.code[:5]} {offered.code[5:]}")


def a_form_without_its_cookie(page, running):
    a_link(page, running)
    page.context.clear_cookies()
    pressed(page, "open")


def stop_link(running, **of_person):
    offered, _ = running.offered()
    order = running.using(models.Order).select_related("lineage__contact").get(pk=offered.order_id)
    contact = order.lineage.contact
    person = running.using(models.Person).filter(pk=contact.pk)
    person.update(email=f"{contact.pk}@customer.example", **of_person)
    now = running.ctx.now()
    row = running.using(models.OutboxMessage).create(
        kind=MessageKind.REMINDER, channel=MessageChannel.EMAIL, step="60:email", created=now, due=now, sent=now,
        lineage=order.lineage, recipient=contact,
    )  # fmt: skip
    key = running.ctx.keyring.current(SecretPurpose.MAIL).octets
    return f"/stop/{row.message_id}/{link_token(key, STOP_LINK, row.message_id)}"


def with_signatory(running, there=True):
    running.using(models.RoleAssignment).all().delete()
    if there:
        person = running.using(models.Person).create(name="S", email="s@customer.example", language="fi")
        organisation = running.using(models.Organisation).get()
        running.using(models.RoleAssignment).create(
            organisation=organisation, person=person, role=Role.SIGNATORY, valid_from=running.ctx.now()
        )


def not_my_task(page, running):
    with_signatory(running)
    page.goto(stop_link(running))


def not_my_task_and_nobody_to_tell(page, running):
    with_signatory(running, there=False)
    page.goto(stop_link(running))


def told(page, running):
    not_my_task(page, running)
    pressed(page, "stop")


def stopped(page, running):
    page.goto(stop_link(running, stopped_at=running.ctx.now()))


def an_old_stop_link(page, running):
    page.goto(f"/stop/{'0' * 32}/aaaa")


STATES = {
    one.__name__.replace("_", " "): one
    for one in (
        a_first_page, no_such_page, a_link, a_pin_is_sent, a_pin_waits, a_pin_was_given_up, a_wrong_pin, no_pin_at_all,
        the_fifth_wrong_pin, a_pin_past_its_time, the_last_pin_today, no_more_pins_today, the_ids, spent, a_closed_link,
        a_code_is_asked_for, a_wrong_code, no_code_at_all, the_fifth_wrong_code, ids_by_code, a_form_without_its_cookie,
        not_my_task, not_my_task_and_nobody_to_tell, told, stopped, an_old_stop_link,
    )
}  # fmt: skip
KEEPS_ITS_READER = {"the ids", "ids by code"}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


# test_walk.py does not visit these pages, since each opens once. It visits the others in all languages.
IN_EVERY_LANGUAGE = {"the ids", "spent", "the fifth wrong pin", "no more pins today", "not my task", "told"}
IN_LANGUAGES = [
    (state, language)
    for state, one in zip(STATES, cycle(Language), strict=False)
    for language in (Language if state in IN_EVERY_LANGUAGE else (one,))
]


@pytest.mark.parametrize(("state", "language"), IN_LANGUAGES)
def test_every_state(running, page, state, language):
    STATES[state](page, running)
    assert page.locator("html").get_attribute("lang") == language
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], "it scrolls to the side"
    assert page.locator("h1").count() == 1
    assert (page.locator("header a").count() == 0) == (state in KEEPS_ITS_READER)
    if page.locator("[role=alert]").count():
        assert page.title().startswith({"fi": "Virhe: ", "sv": "Fel: ", "en": "Error: "}[language])
    for one in page.locator("a, button, input:not([type=hidden])").all():
        box = one.bounding_box()
        assert box is None or box["x"] < 0 or box["x"] + box["width"] <= NARROW["width"]


def test_states_have_titles_of_their_own(running, page):
    titles = {}
    for name in ("a first page", "a link", "a pin is sent", "a wrong pin", "the ids", "spent", "a closed link", "told"):
        STATES[name](page, running)
        titles[name] = page.title()
    assert len(set(titles.values())) == len(titles), titles


def test_switching_the_language_with_the_keyboard(running, page):
    a_link(page, running)
    for language in ("sv", "fi", "en"):
        focus_on(page, f"nav a[lang={language}]")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("html").get_attribute("lang") == language
    pressed(page, "open")
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_first_tab_offers_to_skip_to_the_content(running, page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["x"] >= 0, "it is seen once it has the focus"
    page.keyboard.press("Enter")
    page.locator("#content:focus").wait_for()


@pytest.mark.parametrize("language", Language)
def test_the_whole_way_with_the_keyboard_alone(running, page, tmp_path, language):
    """The operator orders.

    Mail, SMS, page and the holder's own program do the rest.
    """
    phone = ("--contact-phone", PHONE, "--contact-language", language)
    contact = ("--contact-name", "The Contact", "--contact-email", f"{language}@customer.example")
    did("order", "--customer-id", CUSTOMER["customer_id"], *contact, *phone, "--send", root=running.root)
    did("notices", "send", root=running.root)
    mail = next(one.read for one in running.mails.taken if f"{language}@" in str(one.read["To"]))
    (link,) = set(re.findall(r"http://\S+", mail.get_body(("plain",)).get_content())) - {f"{running.address}/m/"}
    before = len(running.texts.asked)
    page.goto(urlsplit(link).path)
    assert len(running.texts.asked) == before, "opening the link sends nothing"
    pressed(page, "open")
    (sms,) = [json.loads(one.body) for one in running.texts.asked[before:]]
    (pin,) = re.findall(r"\b\d{6}\b", sms["text"])
    assert page.locator("input#pin").get_attribute("autocomplete") == "one-time-code"
    entered(page, "pin", pin)
    transfer_id, password = page.locator("dd.secret").all_inner_texts()
    (tmp_path / "password").write_text(password)
    (tmp_path / "password").chmod(0o600)
    trust = [
        word for role in ("services", "holders") for word in (f"--trust-{role}", running.root / "trust" / f"{role}.pem")
    ]
    done = ran(
        "enrol", "payroll", "--store", tmp_path / "store", "--service", running.soap, *trust, "--environment", "TEST",
        "--customer-id", CUSTOMER["customer_id"], "--transfer-id", transfer_id, "--transfer-password-file",
        tmp_path / "password", "--key", "ec-p256",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for secret in (urlsplit(link).path, pin, transfer_id, password, PHONE):
        assert secret not in running.log()


def test_behind_nginx_over_tls(chromium, tmp_path):
    """The setting is that of production.

    Cookies belong to the host alone, and forms send `Origin: null`.
    """
    root = tmp_path / "authority"
    (people,) = reserve_ports(1)
    founded(root, NOTICES.format(people="https://people.example", mails=1, texts="http://127.0.0.1:1"))
    with serving(root, "--people-bind", f"127.0.0.1:{people}", "--behind-proxy", "--workers", "1") as served:
        soap, status = (urlsplit(one).port for one in (served.soap, served.status))
        with (
            office_of(root) as ctx,
            nginx(tmp_path / "nginx", soap, status, {"127.0.0.1:8090": f"127.0.0.1:{people}"}) as (secure, _, _),
        ):
            running = RunningNode(root, "https://people.example", served.soap, ctx, None, None, lambda: served.log)
            _, path = running.offered()
            walked(chromium, secure, path, lambda: running.pin(path))


def walked(chromium: Browser, port: int, path: str, pin: Callable[[], str]) -> None:
    """Open the page over TLS under its own name.

    The function checks cookies and the headers that the forms send.
    """
    launched = chromium.browser_type.launch(
        executable_path=tool("chromium"),
        args=["--no-sandbox", f"--host-resolver-rules=MAP people.example:443 127.0.0.1:{port}"],
    )
    page = launched.new_context(ignore_https_errors=True, locale="fi-FI").new_page()
    page.set_default_timeout(PATIENCE)
    posts = []
    page.on("request", lambda one: posts.append(one.all_headers()) if one.method == "POST" else None)
    page.goto(f"https://people.example{path}")
    pressed(page, "open")
    entered(page, "pin", pin())
    assert len(page.locator("dd.secret").all_inner_texts()) == 2
    assert [(one["origin"], "referer" in one, one["sec-fetch-site"]) for one in posts] == [
        ("null", False, "same-origin")
    ] * 2
    cookies = {one["name"]: one for one in page.context.cookies()}
    assert (cookies["__Host-csrf"]["secure"], cookies["__Host-csrf"]["httpOnly"]) == (True, True)
    assert cookies["__Host-csrf"]["sameSite"] == "Strict"
    launched.close()
