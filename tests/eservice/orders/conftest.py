"""Fixtures of a signed-in user before the pages for orders."""

import pytest

from sinetti.domain.access.roles import Role
from tests.support.acting import OTHER_ID
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import add_organisation
from tests.support.users import account, mandate, signed_in


@pytest.fixture
def other(sqlite_scene):
    """Return the database id of another organisation."""
    return add_organisation(sqlite_scene, OTHER_ID)


@pytest.fixture
def as_role(browser, sqlite_scene):
    """Return a function that signs in a user with a role for the test organisation."""

    def enter(role=Role.SIGNATORY, name="maija", customer_id=CUSTOMER_ID):
        user = account(sqlite_scene, name)
        mandate(sqlite_scene, user, customer_id, role)
        return signed_in(browser, user)

    return enter


@pytest.fixture
def signatory(as_role):
    """Return the browser of a signatory."""
    return as_role()
