"""`python -m fuzz`: fuzzes every target and the protocol, or replays inputs.

Each target gets its share of the time.

The exit code is 0 if all properties hold. It is 1 if one does not: a line names the file and the command that replays
it. It is 2 if fuzzing cannot run here.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from fuzz.keeping import CORPUS
from fuzz.protocol import PROTOCOL, play
from fuzz.running import Outcome, keep, run
from fuzz.targets import TARGETS

_HOLDS, _DOES_NOT, _CANNOT = 0, 1, 2


def main() -> int:
    """Fuzz, store inputs, or replay inputs."""
    parsed = _parser().parse_args()
    if parsed.play:
        return _play(parsed.play, parsed.target)
    if find_spec("atheris") is None:
        print("atheris is not installed here: pip install '.[fuzz]' (it has a wheel for CPython 3.11 on Linux)")
        return _CANNOT
    names = parsed.target or [*sorted(TARGETS), PROTOCOL]
    share = max(1, round(parsed.seconds / len(names)))
    targets = [name for name in names if name != PROTOCOL]
    outcomes = [_printed(run(TARGETS[name], share)) for name in targets]
    holds = PROTOCOL not in names or play(share)
    if parsed.keep:
        for name in targets:
            print(f"{name}: {keep(TARGETS[name])} inputs are kept in {CORPUS.name}/{name}")
    return _HOLDS if holds and not any(one.crash or one.ended for one in outcomes) else _DOES_NOT


def _printed(outcome: Outcome) -> Outcome:
    print(outcome.line(), flush=True)
    return outcome


def _play(files: list[Path], names: list[str] | None) -> int:
    """Pass files to the target of their folder, or to the target that is named."""
    for path in files:
        target = TARGETS[names[0] if names else path.resolve().parent.name]
        try:
            target.check(path.read_bytes())
        except Exception as bad:
            print(f"{path}: {type(bad).__name__}: {bad}", file=sys.stderr)
            raise
        print(f"{path}: everything holds")
    return _HOLDS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=60, help="shared out over the targets: each has one at least, and its start"
    )
    parser.add_argument(
        "--target", action="append", choices=[*sorted(TARGETS), PROTOCOL], help="only this one; may be repeated"
    )
    parser.add_argument("--keep", action="store_true", help="afterwards put what was found new into the kept corpus")
    parser.add_argument("--play", nargs="+", type=Path, metavar="FILE", help="play inputs again, without atheris")
    return parser


if __name__ == "__main__":
    sys.exit(main())
