"""All commands that there are, out of the parsers themselves: for completion, manual pages and the tests."""

import argparse
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from sinetti.cli import main
from sinetti.cli.core import argparse_i18n
from sinetti.domain.values import Language


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """One command: its words after `sinetti`, the parser, and which words may come next, with what each is for."""

    words: tuple[str, ...]
    parser: argparse.ArgumentParser
    below: dict[str, str]

    @property
    def actions(self) -> list[argparse.Action]:
        """Its options and arguments, as they were added; --help first."""
        groups = argparse._SubParsersAction  # noqa: SLF001 -- the type has no public name
        return [one for one in self.parser._actions if not isinstance(one, groups)]  # noqa: SLF001 -- nor has the list


def all_commands(language: Language = Language.EN) -> Iterator[CommandInfo]:
    """Give every command, above before below; those of the extra `authority` where it is installed."""
    whole = main.build_parser()
    argparse_i18n.translate_parser(whole, language, places=False)
    yield from _below((), whole, only=frozenset(main.CLIENT) | main.ALIASES.keys())
    if importlib.util.find_spec("django") is not None:
        for name in main.SERVER:
            parser = main.build_parser(name)
            argparse_i18n.translate_parser(parser, language, places=False)
            yield from _below((), parser, only=frozenset({name}), root=False)


def _below(
    words: tuple[str, ...], parser: argparse.ArgumentParser, only: frozenset[str] | None = None, *, root: bool = True
) -> Iterator[CommandInfo]:
    choices: dict[str, argparse.ArgumentParser] = {}
    helps: dict[str, str] = {}
    for group in parser._actions:  # noqa: SLF001 -- as above
        if isinstance(group, argparse._SubParsersAction):  # noqa: SLF001 -- as above
            choices |= group.choices
            told = {one.dest: one.help or "" for one in group._choices_actions}  # noqa: SLF001 -- as above
            helps |= {name: told.get(name, told.get(main.ALIASES.get(name, name), "")) for name in group.choices}
    if root:
        yield CommandInfo(words, parser, helps)
    for name, one in choices.items():
        if only is None or name in only:
            yield from _below((*words, name), one)
