"""All commands: examples that work, shell completion, and correct manual pages."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from sinetti.cli.completion_scripts import all_commands
from sinetti.cli.main import ALIASES, SERVER, build_parser, main
from tests.house.tree import ROOT
from tests.support import golden, manual_pages

COMMANDS = {" ".join(one.words): one for one in all_commands()}
LEAVES = {name: one for name, one in COMMANDS.items() if not one.below}


def examples(one):
    """Return the lines of an example that a user could type."""
    whole = re.sub(r"\\\n *", "", one.parser.epilog or "")
    lines = (
        re.sub(r"^ +(?:AuthorizedKeysCommand )?(?:/\S*/)?(?=sinetti )", "", line)
        for line in whole.splitlines()
        if line[:1] == " "
    )
    return [line.strip() for line in lines if line.startswith("sinetti ")]


def test_all_commands_are_walked():
    assert {"enrol", "status", "log", "doctor", "revoke", "gateway check", "gateway ssh-keys"} <= COMMANDS.keys()
    assert {"testbench serve", "authority init", "authority journal verify"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", LEAVES)
def test_each_command_has_an_example_that_the_parser_takes(name):
    found = examples(LEAVES[name])
    assert found, "an example"
    words = ALIASES.get(name, name).split()
    assert any(line.split()[1:][: len(words)] == words for line in found)
    for line in found:
        given = shlex.split(re.split(r" (?:\||>) |  +\(", line)[0])[1:]
        build_parser(*given[:2]).parse_args(given)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_is_for(name):
    assert COMMANDS[name].parser.description
    assert all(COMMANDS[name].below.values()), "what each of those below is for"
    assert all(one.help for one in COMMANDS[name].actions)


def test_the_manual_pages_are_true():
    golden.check("manuals", manual_pages.pages())


def test_each_command_stands_in_a_manual_page():
    pages = manual_pages.pages()
    for name, one in COMMANDS.items():
        if name and name not in ALIASES:
            page = pages[f"sinetti-{one.words[0]}.1"]
            for action in one.actions:
                for option in action.option_strings:
                    assert option.replace("-", "\\-") in page, (name, option)


@pytest.mark.parametrize("program", [("mandoc", "-Tlint", "-Wwarning"), ("groff", "-ww", "-z", "-man", "-K", "utf8")])
def test_others_render_the_manual_pages_without_a_warning(program):
    if shutil.which(program[0]) is None:
        pytest.skip(f"no {program[0]} here")
    for path in sorted((ROOT / "docs" / "man").glob("*.1")):
        done = subprocess.run([*program, str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), path.name


ZSH = """
compdef() { : }
_describe() { print -l -- ${${(@P)2}%%:*} }
compadd() { print -l -- "$@" }
_files() { print -l FILES "$@" }
words=(%s); CURRENT=$#words
source %s
_sinetti
"""
BASH = """
source {file}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_sinetti
printf "%s\\n" "${{COMPREPLY[@]}}"
"""
FISH = "source {file}; complete -C {words}"
ASKED = {
    "the first word": ("sta", {"status"}),
    "an option": ("status --che", {"--check"}),
    "a choice": ("enrol x --key ec", {"ec-p256", "ec-p384"}),
    "below a group": ("authority journal v", {"verify"}),
    "after an option with a value": ("revoke payroll --store d --reason key", {"keyCompromise"}),
    "the gateway": ("gateway ssh", {"ssh-keys"}),
    "an argument with choices": ("completion ba", {"bash"}),
    "a name of the store": ("renew --store kept pay", {"payroll"}),
    "a name to remove": ("remove --store kept pay", {"payroll"}),
    "a name of the store of the variable": ("log vat", {"vat-2026"}),
    "a name of the settings file": ("enrol --config sinetti.toml ben", {"benefits"}),
    "a name as an option": ("sign --store kept report.xml --name pay", {"payroll"}),
    "the help of a command": ("help --lang s", {"sv"}),
}


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Make two stores, a settings file, and a sinetti on the path."""
    for name in ("kept/payroll", "other/vat-2026"):
        (tmp_path / name / "live").mkdir(parents=True)
        (tmp_path / name / "settings.toml").touch()
    (tmp_path / "sinetti.toml").write_text('store = "kept"\n[certificates.benefits]\ncustomer_id = "0123456-7"\n')
    (tmp_path / "sinetti").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sinetti "$@"\n')
    (tmp_path / "sinetti").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SINETTI_STORE", str(tmp_path / "other"))
    monkeypatch.delenv("SINETTI_CONFIG", raising=False)


def completed(shell, file, typed):
    """Return the completions of a shell after these words.

    The last word is incomplete.
    """
    words = ["sinetti", *typed.split()]
    match shell:
        case "bash":
            program = BASH.format(file=file, words=shlex.join(words))
        case "zsh":
            program = ZSH % (shlex.join(words), file)
        case _:
            program = FISH.format(file=file, words=shlex.quote(" ".join(words)))
    done = subprocess.run([shell, "-c", program], capture_output=True, text=True, check=True, cwd=file.parent)
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.long
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.usefixtures("stores")
def test_shells_complete(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    file = tmp_path / "completion"
    made = subprocess.run([sys.executable, "-m", "sinetti", "completion", shell], capture_output=True, check=True)
    file.write_bytes(made.stdout)
    for why, (typed, wanted) in ASKED.items():
        offered = completed(shell, file, typed)
        begun = {word for word in offered if word.startswith(typed.split()[-1])}
        # fish does not get the choices of an argument, and offers files there.
        assert begun == wanted or (shell == "fish" and why == "an argument with choices"), why


NAMES = {
    "in a store": ["renew", "--store", "kept", ""],
    "as bash breaks it": ["renew", "--store", "=", "kept"],
    "with =": ["renew", "--store=kept"],
    "in quotation marks": ["renew", "--store", '"kept"'],
}


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("words", NAMES.values(), ids=NAMES)
def test_names_of_a_store(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["completion", "--names", *words]) == 0
    assert capsys.readouterr().out == "payroll\n"


NO_NAMES = {
    "a store that is not there": ["renew", "--store", "none"],
    "a file that is none": ["renew", "--config", "none.toml"],
    "a quotation mark that is open": ["renew", "--store", '"kept'],
}


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("words", NO_NAMES.values(), ids=NO_NAMES)
def test_where_there_are_no_names_nothing_is_said(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["completion", "--names", *words]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_script_is_for_a_shell(capsys):
    assert main(["completion"]) == 2
    assert "bash, zsh or fish" in capsys.readouterr().err


def test_the_server_s_commands_are_there_where_django_is():
    assert {name.split()[0] for name in COMMANDS if name} >= SERVER.keys()


def test_each_manual_page_has_exit_codes_and_the_variables_of_its_options():
    for name, page in manual_pages.pages().items():
        assert ".SH EXIT STATUS\n" in page or "Exit status" in page, name
        if name != "sinetti-testbench.1":
            assert ("\\fBSINETTI_STORE\\fR" in page) is ("\\fB\\-\\-store\\fR" in page), name
