"""Help and errors of the parser, in the language of the user."""

import argparse
import re

import pytest

from sinetti.cli import main
from sinetti.cli.completion_scripts import all_commands
from sinetti.cli.core import argparse_i18n
from sinetti.client.messages import messages
from sinetti.domain.values import Language
from sinetti.i18n import translate
from tests.support import tools

TEXTS = tools.script("texts")
OTHERS = [one for one in Language if one is not Language.EN]
SAID = {
    "an option that is not there": (["status", "--nope"], "unrecognized arguments: %s"),
    "a command that is not there": (["stauts"], "argument %(argument_name)s: %(message)s"),
    "nothing at all": ([], "the following arguments are required: %s"),
    "no value": (["status", "--store"], "expected one argument"),
    "a choice that is none": (["completion", "tcsh"], "argument %(argument_name)s: %(message)s"),
    "an abbreviation of two": (["status", "--de"], "ambiguous option: %(option)s could match %(matches)s"),
    "a value for a flag": (["status", "--json=1"], "ignored explicit argument %r"),
}


@pytest.fixture
def said(capsys):
    """Return a function that runs a command line.

    The function returns its exit code and all its output.
    """

    def run(*arguments):
        code = main.main([str(one) for one in arguments])
        return code, "".join(capsys.readouterr())

    return run


def start(message_id, language):
    """Return the beginning of a text, up to its first value."""
    return re.split(r"%\(?\w", translate.translate_raw(message_id, language))[0]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("words", [[], ["status"], ["run"], ["enrol"], ["demo-fleet"]])
def test_help_is_in_the_reader_s_language(said, language, words):
    code, help_ = said(*words, "--lang", language, "--help")
    assert code == 0
    for message_id in ("usage: ", "options", "show this help message and exit"):
        assert translate.translate_raw(message_id, language) in help_
        assert message_id not in help_


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_of_the_client_s_help_is_left_in_english(language):
    wanted = TEXTS.helps()
    with argparse_i18n.argparse_language(language):
        parser = main.build_parser()
        argparse_i18n.translate_parser(parser, language)
    left, parsers = [], [parser]
    while parsers:
        one = parsers.pop()
        left += [
            text
            for text in argparse_i18n.texts_of(one)
            if text in wanted and translate.translate_raw(text, language) != text
        ]
        parsers += argparse_i18n._below(one)
    assert not left


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("why", SAID)
def test_what_is_wrong_is_said_in_the_reader_s_language(said, language, why):
    words, message_id = SAID[why]
    code, told = said("--lang", language, *words)
    assert code == 2
    assert start("usage: ", language) in told
    assert start(message_id, language) in told.split("\n", 1)[1]
    assert "error:" not in told


def test_a_misspelt_option_is_reported_with_the_usage_of_its_command(said):
    code, told = said("status", "--chek")
    assert code == 2
    assert told.startswith("usage: sinetti status ")
    assert told.endswith("sinetti status: error: unrecognized arguments: --chek – Did you mean “--check”?\n")
    assert "Menade du ”--check”?" in said("--lang", "sv", "status", "--chek")[1]


def test_of_two_that_exclude_each_other():
    with argparse_i18n.argparse_language(Language.FI):
        parser = argparse.ArgumentParser(exit_on_error=False)
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument("--one", action="store_true")
        group.add_argument("--two", action="store_true")
        with pytest.raises(argparse.ArgumentError) as bad:
            parser.parse_args(["--one", "--two"])
        assert start("not allowed with argument %s", Language.FI) in str(bad.value)


@pytest.mark.parametrize("language", OTHERS)
def test_a_value_that_is_wrong_is_said_in_it_too(said, language):
    _, told = said("renew", "--store", "s", "--all", "--wait", "-1", "--lang", language)
    assert translate.translate(messages.BAD_SECONDS, language, text=-1, most=86400) in told


def test_argparse_speaks_english_again_afterwards(said, capsys):
    said("--lang", "fi", "--help")
    with pytest.raises(SystemExit):
        main.build_parser().parse_args(["--help"])
    assert capsys.readouterr().out.startswith("usage: sinetti")


@pytest.mark.parametrize("before", [["--lang", "fi"], ["--lang=fi"]])
def test_the_language_may_stand_before_the_command(said, before, tmp_path):
    behind = said("status", "--store", tmp_path / "none", *before)
    assert said(*before, "status", "--store", tmp_path / "none") == behind
    assert "none" in behind[1]


def test_the_language_may_stand_before_a_group(said):
    code, told = said("--lang", "sv", "gateway", "check", "--nope")
    assert code == 2
    assert "--lang" not in told.rsplit("\n", 2)[-2]


@pytest.mark.parametrize("words", [["authority", "status", "--dir"], ["gateway", "serve", "--settings"]])
def test_before_a_command_without_a_language_it_changes_nothing(said, words, tmp_path):
    plain = said(*words, tmp_path / "none")
    assert said("--lang", "fi", *words, tmp_path / "none") == plain
    assert "none" in plain[1]


@pytest.mark.parametrize(
    "arguments", [["--lang"], ["--lang", "fi"], ["--lang", "xx", "status"], ["--lang", "xx", "authority"], ["--lang="]]
)
def test_a_language_alone_is_no_command(said, arguments):
    code, told = said(*arguments)
    assert code == 2
    assert "sinetti" in told


def test_lines_to_type_are_the_same_in_every_language():
    for language in OTHERS:
        for message_id in TEXTS.helps():
            lines = [line for line in message_id.splitlines() if line.startswith("  ")]
            translated = [
                line for line in translate.translate_raw(message_id, language).splitlines() if line.startswith("  ")
            ]
            assert translated == lines, language


def test_no_line_of_a_help_is_wider_than_the_others():
    for language in Language:
        for message_id in TEXTS.helps():
            if "\n" in message_id:
                assert all(len(line) <= 120 for line in translate.translate_raw(message_id, language).splitlines()), (
                    message_id
                )


def test_completion_says_what_words_are_for_in_the_reader_s_language(said):
    _, told = said("completion", "fish", "--lang", "fi")
    helps = {text for command in all_commands() for text in command.below.values()} & TEXTS.helps().keys()
    assert len(helps) > 10
    assert not [one for one in helps if one in told]
