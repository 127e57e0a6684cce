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


def stderr_of(operator, *words):
    code, out, err = operator.run("account", *words)
    assert (code, out) == (0, ""), err
    return err.strip()


def test_the_way_of_a_clerks_account(one):
    assert "There are no clerks' accounts" in one.does("account", "list")
    assert "a link to set a password" in stderr_of(one, "add", EMAIL, "--name", "N. N.", "--language", "sv", "--staff")
    one.refused(2, "account", "add", EMAIL, "--name", "N. N.")
    (row,) = json.loads(one.does("account", "list", "--json"))
    assert row.pop("created").endswith("Z")
    assert row == {"email": EMAIL, "name": "N. N.", "active": True, "second_factor": False, "person": False}
    assert one.does("account", "list").splitlines()[1].split()[:5] == [EMAIL, "N.", "N.", "yes", "no"]
    (message,) = models.OutboxMessage.objects.filter(kind="account")
    assert (message.address, message.facts["language"]) == (EMAIL, "sv")
    assert "no longer has clerk's rights" in stderr_of(one, "staff", EMAIL, "--withdraw")
    assert "Nothing to change" in stderr_of(one, "staff", EMAIL, "--withdraw")
    assert "has clerk's rights" in stderr_of(one, "staff", EMAIL)
    assert "has no second factor" in stderr_of(one, "reset-second-factor", EMAIL)
    models.User.objects.get(email=EMAIL).authenticator_set.create(type="totp", data={"secret": "sealed"})
    assert "sets up a new second factor" in stderr_of(one, "reset-second-factor", EMAIL)
    assert "have ended" in stderr_of(one, "deactivate", EMAIL)
    assert "Nothing to change" in stderr_of(one, "deactivate", EMAIL)
    golden.check("sentences/account/the-way-of-a-clerks-account", one.refused_so_far())


def test_who_is_no_clerk_is_told_of_no_second_factor(one):
    assert "second factor" not in stderr_of(one, "add", EMAIL, "--name", "N. N.")
    one.refused(2, "account", "deactivate", "absent@authority.example")
    one.refused(2, "account", "add", "other@authority.example", "--name", " ")
    golden.check("sentences/account/who-is-no-clerk-is-told-of-no-second-factor", one.refused_so_far())
