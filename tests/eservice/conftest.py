"""Fresh registers, offices and what stands in them; somebody's browser before the pages."""

import pytest
from django.test import override_settings

from tests.support.browser import Browser, Post, people_door
from tests.support.registers import opened_register
from tests.support.service_context import desk, sqlite_desk

__all__ = ["desk", "sqlite_desk"]


@pytest.fixture(scope="module", autouse=True)
def cheap_hashing():
    """Passwords at no cost: a hundred times somebody signs in."""
    with override_settings(PASSWORD_HASHERS=["tests.support.cheap_hashing.CheapArgon2"]):
        yield


@pytest.fixture
def sqlite_db(request, tmp_path):
    """A register on SQLite as pages have it: Django's default, which its sessions and allauth's tables are in."""
    with opened_register("sqlite", request, tmp_path, alias="default") as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request, tmp_path):
    """The same on each database in turn."""
    with opened_register(request.param, request, tmp_path, alias="default") as opened:
        yield opened


@pytest.fixture
def post():
    """What sends a message at once."""
    return Post()


@pytest.fixture
def browser(sqlite_desk, post):
    """A browser before the pages of an office on SQLite: what depends on the database is tested in `actions`."""
    return Browser(people_door(sqlite_desk, post))
