"""Report of a fuzzing run.

It shows the figures of the run. For a failure it names the file and the command that repeats it.
"""

from subprocess import CompletedProcess

from fuzz.__main__ import _play
from fuzz.keeping import HERE
from fuzz.running import CRASHES, _outcome
from fuzz.targets import TARGETS

QUIET = """#20000\tDONE   cov: 229 ft: 330 corp: 37/9Kb lim: 4096 exec/s: 6129 rss: 90Mb
stat::number_of_executed_units: 67420
stat::average_exec_per_sec:     6129
"""
CRASHED = f""" === Uncaught Python exception: ===
DoesNotHold: its values are read whole
Traceback (most recent call last):
artifact_prefix='{CRASHES}/receipt/'; Test unit written to {CRASHES}/receipt/crash-0a
"""


def test_figures_are_told():
    told = _outcome(TARGETS["receipt"], CompletedProcess([], 0, "", QUIET))
    assert told.line() == "receipt: 67420 tried, 6129 a second; 229 branches, 330 features, 37 inputs"
    assert (told.crash, told.ended) == (None, 0)


def test_a_crash_names_its_file_and_the_command():
    told = _outcome(TARGETS["receipt"], CompletedProcess([], 77, "", CRASHED))
    assert told.crash == CRASHES / "receipt" / "crash-0a"
    path = "fuzz/crashes/receipt/crash-0a"
    assert told.line().startswith("receipt: DoesNotHold: its values are read whole In")
    assert told.line().endswith(f"{path}. Play it again: .venv/bin/python -m fuzz --play {path}")


def test_a_run_that_ends_otherwise_is_told():
    told = _outcome(TARGETS["receipt"], CompletedProcess([], 1, "", "Killed"))
    assert (told.ended, told.line()) == (1, "receipt: ended with 1: Killed")


def test_an_input_is_played_again(capsys):
    path = next((HERE / "corpus" / "sightings").iterdir())
    assert _play([path], None) == 0
    assert capsys.readouterr().out == f"{path}: everything holds\n"
