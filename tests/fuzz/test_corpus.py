"""Kept inputs, run through the same functions that are fuzzed.

A fault that was found once stays found.
"""

from pathlib import Path

import pytest

from fuzz.keeping import CORPUS, HERE, kept
from fuzz.targets import TARGETS

LARGEST = 1_000_000
"""Largest number of octets of all kept inputs together."""


@pytest.mark.filterwarnings("ignore")  # cryptography warns of the overlong names in kept inputs
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_everything_that_is_kept_holds(name):
    inputs = kept(name)
    assert inputs, f"nothing is kept of {name}"
    for path in inputs:
        try:
            TARGETS[name].check(path.read_bytes())
        except Exception as bad:
            bad.add_note(f"{path}: play it again by `python -m fuzz --play {path.relative_to(HERE.parent)}`")
            raise


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_a_run_begins_with_holds(name):
    for octets in TARGETS[name].seeds().values():
        TARGETS[name].check(octets)


def test_what_is_kept_is_small_and_of_targets_that_there_are():
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < LARGEST
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_every_target_has_its_file():
    files = {path.stem.replace("_", "-") for path in (Path(HERE) / "targets").glob("*.py")} - {"--init--"}
    assert files == set(TARGETS)
