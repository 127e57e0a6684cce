"""The bench in a few seconds, so that it cannot rot: everything is real but small."""

import json

from bench import report
from bench.running import Wanted, measured
from bench.scene import KINDS


def test_a_small_bench(capsys):
    said = []
    wanted = Wanted(20, connections=4, workers=1, filler=50, peers=False, warming=5, profiled=10, say=said.append)
    plain, filled = measured(KINDS["P-384"], wanted, None)
    assert (plain.renewals, filled.renewals, filled.filler) == (20, 20, 50)
    assert plain.rate > 0
    assert plain.p50 <= plain.p95 <= plain.p99
    assert [step["name"] for step in plain.steps] == list(report.STEPS)
    assert plain.floor_rate > 0
    table = report.table([plain, filled])
    assert "| SQLite | P-384 |" in table
    assert table.count("commit 1") == 1
    assert json.loads(report.as_json([plain, filled]))["results"][1]["filler"] == 50
