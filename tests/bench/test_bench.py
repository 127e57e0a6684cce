"""Small runs of the bench in a few seconds.

They keep it working. Everything is real but small.
"""

import json
from dataclasses import replace

from bench import report
from bench.marks import marks
from bench.running import Result, Wanted, measured
from bench.scene import IN_TOKEN, KINDS
from sinetti.pki.second_library import library


def test_a_small_bench(capsys):
    said = []
    wanted = Wanted(20, connections=4, workers=1, filler=50, peers=False, warming=5, profiled=10, say=said.append)
    plain, filled = measured(KINDS["P-384"], wanted, None)
    assert (plain.renewals, filled.renewals, filled.filler) == (20, 20, 50)
    assert plain.rate > 0
    assert plain.p50 <= plain.p95 <= plain.p99
    assert [step["name"] for step in plain.steps] == list(report.STEPS)
    assert set(plain.floors) == {"cryptography", library()}
    assert min(plain.floors.values()) > 0
    assert f"{library()} checks EC signatures" in report.interpreter()
    table = report.table([plain, filled])
    assert "| SQLite | P-384 | 20 | 50 |" in table
    assert table.count("commit 1") == 1
    assert json.loads(report.as_json([plain, filled]))["results"][1]["filler"] == 50
    assert [one.about for one in marks([plain, filled])] == [
        "time per renewal with 50 certificates more, growth",
        "processor time of server and database per renewal with 50 certificates more, growth",
    ]


def judged(*results):
    return {one.about: one.reached for one in marks(results)}


def test_the_marks_are_judged():
    cost = {"server": 2.0, "database": 1.0, "load": 0.5}
    good = Result("PostgreSQL", "P-384", 0, renewals=10, rate=400, p99=99.0, cpu=cost)
    about = "renewals/s on PostgreSQL with P-384"
    assert judged(good) == {about: True, f"{about}, aimed at": False, "p99 of these, ms, below 100": True}
    assert judged(replace(good, rate=399.0))[about] is False
    assert judged(replace(good, p99=100.0))["p99 of these, ms, below 100"] is False
    assert judged(Result("SQLite", "P-384", 0)) == {}
    for rate, reached in ((320.0, True), (319.0, False)):
        in_token = replace(good, kind=f"P-384{IN_TOKEN}", rate=rate)
        assert judged(good, in_token)[f"renewals/s on PostgreSQL with P-384{IN_TOKEN}, of those with files"] is reached
    assert judged(in_token) == {}
    for rate, reached in ((364.0, True), (363.0, False)):
        filled = replace(good, filler=1_000_000, rate=rate)
        assert judged(good, filled)["time per renewal with 1,000,000 certificates more, growth"] is reached
    dear = replace(good, filler=1_000_000, cpu=cost | {"database": 1.4})
    assert list(judged(good, dear).values())[-2:] == [True, False]
