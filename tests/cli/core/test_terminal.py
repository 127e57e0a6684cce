"""Layout of output: every width, colours, and plain lines in a pipe."""

import io
import os
import subprocess
import sys
from collections import Counter

import pytest

from sinetti.cli.core import output, terminal
from sinetti.cli.core.blocks import Heading, Literal, OutputTable, Paragraph, Record, Row, Screen, Tone, columns_of
from sinetti.client.messages import adoption_messages, document_messages, messages
from sinetti.domain.values import Language
from tests.cli import output_samples
from tests.support import golden

TABLE = OutputTable(
    ("Name", "Organisation", "State", "Valid until (Finnish time)", "Days left"),
    (
        Row(("q" * 64, "b" * 20 + " " + "x" * 50, "d e " * 20 + "f", "2032-09-13 11:00", "59"), "z " * 90, Tone.BAD),
        Row(("h", "i", "j", "–", "-3"), tone=Tone.GOOD),
    ),
    advice="Advice",
    right=frozenset({4}),
    fold=frozenset({0, 1, 2}),
    toned=2,
)
BLOCKS = {
    "a table": (TABLE,),
    "paragraphs": (Paragraph("word " * 60), Paragraph("x" * 300, is_apart=True), Paragraph("z " * 40, indent=4)),
    "a record": (Record("q" * 70, (("Name", "x" * 200), ("Other name", "y " * 90)), "z " * 30),),
    "a heading and lines": (Heading("q" * 90), Literal(("x" * 150, " " * 140 + "z"))),
}


@pytest.mark.parametrize("width", [60, 61, 79, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_no_line_is_wider_than_the_screen_and_nothing_is_cut(blocks, width):
    text = terminal.render(blocks, Screen(width))
    assert all(columns_of(line) <= width for line in text.splitlines())
    assert not any(line.endswith(" ") for line in text.splitlines())
    shown, given = Counter(text), Counter(terminal.render(blocks, None))
    assert [shown[sign] for sign in "qxz"] == [given[sign] for sign in "qxz"]


def test_a_pipe_has_one_line_for_each_row_with_the_advice_last():
    head, first, second = terminal.render((TABLE,), None).splitlines()
    assert head.startswith(f"{'Name':64}  {'Organisation':71}  ")
    assert head.endswith("Valid until (Finnish time)  Days left  Advice")
    assert first.endswith("z z")
    assert second.split() == ["h", "i", "j", "–", "-3"]


def test_a_table_becomes_records_where_its_columns_do_not_fit():
    lines = terminal.render((TABLE,), Screen(60)).splitlines()
    assert (lines[0], lines[1], lines[2].split()[0]) == ("q" * 60, "qqqq", "Organisation")
    assert "Valid until" not in "\n".join(lines[lines.index("h") :]), "an absent value is left out"


def test_wide_characters_take_two_columns():
    rows = (Row(("日本", "x")), Row(("e\N{COMBINING ACUTE ACCENT}", "y")))
    assert (
        terminal.render((OutputTable((), rows),), None).splitlines()[1].startswith("e\N{COMBINING ACUTE ACCENT}     y")
    )
    assert terminal.render((OutputTable((), rows),), Screen(60)).splitlines()[0] == "日本  x"


def test_a_mark_stays_below_wide_characters():
    lines = terminal.render((Literal(("日" * 50, " " * 80 + "^")),), Screen(60)).splitlines()
    assert lines == ["日" * 30, "日" * 20, " " * 20 + "^"]


def test_a_foreign_value_neither_controls_the_terminal_nor_adds_lines_in_a_pipe():
    blocks = (OutputTable(("Name",), (Row(("a\n\x1b[31m\u202eb",)),)), Record("t", (("k", "v\n[bold]\r\u2028w"),)))
    assert terminal.render(blocks, None).splitlines() == ["Name", "a  [31m<U+202E>b", "t", "  k  v [bold]  w"]
    shown = terminal.render(blocks, Screen(60))
    assert not {"\x1b", "\u202e", "\r", "\u2028"} & set(shown)
    assert "[bold]" in shown


def test_a_colour_is_never_the_only_sign():
    coloured = terminal.render((TABLE,), Screen(200, "standard"))
    assert "\x1b[32mj" in coloured
    plain = terminal.render((TABLE,), Screen(200))
    assert "\x1b" not in plain
    without = "".join(part.partition("m")[2] if number else part for number, part in enumerate(coloured.split("\x1b[")))
    assert [line.rstrip() for line in without.splitlines()] == plain.splitlines()


class Stream(io.StringIO):
    def __init__(self, *, is_terminal=True):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


SCREENS = {
    "a pipe": ({}, False, None),
    "a terminal": ({"COLUMNS": "100"}, True, Screen(100, "256")),
    "narrower than is used": ({"COLUMNS": "20"}, True, Screen(60, "256")),
    "wider than is used": ({"COLUMNS": "500"}, True, Screen(200, "256")),
    "without colours": ({"COLUMNS": "80", "NO_COLOR": "1"}, True, Screen(80)),
    "that cannot show colours": ({"COLUMNS": "80", "TERM": "dumb"}, True, Screen(80)),
    "a pipe treated as a terminal": ({"COLUMNS": "80", "FORCE_COLOR": "1"}, False, Screen(80, "256")),
    "forced and without colours": ({"COLUMNS": "80", "FORCE_COLOR": "1", "NO_COLOR": "1"}, False, Screen(80)),
}


@pytest.mark.parametrize(("environment", "is_terminal", "screen"), SCREENS.values(), ids=SCREENS)
def test_the_environment_sets_width_and_colours(environment, is_terminal, screen, monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    assert terminal.screen_of(Stream(is_terminal=is_terminal)) == screen


def test_a_closed_stream_is_no_terminal():
    stream = Stream()
    stream.close()
    assert (terminal.screen_of(stream), terminal.screen_of(None)) == (None, None)


def test_a_message_is_a_paragraph_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stderr", Stream())
    output.print_error("word " * 20)
    assert sys.stderr.getvalue() == f"{('word ' * 12).strip()}\n{('word ' * 8).strip()}\n"


@pytest.mark.parametrize(("is_terminal", "printed"), [(True, "for people\n"), (False, "for programs\n")])
def test_a_pipe_may_have_other_blocks_than_a_terminal(is_terminal, printed, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Stream(is_terminal=is_terminal))
    output.show((Paragraph("for people"),), in_pipe=(Paragraph("for programs"),))
    assert sys.stdout.getvalue() == printed


def test_the_samples_are_current():
    golden.check("outputs", dict(output_samples.files()))


def test_every_line_of_the_samples_fits():
    for name, text in golden.read("outputs").items():
        width = None
        for line in text.splitlines():
            if line.startswith("=== "):
                width = None if line == "=== pipe" else int(line.split()[1])
            assert width is None or columns_of(line) <= width, f"{name}: {line}"


def test_every_message_of_the_client_fits_the_narrowest_terminal():
    found = [
        one
        for module in (messages, document_messages, adoption_messages)
        for name, one in vars(module).items()
        if name.isupper() and (isinstance(one, str) or (isinstance(one, tuple) and len(one) == 2))
    ]
    assert len(found) > 200
    for language in Language:
        text = terminal.render(output_samples.paragraphs(*found)(language), Screen(60))
        assert max(map(columns_of, text.splitlines())) <= 60


QUIET = {
    "the version": ["--version"],
    "JSON": ["status", "--store", "STORE", "--json"],
    "a table in a pipe": ["status", "--store", "STORE"],
    "an error in a pipe": ["renew", "--store", "STORE"],
}


@pytest.mark.parametrize("words", QUIET.values(), ids=QUIET)
def test_rich_is_loaded_only_for_a_terminal(words, tmp_path):
    arguments = [str(tmp_path) if word == "STORE" else word for word in words]
    program = (
        f"import sys; sys.argv = ['sinetti', *{arguments!r}]; from sinetti.cli.entry import main; main();"
        "sys.exit(any(name.partition('.')[0] == 'rich' for name in sys.modules) * 99)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_the_version_takes_less_than_a_fifth_of_a_second():
    taken = []
    for _ in range(5):
        before = os.times()
        subprocess.run([sys.executable, "-m", "sinetti", "--version"], capture_output=True, check=True, timeout=120)
        after = os.times()
        taken.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(taken) < 0.2, taken
