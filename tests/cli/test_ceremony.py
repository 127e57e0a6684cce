"""Commands of ceremonies: what they print, refuse, and read from a terminal or a pipe."""

import io
import sys
import tomllib

import pytest

from sinetti.ca.ceremony.shares import Share
from sinetti.ca.ceremony.words import digest_words, word_of
from sinetti.ca.hierarchy_config import with_policy_arc
from sinetti.cli.authority import import_signed
from sinetti.cli.ceremony import desk, group
from sinetti.cli.main import main
from sinetti.domain.values import Environment
from sinetti.pki.encoding import load_certificate
from sinetti.pki.policy_oids import find_arc
from tests.support.ceremonies import NOW, QUICK, URL, ScriptedDesk, plan_text
from tests.support.officers import ARC, founders
from tests.support.registers import all_connections_closed

SHEET = Share("AB", "A", "runori", bytes(32)).line
PHRASE = "a pass-phrase of the online keys"


@pytest.fixture
def at(tmp_path, capsys, monkeypatch):
    """Return a runner of commands whose prompts a desk answers, at an instant."""
    (tmp_path / "carried").mkdir()
    (tmp_path / "hierarchy.toml").write_text(QUICK)
    (tmp_path / "phrase").write_text(PHRASE)
    (tmp_path / "phrase").chmod(0o600)
    script = ScriptedDesk(tmp_path / "carried")
    monkeypatch.setattr(group, "TerminalDesk", lambda: script)
    monkeypatch.setattr(group, "utc_now", lambda: NOW)

    def command(*words):
        code = main([str(word) for word in words])
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    command.desk, command.folder = script, tmp_path
    with all_connections_closed():
        yield command


@pytest.fixture
def typed(monkeypatch):
    """Return a function that puts lines into standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def found(at, monkeypatch, *more):
    """Begin a founding, and return the words that it printed."""
    monkeypatch.setattr("sinetti.cli.authority.init.utc_now", lambda: NOW)
    folder = at.folder
    code, _, err = at(
        *("authority", "init", "--dir", folder / "authority", "--environment", "TEST", "--base-url", URL),
        *("--soap-url", "https://soap.example", "--hierarchy", folder / "hierarchy.toml"),
        *("--passphrase-file", folder / "phrase", *more),
        *("--request-set", folder / "carried" / "request-set.json"),
    )
    assert code == 0, err
    return " ".join(digest_words((folder / "carried" / "request-set.json").read_bytes())), err


def run_words(at, *more):
    return (
        "ceremony",
        "run",
        at.folder / "plan.toml",
        "--medium",
        at.folder / "medium",
        "--exchange",
        at.folder / "carried",
        *more,
    )


def test_a_founding_by_commands(at, monkeypatch, typed):
    words, said = found(at, monkeypatch, *founders())
    assert words in said
    assert found(at, monkeypatch, *founders())[0] == words
    root = at.folder / "authority"
    code, _, err = at("authority", "serve", "--dir", root)
    assert (code, "awaits its certificates" in err) == (5, True)
    (at.folder / "plan.toml").write_text(plan_text(hierarchy=with_policy_arc(QUICK, Environment.TEST, ARC)))
    at.desk.words = words
    assert at(*run_words(at))[0] == 0
    result = at.folder / "carried" / "result-set.json"
    monkeypatch.setattr(import_signed, "utc_now", lambda: NOW)
    taken = ("authority", "import-signed", result, "--dir", root, "--passphrase-file", at.folder / "phrase")
    for text, why in (("", "were not typed"), ("\n", "0 words"), (f"{words}\n", "swapped")):
        typed(text)
        code, _, err = at(*taken)
        assert code == 3, err
        assert why in err
    typed(" ".join(digest_words(result.read_bytes())) + "\n")
    code, _, err = at(*taken)
    assert code == 0, err
    assert "Authority created" in err
    services = load_certificate((root / "ca" / "ServicesTestIssuingCAv1.cer").read_bytes())
    assert find_arc([services]) == ARC
    code, _, err = at(*taken)
    assert (code, "no request" in err) == (2, True)
    code, out, err = at("ceremony", "verify", at.folder / "carried" / "transcript.json", "--lang", "sv")
    assert code == 0, err
    assert out.startswith("Protokoll över en nyckelceremoni")
    (at.folder / "carried" / "WITNESS.sig").unlink()
    code, _, err = at("ceremony", "verify", at.folder / "carried" / "transcript.json")
    assert (code, "WITNESS.sig is missing" in err) == (3, True)


def test_requests_of_an_authority_that_exists(at, monkeypatch, typed):
    words, _ = found(at, monkeypatch, *founders())
    (at.folder / "plan.toml").write_text(plan_text(hierarchy=with_policy_arc(QUICK, Environment.TEST, ARC)))
    at.desk.words = words
    at(*run_words(at))
    result = at.folder / "carried" / "result-set.json"
    typed(" ".join(digest_words(result.read_bytes())) + "\n")
    root = at.folder / "authority"
    monkeypatch.setattr(import_signed, "utc_now", lambda: NOW)
    assert at("authority", "import-signed", result, "--dir", root, "--passphrase-file", at.folder / "phrase")[0] == 0
    for command in (("publish",), ("officer", "recover")):
        path = at.folder / f"{command[0]}.json"
        code, _, err = at("authority", *command, "--dir", root, "--request-set", path)
        assert code == 0, err
        assert " ".join(digest_words(path.read_bytes())) in err
        code, _, err = at("authority", *command, "--dir", root, "--request-set", at.folder / "no" / "folder")
        assert (code, "cannot be written" in err) == (2, True)
    for words in ((), ("--request-set", at.folder / "a", "--offline-dir", at.folder / "b")):
        code, _, err = at("authority", "publish", "--dir", root, *words)
        assert (code, "name either --request-set" in err) == (2, True)


def test_a_rehearsal_by_command(at):
    (at.folder / "plan.toml").write_text(plan_text(hierarchy=QUICK))

    class Reader(ScriptedDesk):
        def show(self, text):
            super().show(text)
            if not self.words and len(text.split()) == 10:
                self.words = text

    script = Reader(at.folder / "carried" / "rehearsal")
    at.desk.show, at.desk.ask = script.show, script.ask
    code, _, err = at(*run_words(at, "--rehearse"))
    assert code == 0, err
    assert "Destroy the sheets" in err
    assert not (at.folder / "medium").exists()


def test_errors_are_one_sentence_with_their_exit_code(at):
    plan = at.folder / "plan.toml"
    plan.write_text("x")
    code, _, err = at(*run_words(at))
    assert (code, "not valid TOML" in err) == (3, True)
    plan.write_text(plan_text(hierarchy=QUICK))
    cases = [
        (3, "cannot be read", run_words(at)),
        (2, "is not a folder", (*run_words(at)[:-1], at.folder / "nowhere")),
        (2, "--base-url is missing", ("ceremony", "plan", "--kind", "founding", "--environment", "TEST")),
        (2, "--request-set is missing", ("ceremony", "plan", "--kind", "certify", "--environment", "TEST")),
        (3, "not a transcript", ("ceremony", "verify", plan)),
    ]
    for code, why, words in cases:
        ended, out, err = at(*words)
        assert (ended, out) == (code, ""), err
        assert why in err.splitlines()[-1]


def test_an_interruption_and_a_medium_that_is_damaged(at, monkeypatch):
    words, _ = found(at, monkeypatch)
    (at.folder / "plan.toml").write_text(plan_text(hierarchy=with_policy_arc(QUICK, Environment.TEST, ARC)))
    at.desk.words, at.desk.answers = words, {"sheet AB A back": EOFError}
    code, _, err = at(*run_words(at))
    assert (code, "the same command continues it" in err) == (4, True)
    at.desk.answers = {"Press Enter": EOFError}
    assert at(*run_words(at))[0] == 4
    medium = at.folder / "medium"
    for path in medium.glob("*.pem"):
        path.write_bytes(b"")
    (at.folder / "carried" / "ceremony-so-far.json").unlink()
    (at.folder / "carried" / "transcript.json").unlink()
    at.desk.answers = {}
    code, _, err = at(*run_words(at))
    assert (code, "is damaged" in err) == (5, True)


def test_plans_are_printed_for_each_kind(at):
    for kind in ("lists", "officers"):
        code, out, _ = at("ceremony", "plan", "--kind", kind, "--environment", "PRODUCTION")
        assert code == 0
        assert f'kind = "{kind}"' in out
    founding = ("ceremony", "plan", "--kind", "founding", "--environment", "PRODUCTION", "--base-url", URL)
    code, out, err = at(*founding)
    assert (code, out) == (3, "")
    assert "policy_arc: this key is missing; write an OID of your own, or give --policy-arc" in err
    code, out, _ = at(*founding, "--policy-arc", ARC)
    assert code == 0
    assert tomllib.loads(out)["hierarchy"]["policy_arc"] == ARC
    code, out, _ = at(
        *("ceremony", "plan", "--kind", "founding", "--environment", "TEST", "--base-url", URL),
        *("--hierarchy", at.folder / "hierarchy.toml"),
    )
    assert code == 0
    assert out.count("[[hierarchy.authorities]]") == 5


SHEETS = {
    "intact": (SHEET, 0, "AB A of the medium runori is as it was written"),
    "a wrong word of the list": (f"{SHEET.rpartition(' ')[0]} {word_of(9)}", 3, "is wrong, although"),
    "no word of the list": (f"{SHEET.rpartition(' ')[0]} kalala", 3, "“kalala” is not in the list"),
    "nothing": (None, 4, "no sheet was typed"),
}


@pytest.mark.parametrize(("text", "code", "why"), SHEETS.values(), ids=SHEETS)
def test_a_sheet_is_verified_and_not_shown(text, code, why, capsys, typed):
    typed("" if text is None else f"{text}\n")
    ended, (out, err) = main(["ceremony", "shares", "verify"]), capsys.readouterr()
    assert (ended, out) == (code, "")
    assert why in err
    assert " ".join(SHEET.split()[3:5]) not in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_hides_shares_and_is_cleared(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("seen\n"))
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(desk, "getpass", lambda prompt: f"hidden after {prompt}")
    terminal = desk.TerminalDesk()
    assert terminal.ask("share: ", is_secret=True) == "hidden after share: "
    assert terminal.ask("word: ") == "seen\n"
    terminal.clear()
    assert "\x1b[2J\x1b[3J" in sys.stdout.getvalue()
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(EOFError):
        terminal.ask("share: ")
    terminal.clear()
    assert sys.stdout.getvalue() == ""


def test_options_that_exclude_each_other(at, monkeypatch):
    with pytest.raises(AssertionError, match="exclude each other"):
        found(at, monkeypatch, "--offline-dir", at.folder / "vault")


def test_the_founding_on_one_machine_warns_in_production(at):
    code, _, err = at(
        *("authority", "init", "--dir", at.folder / "authority", "--environment", "PRODUCTION", "--base-url", URL),
        *("--soap-url", "https://soap.example", "--passphrase-file", at.folder / "phrase", *founders()),
    )
    assert code == 0, err
    assert "Warning: the root key was made on this machine" in err
