"""Commands of a runbook page, run in order as an operator types them."""

import os
import re
import shlex
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import DOCS

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    """Return the commands of the `sh` blocks of a page below docs/, in order."""
    blocks = _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]


def words(command: str, values: dict[str, object]) -> list[str]:
    """Return the words of a command, with the values of its variables."""
    return shlex.split(string.Template(command).substitute({name: str(value) for name, value in values.items()}))


def played(page: str, operator, values: dict[str, object]) -> Iterator[tuple[str, list[str], int, str, str]]:
    """Run the commands of a page; yield each with its words, exit code, output and messages.

    Those of the authority run in this process, others in a shell's place, in the folder of the authority's parent.
    """
    folder = Path(operator.root).parent
    for command in commands(page):
        typed = words(command, values)
        if typed[:2] == ["sinetti", "authority"]:
            before = Path.cwd()
            os.chdir(folder)
            try:
                yield command, typed, *operator.run(None, *typed[2:])
            finally:
                os.chdir(before)
            continue
        done = subprocess.run(typed, capture_output=True, text=True, check=False, cwd=folder)
        yield command, typed, done.returncode, done.stdout, done.stderr
