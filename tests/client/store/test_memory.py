"""What is remembered between passes: whole, tolerant of damage, and about one certificate."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.model import RenewalInfoState
from sinetti.client.results import ExitCode
from sinetti.client.store import agent_state, memory
from sinetti.client.store.memory import NOTHING, AgentMemory

AT = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
seconds = some.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=some.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
hints = some.builds(RenewalInfoState, seconds, seconds, some.none() | some.text()).filter(
    lambda one: one.start < one.end
)
memories = some.builds(
    AgentMemory,
    serial=some.none() | some.text(),
    failures=some.integers(0, 10**6),
    next_try=some.none() | seconds,
    codes=some.lists(some.text(), max_size=3).map(tuple),
    exit_code=some.sampled_from(ExitCode),
    told=some.none() | some.text(),
    hint=some.none() | hints,
    ask_again=some.none() | seconds,
    received=some.none() | seconds,
    by_hint=some.booleans(),
)


@given(memories)
def test_what_is_written_is_read(known):
    assert memory.load(memory.dump(known)) == known


@given(memories, some.data())
def test_half_a_file_says_nothing(known, data):
    octets = memory.dump(known)
    cut = data.draw(some.integers(0, len(octets) - 2))
    assert memory.load(octets[:cut]) == NOTHING


@given(some.binary() | some.text().map(str.encode))
def test_whatever_lies_there_breaks_nothing(octets):
    assert isinstance(memory.load(octets), AgentMemory)


STRANGE = [
    b"[]",
    b"null",
    b'{"failures": "many"}',
    b"[" * 100_000,
    memory.dump(AgentMemory(next_try=AT)).replace(b"Z", b""),
    memory.dump(AgentMemory(exit_code=ExitCode.REFUSED)).replace(b'"exit": 3', b'"exit": 77'),
    memory.dump(AgentMemory(told="0a")).replace(b'"0a"', b"10"),
]


@pytest.mark.parametrize("octets", STRANGE)
def test_what_cannot_be_is_nothing(octets):
    assert memory.load(octets) == NOTHING


def test_a_file_of_another_certificate_says_nothing_about_this_one():
    known = AgentMemory("0a", failures=4)
    assert memory.about(known, "0a") is known
    assert memory.about(known, "0b") == AgentMemory("0b")


def test_a_store_that_cannot_be_written_costs_only_the_knowledge(tmp_path):
    memory.store(tmp_path / "not there", AgentMemory("0a", 1))
    assert memory.read(tmp_path / "not there") == NOTHING


def test_the_file_is_private_and_there_is_nothing_beside_it(tmp_path):
    memory.store(tmp_path, AgentMemory("0a", 1))
    memory.store(tmp_path, AgentMemory("0a", 2))
    assert [one.name for one in tmp_path.iterdir()] == ["agent.json"]
    assert (tmp_path / "agent.json").stat().st_mode & 0o777 == 0o600
    assert memory.read(tmp_path).failures == 2


def test_status_reads_what_a_pass_writes(tmp_path):
    hint = RenewalInfoState(AT, AT.replace(day=3), "why")
    memory.store(tmp_path, AgentMemory("0a", 2, AT, ("PKI090",), ExitCode.AGAIN, "0a", hint, AT))
    known = agent_state.load_agent_state(tmp_path, "0a")
    assert (known.failures, known.next_try, known.codes, known.told) == (2, AT, ("PKI090",), "0a")
    assert (known.hint.start, known.hint.end, known.hint.explanation, known.hint.ask_again) == (
        hint.start, hint.end, "why", AT,
    )  # fmt: skip
