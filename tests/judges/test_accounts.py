"""Sign-in in Chromium, each page checked by axe.

The ways are the codes of an app, a passkey after the password and a passkey alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.apps import apps
from playwright.sync_api import Page, expect

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.server.http import Request
from sinetti.services.access.accounts import make_account
from tests.eservice.conftest import post, sqlite_db, sqlite_scene
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import people_door
from tests.support.chromium import PATIENCE, started_chromium
from tests.support.ports import reserve_ports
from tests.support.scene import REQUEST
from tests.support.signing_in import PASSWORD, code
from tests.support.users import mandate

__all__ = ["post", "sqlite_db", "sqlite_scene"]
EMAIL = "nimi@people.example"


@contextmanager
def served(scene, port: int) -> Iterator[str]:
    """Serve the pages at localhost, one request after the other; yield the address.

    Browsers treat localhost as secure, like https.
    """
    address = f"http://localhost:{port}"
    door = people_door(scene, address=address)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])))

        def _answer(self, body: bytes) -> None:
            place = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = door(Request(self.command, place.path, place.query, headers, REQUEST, body, "127.0.0.1"))
            self.send_response(reply.status)
            for name, value in {"content-type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            for cookie in reply.cookies:
                self.send_header("set-cookie", cookie)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_rest: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def somebody(sqlite_scene):
    """Return a signatory without a second factor."""
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD)
    user = models.User.objects.get(pk=make_account(new, sqlite_scene.ctx, "operator", REQUEST))
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    return user


@pytest.fixture
def address(sqlite_scene):
    """Yield the address of the pages."""
    with served(sqlite_scene, reserve_ports(1)[0]) as address:
        yield address


@pytest.fixture
def page(address, somebody):
    """Yield a window of 320 pixels with Chromium's substitute for a security key."""
    with started_chromium() as browser:
        context = browser.new_context(locale="en-GB", viewport={"width": 320, "height": 640}, base_url=address)
        window = context.new_page()
        window.set_default_timeout(PATIENCE)
        window.on("pageerror", lambda wrong: pytest.fail(str(wrong)))
        yield window


def security_key(page: Page) -> str:
    """Give Chromium an authenticator; return its id.

    The authenticator verifies its user and keeps passkeys.
    """
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def at(page: Page, path: str) -> None:
    """Check the address of the page, the findings of axe and the width.

    The page is at `path`, axe finds nothing, and nothing is wider than the window.
    """
    expect(page).to_have_url(placed(path, page))
    page.wait_for_load_state()
    found = Axe().run(page)
    assert not found.response["violations"], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def placed(path: str, page: Page) -> str:
    """Return the address of a path."""
    place = urlsplit(page.url)
    return f"{place.scheme}://{place.netloc}{path}"


def sign_in(page: Page) -> None:
    """Sign in with the form."""
    page.goto("/account/login")
    at(page, "/account/login")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    """Sign out with the button."""
    page.goto("/account/logout")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(placed("/", page))


def test_a_passkey_is_added_and_signs_in(page):
    security_key(page)
    sign_in(page)
    at(page, "/account/security")
    page.get_by_role("link", name="Add a passkey").click()
    at(page, "/account/security/passkeys/add")
    page.get_by_label("Passkey name").fill("This window")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/recovery-codes")
    at(page, "/account/security/recovery-codes")
    (stored,) = apps.get_model("mfa", "Authenticator").objects.filter(type="webauthn")
    assert stored.wrap().name == "This window"
    sign_out(page)
    sign_in(page)
    at(page, "/account/security/sign-in")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(placed("/", page))
    sign_out(page)
    page.goto("/account/login?next=/account/sessions")
    page.get_by_role("link", name="Sign in with a passkey").click()
    at(page, "/account/security/passkeys/sign-in?next=%2Faccount%2Fsessions")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/account/sessions")
    at(page, "/account/sessions")
    for path in (f"/account/security/passkeys/{stored.pk}", f"/account/security/passkeys/{stored.pk}/remove"):
        page.goto(path)
        at(page, path)
    page.goto("/account/security/reauthenticate")
    page.get_by_role("link", name="Use a passkey instead").click()
    at(page, "/account/security/passkeys/reauthenticate")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(placed("/", page))


def test_without_a_passkey_the_page_says_so(page):
    security_key(page)
    page.goto("/account/security/passkeys/sign-in")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("The browser did not provide a passkey.")).to_be_visible()


def test_an_apps_codes_are_set_up_and_sign_in(page):
    sign_in(page)
    page.get_by_role("link", name="Set up verification codes").click()
    at(page, "/account/security/codes/add")
    page.get_by_text("Cannot scan the QR code?").click()
    secret = page.locator("dd.secret").inner_text()
    page.get_by_label("Verification code").fill(code(secret))
    page.get_by_role("button", name="Start using verification codes").click()
    page.wait_for_url("**/recovery-codes")
    sign_out(page)
    sign_in(page)
    page.get_by_label("Verification code").fill(code(secret, 1))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(placed("/", page))


def test_without_scripts_the_page_says_what_else_to_do(page, address):
    context = page.context.browser.new_context(java_script_enabled=False, locale="en-GB", base_url=address)
    window = context.new_page()
    window.goto("/account/security/passkeys/sign-in")
    expect(window.get_by_text("Passkeys need a recent browser that allows this site's scripts")).to_be_visible()
    expect(window.get_by_role("button", name="Use a passkey")).to_have_count(0)
