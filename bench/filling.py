"""Helpers of benchmarks with a full database.

They write rows by SQL in parts, and run a command that measures.
"""

import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from django.db import connections, transaction

from bench.clusters import PostgresMissing
from sinetti.database import models
from sinetti.database.connection import Database

_CHUNK = 20_000
TYPE = "bench"
"""Type of all certificates that are written."""


class TableFigure(Protocol):
    """A figure of a table."""

    @property
    def missed(self) -> bool:
        """True if the figure is worse than its limit."""

    def row(self) -> str:
        """Return the figure as a row of the table."""


def run(parser: ArgumentParser, head: str, measure: Callable[[Namespace], Sequence[TableFigure]]) -> int:
    """Parse the arguments, measure, and print the table.

    Returns 1 if a figure is worse than its limit, and 0 without PostgreSQL.
    """
    parser.add_argument("--certificates", type=int, default=1_000_000, help="in the register (default: %(default)s)")
    parsed = parser.parse_args()
    logging.disable(logging.INFO)
    try:
        figures = measure(parsed)
    except PostgresMissing as missing:
        print(f"skipped: {missing}", file=sys.stderr)
        return 0
    print("\n".join((head, *(one.row() for one in figures))))
    return int(any(one.missed for one in figures))


def add_authority(db: Database, name: str, now: datetime) -> None:
    """Write an issuing CA without certificates, and the type of its certificates."""
    using = db.alias
    models.CertificateAuthority.objects.using(using).create(
        name=name, common_name=name, role="issuing", certificate=b"", sha256="0" * 64, key_id="0" * 64,
        state="issuing", signs_from=now, signs_until=now,
    )  # fmt: skip
    models.CertificateType.objects.using(using).create(
        type_id=TYPE, purpose="data-provider", channel="WS", authority_id=name
    )


def write(db: Database, statements: str, count: int, values: Mapping[str, Any], **names: str) -> None:
    """Run these statements for the numbers `i` below a count, in parts.

    {numbers} stands for the rows of one part.
    """
    using = db.alias
    for start in range(0, count, _CHUNK):
        numbers = f"generate_series({start}, {min(start + _CHUNK, count) - 1}) AS n(i)"
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys need no check
            for statement in statements.split(";"):
                cursor.execute(statement.format(numbers=numbers, **names), values)


def settle(db: Database) -> None:
    """Let the database update its statistics, as it does by itself in time."""
    with connections[db.alias].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
