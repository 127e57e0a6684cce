"""`authority drill`: begin, list, report, and refusals."""

import json
import stat

import pytest

from tests.cli.authority.test_call_early import stocked
from tests.cli.authority.test_notices import settle
from tests.support.mail_servers import mail_server

__all__ = ["stocked"]

WORDS = ("drill", "--every-certificate", "--reason", "yearly <drill>")
NOTHING = "The drill has reached nothing: no message was delivered, and no certificate signed a renewal."


def test_looked_at_begun_listed_and_reported(stocked, tmp_path):
    operator, serials = stocked
    shown = json.loads(operator.does(*WORDS, "--dry-run", "--json"))
    assert (shown["result"], shown["count"], shown["reached"]["email"]) == ("dry-run", 2, 2)
    assert operator.does(*WORDS, "--dry-run").startswith("Of 2 certificates: 0 by program, 2 by e-mail")
    assert operator.does("drill", "list") == "There was no drill.\n"

    code, out, err = operator.run(*WORDS, "--to", "holders", "--out", tmp_path / "reports", "--json")
    begun = json.loads(out)
    assert (code, begun["audience"], begun["certificates"]["count"], begun["certificates"]["reached"]) == (
        3, "holders", 2, 0,
    )  # fmt: skip
    assert f"drill report {begun['drill']}" in err
    assert "notices.toml is missing, so no message leaves" in err
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
    code, out, _ = operator.run("drill", "report", begun["drill"])
    lines = out.splitlines()
    assert (code, NOTHING in lines) == (3, True)
    assert "Certificates reached: 0 of 2 (0.0 %); half: not yet, nine tenths: not yet." in lines
    assert "Messages: 0 sent, 0 waiting, 0 failed." in lines


def test_a_drill_that_sends_nothing_says_so(stocked):
    operator, _ = stocked
    code, out, _ = operator.run(*WORDS)
    lines = out.splitlines()
    assert (code, NOTHING in lines) == (3, True)
    assert "Expected reach of a call: 0 by program, 2 by e-mail, 0 by SMS, 0 by telephone only." in lines
    assert "Certificates reached: 0 of 2 (0.0 %); half: not yet, nine tenths: not yet." in lines
    assert not any("confirmed" in line for line in lines)


def test_a_drill_with_a_delivered_message_reached_its_certificates(stocked):
    operator, _ = stocked
    with mail_server() as server:
        settle(operator, server)
        begun = json.loads(operator.does(*WORDS, "--to", "holders", "--json"))
        operator.does("notices", "plan")
        operator.does("notices", "send")
    lines = operator.does("drill", "report", begun["drill"]).splitlines()
    assert NOTHING not in lines
    assert any(line.startswith("Certificates reached: 2 of 2 (100.0 %)") for line in lines)


REFUSED = {
    "no selection": (("drill", "--reason", "x"), "select the certificates to be called"),
    "no reason": (("drill", "--every-certificate"), "--reason is missing"),
    "a report of nothing": (("drill", "report"), "report needs the ID of a drill"),
    "an unknown drill": (("drill", "report", "x"), "no drill has this ID"),
    "a list with a choice": (("drill", "list", "--every-certificate"), "list cannot be combined with a selection"),
    "no certificates": (
        ("drill", "--every-certificate", "--reason", "x"),
        "has no certificate that a call may include",
    ),
}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """Return the place of the one authority that refuses all of these commands."""
    return tmp_path_factory.mktemp("refusing") / "authority"


@pytest.mark.parametrize(("words", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(sqlite_operator, refusing, words, sentence):
    sqlite_operator.root = refusing
    if not refusing.exists():
        sqlite_operator.found()
    assert sentence in sqlite_operator.refused(2, *words)
