"""Sign-in with npm's certified OpenID Connect provider on this machine.

It is a real code flow with PKCE.
"""

import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from django.apps import apps
from lxml import html

from sinetti.database import models
from sinetti.domain.access.roles import Role
from sinetti.eservice.accounts.sessions import SessionStore, stored
from sinetti.eservice.core.authentication import OUTSIDE_ROLES
from sinetti.settings.portal import EserviceSettings, Provider, RolesClaim
from tests.eservice.conftest import post, sqlite_db, sqlite_scene
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.ports import reserve_ports
from tests.support.signing_in import follow, send, way
from tests.support.small_provider import NAMES

__all__ = ["post", "sqlite_db", "sqlite_scene"]
FOLDER = Path("build/peers/oidc")
PAGES = "http://localhost:8000"
CALLBACK = f"{PAGES}/account/providers/op/answer/"
SECRET = "a secret of this test alone"
ROLES = RolesClaim("organisations", "identifier", "roles", {"NIMKO": Role.SIGNATORY})


@contextmanager
def provider():
    """Run the provider; yield its issuer."""
    if shutil.which("node") is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("the provider is not installed: scripts/peers oidc installs it")
    shutil.copy(Path(__file__).parent / "oidc" / "provider.js", FOLDER)
    (port,) = reserve_ports(1)
    organisations = [{"identifier": CUSTOMER_ID, "name": "Malli Oy", "roles": ["NIMKO"]}]
    told = json.dumps({"port": port, "redirect": CALLBACK, "organisations": organisations})
    with subprocess.Popen(["node", "provider.js", told], cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def issuer():
    """Run the provider for all tests of this module."""
    with provider() as running:
        yield running


def browser_for(scene, issuer, secret=SECRET):
    settings = EserviceSettings((Provider("op", NAMES, issuer, "sinetti", secret, (), ROLES),))
    return Browser(people_door(scene, address=PAGES, settings=settings))


def signed_in_there(address, subject):
    """Sign in on the provider's own pages; return the address that it redirects to.

    The requests are those of a browser.
    """
    with requests.Session() as session:
        answer = session.get(address, allow_redirects=False, timeout=60)
        for _ in range(12):
            if answer.is_redirect:
                address = urljoin(address, answer.headers["location"])
                if address.startswith(CALLBACK):
                    return address
                answer = session.get(address, allow_redirects=False, timeout=60)
                continue
            answer.raise_for_status()
            form = html.document_fromstring(answer.text).forms[0]
            values = {**dict(form.form_values()), "login": subject, "password": "any"}
            address = urljoin(address, form.action)
            answer = session.post(address, values, allow_redirects=False, timeout=60)
    pytest.fail("the provider never led back")


def by_provider(browser, subject):
    """Press our button, sign in at the provider and come back."""
    browser.get("/account/login")
    form = next(one for one in browser.page.forms if one.action == "/account/providers/op")
    browser.post("/account/providers/op", {name: value or "" for name, value in form.form_values()})
    back = urlsplit(signed_in_there(browser.reply.headers["location"], subject))
    return follow(browser.get(f"{back.path}?{back.query}"))


def test_an_account_is_made_and_bound_by_issuer_and_subject(sqlite_scene, issuer):
    browser = browser_for(sqlite_scene, issuer)
    by_provider(browser, "one")
    assert browser.path == "/account/providers/new"
    send(browser, name="Nimi Nimetty", email="one@people.example")
    browser.get(way(sqlite_scene, "one@people.example", "Confirm"))
    send(browser)
    by_provider(browser, "one")
    assert browser.path == "/account/security", "a signatory by the outside roles, without a second factor"
    (bound,) = apps.get_model("socialaccount", "SocialAccount").objects.all()
    assert bound.extra_data == {"iss": issuer, "sub": "one"}
    session = SessionStore(stored(browser.cookies["session"]))
    assert session[OUTSIDE_ROLES] == [[CUSTOMER_ID, "signatory"]]
    other = browser_for(sqlite_scene, issuer)
    by_provider(other, "two")
    assert other.path == "/account/providers/new", "another subject is another person"
    assert models.User.objects.count() == 1


@pytest.mark.parametrize("wrong", ["another issuer", "another secret"])
def test_settings_that_are_not_the_providers(sqlite_scene, issuer, wrong):
    if wrong == "another issuer":
        browser = browser_for(sqlite_scene, issuer.replace("127.0.0.1", "localhost"))
        browser.get("/account/login")
        form = next(one for one in browser.page.forms if one.action == "/account/providers/op")
        browser.post("/account/providers/op", {name: value or "" for name, value in form.form_values()})
    else:
        browser = by_provider(browser_for(sqlite_scene, issuer, "not the secret"), "one")
    assert browser.reply.status == 401
    assert not models.User.objects.exists()
