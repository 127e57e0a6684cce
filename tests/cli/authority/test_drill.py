"""`authority drill`: begin, list, report, and refusals."""

import json
import re
import stat

from tests.cli.authority.test_call_early import stocked
from tests.cli.authority.test_notices import settle
from tests.support import golden
from tests.support.mail_servers import mail_server

__all__ = ["stocked"]

WORDS = ("drill", "--every-certificate", "--reason", "yearly <drill>")


def test_looked_at_begun_listed_and_reported(stocked, tmp_path):
    operator, serials = stocked
    shown = json.loads(operator.does(*WORDS, "--dry-run", "--json"))
    assert (shown["result"], shown["count"], shown["reached"]["email"]) == ("dry-run", 2, 2)
    operator.says(0, *WORDS, "--dry-run")
    operator.says(0, "drill", "list")

    out, err = operator.says(3, *WORDS, "--to", "holders", "--out", tmp_path / "reports", "--json")
    begun = json.loads(out)
    assert (begun["audience"], begun["certificates"]["count"], begun["certificates"]["reached"]) == ("holders", 2, 0)
    assert f"drill report {begun['drill']}" in err
    assert {one["serial"] for one in begun["unreached"]} == set(serials)
    files = sorted((tmp_path / "reports").iterdir())
    assert [one.suffix for one in files] == [".html", ".json"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert json.loads(files[1].read_text()) == begun
    page = files[0].read_text()
    assert "yearly &lt;drill&gt;" in page
    assert serials[0] in page
    assert "<drill>" not in page

    (row,) = json.loads(operator.does("drill", "list", "--json"))
    assert (row["drill"], row["audience"], row["count"]) == (begun["drill"], "holders", 2)
    operator.says(3, "drill", "report", begun["drill"])
    golden.check("sentences/drill/looked-at-begun-listed-and-reported", operator.said())


def test_a_drill_that_sends_nothing_says_so(stocked):
    operator, _ = stocked
    operator.says(3, *WORDS)
    golden.check("sentences/drill/a-drill-that-sends-nothing", operator.said())


def test_a_drill_with_a_delivered_message_reached_its_certificates(stocked):
    operator, _ = stocked
    with mail_server() as server:
        settle(operator, server)
        begun = json.loads(operator.does(*WORDS, "--to", "holders", "--json"))
        operator.does("notices", "plan")
        operator.does("notices", "send")
    operator.says(0, "drill", "report", begun["drill"])
    # The letter takes a second or two of the machine's clock.
    said = {name: re.sub(r"\b0:00:\d\d\b", "DURATION", text) for name, text in operator.said().items()}
    golden.check("sentences/drill/a-drill-with-a-delivered-message", said)


REFUSED = (
    ("drill", "--reason", "x"),
    ("drill", "--every-certificate"),
    ("drill", "report"),
    ("drill", "report", "x"),
    ("drill", "list", "--every-certificate"),
    ("drill", "--every-certificate", "--reason", "x"),
)


def test_refused(sqlite_operator):
    sqlite_operator.found()
    for words in REFUSED:
        sqlite_operator.refused(2, *words)
    golden.check("sentences/drill/refused", sqlite_operator.said())
