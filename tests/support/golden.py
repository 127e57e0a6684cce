"""Golden files: texts that people and programs read, one file each, compared byte for byte.

A test builds the files of a folder and calls `check`. Only `make golden` writes them: scripts/golden.py runs these
tests with `GOLDEN_FILES=write`.
"""

import ast
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import unified_diff
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
PLACES = {
    "manuals": "docs/man",  # the wheel installs them where man looks
    "messages": "docs/messages",  # pages link the samples
    "transcripts": "docs/output",  # the site shows the output in its language
}
"""Golden folders that stand where their readers have them, and not in tests/golden."""
WRITTEN_BY_HAND = "README.md"
MAX_DIFF_LINES = 20
NEWLINE = "\n"


def folder(folder_name: str) -> Path:
    """Return the place of a golden folder, or of a folder in one (`transcripts/fi`)."""
    first, _, below = folder_name.partition("/")
    return ROOT / PLACES.get(first, f"tests/golden/{first}") / below


def read(folder_name: str) -> dict[str, str]:
    """Return the files of a folder by their names in it."""
    place = folder(folder_name)
    return {
        path.relative_to(place).as_posix(): path.read_bytes().decode()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != WRITTEN_BY_HAND
    }


def check(folder_name: str, made: Mapping[str, str]) -> None:
    """Compare files with those of a golden folder, or write them for `make golden`.

    Fails the test if a file differs, is missing or is left over, with a short diff of each.
    """
    if os.environ.get("GOLDEN_FILES") == "write":  # noqa: TID251 - a switch of the test run
        write(folder_name, made)
        return
    golden = read(folder_name)
    reports = [
        report
        for name in sorted(golden.keys() | made.keys())
        if (report := _report(f"{folder_name}/{name}", golden.get(name), made.get(name)))
    ]
    if reports:
        reports.append(f"if meant: make golden FOLDER={folder_name}")
        pytest.fail("\n".join(reports), pytrace=False)


def _report(name: str, golden: str | None, made: str | None) -> str | None:
    """Return what is wrong with one file, or None."""
    if golden == made:
        return None
    if golden is None:
        return f"{name}: missing"
    if made is None:
        return f"{name}: left over, no test makes it"
    lines = unified_diff(_lines(golden), _lines(made), "golden", "made", n=1, lineterm="")
    return "\n".join((f"{name}: differs", *islice(lines, MAX_DIFF_LINES)))


def _lines(text: str) -> list[str]:
    # Only "\n" ends a line; other ends are shown, since they may be the difference.
    return [line if line.isprintable() else ascii(line) for line in text.split("\n")]


def sections(texts: Mapping[str, str]) -> str:
    """Return one file of several texts, each below its name."""
    whole = "\n".join(f"=== {name}\n{text.removesuffix(NEWLINE)}\n" for name, text in texts.items())
    return without_toml_reader(whole)


def without_toml_reader(text: str) -> str:
    """Leave out what the reader of TOML says, since it differs between versions of Python."""
    return re.sub(r"(TOML[^:(\n]*: ).*?(?=\. |; correct that line|\n)|(TOML \().*(?=\)\n)", r"\1\2…", text)


def refusals(attempts: Mapping[str, Callable[[], object]], error: type[Exception], **varying: object) -> str:
    """Return the sentence that each attempt is refused with, as one file.

    Values that vary between runs, such as the folder of the test, are shown by their names.
    """
    texts = {}
    for name, attempt in attempts.items():
        with pytest.raises(error) as refused:
            attempt()
        texts[name] = str(refused.value)
        for placeholder, value in varying.items():
            texts[name] = texts[name].replace(str(value), placeholder)
    return sections(texts)


@contextmanager
def refused(folder_name: str, error: type[Exception]) -> Iterator[None]:
    """Compare the sentence that the block is refused with, which is the file of a golden folder."""
    with pytest.raises(error) as caught:
        yield
    check(folder_name, {"en.txt": f"{stable_text(str(caught.value))}\n"})


def command(words: Iterable[object], said: str, code: int) -> str:
    """Return a command with what it said and its exit code."""
    return f"$ {' '.join(map(str, words))}\n{said}exit code {code}\n"


def commands(outputs: Iterable[str], **varying: object) -> dict[str, str]:
    """Return the golden file of commands, each as `command` returns it."""
    return {"en.txt": stable_text("\n".join(outputs), **varying)}


VARYING = {
    "JOURNAL": r"(?<=[\s/])[\w-]+\.\d{4}-\d\d-[0-9a-f]{8}(?=\.jsonl)",
    "INSTANT": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|\b\d{8}T\d{6}Z",
    "HEX": r"\b(?:[0-9a-f]{2}:){15,}[0-9a-f]{2}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{16,}\b",
    "log-KEY": r"\blog[-+][0-9a-f]{8}\b",
    "/TMP/": r"/(?:tmp|dev/shm)/(?:[^/\s'\"“”]+/)+",
    "pin-FILE": r"\bpin-[0-9a-f]{8}\b",
    "UUID": r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    "http://HOST": r"http://(?:127\.0\.0\.1|localhost):\d+",
    "FINGERPRINT": r"\bSHA256:[A-Za-z0-9+/]{43}",
}
"""Parts of outputs that differ between runs, with what golden files have in their place."""


def stable_json(text: str, **varying: object) -> str:
    """Return printed JSON, indented, with names in the place of values that vary between runs."""
    return stable_text(json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n", **varying)


def stable_text(text: str, **varying: object) -> str:
    """Return a text with names in the place of values that vary between runs."""
    for placeholder, value in varying.items():
        text = text.replace(str(value), placeholder)
    for placeholder, pattern in VARYING.items():
        text = re.sub(pattern, placeholder, text)
    return text


def write(folder_name: str, made: Mapping[str, str]) -> None:
    """Write the files of a golden folder, and delete those that are left over."""
    place = folder(folder_name)
    for name in read(folder_name).keys() - made.keys():
        (place / name).unlink()
    for name, text in made.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def producers() -> dict[str, set[str]]:
    """Return the tests that make each golden folder, as pytest takes them on its command line."""
    tests: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "golden.check(" in text or "golden.refused(" in text:
            for name, test in _checks(ast.parse(text)):
                tests.setdefault(name, set()).add(f"{path.relative_to(ROOT).as_posix()}{test}")
    return tests


def _checks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the folder of each call of a check with its test; a helper's call stands for the whole module."""
    for statement in tree.body:
        name = getattr(statement, "name", "")
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"golden.check", "golden.refused"}:
                argument = node.args[0]
                if isinstance(argument, ast.JoinedStr):
                    folder_name = ast.literal_eval(argument.values[0]).rpartition("/")[0]
                else:
                    folder_name = ast.literal_eval(argument)
                yield folder_name, f"::{name}" if name.startswith("test_") else ""
