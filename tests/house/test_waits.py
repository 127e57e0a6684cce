"""Waits in tests: on conditions, with limits that a busy machine does not reach.

The kills, and what make acceptance plays by hand, have rhythms of their own and are left out.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.house.tree import ROOT

LEAST = 60
"""Seconds of the shortest limit. It ends what hangs; a test that passes does not come near it."""
PAUSES = {
    "api/listening.py::slow", "api/listening.py::stuck", "client/double.py::behave",
    "gateway/revocation/test_crl_fetch.py::connect",  # servers that are slow on purpose
    "attacks/test_busy.py::test_what_is_waited_for_counts",  # the pause is what is measured
    "gateway/test_log_watch.py::test_fetch_looks_at_the_log_and_serve_shows_its_fault",
    "testbench/test_running.py::test_the_clock_is_the_machines_until_it_is_set_and_then_stands_still",
    "testbench/test_running.py::test_killed_while_it_is_made_it_leaves_no_half_made_folder",  # any moment will do
}  # fmt: skip
"""Functions that pause without a condition. After the pause of the last three, nothing may have happened."""
WAITS = frozenset({"wait", "join", "result", "communicate", "wait_for", "settimeout"})
"""Calls whose last argument may be a limit."""
LIMITED = frozenset(
    {"subprocess.run", "urlopen", "HTTPConnection", "HTTPSConnection", "create_connection", "communicate", "wait"}
)
"""Calls whose argument `timeout` is a limit."""


@cache
def trees() -> dict[str, ast.Module]:
    """Return the modules of the tests."""
    folder, found = ROOT / "tests", {}
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder).as_posix()
        if not place.startswith(("kills/", "acceptance/", "judges/peers/", "house/")):
            found[place] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def name_of(call: ast.Call) -> str:
    """Return the name of what is called, without what it belongs to unless that is a module of processes."""
    match call.func:
        case ast.Attribute(value=ast.Name("subprocess"), attr=name):
            return f"subprocess.{name}"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def is_sleep(call: ast.Call) -> bool:
    """Return True for a pause of the thread; those of an event loop let others run."""
    return name_of(call) == "sleep" and ast.unparse(call.func) in {"sleep", "time.sleep"}


def pauses(node: ast.AST, function: str, *, is_waiting: bool = False) -> Iterator[str]:
    """Yield the functions that sleep outside a loop with a condition."""
    if isinstance(node, ast.FunctionDef):
        function, is_waiting = node.name, False
    if isinstance(node, ast.Call) and not is_waiting and is_sleep(node):
        yield function
    for child in ast.iter_child_nodes(node):
        yield from pauses(child, function, is_waiting=is_waiting or isinstance(node, ast.While))


def seconds(node: ast.AST | None) -> float:
    """Return the number that a limit is, or LEAST for any other expression."""
    is_number = (
        isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    )
    return node.value if is_number else LEAST


def limits(node: ast.AST) -> Iterator[float]:
    """Yield the seconds of the limits of a call, or of an assertion about an elapsed time.

    Those below a second are reached on purpose.
    """
    if isinstance(node, ast.Call):
        if name_of(node) in WAITS and node.args:
            yield seconds(node.args[-1])
        if name_of(node) in LIMITED:
            yield from (seconds(one.value) for one in node.keywords if one.arg == "timeout")
    if isinstance(node, ast.Assert) and "monotonic" in (text := ast.unparse(node.test)) and " - " in text:
        for compare in (one for one in ast.walk(node.test) if isinstance(one, ast.Compare)):
            pairs = zip(compare.ops, compare.comparators, strict=True)
            yield from (max(1, seconds(limit)) for operator, limit in pairs if isinstance(operator, ast.Lt | ast.LtE))


def test_tests_wait_for_conditions():
    found = {f"{place}::{function}" for place, tree in trees().items() for function in pauses(tree, "module")}
    assert found == PAUSES


def test_limits_are_generous():
    short = [
        f"{place}:{node.lineno}: {limit} s"
        for place, tree in trees().items()
        for node in ast.walk(tree)
        for limit in limits(node)
        if 1 <= limit < LEAST
    ]
    assert short == []


@pytest.mark.parametrize(
    "source",
    [
        "thread.join(10)",
        "urlopen(address, timeout=5)",
        "assert monotonic_seconds() - begun < 1",
        "assert 0.2 <= time.monotonic() - begun <= 0.5",
    ],
)
def test_short_limits_are_found(source):
    assert any(1 <= limit < LEAST for node in ast.walk(ast.parse(source)) for limit in limits(node))


def test_a_pause_in_a_loop_over_a_count_is_found():
    assert list(pauses(ast.parse("def test():\n    for _ in range(9):\n        sleep(1)"), "module")) == ["test"]
    assert not list(pauses(ast.parse("def test():\n    while waits():\n        sleep(1)"), "module"))
