"""Small runs of the bench in a few seconds.

They keep it working. Everything is real but small.
"""

import json
from dataclasses import replace

from bench import report
from bench.marks import marks
from bench.running import CFSSL, DJANGO_CA, Result, Wanted, measured
from bench.scene import IN_SIGNER, IN_TOKEN, KINDS
from sinetti.pki.second_library import library


def test_a_small_bench(capsys):
    said = []
    wanted = Wanted(
        20, connections=(4, 1), rounds=2, workers=1, filler=50, peers=False, warming=5, profiled=10, say=said.append
    )
    plain, alone, filled, _ = measured(KINDS["P-384"], wanted, None)
    assert (plain.renewals, alone.renewals, filled.renewals, filled.filler) == (40, 4, 40, 50)
    assert (plain.connections, len(plain.rates)) == (4, 2)
    assert plain.rate > 0
    assert plain.p50 <= plain.p95 <= plain.p99
    assert [step["name"] for step in plain.steps] == list(report.STEPS)
    assert set(plain.floors) == {"cryptography", library()}
    assert min(plain.floors.values()) > 0
    assert f"{library()} checks EC signatures" in report.interpreter()
    table = report.table([plain, filled])
    assert "| SQLite | P-384 | 4 | 40 | 50 |" in table
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
    good = Result("PostgreSQL", "P-384", 0, 32, renewals=10, rate=700, p50=20.0, p99=99.0, cpu=cost)
    good.peers = {CFSSL: 700.0, DJANGO_CA: 1000.0}
    about = "P-384, 32 connections: "
    assert judged(good) == {
        f"{about}renewals/s": True,
        f"{about}renewals/s, aimed at": False,
        f"{about}p99, ms, below": True,
        f"{about}share of {CFSSL}": True,
        f"{about}share of {DJANGO_CA}": False,
    }
    assert judged(replace(good, rate=699.0))[f"{about}renewals/s"] is False
    assert judged(replace(good, p99=100.0))[f"{about}p99, ms, below"] is False
    assert judged(replace(good, rates=[1.0], peers={CFSSL: 701.0}))[f"{about}share of {CFSSL}"] is False
    apart = replace(good, kind=f"P-384{IN_SIGNER}", peers={})
    assert judged(good, apart)[f"P-384{IN_SIGNER}, 32 connections: share of {CFSSL}"] is True
    alone = replace(good, connections=1, p50=4.6, peers={})
    assert judged(alone) == {"P-384, 1 connection: p50, ms, below": False}
    assert judged(Result("SQLite", "P-384", 0)) == {}
    for rate, reached in ((560.0, True), (559.0, False)):
        in_token = replace(good, kind=f"P-384{IN_TOKEN}", rate=rate, peers={})
        assert judged(good, in_token)[f"P-384{IN_TOKEN}, 32 connections: share of the rate with files"] is reached
    assert judged(in_token) == {}
    for rate, reached in ((637.0, True), (636.0, False)):
        filled = replace(good, filler=1_000_000, rate=rate)
        assert judged(good, filled)["time per renewal with 1,000,000 certificates more, growth"] is reached
    dear = replace(good, filler=1_000_000, cpu=cost | {"database": 1.4})
    assert list(judged(good, dear).values())[-2:] == [True, False]
