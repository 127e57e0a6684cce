"""Plays mutants: changes of one place of the source that tests should detect.

    python scripts/mutants.py [--seed 34] [--count 200] [--only TEXT] [--json FILE]

One run of the tests records which test runs which line. Then each mutant is loaded in a process of its own, in memory,
and the tests that run the changed line are played until the first failure. No file changes. A program that a test
starts runs the unchanged source. docs/contributors/mutants.md describes the output.
"""

import argparse
import ast
import copy
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

import hypothesis
import pytest
from coverage import Coverage

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "sinetti"
MUTATED = ("domain", "services/issuance", "gateway", "client/agent")
"""Folders of the package that are changed."""
PLAYED = ("tests/domain", "tests/services/issuance", "tests/gateway", "tests/client")
"""Folders of the tests that are to detect a change."""
TIMEOUT = 60
"""Seconds for the tests of one mutant.

What takes longer hangs, as tests for a quarter of that are selected.
"""
SELECTED_SECONDS = 15
"""Seconds of tests that are selected for one mutant, as measured in the first run."""
SHOWN = 100
"""Characters of a piece of source that are printed."""
PRELOADED = ("django.db.models", "lxml.etree", "cryptography.x509", "cryptography.hazmat.primitives.serialization")
"""Modules of others that are imported once, not in the process of each mutant."""
OPTIONS = (
    "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not long", "-k", "not postgresql",
    "--hypothesis-profile=mutants",
    "--assert=plain",  # the import hook that rewrites assertions would load the unchanged source
)  # fmt: skip
"""Options of each run: one order, and SQLite where a test names its database."""
CRASHED = 70
"""Exit code of a run that pytest did not end itself."""
DETECTED, TIMED_OUT, SURVIVED, UNTESTED = "found", "timed out", "survived", "no test"

OPERATORS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
UNCHANGED = frozenset({"annotation", "returns", "decorator_list"})
"""Parts of statements that are no behaviour: types, and the options of decorators."""
UNCHANGED_CALLS = frozenset({"log", "_log", "logger", "_logger", "logging", "assert_never"})
"""Names of calls that stay: records for operators, and what is never reached."""


@dataclass(frozen=True)
class Mutant:
    """A change of one node.

    The node is the value of `field` of `holder`, or that one of its values which has the index.
    """

    file: str
    function: str
    kind: str
    ordinal: int
    holder: ast.AST
    field: str
    index: int | None
    node: ast.AST
    new: ast.AST
    statement: ast.stmt
    is_import_time: bool

    @property
    def name(self) -> str:
        """Return the identity, which stays the same as long as the function does."""
        return f"{self.file}:{self.function}:{self.kind}:{self.ordinal}"

    @property
    def line(self) -> int:
        """Return the line on which the changed node begins."""
        line: int = self.node.lineno  # type: ignore[attr-defined]
        return line

    @property
    def change(self) -> str:
        """Return the old and the new source."""
        old, new = (" ".join(ast.unparse(node).split()) for node in (self.node, self.new))
        return f"{old[:SHOWN]} -> {new[:SHOWN]}"

    def apply(self) -> None:
        """Change the tree from which this mutant comes."""
        if self.index is None:
            setattr(self.holder, self.field, self.new)
        else:
            getattr(self.holder, self.field)[self.index] = self.new


def list_mutants(file: str, tree: ast.Module) -> list[Mutant]:
    """Return the mutants of a module in the order of its source."""
    ordinals: Counter[tuple[str, str]] = Counter()
    mutants = []
    for holder, field, index, node, names, statement in _places(tree, (), None):
        is_import_time = not any(name.startswith("def ") for name in names)
        function = ".".join(name.removeprefix("def ") for name in names) or "module"
        for kind, new in _changes(node):
            ast.fix_missing_locations(ast.copy_location(new, node))
            mutants.append(
                Mutant(
                    file, function, kind, ordinals[function, kind], holder, field, index, node, new, statement,
                    is_import_time,
                )
            )  # fmt: skip
            ordinals[function, kind] += 1
    return mutants


Place = tuple[ast.AST, str, int | None, ast.AST, tuple[str, ...], ast.stmt]


def _places(node: ast.AST, names: tuple[str, ...], statement: ast.stmt | None) -> Iterator[Place]:
    """Yield every node that may change.

    With it come its holder, field and index, the names around it, and its statement.
    """
    for field, value in ast.iter_fields(node):
        if field in UNCHANGED:
            continue
        inner = names
        if isinstance(node, ast.ClassDef) and field == "body":
            inner = (*names, node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and field == "body":
            inner = (*names, f"def {node.name}")
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_unchanged(child):
                continue
            nearest = child if isinstance(child, ast.stmt) else statement
            if nearest is not None:
                yield node, field, index, child, inner, nearest
            yield from _places(child, inner, nearest)


def _is_unchanged(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.ClassDef):
        return any("Protocol" in ast.unparse(base) for base in node.bases)
    return isinstance(node, ast.Call) and ast.unparse(node.func).partition(".")[0] in UNCHANGED_CALLS


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the kind and the new node of each change of a node."""
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                compared = copy.deepcopy(node)
                compared.ops[place] = OPERATORS[type(operator)]()
                yield "comparison", compared
        case ast.BoolOp():
            combined = copy.deepcopy(node)
            combined.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "boolean", combined
        case ast.UnaryOp(op=ast.Not()):
            yield "not", copy.deepcopy(node.operand)
        case ast.Constant(value=bool() as flag):
            yield "constant", ast.Constant(not flag)
        case ast.Constant(value=int() | float() as number):
            yield "constant", ast.Constant(number + 1)
            yield "constant", ast.Constant(number - 1)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield "return", ast.Return(ast.Constant(None))
        case ast.Raise():
            yield "removal", ast.Pass()
        case ast.Expr(value=ast.Call() as call) if not _is_unchanged(call):
            yield "removal", ast.Pass()


def draw(mutants: Iterable[Mutant], seed: int, count: int) -> list[Mutant]:
    """Return the mutants whose digests with the seed are the smallest.

    So a function more or less changes few of them.
    """
    return sorted(mutants, key=lambda one: hashlib.sha256(f"{seed} {one.name}".encode()).digest())[:count]


class Recording:
    """Plugin of the first run: records the lines and the seconds of each test."""

    def __init__(self, file: Path) -> None:
        """Take the file for the record."""
        self.file = file
        sources = [str(PACKAGE / one) for one in MUTATED]
        self.coverage = Coverage(data_file=None, config_file=False, source=sources)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    def pytest_collection_finish(self) -> None:
        """Begin after the collection.

        conftest.py leaves out tests where coverage is measured during it.
        """
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record under the name of the test."""
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the seconds of a test, and remember failures."""
        self.seconds[report.nodeid] += report.duration
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the record; tests that did not pass are not in it."""
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {
            Path(file).relative_to(PACKAGE).as_posix(): {
                line: [one for one in tests if one in self.seconds and one not in self.failed]
                for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        record = {"lines": lines, "seconds": self.seconds, "failed": sorted(self.failed)}
        self.file.write_text(json.dumps(record), encoding="utf-8")


class Selection:
    """Plugin of a mutant's run: plays the selected tests alone, in their order."""

    def __init__(self, tests: list[str]) -> None:
        """Take the names of the tests."""
        self.places = {name: place for place, name in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselect all other tests of the files."""
        config.hook.pytest_deselected(items=[one for one in items if one.nodeid not in self.places])
        kept = [one for one in items if one.nodeid in self.places]
        items[:] = sorted(kept, key=lambda one: self.places[one.nodeid])


class MutantFinder(PathFinder):
    """Finder of one module, whose tree is changed when it is imported."""

    module = ""
    tree: ast.Module
    loaded: Path

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's spec with the loader of the changed tree."""
        if fullname != cls.module:
            return None
        spec = super().find_spec(fullname, path, target)
        assert spec is not None and spec.origin is not None  # noqa: S101, PT018 - the file was read before
        spec.loader = MutantLoader(fullname, spec.origin)
        return spec


class MutantLoader(SourceFileLoader):
    """Loader that compiles the changed tree, and uses no compiled files."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the changed tree."""
        MutantFinder.loaded.touch()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            code: CodeType = compile(MutantFinder.tree, self.get_filename(fullname), "exec", dont_inherit=True)
            return code


def select_tests(mutant: Mutant, record: dict[str, Any]) -> list[str]:
    """Return tests that run the changed line, for at most SELECTED_SECONDS.

    Those of the module come first, then those of its folder, and the fastest of each.
    """
    lines = record["lines"].get(mutant.file, {})

    def run_by(numbers: Iterable[int]) -> set[str]:
        return {test for number in numbers for test in lines.get(str(number), ())}

    statement, node = mutant.statement, mutant.node
    tests = run_by(range(node.lineno, node.end_lineno + 1)) or run_by([statement.lineno])  # type: ignore[attr-defined]
    if not tests and mutant.is_import_time:
        tests = run_by(map(int, lines))
    file = Path(mutant.file)
    folder, name = f"tests/{file.parent.as_posix()}/", f"test_{file.name}"

    def rank(test: str) -> tuple[bool, bool, float, str]:
        return f"/{name}::" not in test, not test.startswith(folder), record["seconds"][test], test

    selected: list[str] = []
    seconds = 0.0
    for test in sorted(tests, key=rank):
        seconds += record["seconds"][test]
        if selected and seconds > SELECTED_SECONDS:
            break
        selected.append(test)
    return selected


def play(
    arguments: list[str], plugin: object, folder: Path, timeout: float, mutant: Mutant | None = None
) -> int | None:
    """Run pytest in a process of its own and return its exit code.

    Returns None after the timeout in seconds.
    """
    shutil.rmtree(folder / "base", ignore_errors=True)
    child = os.fork()
    if child == 0:
        _become(arguments, plugin, folder, mutant)
    end, status = time.monotonic() + timeout, None
    while status is None and time.monotonic() < end:
        ended, waited = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(waited)
        else:
            time.sleep(0.02)
    _end_group(child)
    if status is None:
        os.waitpid(child, 0)
    return status


def _become(arguments: list[str], plugin: object, folder: Path, mutant: Mutant | None) -> NoReturn:
    """Turn this process into a run of pytest whose output goes into a file."""
    os.setsid()
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(descriptor, number)
    if mutant is not None:
        mutant.apply()
    status = CRASHED
    try:
        status = int(pytest.main([*arguments, f"--basetemp={folder / 'base'}", *OPTIONS], plugins=[plugin]))
    except BaseException:  # noqa: BLE001 - this process must not go on as a second parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _end_group(leader: int) -> None:
    """End the process of a run, and the programs that its tests left behind."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def play_mutant(mutant: Mutant, tests: list[str], folder: Path) -> str:
    """Return what became of a mutant."""
    if not tests:
        return UNTESTED
    MutantFinder.module = _module_of(mutant.file)
    MutantFinder.tree, MutantFinder.loaded = _TREES[mutant.file], folder / mutant.name.replace("/", ".")
    files = sorted({test.partition("::")[0] for test in tests})
    status = play(["-x", "-q", *files], Selection(tests), folder, TIMEOUT, mutant)
    if status is None:
        return TIMED_OUT
    if status != pytest.ExitCode.OK:
        return DETECTED
    if not MutantFinder.loaded.exists():
        raise RuntimeError(f"{mutant.name}: the tests ran without the change")
    return SURVIVED


def _module_of(file: str) -> str:
    return f"sinetti.{file.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")


_TREES: dict[str, ast.Module] = {}
"""Trees of all modules; the process of a mutant alone changes its own copy."""


def read_mutants() -> list[Mutant]:
    """Return the mutants of all modules."""
    mutants = []
    for folder in MUTATED:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            file = path.relative_to(PACKAGE).as_posix()
            _TREES[file] = ast.parse(path.read_text(encoding="utf-8"))
            mutants += list_mutants(file, _TREES[file])
    return mutants


def prepare() -> None:
    """Set the folder, the place of the source and the modules that all runs share."""
    os.chdir(ROOT)
    sys.path.insert(0, str(PACKAGE.parent))
    environment = os.environ  # noqa: TID251 - for programs that tests start
    environment["PYTHONPATH"] = str(PACKAGE.parent)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    hypothesis.settings.register_profile("mutants", deadline=None, derandomize=True, database=None)
    random.seed(0)
    for module in PRELOADED:
        import_module(module)
    sys.meta_path.insert(0, MutantFinder)


def read_record(file: Path, folder: Path) -> dict[str, Any]:
    """Return which test runs which line; play all tests if the file is missing.

    Exits with code 2 if pytest cannot run them.
    """
    if not file.exists():
        status = play([*PLAYED], Recording(file), folder, timeout=3600)
        if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            print((folder / "output").read_text(encoding="utf-8"), file=sys.stderr)
            sys.exit(2)
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record


def main() -> int:
    """Play the mutants and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=34, help="draws the mutants (default: 34)")
    parser.add_argument("--count", type=int, default=200, help="number of mutants (default: 200)")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose name contains this text")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results into this file")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep the first run's record there, or read it")
    options = parser.parse_args()
    for written in filter(None, (options.json, options.record)):
        written.parent.mkdir(parents=True, exist_ok=True)
    prepare()
    drawn = draw((one for one in read_mutants() if options.only in one.name), options.seed, options.count)
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder, begun = Path(name), time.monotonic()
        record = read_record(options.record or folder / "record.json", folder)
        print(f"{len(record['seconds'])} tests in {time.monotonic() - begun:.0f} s; not passed:", len(record["failed"]))
        for mutant in drawn:
            tests, started = select_tests(mutant, record), time.monotonic()
            outcome = play_mutant(mutant, tests, folder)
            seconds = round(time.monotonic() - started, 1)
            results.append({
                "name": mutant.name, "line": mutant.line, "change": mutant.change, "outcome": outcome,
                "tests": len(tests), "seconds": seconds,
            })  # fmt: skip
            if outcome in {SURVIVED, UNTESTED}:
                print(f"{outcome}  src/sinetti/{mutant.file}:{mutant.line}  {mutant.name}  {mutant.change}", flush=True)
    counts = Counter(str(one["outcome"]) for one in results)
    print(
        f"seed {options.seed}: {len(results)} mutants, {counts[DETECTED] + counts[TIMED_OUT]} found"
        f" ({counts[TIMED_OUT]} by the time limit), {counts[SURVIVED] + counts[UNTESTED]} survived"
        f" ({counts[UNTESTED]} without a test), {time.monotonic() - begun:.0f} s"
    )
    if options.json:
        counted = {"seed": options.seed, "counts": counts, "mutants": sorted(results, key=lambda one: str(one["name"]))}
        options.json.write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
