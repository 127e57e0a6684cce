"""Fixtures of the e-service: fresh databases with their content, and a browser."""

import pytest
from django.test import override_settings

from tests.support.browser import Browser, Post, people_door
from tests.support.registers import opened_register
from tests.support.scene import scene, sqlite_scene

__all__ = ["scene", "sqlite_scene"]


@pytest.fixture(scope="module", autouse=True)
def cheap_hashing():
    """Hash passwords at no cost, because the tests sign users in a hundred times."""
    with override_settings(PASSWORD_HASHERS=["tests.support.cheap_hashing.CheapArgon2"]):
        yield


@pytest.fixture
def sqlite_db(request, tmp_path):
    """Yield a database on SQLite as the pages have it.

    It is Django's default, and contains the sessions and the tables of allauth.
    """
    with opened_register("sqlite", request, tmp_path, alias="default") as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request, tmp_path):
    """Yield a database as the pages have it, on each engine in turn."""
    with opened_register(request.param, request, tmp_path, alias="default") as opened:
        yield opened


@pytest.fixture
def post():
    """Return a post, which records the messages to be sent at once."""
    return Post()


@pytest.fixture
def browser(sqlite_scene, post):
    """Return a browser before the pages of a service on SQLite.

    The tests in `tests/services` cover the behaviour that depends on the database.
    """
    return Browser(people_door(sqlite_scene, post))
