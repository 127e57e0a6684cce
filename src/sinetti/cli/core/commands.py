"""Commands as typed functions.

A function's parameters are the arguments of its command, its docstring is the help, and what it returns is printed:

    @accounts.command("clerk@authority.example")
    def deactivate(run: AuthorityRun, *, email: str = argument("EMAIL", "e-mail address for signing in")) -> str:
        \"\"\"Close an account and end its sessions.\"\"\"

docs/contributors/commands.md has the rules.
"""

import argparse
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ParamSpec, Self, TypeVar, get_args, get_origin

from sinetti.cli.core import argparse_i18n
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block, OutputTable, Paragraph, Row
from sinetti.cli.core.invocation import print_note, print_value
from sinetti.cli.core.output import print_error, show
from sinetti.client.results import ExitCode
from sinetti.infra.clock import format_instant

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Spec:
    """One argument of a command: the default of a parameter of its function.

    `terms` are those of `add_argument`. Options with the same word in `either` exclude each other, and one of them is
    required unless `default` is given. Options with the same `heading` stand below it in the help.
    """

    help: str
    terms: Mapping[str, Any]
    name: str = ""
    either: str = ""
    heading: str = ""
    is_positional: bool = False

    def add_to(self, parser: argparse.ArgumentParser, name: str, kind: object) -> None:
        """Add the argument of a parameter to a parser; `kind` is the parameter's type."""
        terms: dict[str, Any] = {"help": self.help, **self.terms}
        inner, is_needed = inner_type(kind)
        if get_origin(inner) is list:
            (inner,) = get_args(inner)
            terms = terms if "nargs" in terms else {"action": "append", "default": [], **terms}
        if isinstance(inner, type) and issubclass(inner, Enum):
            terms.setdefault("choices", [enum.value for enum in inner])
        elif inner in {Path, int, float}:
            terms.setdefault("type", inner)
        if self.is_positional:
            parser.add_argument(name, **terms)
            return
        if is_needed and terms.keys().isdisjoint({"action", "default"}) and not self.either:
            terms["required"] = True
        parser.add_argument(self.name or f"--{name.strip('_').replace('_', '-')}", dest=name, **terms)

    def value(self, parsed: argparse.Namespace, name: str, kind: object) -> object:
        """Return the argument of a parameter; of a choice, the member of the enum."""
        given, (inner, _) = getattr(parsed, name), inner_type(kind)
        if get_origin(inner) is list:
            (inner,) = get_args(inner)
        if given is None or not (isinstance(inner, type) and issubclass(inner, Enum)):
            return given
        return [inner(one) for one in given] if isinstance(given, list) else inner(given)


def argument(metavar: str, text: str, **terms: object) -> Any:  # noqa: ANN401 - stands for the value
    """Return the default of a parameter that is an argument without a name."""
    return Spec(text, {"metavar": metavar, **terms}, is_positional=True)


def option(
    metavar: str | None, text: str, *, name: str = "", either: str = "", heading: str = "", **terms: object
) -> Any:  # noqa: ANN401 - as above
    """Return the default of a parameter that is an option.

    It is required unless its type has None, is a list, or `default` is given.
    """
    return Spec(text, ({"metavar": metavar} if metavar else {}) | terms, name, either, heading)


def flag(text: str, *, name: str = "", either: str = "", heading: str = "", **terms: object) -> Any:  # noqa: ANN401
    """Return the default of a parameter that is an option without a value."""
    return Spec(text, {"action": "store_true", **terms}, name, either, heading)


@dataclass(frozen=True)
class Options:
    """Context that consists of options; its fields are declared as parameters are.

    It is for options that several commands share, and for commands with more than a function may have parameters.
    """

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options to a parser."""
        for parameter in inspect.signature(cls).parameters.values():
            parameter.default.add_to(parser, parameter.name, parameter.annotation)

    @classmethod
    @contextmanager
    def opened(cls, parsed: argparse.Namespace) -> Iterator[Self]:
        """Yield the options that were given."""
        given = inspect.signature(cls).parameters.values()
        yield cls(
            **{
                parameter.name: parameter.default.value(parsed, parameter.name, parameter.annotation)
                for parameter in given
            }
        )


@dataclass(frozen=True, slots=True)
class Output:
    """Result of a command: a value for programs, the same for people, exit code."""

    value: object
    shown: str | Sequence[Block]
    code: int = 0
    note: str = ""
    """Lines at standard error, after both."""
    error: str = ""
    """As `note`, with --quiet too."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of a command: JSON objects for programs, a table for people.

    Rows are mappings, or objects whose attributes have the names of `columns`. Columns in `fold` may be wrapped on a
    terminal. `nothing` stands in the place of an empty table.
    """

    rows: Iterable[Any]
    columns: Sequence[str]
    nothing: str
    fold: Collection[str] = ()

    def output(self) -> Output:
        """Return the rows as both."""
        rows = [row if isinstance(row, Mapping) else _row(row, self.columns) for row in self.rows]
        return Output(rows, table_of(self.columns, rows, self.fold, nothing=self.nothing))


def table_of(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], fold: Collection[str] = (), *, nothing: str
) -> Sequence[Block]:
    """Return rows as a table, or the text `nothing` without rows.

    An absent value is a dash. Columns in `fold` may be wrapped on a terminal.
    """
    lines = [Row(tuple(_cell(row[column]) for column in columns)) for row in rows]
    foldable = frozenset(number for number, column in enumerate(columns) if column in fold)
    return (OutputTable(tuple(columns), lines, fold=foldable),) if lines else (Paragraph(nothing),)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _row(item: object, columns: Sequence[str]) -> dict[str, object]:
    values = ((column, getattr(item, column)) for column in columns)
    return {
        text: format_instant(value)
        if isinstance(value, datetime)
        else value.value
        if isinstance(value, Enum)
        else value
        for text, value in values
    }


def print_output(output: Output, *, as_json: bool) -> None:
    """Print a value for programs, or the same as blocks or a text for people."""
    if not as_json:
        show((Paragraph(output.shown),) if isinstance(output.shown, str) else output.shown)
        return
    print_value(output.value)


class CommandGroup:
    """Commands below one word, such as `sinetti authority account`.

    Without a `summary` they stand beside the other commands of the word. `guard` calls the function of a command, and
    turns its errors into sentences and exit codes. `ending` is added to examples that do not begin with `sinetti`.
    """

    def __init__(
        self,
        words: str,
        summary: str = "",
        *,
        guard: Callable[[Callable[[argparse.Namespace], int], argparse.Namespace], int],
        example: str = "",
        epilog: str = "",
        ending: str = "",
    ) -> None:
        """Make a group without commands."""
        self.words, self.summary, self.guard, self.ending = words, summary, guard, ending
        self.example, self.epilog = example, epilog
        self.parts: list[Callable[[Commands], object]] = []

    def command(
        self, example: str = "", *, name: str = "", summary: str = "", description: str = "", also: Sequence[Spec] = ()
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Return a decorator that adds a function as a command.

        The command has the function's name, unless `name` is given, and the first line of its docstring as the help,
        unless `summary` is given. `description` stands above its arguments in the place of the help. `also` are options
        that its context reads, and not the function.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            words = name or function.__name__.strip("_").replace("_", "-")
            title = summary or (function.__doc__ or "").partition("\n")[0].removesuffix(".")

            def add(commands: Commands) -> None:
                parser = argparse_i18n.add_command(
                    commands, words, f"{title[0].lower()}{title[1:]}", self._example(words, example)
                )
                parser.description = description or parser.description
                signature = inspect.signature(function)
                _add_arguments(parser, signature, also)
                parser.set_defaults(
                    run=lambda parsed: self.guard(lambda given: _run(function, signature, given), parsed)
                )

            self.parts.append(add)
            return function

        return decorate

    def group(self, name: str, summary: str, example: str) -> "CommandGroup":
        """Add a group of commands to this one, and return it."""
        below = CommandGroup(
            f"{self.words} {name}", summary, guard=self.guard, example=example, epilog=self.epilog, ending=self.ending
        )
        self.parts.append(below.register)
        return below

    def register(self, commands: Commands) -> None:
        """Add the commands to a parser."""
        if self.summary:
            parser = commands.add_parser(
                self.words.rpartition(" ")[2],
                help=self.summary,
                description=f"{self.summary[0].upper()}{self.summary[1:]}.",
                epilog=f"example:\n  {self._example('', self.example)}\n\n{self.epilog}",
            )
            commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for add in self.parts:
            add(commands)

    def _example(self, name: str, rest: str) -> str:
        words = (self.words, name, rest, self.ending)
        return rest if rest.startswith("sinetti") else " ".join(filter(None, words))


JSON = flag("print the result as JSON", name="--json")
DEBUG = flag("show the stack trace of an internal error", name="--debug")


def _add_arguments(parser: argparse.ArgumentParser, signature: inspect.Signature, also: Sequence[Spec]) -> None:
    """Add the arguments of a function to the parser of its command."""
    groups: dict[str, Any] = {"": parser}
    for parameter in signature.parameters.values():
        if _is_spec(parameter):
            parameter.default.add_to(_place_of(parameter.default, groups), parameter.name, parameter.annotation)
        else:
            parameter.annotation.add_options(parser)
    for spec in also:
        spec.add_to(parser, spec.name.removeprefix("--").replace("-", "_"), str | None)
    if signature.return_annotation in {Listing, Output} and not any(spec.name == "--json" for spec in also):
        JSON.add_to(parser, "json", bool)


def _place_of(spec: Spec, groups: dict[str, Any]) -> Any:  # noqa: ANN401 - parsers and groups of argparse
    """Return the parser or group of an option; the first option makes its groups."""
    if spec.heading not in groups:
        groups[spec.heading] = groups[""].add_argument_group(spec.heading)
    if spec.either not in groups:
        groups[spec.either] = groups[spec.heading].add_mutually_exclusive_group(required="default" not in spec.terms)
    return groups[spec.either or spec.heading]


def _run(function: Callable[..., object], signature: inspect.Signature, parsed: argparse.Namespace) -> int:
    """Call the function of a command, close its contexts, and print what it returned."""
    with ExitStack() as stack:
        parameters = signature.parameters.values()
        given = {
            parameter.name: parameter.default.value(parsed, parameter.name, parameter.annotation)
            for parameter in parameters
            if _is_spec(parameter)
        }
        contexts = {
            parameter.name: stack.enter_context(parameter.annotation.opened(parsed))
            for parameter in parameters
            if not _is_spec(parameter)
        }
        result = function(**contexts, **given)
    if isinstance(result, Listing):
        result = result.output()
    if isinstance(result, Output):
        print_output(result, as_json=getattr(parsed, "json", False))
        if result.note:
            print_note(result.note)
        if result.error:
            print_error(result.error)
        return result.code
    if isinstance(result, str):
        print_note(result)
    return result if isinstance(result, int) else ExitCode.DONE


def _is_spec(parameter: inspect.Parameter) -> bool:
    return isinstance(parameter.default, Spec)


def inner_type(kind: object) -> tuple[Any, bool]:
    """Return a type without None, and True if it was without."""
    if get_origin(kind) is not UnionType:
        return kind, True
    (inner,) = (arg for arg in get_args(kind) if arg is not NoneType)
    return inner, False
