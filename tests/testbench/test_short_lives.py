"""Certificates of 47 and of seven days from end to end: one renewal in a life."""

import json
from datetime import datetime, timedelta

import pytest

from simulate import lives
from tests.support.programs import ran, running

DAY = timedelta(days=1)
LIFE, WINDOW = 47 * DAY, timedelta(days=15, hours=16)
BEGINS = "2027-01-11T08:00:00Z"
LIFE_LEFT = timedelta(hours=84) - timedelta(hours=42 + 12)
"""Rest of seven days at the end of the first half of the window, less a step of twelve hours."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Yield a bench whose certificates live for 47 days."""
    folder = tmp_path_factory.mktemp("short") / "bench"
    with running(folder, "--http", "--preset", "short-47d", "--now", BEGINS) as one:
        yield one


def moved(bench, at):
    """Set the clock of the bench; return the time as clients give it."""
    bench.control("PUT", "/clock", {"now": at.isoformat()})
    return ("--now", f"{at:%Y-%m-%dT%H:%M:%SZ}")


def status(store, now):
    (row,) = json.loads(ran("status", "--store", store, "--json", *now).stdout)
    return row


def enrolled(bench, folder):
    order, store, trust = bench.order(customer_id="short-lives"), folder / "store", bench.ready["trust"]
    (folder / "password").write_text(order["transfer_password"])
    (folder / "password").chmod(0o600)
    now = moved(bench, bench.now())
    done = ran(
        *("enrol", "payroll", "--store", store, "--service", bench.ready["soap_url"], "--key", "ec-p256", *now),
        *("--trust-services", trust["services"], "--trust-holders", trust["holders"], "--environment", "TEST"),
        *("--customer-id", "short-lives", "--transfer-id", order["transfer_id"]),
        *("--transfer-password-file", folder / "password"),
    )
    assert done.returncode == 0, done.stderr
    return store, now


def test_a_life_of_47_days(bench, tmp_path):
    store, now = enrolled(bench, tmp_path)
    begins = bench.now()
    row = status(store, now)
    assert row["state"] == "valid"
    opens = datetime.fromisoformat(row["renew_from"])
    assert opens == datetime.fromisoformat(row["not_after"]) - WINDOW
    early = ran("renew", "payroll", "--store", store, *now)
    assert (early.returncode, status(store, now)["serial"]) == (0, row["serial"]), "it is not due, and nobody is asked"
    forced = ran("renew", "payroll", "--store", store, "--force", *now)
    assert (forced.returncode, "PKI034" in forced.stderr) == (3, True)
    for part in (0.0, 0.01, 0.3, 0.66, 0.999):
        assert ran("run", "--store", store, *moved(bench, begins + (opens - begins) * part)).returncode == 0
    assert len(bench.rows("short-lives")) == 1, "five passes before renewal opens make nothing"
    for part in (0.0, 0.5, 0.5, 0.6, 0.9, 0.99):
        now = moved(bench, opens + WINDOW * part)
        done = ran("run", "--store", store, *now)
        assert done.returncode == 0, done.stdout + done.stderr
    rows = bench.rows("short-lives")
    assert len(rows) == 2, "six passes make one certificate"
    assert status(store, now)["state"] == "valid"
    after = datetime.fromisoformat(status(store, now)["renew_from"])
    assert ran("renew", "payroll", "--store", store, *moved(bench, after)).returncode == 0
    assert len(bench.rows("short-lives")) == 3


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("hints", "hours"),
    [pytest.param(True, 12, id="hints"), pytest.param(False, 2, id="none", marks=pytest.mark.rare)],
)
def test_some_weeks_of_seven_days_each(hints, hours, tmp_path):
    """Six weeks with hints and two passes a day, and a week without hints and with twelve."""
    days = 42 if hints else 7
    played = lives.simulate(tmp_path, 10, timedelta(hours=hours), has_hints=hints)
    try:
        for _ in played.run(days):
            pass
        summary = played.summary(0)
    finally:
        played.stage.stop()
    assert played.ledger.breaches == []
    assert summary["passes"] == {"DONE": days * 24 // hours}
    assert 10 * (days // 7) <= summary["renewals"] <= 10 * (2 * days // 7)
    assert played.closest >= LIFE_LEFT
    assert summary["reminders"] <= 2 * played.late, "no person hears of what the program does in time"
