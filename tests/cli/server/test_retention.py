"""`sinetti authority retention`: what is past its period is shown, and erased."""

import json

import pytest

from sinetti.registry import models
from sinetti.registry.opening import Register


@pytest.fixture
def short(operator):
    """Give an operator with one order."""
    operator.found()
    operator.add("0123456-7", "--channel", "WS")
    operator.order()
    return operator


def aged(years):
    """Let what was ordered be older than it is."""
    for model, column in ((models.Holding, "created"), (models.Order, "created"), (models.TransferIdPair, "expires")):
        for row in model.objects.using("default"):
            value = getattr(row, column)
            model.objects.using("default").filter(pk=row.pk).update(**{column: value.replace(year=value.year - years)})
    Register("default").close()


def test_plan_and_apply(short):
    nothing = json.loads(short.does("retention", "plan", "--json"))
    assert {name: one["count"] for name, one in nothing.items()} == {"people": 0, "refusals": 0, "messages": 0}
    aged(3)
    planned = json.loads(short.does("retention", "plan", "--json"))
    (person,) = planned["people"]["ids"]
    assert planned["people"]["count"] == 1
    assert list(planned["people"]) == ["before", "count", "ids"]
    assert f"people  {person}" in short.does("retention", "plan")
    assert json.loads(short.does("retention", "apply", "--json")) == {"people": 1, "refusals": 0, "messages": 0}
    assert short.does("retention", "apply") == "Erased: 0 people, 0 refusals, 0 messages.\n"
    assert models.Person.objects.using("default").get().name == ""
    Register("default").close()


def test_the_period_is_the_operator_s(short):
    settings = short.root / "authority.toml"
    aged(3)
    text = settings.read_text()
    settings.write_text(text.replace("keep_people_days = 730", "keep_people_days = 36500"))
    assert json.loads(short.does("retention", "plan", "--json"))["people"]["count"] == 0
    settings.write_text(text.replace("keep_people_days = 730", "keep_people_days = 3"))
    assert "from 30 to 36500" in short.refused(5, "retention", "plan")
