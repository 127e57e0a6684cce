"""Values of statements for waves."""

from datetime import UTC, datetime

import psycopg
import pytest

from sinetti.database import sql

ARRAYS = {
    "text": [
        "plain",
        "",
        None,
        "NULL",
        "a \\ b",
        'a "quoted" word',
        "{a,b}",
        "two\nlines\t",
        " blanks ",
        "Åke – ääkköset 🙂",
    ],
    "bytea": [b"", b"\0\1\xff", None, b"\\x00"],
    "timestamptz": [datetime(2026, 11, 30, 9, 0, 0, 123456, UTC), None, datetime(1, 1, 1, tzinfo=UTC)],
    "bigint": [0, -1, None, 2**62],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_arrives_as_it_was(kind, postgres_url):
    with psycopg.connect(postgres_url) as connection:
        (found,) = connection.execute(f"SELECT %s::{kind}[]", [sql.array_literal(ARRAYS[kind])]).fetchone()
    assert found == ARRAYS[kind]
