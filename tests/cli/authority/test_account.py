"""Account of the first clerk, by command.

Each command reports when it changed nothing.
"""

import json

import pytest

from sinetti.database import models
from tests.support import golden

EMAIL = "clerk@authority.example"


@pytest.fixture
def one(sqlite_operator):
    """Return an operator with an authority."""
    sqlite_operator.found()
    return sqlite_operator


def test_the_way_of_a_clerks_account(one):
    one.says(0, "account", "list")
    one.says(0, "account", "add", EMAIL, "--name", "N. N.", "--language", "sv", "--staff")
    one.refused(2, "account", "add", EMAIL, "--name", "N. N.")
    (row,) = json.loads(one.does("account", "list", "--json"))
    assert row.pop("created").endswith("Z")
    assert row == {"email": EMAIL, "name": "N. N.", "active": True, "second_factor": False, "person": False}
    one.says(0, "account", "list")
    (message,) = models.OutboxMessage.objects.filter(kind="account")
    assert (message.address, message.facts["language"]) == (EMAIL, "sv")
    one.says(0, "account", "staff", EMAIL, "--withdraw")
    one.says(0, "account", "staff", EMAIL, "--withdraw")
    one.says(0, "account", "staff", EMAIL)
    one.says(0, "account", "reset-second-factor", EMAIL)
    models.User.objects.get(email=EMAIL).authenticator_set.create(type="totp", data={"secret": "sealed"})
    one.says(0, "account", "reset-second-factor", EMAIL)
    one.says(0, "account", "deactivate", EMAIL)
    one.says(0, "account", "deactivate", EMAIL)
    golden.check("sentences/account/the-way-of-a-clerks-account", one.said())


def test_who_is_no_clerk_is_told_of_no_second_factor(one):
    one.says(0, "account", "add", EMAIL, "--name", "N. N.")
    one.refused(2, "account", "deactivate", "absent@authority.example")
    one.refused(2, "account", "add", "other@authority.example", "--name", " ")
    golden.check("sentences/account/who-is-no-clerk-is-told-of-no-second-factor", one.said())
