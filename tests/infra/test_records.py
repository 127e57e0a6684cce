"""Decoding of foreign files: it succeeds or raises ValueError, nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.client.config import loader
from sinetti.client.config.errors import ConfigError
from sinetti.client.messages import messages
from sinetti.domain.values import Language
from sinetti.infra import records


@given(st.binary() | st.sampled_from([b"[" * 100_000, b'{"":' * 100_000]))
def test_json(octets):
    try:
        records.json_of(octets)
    except ValueError:
        return


@pytest.mark.parametrize(
    "text", [None, 7, "", "2027-01-01", "2027-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_instant(text):
    with pytest.raises(ValueError, match=r".|^$"):
        records.instant_of(text)


def test_an_instant_comes_as_utc():
    assert records.instant_of("2027-01-01T02:00:00+02:00") == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("value", "count"), [(3, 3), (-3, 0), (float("inf"), 0), ("3", 0), (None, 0)])
def test_a_number_of_tries(value, count):
    assert records.count_of(value) == count


def test_a_name_in_sinetti_toml_steers_no_terminal(tmp_path):
    path = tmp_path / "sinetti.toml"
    path.write_text('[certificates."\\u001b[2J\\u202e\\r\\nsecond"]\ncustomer_id = "0123456-7"\n')
    with pytest.raises(ConfigError) as told:
        loader.read(path)
    assert messages.render(told.value.message, Language.EN).isprintable()


def test_no_value_of_a_message_steers_a_terminal():
    told = messages.make_message("{a} and {b}", a="\x1b[2J", b=messages.make_message("{c}", c="first\nsecond"))
    assert messages.render(told, Language.EN) == "[2J and first second"
