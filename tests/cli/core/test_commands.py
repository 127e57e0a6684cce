"""Commands as typed functions: arguments, output and exit code of a declaration."""

import argparse
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import pytest

from sinetti.authority.data_directory import FolderError
from sinetti.cli.authority.common import AuthorityRun
from sinetti.cli.core.argparse_i18n import Parser
from sinetti.cli.core.commands import CommandGroup, Listing, Output, argument, flag, option


class Colour(StrEnum):
    RED = "red"


class Context:
    """Context that writes down when it was opened and closed."""

    events: list = []  # noqa: RUF012 - emptied by the fixture

    @staticmethod
    def add_options(parser):
        parser.add_argument("--dir", required=True)

    @classmethod
    @contextmanager
    def opened(cls, _parsed):
        cls.events.append("opened")
        yield cls()
        cls.events.append("closed")


@pytest.fixture
def group():
    Context.events.clear()
    return CommandGroup("sinetti x", guard=lambda run, parsed: run(parsed))


def ran(group, *words):
    parser = Parser(prog="sinetti")
    group.register(parser.add_subparsers(required=True))
    parsed = parser.parse_args([str(word) for word in words])
    return parsed.run(parsed)


def test_arguments_have_the_types_of_the_parameters(group):
    given = {}

    @group.command()
    def paint(
        *,
        colour: Colour = option(None, "colour"),
        sizes: list[int] = option("N", "sizes", name="--size"),
        out: Path | None = option("FILE", "file"),
        is_dry: bool = flag("no paint", name="--dry"),
        wall: str = argument("WALL", "wall"),
    ) -> None:
        """Paint a wall."""
        given.update(colour=colour, sizes=sizes, out=out, is_dry=is_dry, wall=wall)

    assert ran(group, "paint", "--colour", "red", "--size", 1, "--size", 2, "north") == 0
    assert given == {"colour": Colour.RED, "sizes": [1, 2], "out": None, "is_dry": False, "wall": "north"}
    for words in (("paint", "north"), ("paint", "--colour", "blue", "north"), ("paint", "--colour", "red")):
        with pytest.raises(SystemExit) as refused:
            ran(group, *words)
        assert refused.value.code == 2


@pytest.mark.parametrize("words", [("--all",), ("--one", "a")])
def test_one_of_several(group, words):
    @group.command()
    def pick(
        *, all_: bool = flag("all", either="what"), one: str | None = option("NAME", "one", either="what")
    ) -> None:
        """Pick."""
        assert all_ is (one is None)

    assert ran(group, "pick", *words) == 0
    for wrong in ((), ("--all", "--one", "a")):
        with pytest.raises(SystemExit) as refused:
            ran(group, "pick", *wrong)
        assert refused.value.code == 2


def test_a_result_is_printed_after_its_context_is_closed(group, capsys):
    @group.command()
    def show(run: Context) -> Listing:
        """Show rows."""
        return Listing([{"name": "a", "is_on": True, "at": None}], ("name", "is_on", "at"), "Nothing.")

    @group.command()
    def count(run: Context) -> Output:
        """Count."""
        assert Context.events[-1] == "opened"
        return Output({"name": "\x9b2J"}, "one", 3, note="a note")

    assert ran(group, "show", "--dir", "x") == 0
    assert Context.events == ["opened", "closed"]
    table = capsys.readouterr().out
    assert table.split()[-3:] == ["a", "yes", "-"]
    assert ran(group, "show", "--dir", "x", "--json") == 0
    assert capsys.readouterr().out == '[{"name": "a", "is_on": true, "at": null}]\n'
    assert ran(group, "count", "--dir", "x", "--json") == 3
    # A control character reaches no terminal.
    assert capsys.readouterr() == ('{"name": "\\u009b2J"}\n', "a note\n")


def test_the_authority_is_opened_at_its_first_use_and_at_once_in_a_block(tmp_path):
    """`keys separate` opens it as the service's user, and reads other files as root meanwhile."""
    parsed = argparse.Namespace(dir=tmp_path / "none")
    with AuthorityRun.opened(parsed) as run:
        assert run.folder.root == tmp_path / "none"
        with pytest.raises(FolderError):
            _ = run.authority
        with pytest.raises(FolderError), run.opened_with(None):
            pytest.fail("the block began without an authority")
