"""Fresh registers, offices and what stands in them; somebody's browser before the pages."""

import pytest

from tests.support.browser import Browser, Post, people_door
from tests.support.office import desk, sqlite_desk
from tests.support.registers import register, sqlite_register

__all__ = ["desk", "register", "sqlite_desk", "sqlite_register"]


@pytest.fixture
def post():
    """What sends a message at once."""
    return Post()


@pytest.fixture
def browser(sqlite_desk, post):
    """A browser before the pages of an office on SQLite: what depends on the database is tested in `actions`."""
    return Browser(people_door(sqlite_desk, post))
