"""Export of the log from a register: every range that it has verifies without the register."""

from dataclasses import replace

import pytest

from sinetti.database.common import audit_log
from sinetti.database.evidence import log_tree
from sinetti.services.evidence import read_log
from sinetti.services.evidence.export_log import LogRangeError, export_lines, first_at
from sinetti.wire.transparency.export import verify_export
from tests.support.log_mutations import LATER
from tests.support.logs import AUDIT, LOG_KEY, logging, sequenced, write_rows


@pytest.fixture
def written(scene):
    """Return the database of a log, and the number of its entries."""
    write_rows(scene.db, 7)
    sequenced(logging(scene.ctx))
    return scene.db, log_tree.head_size(scene.db)


def test_ranges_verify(written):
    db, size = written
    for start, end in ((None, None), (3, None), (None, size - 2), (2, 5), (size, size)):
        report = verify_export(export_lines(db, start, end), LOG_KEY.verifier, read_log.head(db))
        assert (report.start, report.end, report.absent) == (start or 0, size if end is None else end, ())
        assert sum(report.kinds.values()) == report.end - report.start


def test_a_range_that_the_log_lacks(written):
    db, size = written
    for start, end in ((-1, None), (None, size + 1), (size + 1, None), (5, 4)):
        with pytest.raises(LogRangeError, match=f"from 0 to {size}:"):
            list(export_lines(db, start, end))


def test_a_log_that_has_not_begun(scene):
    assert first_at(scene.db, AUDIT.at) == 0
    with pytest.raises(LogRangeError, match="from 0 to 0"):
        list(export_lines(scene.db, None, None))


def test_the_range_from_an_instant_on(scene):
    ctx = logging(scene.ctx)
    write_rows(ctx.db, 3)
    sequenced(ctx)
    size = log_tree.head_size(ctx.db)
    assert first_at(ctx.db, AUDIT.at) == 0
    assert first_at(ctx.db, LATER) == size
    audit_log.write(ctx.db, replace(AUDIT, at=LATER), "looked", "person:1")
    sequenced(ctx)
    assert first_at(ctx.db, LATER) == size < log_tree.head_size(ctx.db)
