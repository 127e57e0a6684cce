"""State between runs: whole or damaged, and about one certificate."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.model import RenewalInfoState
from sinetti.client.results import ExitCode
from sinetti.client.store.agent_state import (
    NOTHING,
    AgentState,
    DeployState,
    damaged_files,
    load_agent_state,
    load_deploy_state,
    save_agent_state,
    save_deploy_state,
)

AT = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
seconds = some.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=some.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
hints = some.builds(RenewalInfoState, seconds, seconds, some.none() | some.text()).filter(
    lambda one: one.start < one.end
)
memories = some.builds(
    AgentState,
    serial=some.none() | some.text(),
    failures=some.integers(0, 10**6),
    next_try=some.none() | seconds,
    codes=some.lists(some.text(), max_size=3).map(tuple),
    exit_code=some.sampled_from(ExitCode),
    informed_serial=some.none() | some.text(),
    hint=some.none() | hints,
    ask_again=some.none() | seconds,
    received=some.none() | seconds,
    by_hint=some.booleans(),
)


deployments = some.builds(
    DeployState,
    serial=some.none() | some.text(),
    tries=some.integers(0, 10**6),
    next_try=some.none() | seconds,
    trying=some.none() | some.text(),
    after=some.booleans(),
    command=some.none() | some.text(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder that all examples of a test write to."""
    return tmp_path_factory.mktemp("name")


def saved(folder, known):
    save_agent_state(folder, known)
    return (folder / "agent.json").read_bytes()


@given(memories)
def test_what_is_written_is_read(folder, known):
    save_agent_state(folder, known)
    assert load_agent_state(folder) == known


@given(deployments)
def test_a_deployment_that_is_written_is_read(folder, known):
    save_deploy_state(folder, known)
    assert load_deploy_state(folder) == known


@given(memories, some.data())
def test_half_a_file_says_nothing(folder, known, data):
    octets = saved(folder, known)
    cut = data.draw(some.integers(0, len(octets) - 2))
    (folder / "agent.json").write_bytes(octets[:cut])
    assert load_agent_state(folder) == NOTHING


@given(some.binary() | some.text().map(str.encode))
def test_whatever_lies_there_breaks_nothing(folder, octets):
    for name in ("agent.json", "deploy.json"):
        (folder / name).write_bytes(octets)
    assert isinstance(load_agent_state(folder), AgentState)
    assert isinstance(load_deploy_state(folder), DeployState | None)


NONE_AT_ALL = [b"[]", b"null", b"[" * 100_000]
ONE_ODD_MEMBER = [
    (AgentState(next_try=AT), b"Z", b""),
    (AgentState(exit_code=ExitCode.REFUSED), b'"exit": 3', b'"exit": 77'),
    (AgentState(informed_serial="0a"), b'"0a"', b"10"),
    (AgentState(hint=RenewalInfoState(AT, AT.replace(day=3))), b'"2027-05-02T11:03:00Z"', b'"soon"'),
    (AgentState(codes=("PKI090",)), b'["PKI090"]', b'"PKI090"'),
]


@pytest.mark.parametrize("octets", NONE_AT_ALL)
def test_what_cannot_be_is_nothing(octets, tmp_path):
    (tmp_path / "agent.json").write_bytes(octets)
    assert load_agent_state(tmp_path) == NOTHING


@pytest.mark.parametrize(("known", "old", "new"), ONE_ODD_MEMBER)
def test_an_odd_member_makes_the_whole_file_damaged(known, old, new, tmp_path):
    octets = saved(tmp_path, replace(known, serial="0b", failures=4))
    assert damaged_files(tmp_path) == ()
    (tmp_path / "agent.json").write_bytes(octets.replace(old, new))
    assert load_agent_state(tmp_path) is NOTHING
    assert damaged_files(tmp_path) == ("agent.json",)


def test_an_odd_member_of_a_deployment_makes_its_file_damaged(tmp_path):
    (tmp_path / "deploy.json").write_bytes(b'{"serial": "0a", "tries": 3, "next": "soon"}')
    assert load_deploy_state(tmp_path) is None
    assert damaged_files(tmp_path) == ("deploy.json",)


def test_a_file_of_another_certificate_says_nothing_about_this_one():
    known = AgentState("0a", failures=4)
    assert known.for_serial("0a") is known
    assert known.for_serial("0b") == AgentState("0b")


def test_a_store_that_cannot_be_written_costs_only_the_knowledge(tmp_path):
    save_agent_state(tmp_path / "not there", AgentState("0a", 1))
    assert load_agent_state(tmp_path / "not there") == NOTHING


def test_the_file_is_private_and_there_is_nothing_beside_it(tmp_path):
    save_agent_state(tmp_path, AgentState("0a", 1))
    save_agent_state(tmp_path, AgentState("0a", 2))
    assert [one.name for one in tmp_path.iterdir()] == ["agent.json"]
    assert (tmp_path / "agent.json").stat().st_mode & 0o777 == 0o600
    assert load_agent_state(tmp_path).failures == 2


def test_status_reads_what_a_pass_writes(tmp_path):
    hint = RenewalInfoState(AT, AT.replace(day=3), "why")
    save_agent_state(tmp_path, AgentState("0a", 2, AT, ("PKI090",), ExitCode.AGAIN, "0a", hint, AT))
    known = load_agent_state(tmp_path)
    assert (known.failures, known.next_try, known.codes, known.informed_serial) == (2, AT, ("PKI090",), "0a")
    assert (known.hint.start, known.hint.end, known.hint.explanation, known.ask_again) == (
        hint.start, hint.end, "why", AT,
    )  # fmt: skip
