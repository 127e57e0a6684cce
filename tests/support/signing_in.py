"""Steps of a user through the account pages.

Forms are sent as browsers send them. Messages are rendered as they arrive. Codes are those of an authenticator app.
"""

import re
from base64 import b32decode
from dataclasses import replace
from hashlib import sha1
from hmac import digest
from struct import pack
from urllib.parse import urlsplit

from sinetti.database import models
from sinetti.database.notifications import delivery
from sinetti.domain.notifications.messages import MessageKind
from sinetti.infra.clock import utc_now
from sinetti.notifications.context import RenderedMessage
from sinetti.notifications.templates.renderer import Skip, render
from sinetti.services.token_encryption import link_unsealer
from tests.support.browser import Browser
from tests.support.mailrooms import a_mailroom
from tests.support.scene import Scene

PASSWORD = "neljä sanaa peräkkäin"
PERIOD = 30


def letters(scene: Scene, email: str) -> list[RenderedMessage | Skip]:
    """Return the account messages to an address as they arrive now, oldest first."""
    ctx = replace(a_mailroom(scene), keys=scene.ctx.keys, unseal=link_unsealer(scene.ctx.keys))
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind=MessageKind.ACCOUNT, address=email)
    return [render(delivery.to_queued_message(row), ctx) for row in rows.order_by("created", "pk")]


def sent_kinds(scene: Scene, email: str) -> set[str]:
    """Return the kinds of account messages that were queued for an address."""
    rows = models.OutboxMessage.objects.using(scene.db.alias).filter(kind=MessageKind.ACCOUNT, address=email)
    return {facts["letter"] for facts in rows.values_list("facts", flat=True)}


def way(scene: Scene, email: str, begins: str) -> str:
    """Return the path of the link in the last message whose subject begins so."""
    found = [
        one for one in letters(scene, email) if isinstance(one, RenderedMessage) and one.subject.startswith(begins)
    ]
    (link,) = re.findall(r"^https://\S+$", found[-1].text, re.MULTILINE)
    return urlsplit(link).path


def send(browser: Browser, address: str | None = None, **values: str) -> Browser:
    """Send a form of the page and follow the redirects.

    The form is the one whose action is `address`, by default the page itself.
    """
    wanted = address or browser.path
    form = next(one for one in browser.page.forms if urlsplit(one.action or "").path == wanted)
    fields = {name: value or "" for name, value in form.form_values()}
    browser.post(wanted, {**fields, **values})
    return follow(browser)


def follow(browser: Browser) -> Browser:
    """Follow up to five redirects to our pages."""
    for _ in range(5):
        if browser.reply.status not in {301, 302, 303}:
            break
        browser.get(browser.reply.headers["location"])
    return browser


def sign_in(browser: Browser, email: str, password: str = PASSWORD) -> Browser:
    """Sign in with the form."""
    browser.get("/account/login")
    return send(browser, login=email, password=password)


def code(secret: str, later: int = 0) -> str:
    """Return the code that an app shows now, or `later` periods later (RFC 6238)."""
    counter = int(utc_now().timestamp()) // PERIOD + later
    mac = digest(b32decode(secret.replace(" ", "")), pack(">Q", counter), sha1)
    at = mac[-1] & 0xF
    return f"{(int.from_bytes(mac[at : at + 4]) & 0x7FFFFFFF) % 10**6:06}"
