"""Kills of the authority at every step and at random moments, under load.

After each start the authority is inspected from outside. `make test` plays a few kills of every kind, `make chaos` all
of them. A seed determines a series. A failure names the command that plays it again.
"""

import ast
import re
from collections import Counter
from contextlib import contextmanager

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.kills import checks, report, steps
from tests.kills.arena import arena
from tests.kills.cluster import cluster
from tests.kills.strikes import STRIKES, play
from tests.kills.table import ADOPTION_STEPS, DELIVERY_STEPS, SERIES, TABLE, Case, Kind, few, full
from tests.support.postgres import PostgresMissingError, skip_or_fail

AT_MOST = 60
"""Maximum of kills in one arena.

An old database is slow to inspect, and shows the same faults as a young one.
"""


@pytest.fixture(scope="module")
def postgres():
    """Yield a PostgreSQL cluster with durable commits."""
    try:
        with cluster() as one:
            yield one
    except PostgresMissingError as missing:
        skip_or_fail(f"PostgreSQL tests: {missing}")


@contextmanager
def told(kill, again):
    """Add the kill, and the command that plays it again, to a failure."""
    try:
        yield
    except Exception as bad:
        bad.add_note(f"{kill}\nto play it again: {again}")
        raise


def few_again(seed, name):
    """Return the command that plays a short run again."""
    return f"scripts/pytest tests/kills/test_server.py --seed {seed} -k {name}"


def playing(folder, seed, database, cases, again):
    """Play some kills in an arena of their own, and return the counts."""
    nodes = max(TABLE[case.kind].nodes for case in cases)
    # A CA that comes later has its key where the first one has it.
    shared = ("keys", "ca", "trust") if any(case.kind is Kind.ROLLOVER for case in cases) else ()
    with arena(folder, seed, database, nodes, shared) as place:
        for number, case in enumerate(cases, 1):
            if case.kind is Kind.DISK and place.disk is None:
                continue  # all_were_played reports it
            with told(f"kill {number} of {len(cases)}: {case.kind}, {case.step or 'a random moment'}", again):
                play(place, case)
        seen = place.seen()
    of_the_client = place.client.keys()
    counts = {
        "kills": place.kills,
        "starts": place.starts,
        "accepted": len(place.history.accepted()) + sum(row.key in of_the_client for row in seen.rows),
        "certificates": sum(row.der is not None for row in seen.rows),
        "voided": sum(row.state == "void" for row in seen.rows),
        "looks": place.looks,
        "checked": place.looks * len(checks.CHECKS),
    }
    return Counter(counts)


def all_were_played(result, cases):
    """Skip with a reason if this machine could not play all kills."""
    if result["kills"] < len(cases):
        pytest.skip("NOT TESTED, an authority whose disk is full: no small disk can be mounted here; all else was")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_few_of_every_kind(tmp_path, request, seed, database):
    one = request.getfixturevalue("postgres") if database == "postgresql" else None
    cases = few(database, seed)
    again = few_again(seed, f'"few and {database}"')
    result = playing(tmp_path / f"few-{database}", seed, one, cases, again)
    all_were_played(result, cases)


def test_one_of_two_nodes(tmp_path, seed, postgres):
    playing(tmp_path / "two-nodes", seed, postgres, full(Kind.NODE, seed)[:3], few_again(seed, "two_nodes"))


@pytest.mark.long
def test_a_rollover_under_load(tmp_path, seed, postgres):
    playing(tmp_path / "rollover", seed, postgres, full(Kind.ROLLOVER, seed)[:3], few_again(seed, "rollover"))


def test_every_step_of_a_rollover_is_struck():
    source = steps.SERVICES.parent / "authority" / "succession.py"
    assert set(re.findall(r'\.step\("(.*?)"\)', source.read_text(encoding="utf-8"))) == set(steps.ROLLOVER)
    assert len(full(Kind.ROLLOVER, 1)) >= 200


@pytest.mark.parametrize(("kind", "database"), SERIES, ids=[f"{kind.name}-{database}" for kind, database in SERIES])
def test_every_kill(tmp_path, request, seed, kind, database):
    one = request.getfixturevalue("postgres") if database == "postgresql" else None
    cases, result, begun = full(kind, seed), Counter(), monotonic_seconds()
    for start in range(0, len(cases), AT_MOST):
        name, again = f"{kind.name}-{database}", f"make chaos SEED={seed} ONLY={kind.name}-{database}"
        result += playing(tmp_path / f"{name}-{start}", seed + start, one, cases[start : start + AT_MOST], again)
    all_were_played(result, cases)
    seconds = round(monotonic_seconds() - begun, 1)
    report.keep(request.config.cache.mkdir("chaos"), report.Result(kind, database, **result, seconds=seconds))


# Tests of the series and of the page.


def test_every_step_that_the_code_takes_is_struck():
    text = "".join(path.read_text(encoding="utf-8") for path in steps.SERVICES.rglob("*.py"))
    assert set(re.findall(r"\.step\((.*?)\)", text)) == {f'"{name}"' for name in steps.named()}
    elsewhere = {*steps.OF_COMMANDS, *steps.OF_PAGES, *steps.OF_JOURNALS, *steps.OF_CAS}
    assert set(steps.of_the_server()) | elsewhere >= set(steps.named())
    both = [*few("sqlite", 1), *few("postgresql", 1)]
    assert {case.step for case in both if case.kind is Kind.SERVER} == set(steps.of_the_server())
    assert {case.kind for case in both} == set(Kind) - {Kind.NODE, Kind.ROLLOVER}


def test_every_kind_has_a_way_to_be_done_and_there_are_a_thousand_kills():
    assert set(STRIKES) == set(TABLE) == set(Kind)
    assert sum(len(full(kind, 1)) for kind, _ in SERIES) >= 1000
    assert full(Kind.SERVER, 1) == full(Kind.SERVER, 1) != full(Kind.SERVER, 2)
    assert Case(Kind.SERVER, None) in full(Kind.SERVER, 1)


def test_the_clients_steps_are_the_ones_that_it_takes():
    source = steps.SERVICES.parent / "client"
    named = {
        node.args[0].value
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "step" and node.args
        if isinstance(node.args[0], ast.Constant)
    }
    assert named == {*TABLE[Kind.CLIENT].steps, *DELIVERY_STEPS, *ADOPTION_STEPS}


def test_the_page_names_every_kind_and_every_check():
    page = report.PAGE.read_text(encoding="utf-8")
    assert not [kind for kind in Kind if f"| {kind} |" not in page]
    assert not [check.__name__ for check in checks.CHECKS if f"`{check.__name__}`" not in page]


def test_the_table_is_put_into_its_place(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    one = report.Result(Kind.SERVER, "sqlite", 3, 4, 5, 6, 1, 3, 30, 1.5)
    report.keep(tmp_path, one)
    assert report.kept(tmp_path) == [one]
    report.write(report.kept(tmp_path), "make chaos SEED=1", page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| server | sqlite | 3 | 4 | 5 | 6 | 1 | 3 | 30 | 1.5 |" in text
