"""Weight of the package in tokens and files, which may only fall but for the allowances in weight.toml.

A token is a name, number, operator or string of Python 3.11's `tokenize`; docstrings are left out. A string has one
more for each 40 characters. Templates, scripts, styles and tables have one for each 6 characters, plain texts one for
each 40. Migrations, catalogues, WSDL and schemas are left out.
"""

import ast
import io
import sys
import tokenize
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE

FIRST = {"tokens": 930_101, "files": 947}
"""Weight when the limit began, at 5c6a034a."""
SLACK = {"tokens": 500, "files": 0}
"""Distance to the limit from which weight.toml has to be lowered."""
CHARACTERS = {".html": 6, ".js": 6, ".css": 6, ".toml": 6, ".svg": 6, ".json": 6, ".txt": 40, ".md": 40}
COUNTED = {tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstring_lines(text: str) -> set[int]:
    """Return the first lines of all strings that stand alone in a module, class or function."""
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED))
    alone = (one for node in nodes for one in node.body if isinstance(one, ast.Expr))
    values = (one.value for one in alone if isinstance(one.value, ast.Constant))
    return {one.lineno for one in values if isinstance(one.value, str)}


def tokens_of(text: str) -> int:
    documented, total = docstring_lines(text), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_string = token.type == tokenize.STRING
        if token.type in COUNTED and not (is_string and token.start[0] in documented):
            total += 1 + len(token.string) // 40 if is_string else 1
    return total


@cache
def weight_of(package: Path) -> dict[str, int]:
    total = {"tokens": 0, "files": 0}
    for path in package.rglob("*"):
        if "migrations" in path.parts or path.suffix not in {".py", *CHARACTERS}:
            continue
        text = path.read_text(encoding="utf-8")
        total["files"] += path.suffix == ".py"
        total["tokens"] += tokens_of(text) if path.suffix == ".py" else len(text) // CHARACTERS[path.suffix]
    return total


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="later versions take f-strings apart")
@pytest.mark.parametrize("part", FIRST)
def test_the_weight_only_falls(part):
    limits = tomllib.loads(Path(__file__).with_name("weight.toml").read_text(encoding="utf-8"))
    allowances = [one[part] for one in limits["allowances"]]
    assert max(allowances) < FIRST[part] / 10, "an allowance is what an issue adds, not the whole"
    allowed = FIRST[part] + sum(allowances)
    assert limits[part] <= allowed, "name the issue that allows it in an [[allowances]] of weight.toml"
    weight = weight_of(PACKAGE)[part]
    assert weight <= limits[part], f"{weight - limits[part]} {part} too many: delete what the change makes useless"
    assert weight >= limits[part] - SLACK[part], f"lower {part} in tests/house/weight.toml to {weight}"


def test_what_is_counted():
    text = '"""A docstring."""\n\n\ndef f(a):  # a comment\n    """Another."""\n    return a + "' + "x" * 40 + '"\n'
    assert tokens_of(text) == len(["def", "f", "(", "a", ")", ":", "return", "a", "+"]) + 2
