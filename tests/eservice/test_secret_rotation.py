"""Rotation of secret keys under users who are signed in, and in the middle of something."""

import pytest

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.domain.values import Language
from sinetti.services.access.accounts import make_account
from tests.support.browser import Browser, people_door
from tests.support.scene import REQUEST
from tests.support.secret_rings import rotated, without
from tests.support.signing_in import PASSWORD, code, follow, send, sign_in, way

EMAIL = "nimi@people.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Keys:
    """Source of keys that a test rotates while the pages are served."""

    def __init__(self, ring):
        self.ring = ring

    def __call__(self):
        return self.ring


@pytest.fixture
def keys(sqlite_scene):
    return Keys(sqlite_scene.ctx.keyring)


@pytest.fixture
def portal(sqlite_scene, keys):
    """Return a browser at pages whose keys change."""
    return Browser(people_door(sqlite_scene.but(keys=keys)))


@pytest.fixture
def user(sqlite_scene):
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD, totp=SECRET)
    return models.User.objects.get(pk=make_account(new, sqlite_scene.ctx, "operator", REQUEST))


def is_signed_in(browser):
    return browser.get("/account/security").path == "/account/security" and browser.reply.status == 200


def test_a_session_goes_on_after_a_rotation(portal, keys, user):
    sign_in(portal, EMAIL)
    send(portal, code=code(SECRET))
    assert is_signed_in(portal)
    for _ in range(2):
        keys.ring = rotated(keys.ring)
        assert is_signed_in(portal)


def test_a_session_ends_with_its_key(portal, keys, user):
    sign_in(portal, EMAIL)
    send(portal, code=code(SECRET))
    keys.ring = without(rotated(keys.ring, SecretPurpose.SESSIONS))
    assert not is_signed_in(portal)


def test_a_second_factor_of_before_still_works(portal, keys, user):
    keys.ring = rotated(keys.ring)
    sign_in(portal, EMAIL)
    send(portal, code=code(SECRET))
    assert is_signed_in(portal)


def test_a_known_browser_stays_known(portal, keys, user):
    sign_in(portal, EMAIL)
    send(portal, code=code(SECRET))
    before = portal.cookies["__Host-device"]
    keys.ring = rotated(keys.ring, SecretPurpose.SESSIONS)
    portal.get("/account/logout")
    send(portal)
    sign_in(portal, EMAIL)
    send(portal, code=code(SECRET, later=1))
    after = portal.cookies["__Host-device"]
    assert (before.startswith("1."), after.startswith("1.")) == (False, True)


@pytest.mark.parametrize("works", [True, False], ids=["rotated", "and the old key removed"])
def test_a_link_that_sets_a_password(portal, keys, user, sqlite_scene, works):
    portal.get("/account/password/reset")
    send(portal, email=EMAIL)
    link = way(sqlite_scene, EMAIL, "Set a new")
    keys.ring = rotated(keys.ring, SecretPurpose.DJANGO)
    keys.ring = keys.ring if works else without(keys.ring)
    follow(portal.get(link))
    assert bool(portal.page.xpath("//input[@type='password']")) is works
