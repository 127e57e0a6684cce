"""Verification of the log: an untouched one is intact, and every change behind the service's back is found."""

import random

import pytest

from sinetti.domain.operations.log_entries import EntryKind
from tests.support.log_mutations import (
    ACTIONS,
    NAMES,
    REWOUND,
    build_log,
    entries_by_kind,
    mutated,
    run,
    verified,
)

COUNT = 200


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a log that no test changes."""
    return build_log(tmp_path_factory.mktemp("log") / "built")


def test_an_untouched_log_is_intact(built):
    report = verified(built, built.folder)
    assert report.fault is None
    assert (report.size, report.lost, report.pending) == (built.newest.size, 0, 0)
    assert verified(built, built.folder, (built.newest,)).fault is None
    assert verified(built, built.earlier).fault is None


def test_the_log_has_every_kind_of_entry(built):
    assert entries_by_kind(built).keys() == ACTIONS.keys() == set(EntryKind)
    assert built.newest.size > 256


def test_random_changes_are_all_found(built, tmp_path):
    done = run(built, COUNT, random.randrange(1 << 32), tmp_path)
    assert {name for name, _ in done} == set(NAMES)


def test_a_changed_row_is_named(built, tmp_path):
    for index in (1, 100, built.newest.size - 1):
        report = mutated(built, "row given to another actor", index, random.Random(1), tmp_path)
        assert report.fault.index == index
        assert report.fault.about == f"entry {index}"


def test_what_was_rewound_as_a_whole_shows_against_a_checkpoint_alone(built, tmp_path):
    report = mutated(built, REWOUND, 0, random.Random(1), tmp_path)
    assert f"it had {built.newest.size} entries" in report.fault.sentence
    assert verified(built, tmp_path).fault is None
