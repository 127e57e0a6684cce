"""Completion scripts for shells, made from the parsers.

shtab does the same for bash, zsh and tcsh, but not for fish, and would have to be installed with the client. A script
needs a table and twenty lines of each shell.

The module also lists all commands, from the parsers themselves. Completion, manual pages and the tests use that list.
"""

import argparse
import importlib.util
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sinetti.cli import main
from sinetti.cli.client import log
from sinetti.cli.core import argparse_i18n
from sinetti.domain.values import Language


@dataclass(frozen=True)
class CommandInfo:
    """One command: its words after `sinetti`, its parser, and its next words.

    Each next word has a description.
    """

    words: tuple[str, ...]
    parser: argparse.ArgumentParser
    below: dict[str, str]

    @property
    def takes_names(self) -> bool:
        """True if an argument of the command is a name of the store."""
        options = {option for action in self.actions for option in action.option_strings}
        return "--store" in options and any(_is_name(action) for action in self.actions if not action.option_strings)

    @property
    def actions(self) -> list[argparse.Action]:
        """Options and arguments of the command in order; --help first."""
        groups = argparse._SubParsersAction  # noqa: SLF001 -- the type has no public name
        return [action for action in self.parser._actions if not isinstance(action, groups)]  # noqa: SLF001 -- nor has the list


def all_commands(language: Language = Language.EN) -> Iterator[CommandInfo]:
    """Yield every command, a group before its commands.

    Commands of the extra `authority` are included where it is installed.
    """
    whole = main.build_parser()
    argparse_i18n.translate_parser(whole, language, places=False)
    for one in _below((), whole, only=frozenset(main.CLIENT) | main.ALIASES.keys()):
        yield one
        if one.words == ("log",):  # its commands have a parser of their own, since it takes a name, too
            parser = main.build_parser("log", log.COMMANDS[0])
            argparse_i18n.translate_parser(parser, language, places=False)
            yield from (
                command for command in _below((), parser, frozenset({"log"}), root=False) if len(command.words) > 1
            )
    if importlib.util.find_spec("django") is not None:
        for name in main.LOADED_WHEN_CALLED:
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
            summaries = {action.dest: action.help or "" for action in group._choices_actions}  # noqa: SLF001 -- as above
            helps |= {
                name: summaries.get(name, summaries.get(main.ALIASES.get(name, name), "")) for name in group.choices
            }
    if root:
        yield CommandInfo(words, parser, helps)
    for name, one in choices.items():
        if only is None or name in only:
            yield from _below((*words, name), one)


def _is_name(action: argparse.Action) -> bool:
    return action.dest in {"name", "names"}


_FOLDERS = frozenset({"DIR"})
"""Metavars of folders; every other value may be a file."""

_BASH = """\
# Completion of sinetti for bash, made by `sinetti completion bash`.
_sinetti() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} at="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at ${{COMP_WORDS[i]}}" in
{paths}
        esac
    done
    case "$at $prev" in
{values}
    esac
    case "$at" in
{words}
    esac
}}
_sinetti_names() {{
    sinetti completion --names "${{COMP_WORDS[@]:1}}" 2> /dev/null
}}
complete -o bashdefault -o default -F _sinetti sinetti"""

_ZSH = """\
#compdef sinetti
# Completion of sinetti for zsh, made by `sinetti completion zsh`.
_sinetti() {{
    local prev=${{words[CURRENT - 1]}} at="" i
    for ((i = 2; i < CURRENT; i++)); do
        case "$at ${{words[i]}}" in
{paths}
        esac
    done
    case "$at $prev" in
{values}
    esac
    local -a found
    case "$at" in
{words}
    esac
    (( $#found )) && _describe command found
    case "$at" in
{names}
    esac
    [[ ${{words[CURRENT]}} == -* ]] || _files
}}
if [[ $funcstack[1] == _sinetti ]]; then _sinetti "$@"; else compdef _sinetti sinetti; fi"""

_FISH = """\
# Completion of sinetti for fish, made by `sinetti completion fish`.
function __sinetti_at
    set -l at ""
    for word in (commandline -opc)[2..]
        switch "$at $word"
            case {paths}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
function __sinetti_names
    sinetti completion --names (commandline -opc)[2..] 2> /dev/null
end
{lines}"""


def completion_script(shell: str, language: Language) -> str:
    """Return the script for bash, zsh or fish.

    The scripts for zsh and fish describe each word in the given language.
    """
    commands = list(all_commands(language))
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)


def _bash(commands: Sequence[CommandInfo]) -> str:
    values = [f"        {_quoted(at)}) {_bash_value(action)} ;;" for at, action in _valued(commands)]
    words = []
    for command in commands:
        offered = shlex.quote(" ".join(_next_words(command))) + (_BASH_NAMES if command.takes_names else "")
        words.append(f'        {_quoted(_command_path(command))}) COMPREPLY=($(compgen -W {offered} -- "$cur")) ;;')
    return _BASH.format(paths=_paths(commands), values="\n".join(values), words="\n".join(words))


_BASH_NAMES = '" $(_sinetti_names)"'
"""Word list of bash, continued by the names of the store."""


def _bash_value(action: argparse.Action) -> str:
    if _is_name(action):
        return 'COMPREPLY=($(compgen -W "$(_sinetti_names)" -- "$cur")); return'
    if action.choices is not None:
        return f'COMPREPLY=($(compgen -W {shlex.quote(_choices(action))} -- "$cur")); return'
    return 'COMPREPLY=($(compgen -d -- "$cur")); return' if action.metavar in _FOLDERS else "return"


def _zsh(commands: Sequence[CommandInfo]) -> str:
    values = [f"        {_quoted(at)}) {_zsh_value(action)}; return ;;" for at, action in _valued(commands)]
    words = []
    for command in commands:
        described_words = " ".join(
            shlex.quote(f"{word}:{_line(why)}" if why else word) for word, why in _next_words(command).items()
        )
        words.append(f"        {_quoted(_command_path(command))}) found=({described_words}) ;;")
    paths = "|".join(_quoted(_command_path(command)) for command in commands if command.takes_names)
    return _ZSH.format(
        paths=_paths(commands).replace("COMP_WORDS", "words"),
        values="\n".join(values),
        words="\n".join(words),
        names=f"        {paths}) {_ZSH_NAMES} ;;",
    )


_ZSH_NAMES = 'compadd -- ${(f)"$(sinetti completion --names ${words[2,-1]} 2> /dev/null)"}'


def _zsh_value(action: argparse.Action) -> str:
    if _is_name(action):
        return _ZSH_NAMES
    if action.choices is not None:
        return f"compadd {_choices(action)}"
    return "_files -/" if action.metavar in _FOLDERS else "_files"


def _fish(commands: Sequence[CommandInfo]) -> str:
    lines = []
    for command in commands:
        here = f"complete -c sinetti -n {shlex.quote(f'__sinetti_at {shlex.quote(_command_path(command))}')}"
        if command.below:
            lines.append(f"{here} -f")
        lines += [f"{here} -a {word} -d {shlex.quote(_line(why))}" for word, why in command.below.items()]
        if command.takes_names:
            lines.append(f"{here} -a '(__sinetti_names)'")
        for action in command.actions:
            for option in action.option_strings:
                lines.append(f"{here} {_fish_option(option, action)} -d {shlex.quote(_line(action.help or ''))}")
    paths = " ".join(shlex.quote(_command_path(command)) for command in commands if command.words)
    return _FISH.format(paths=paths, lines="\n".join(lines))


def _fish_option(option: str, action: argparse.Action) -> str:
    named = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
    if action.choices is not None:
        return f"{named} -x -a {shlex.quote(_choices(action))}"
    if _is_name(action):
        return f"{named} -x -a '(__sinetti_names)'"
    if action.nargs == 0:
        return named
    return f"{named} -x -a '(__fish_complete_directories)'" if action.metavar in _FOLDERS else f"{named} -r -F"


def _valued(commands: Sequence[CommandInfo]) -> Iterator[tuple[str, argparse.Action]]:
    """Yield the words before a value: those of the command, and the option."""
    for command in commands:
        for action in command.actions:
            if action.nargs != 0:
                for option in action.option_strings:
                    yield f"{_command_path(command)} {option}", action


def _next_words(command: CommandInfo) -> dict[str, str]:
    """Return the words that may come next, each with its description.

    Commands come first, then options, then the choices of an argument.
    """
    options = {option: action.help or "" for action in command.actions for option in action.option_strings}
    places = [action for action in command.actions if not action.option_strings and action.choices is not None]
    return command.below | {word: "" for place in places for word in _choices(place).split()} | options


def _paths(commands: Sequence[CommandInfo]) -> str:
    known = "|".join(_quoted(_command_path(command)) for command in commands if command.words)
    return f'            {known}) at="$at ${{COMP_WORDS[i]}}" ;;'


def _command_path(command: CommandInfo) -> str:
    return "".join(f" {word}" for word in command.words)


def _choices(action: argparse.Action) -> str:
    return " ".join(shlex.quote(str(choice)) for choice in action.choices or ())


def _quoted(text: str) -> str:
    return shlex.quote(text) if text else '""'


def _line(text: str) -> str:
    return " ".join(text.replace("%%", "%").replace(":", " –").split())
