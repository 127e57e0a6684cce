"""Output of server commands to closed pipes and full outputs."""

from pathlib import Path

import pytest

from tests.support.outputs import FULL, gone, ran


@pytest.fixture
def founded(sqlite_operator):
    sqlite_operator.found()
    return sqlite_operator.root


COMMANDS = {
    "rows": ["status", "--json"],
    "lines": ["status"],
    "the clock": ["clock", "show"],
}


@pytest.mark.long
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_who_has_gone_is_no_fault(words, founded):
    with gone() as output:
        assert ran("authority", *words, "--dir", founded, stdout=output) == (0, "")


@pytest.mark.long
def test_what_is_said_to_nobody_stops_no_work(founded):
    words = ("organisation", "add", "--customer-id", "0123456-7", "--kind", "artificial", "--name", "Malliyritys Oy")
    with gone() as output:
        assert ran("authority", *words, "--dir", founded, stderr=output)[0] == 0
        assert ran("authority", *words, "--dir", founded, stderr=output)[0] == 2


@pytest.mark.long
@FULL
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_an_output_that_is_full_is_told_in_one_sentence(words, founded):
    with Path("/dev/full").open("wb") as full:
        outcome = ran("authority", *words, "--dir", founded, stdout=full)
    assert outcome == (1, "The output cannot be written: the disk is full.\n")
