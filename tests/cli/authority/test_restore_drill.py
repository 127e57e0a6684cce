"""`sinetti authority restore-drill`: its options, and its result."""

import json

from tests.support import golden


def test_a_drill_says_how_long_it_took_and_what_was_missing(sqlite_operator, tmp_path):
    operator = sqlite_operator
    operator.found()
    operator.does("backup", "--out", tmp_path / "register")
    scratch = f"sqlite:///{tmp_path / 'scratch'}"
    drill = ("restore-drill", "--backup", tmp_path / "register", "--scratch-database")
    said = operator.does(*drill, scratch)
    assert "The backup has 0 certificates; its newest act is of " in said
    assert "It lacked facts of 0 certificates, 0 lists, 0 of the log's entries." in said
    result = json.loads(operator.does(*drill, scratch, "--json"))
    assert result["missing"] == result["log_entries"] == 0
    assert result["newest_at"].endswith("Z")
    assert not (tmp_path / "scratch").exists()
    operator.refused(2, *drill, f"sqlite:///{operator.root / 'register.sqlite3'}")
    refused = operator.refused(2, *drill, "postgresql://drill:secret@localhost/drill")
    assert "?passfile=PATH" in refused
    assert "secret" not in refused
    for other in ("mysql://localhost/drill", "drill", ""):
        operator.refused(2, *drill, other)
    golden.check("sentences/restore-drill/a-drill-says-how-long-it-took-and-what-was-missing", operator.said())
