"""`sinetti authority ca plan`: the timetable as a table and as JSON."""

import json
from datetime import datetime, timedelta

import pytest

from sinetti.database import models
from sinetti.infra.clock import utc_now
from tests.support.serving import until

WS = "DataProvidersTestIssuingCAv1"


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


def roll_over(operator):
    """Found an authority, and replace a CA in a later second, so that the successor ends later."""
    operator.found()
    founded_at = utc_now()
    until(lambda: utc_now() > founded_at)
    operator.does("ca", "rollover", "--ca", WS)


def planned(operator):
    return {one["name"]: one for one in json.loads(operator.does("ca", "plan", "--json"))}


def test_the_timetable_of_a_new_authority(operator):
    operator.found()
    found = planned(operator)
    assert set(found) == {one["name"] for one in json.loads(operator.does("ca", "list", "--json"))}
    one = found[WS]
    assert (one["role"], one["channel"], one["successor"], one["waits_for"]) == ("issuing", "WS", None, None)
    steps = {step["step"]: step for step in one["steps"]}
    assert list(steps) == ["alarm", "begin", "ceremony", "install", "activate", "retire"]
    assert {step["state"] for step in steps.values()} == {"open"}
    ends, alarm, activate = (
        datetime.fromisoformat(at) for at in (one["not_after"], steps["alarm"]["at"], steps["activate"]["at"])
    )
    assert (ends - alarm, ends - activate) == (timedelta(days=1095), timedelta(days=820))
    assert steps["alarm"]["command"] is None
    assert steps["begin"]["command"] == f"sinetti authority ca begin --ca {WS}"
    assert steps["activate"]["command"] == "sinetti authority ca activate SUCCESSOR"
    line = next(line for line in operator.does("ca", "plan").splitlines() if f"ca begin --ca {WS}" in line)
    assert WS in line
    assert steps["begin"]["at"] in line


def test_a_predecessor_is_retired_when_its_last_certificate_has_ended(operator):
    roll_over(operator)
    found = planned(operator)
    (step,) = found[WS]["steps"]
    assert (step["step"], step["command"]) == ("retire", f"sinetti authority ca retire {WS}")
    assert found[WS]["successor"] == "DataProvidersTestIssuingCAv2"
    assert "DataProvidersTestIssuingCAv2" in found


def test_an_installed_successor_is_named(operator):
    roll_over(operator)
    rows = models.CertificateAuthority.objects
    rows.filter(name=WS).update(state="issuing")
    rows.filter(name="DataProvidersTestIssuingCAv2").update(state="standby")
    one = planned(operator)[WS]
    # A successor that ends with its parent may end at the same instant as one that was founded with it.
    states = {step["step"]: step["state"] for step in one["steps"]}
    assert one["successor"] == "DataProvidersTestIssuingCAv2"
    assert {states[name] for name in ("begin", "ceremony", "install")} == {"done"}
    assert states["activate"] == "open"


def test_a_revoked_ca_on_its_parents_list_is_no_lost_certificate(operator):
    """A start compares journals and lists with the register, and serves nothing if they differ."""
    operator.found()
    operator.does("ca", "revoke", WS, "--reason", "superseded")
    report = operator.does("reconcile")
    assert "0 certificates" in report or "agree" in report, report
    assert "journal-ahead" not in operator.run("watch")[1]
