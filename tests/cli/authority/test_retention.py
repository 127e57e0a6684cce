"""`sinetti authority retention`: display and erasure of data past its period."""

import json
from datetime import timedelta

import pytest
from django.apps import apps

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import OrganisationImport, RoleRequest
from sinetti.infra.clock import utc_now
from tests.support import golden


@pytest.fixture
def short(operator):
    """Return an operator with one order."""
    operator.found()
    operator.add("0123456-7", "--channel", "WS")
    operator.order()
    return operator


def aged(years):
    """Make the order older than it is."""
    for model, column in ((models.Lineage, "created"), (models.Order, "created"), (models.TransferIds, "expires")):
        for row in model.objects.using("default"):
            value = getattr(row, column)
            model.objects.using("default").filter(pk=row.pk).update(**{column: value.replace(year=value.year - years)})
    Database("default").close()


def test_plan_and_apply(short):
    nothing = json.loads(short.does("retention", "plan", "--json"))
    names = ("people", "refusals", "messages", "unconfirmed", "unused", "requests", "files", "callers", "proposals")
    none = dict.fromkeys(names, 0)
    assert {name: one["count"] for name, one in nothing.items()} == none
    aged(3)
    planned = json.loads(short.does("retention", "plan", "--json"))
    (person,) = planned["people"]["ids"]
    assert planned["people"]["count"] == 1
    assert list(planned["people"]) == ["before", "count", "ids"]
    assert f"people  {person}" in short.does("retention", "plan")
    assert json.loads(short.does("retention", "apply", "--json")) == {**none, "people": 1}
    short.says(0, "retention", "apply")
    assert models.Person.objects.using("default").get().name == ""
    Database("default").close()
    golden.check("sentences/retention/plan-and-apply", short.said())


def test_accounts_requests_and_files_are_named_before_they_go(short):
    long_ago = utc_now() - timedelta(days=1000)
    db = Database("default")
    never = models.User.objects.create(email="never@people.example", created=long_ago)
    unused = models.User.objects.create(email="unused@people.example", created=long_ago)
    apps.get_model("account", "EmailAddress").objects.create(user_id=unused.pk, email=unused.email, verified=True)
    asked = RoleRequest.objects.create(
        customer_id="0123456-7", normalised_id="0123456-7", role="viewer", created=long_ago
    )
    empty = {"content": b"", "changes": [], "wrong": [], "unchanged": 0, "digest": "0" * 64}
    sent = OrganisationImport.objects.create(created=long_ago, **empty)
    db.close()
    planned = json.loads(short.does("retention", "plan", "--json"))
    there = {"unconfirmed": never, "unused": unused, "requests": asked, "files": sent}
    assert {name: planned[name]["ids"] for name in there} == {name: [one.pk] for name, one in there.items()}
    lines = short.says(0, "retention", "plan")[0].splitlines()
    assert {str(one.pk) for one in there.values()} <= {line.split()[-1] for line in lines}
    erased = json.loads(short.does("retention", "apply", "--json"))
    others = ("people", "refusals", "messages", "callers", "proposals")
    assert erased == dict.fromkeys(there, 1) | dict.fromkeys(others, 0)
    db.close()
    golden.check("sentences/retention/accounts-requests-and-files", short.said())


def test_the_period_is_the_operator_s(short):
    settings = short.root / "authority.toml"
    aged(3)
    text = settings.read_text()
    settings.write_text(text.replace("keep_people_days = 730", "keep_people_days = 36500"))
    assert json.loads(short.does("retention", "plan", "--json"))["people"]["count"] == 0
    settings.write_text(text.replace("keep_people_days = 730", "keep_people_days = 3"))
    short.refused(5, "retention", "plan")
    golden.check("sentences/retention/the-period-is-the-operator-s", short.said())
