"""Conventions of every command: options anywhere, help, variables, quiet and verbose, errors in JSON, - as a file."""

import getpass
import io
import json
import logging
import sys
from types import SimpleNamespace

import pytest

from sinetti.cli import main
from sinetti.cli.core import global_options, invocation, verbose_log
from sinetti.cli.core.console import Console
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.requests import operations
from sinetti.domain.values import Language
from sinetti.i18n.translate import translate
from sinetti.infra import environment
from tests.support import authority, golden

NOW = "2027-05-02T11:03:00Z"


def about(message):
    """Return a message about a name."""
    return make_message(messages.ABOUT_NAME, name="payroll", message=message)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in (environment.STORE, environment.CONFIG, environment.NOW):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def said(capsys):
    """Return a function that runs a command line and returns exit code, output and errors."""

    def run(*arguments):
        code = main.main([str(one) for one in arguments])
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    return run


MOVED = {
    "before the command": ("--json --store d status", "status --json --store d"),
    "after it": ("status --json --store d", "status --json --store d"),
    "on both sides": ("-q renew x -v", "renew -q x -v"),
    "with =": ("--store=d --now=n renew --all", "renew --store=d --now=n --all"),
    "before a group": ("--json gateway check --anchors a c", "gateway check --json --anchors a c"),
    "within a group": ("authority --json clock -q show", "authority clock show --json -q"),
    "a language that the command has": ("--lang fi gateway check c", "gateway check --lang fi c"),
    "a language that it lacks": ("--lang fi authority status", "--lang fi authority status"),
    "no command": ("--json --lang fi", "--json --lang fi"),
    "no such command": ("--json stauts", "--json stauts"),
    "a value like a command": ("--store status renew --all", "renew --store status --all"),
    "help of the program": ("--help status", "--help status"),
    "flags together": ("-qv renew x", "renew -qv x"),
    "shortened": ("--js --sto=d --conf f status", "status --json --store=d --config f"),
    "shortened, and more than one": ("--ver status", "--ver status"),
}


@pytest.mark.parametrize(("typed", "parsed"), MOVED.values(), ids=MOVED)
def test_global_options_move_behind_the_command(typed, parsed):
    words = typed.split()
    parser = main.build_parser(*global_options.command_words(words))
    assert global_options.reorder(parser, words) == parsed.split()


@pytest.mark.parametrize("command", ["status", "gateway check", "authority status", "testbench code", "completion"])
def test_every_command_has_quiet_and_verbose(command, said):
    code, out, _ = said("help", *command.split(), "--lang", "en")
    assert code == 0
    assert global_options.QUIET_HELP.split()[0] in out
    assert {"--quiet", "--verbose"} <= set(out.replace(",", " ").split())


HELPS = {
    "of the program": ([], "usage: sinetti [-h]"),
    "of a command": (["renew"], "usage: sinetti renew"),
    "of a command in a group": (["authority", "init"], "usage: sinetti authority init"),
    "of help": (["help"], "usage: sinetti help"),
}


@pytest.mark.parametrize(("words", "begins"), HELPS.values(), ids=HELPS)
def test_help(words, begins, said):
    code, out, err = said("--lang", "en", "help", *words)
    assert (code, err) == (0, "")
    assert out.startswith(begins)
    assert said(*words, "--help", "--lang", "en")[1] == out or words[:1] == ["authority"]


def test_help_of_no_command(said):
    code, out, err = said("help", "stauts")
    assert (code, out) == (2, "")
    assert "stauts" in err


def test_help_in_the_reader_s_language(said):
    assert translate("usage: ", Language.FI) in said("help", "renew", "--lang", "fi")[1]


@pytest.mark.parametrize("words", [[], ["status"], ["authority", "init"], ["demo-fleet"]])
def test_help_lists_the_variables_or_leads_to_them(words, said):
    out = said("help")[1]
    assert all(name in out for name in (environment.STORE, environment.CONFIG, environment.NOW))
    assert said("help", *words)[0] == 0


FAILURES = {
    "a usage error of the parser": (["status", "--nope", "--json"], 2, "usage", "unrecognized arguments: --nope"),
    "an option before the command": (["--json", "stauts"], 2, "usage", "'stauts'"),
    "no store": (["status", "--store", "/nowhere", "--json"], 2, "usage", "There is no store in /nowhere"),
    "an instant that is none": (["verify", "x", "--trust-holders", "x", "--now", "x", "--json"], 2, "usage", "“x”"),
    "an authority that is not there": (["authority", "status", "--dir", "/nowhere", "--json"], 2, "usage", "/nowhere"),
    "a file of the gateway": (
        ["gateway", "check", "--anchors", "/nowhere", "--json", "/x"],
        2,
        "usage",
        "/x cannot be",
    ),
}


@pytest.mark.parametrize(("words", "code", "name", "text"), FAILURES.values(), ids=FAILURES)
def test_failures_in_json(words, code, name, text, said):
    ended, out, err = said(*words, "--lang", "en") if words[0] not in {"authority", "--json"} else said(*words)
    assert ended == code
    assert out.endswith("}\n")
    (error,) = json.loads(out).values()
    assert list(error) == ["code", "message"]
    assert error["code"] == name
    assert text in error["message"]
    assert error["message"] in err
    assert said(*(word for word in words if word != "--json"))[1] == ""


def test_after_a_double_dash_nothing_is_an_option(said):
    assert said("log", "--store", "/nowhere", "--", "--json")[1] == ""


def test_internal_errors_in_json(shell, monkeypatch):
    shell.enrol()
    monkeypatch.setattr(operations, "renew", lambda *_a, **_k: 1 / 0)
    code, out, err = shell.run("renew", "payroll", "--store", shell.store, "--json")
    assert (code, json.loads(out)["error"]["code"], "Traceback" in err) == (1, "internal", False)


def test_a_document_is_followed_by_no_second_one(shell, monkeypatch):
    shell.enrol()
    code, out, _ = shell.run("log", "payroll", "--store", shell.store, "--json")
    assert (code, json.loads(out)["name"]) == (0, "payroll")


def test_quiet_leaves_out_what_went_well_and_keeps_errors_and_results(shell):
    assert shell.enrol("-q") == (0, "", "")
    assert shell.run("-q", "renew", "--all", "--store", shell.store) == (0, "", "")
    assert "payroll" in shell.run("-q", "status", "--store", shell.store)[1]
    assert "no name other" in shell.run("--quiet", "log", "other", "--store", shell.store)[2]


DETAILS = {
    "a note": (make_message(messages.DOCTOR_WELL), ""),
    "a note about a name": (about(make_message(messages.DOCTOR_WELL)), ""),
    "an error about a name": (about(make_message(messages.STATE_REFUSED)), "payroll: "),
}


@pytest.mark.parametrize(("message", "printed"), DETAILS.values(), ids=DETAILS)
def test_quiet_looks_at_the_message_behind_a_name(message, printed, monkeypatch, capsys):
    monkeypatch.setattr(invocation.CURRENT, "is_quiet", True)
    Console(Language.EN).tell(message)
    err = capsys.readouterr().err
    assert (err.startswith(printed), bool(err)) == (True, bool(printed))


def test_verbose_tells_requests_and_times_but_no_secret(shell):
    code, out, err = shell.enrol("-v")
    assert (code, out) == (0, "")
    assert f"sinetti: POST {shell.double.url}: HTTP 200, " in err
    assert "sinetti: exit code 0 after " in err
    assert (shell.folder / "password").read_text().strip() not in err
    assert "POST" not in shell.run("renew", "payroll", "--force", "--store", shell.store)[2]


def test_verbose_tells_of_a_request_without_an_answer(shell):
    _, _, err = shell.enrol("-v", service="http://127.0.0.1:1/2017/10/CertificateServices")
    assert "sinetti: POST http://127.0.0.1:1/2017/10/CertificateServices: no answer after " in err


def test_the_store_of_the_variable(shell, monkeypatch, tmp_path):
    shell.enrol()
    monkeypatch.setenv(environment.STORE, str(shell.store))
    assert "payroll" in shell.run("status")[1]
    assert "/nowhere" in shell.run("status", "--store", "/nowhere")[2], "an option beats its variable"
    config = tmp_path / "sinetti.toml"
    config.write_text('store = "another"\n')
    assert str(tmp_path / "another") in shell.run("status", "--config", config)[2], "so does a file that is named"
    monkeypatch.setenv(environment.CONFIG, str(config))
    assert "payroll" in shell.run("status")[1], "but a variable beats the file of another"


def test_the_time_of_the_variable(shell, monkeypatch):
    shell.enrol()
    shell.double.now = authority.NOW
    monkeypatch.setenv(environment.NOW, NOW)
    _, out, err = shell.run("status", "--store", shell.store)
    assert err.startswith("Warning: SINETTI_NOW sets the time to 2 May 2027 at 14:03 (Finnish time)")
    assert "payroll" in out
    given = shell.run("status", "--store", shell.store, "--now", "2027-05-03T11:03:00Z")[2]
    assert given.startswith("Warning: --now 3 May 2027")
    path = shell.store / "payroll" / "settings.toml"
    path.write_text(path.read_text().replace('"TEST"', '"PRODUCTION"'))
    code, _, err = shell.run("renew", "payroll", "--store", shell.store)
    assert (code, "SINETTI_NOW must not be set" in err) == (2, True)
    monkeypatch.setenv(environment.NOW, "")
    assert "SINETTI_NOW" not in shell.run("status", "--store", shell.store)[2]


@pytest.fixture
def typed(monkeypatch):
    """Return a function that puts octets into standard input."""
    return lambda octets: monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(octets), isatty=lambda: False)
    )


def test_a_dash_is_standard_input_and_output(shell, typed):
    shell.enrol()
    holders = shell.folder / "holders.pem"
    typed(b"<report/>")
    code, sealed, _ = shell.run("sign", "-", "--store", shell.store, "--name", "payroll", "--out", "-")
    assert code == 0
    for words in (
        ["verify", "-", "--trust-holders", holders, "--out", "-"],
        ["explain", "-", "--anchors", holders],
        ["gateway", "verify", "-", "--anchors", holders, "--out", "-"],
    ):
        typed(sealed.encode())
        code, out, err = shell.run(*words)
        assert (code, "report" in out or words[0] == "explain") == (0, True), err
    typed((shell.store / "payroll" / "live" / "certificate.pem").read_bytes())
    assert json.loads(shell.run("gateway", "check", "-", "--anchors", holders, "--json")[1])["verdict"] == "accepted"
    typed(holders.read_bytes())
    assert shell.run("verify", holders, "--trust-holders", "-")[0] == 2, "the document is no XML, and the CAs are read"


def test_adopt_takes_a_key_from_standard_input(shell, typed):
    shell.enrol()
    live = shell.store / "payroll" / "live"
    service = [
        "--service",
        shell.double.url,
        "--environment",
        "TEST",
        "--trust-services",
        shell.folder / "services.pem",
    ]
    words = [
        "adopt",
        "copy",
        "--key",
        "-",
        "--certificate",
        live / "certificate.pem",
        "--store",
        shell.folder / "new",
        *service,
    ]
    typed((live / "key.pem").read_bytes())
    code, _, err = shell.run(*words, "--trust-holders", shell.folder / "holders.pem")
    assert code == 0, err
    typed(b"")
    code, _, err = shell.run("adopt", "copy", "--jks", "-", "--store", shell.store, *service)
    assert (code, "from standard input" in err) == (2, True)


TWICE = {
    "two files": ["verify", "-", "--trust-holders", "-"],
    "a document and its receipt": ["receipt", "-", "-", "--trust-services", "SERVICES"],
}


@pytest.mark.parametrize("words", TWICE.values(), ids=TWICE)
def test_standard_input_is_one_file(words, shell, typed):
    typed((shell.folder / "services.pem").read_bytes())
    code, _, err = shell.run(*(shell.folder / "services.pem" if one == "SERVICES" else one for one in words))
    assert code == 2
    golden.check("sentences/client/standard-input-is-one-file", {"en.txt": err})


NOT_TO_OUTPUT = {
    "the key of a gateway": ["gateway", "key", "--out", "-"],
    "a backup": ["authority", "backup", "--dir", "/nowhere", "--out", "-"],
}


@pytest.mark.parametrize("words", NOT_TO_OUTPUT.values(), ids=NOT_TO_OUTPUT)
def test_what_never_goes_to_standard_output(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = said(*words)
    assert (code, out, "not written to standard output" in err) == (2, "", True)
    assert not list(tmp_path.iterdir())


def test_a_delivery_from_standard_input_needs_a_place_for_its_receipt(shell, typed):
    typed(b"<report/>")
    words = ["deliver", "payroll", "-", "--store", shell.store, "--to", "https://receiver.example/deliveries"]
    code, _, err = shell.run(*words)
    assert (code, "--receipt" in err) == (2, True)


LEVELS = {
    "as usual": ([], logging.INFO, logging.INFO),
    "quiet": (["-q"], logging.WARNING, logging.WARNING),
    "verbose": (["-v"], logging.DEBUG, logging.INFO),
}


@pytest.mark.parametrize(("words", "ours", "requests"), LEVELS.values(), ids=LEVELS)
def test_the_log_of_a_service_is_quiet_or_verbose_too(words, ours, requests, monkeypatch):
    for name in ("sinetti", "sinetti.access", "sinetti.infra.http_client"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.INFO)
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    monkeypatch.setattr(logging.getLogger("sinetti"), "level", logging.NOTSET)
    logging.getLogger().manager._clear_cache()
    invocation.begin(words)
    verbose_log.set_level()
    try:
        assert logging.getLogger("sinetti.services").getEffectiveLevel() == ours
        assert logging.getLogger("sinetti.access").getEffectiveLevel() == requests
    finally:
        invocation.begin([])
        logging.getLogger().manager._clear_cache()


SHORTENED = {
    "JSON": (["status", "--jso"], "as_json"),
    "JSON before the command": (["--js", "status"], "as_json"),
    "flags together": (["-vq", "status"], "is_quiet"),
    "flags together behind the command": (["status", "-qv"], "is_verbose"),
    "quiet": (["status", "--qui"], "is_quiet"),
    "verbose": (["status", "--verb"], "is_verbose"),
}


@pytest.mark.parametrize(("words", "option"), SHORTENED.values(), ids=SHORTENED)
def test_a_shortened_option_counts(words, option, said):
    code, out, _ = said(*words, "--sto", "/nowhere")
    assert (code, getattr(invocation.CURRENT, option)) == (2, True)
    assert (out != "") is (option == "as_json")


def test_a_shortened_option_counts_in_an_error_of_the_parser(said):
    assert json.loads(said("status", "--jso", "--nope")[1])["error"]["code"] == "usage"


def test_quiet_leaves_out_notes_about_one_of_all_names(shell):
    shell.enrol()
    assert shell.run("renew", "--all", "--force", "-q", "--store", shell.store) == (0, "", "")


def test_a_reason_has_its_values(shell, tmp_path):
    """A line number, for example, is not printed as a placeholder."""
    document = tmp_path / "empty"
    document.write_bytes(b"")
    err = shell.run("verify", document, "--trust-holders", shell.folder / "holders.pem")[2]
    assert "not well-formed in line 1." in err


UNSAFE = {
    "an option": ["status", "--\x1b[31m"],
    "a settings file": ["gateway", "fetch", "--settings", "\x1b[31m\u202e"],
    "a folder of an authority": ["authority", "status", "--dir", "\x1b[31m\u202e"],
}


@pytest.mark.parametrize("words", UNSAFE.values(), ids=UNSAFE)
def test_an_argument_never_controls_the_terminal(words, said, monkeypatch):
    for colours in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", colours)
        monkeypatch.setenv("NO_COLOR", "1")
        code, _, err = said(*words)
        assert (code, "[31m" in err) == (2, True)
        assert not {"\x1b", "\u202e"} & set(err)


def test_an_interrupt_before_the_command_is_in_json_too(said, monkeypatch):
    def interrupted(*_words):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "build_parser", interrupted)
    code, out, _ = said("status", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (130, "interrupted")


def test_a_terminal_does_not_show_a_password(shell, monkeypatch):
    prompts = []

    def type_it(prompt):
        prompts.append(prompt)
        return (shell.folder / "password").read_text().strip()

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(getpass, "getpass", type_it)
    code, out, err = shell.enrol("--transfer-password-file", "-", "--lang", "fi")
    assert (code, out, prompts) == (0, "", ["Salasana: "]), err
