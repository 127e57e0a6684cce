"""Prints the packages that `scripts/floors` installs.

`floors` prints the runtime dependencies as pins. `tests` prints the requirements of the tests.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
SERVES = ("authority", "gateway")
LEFT_OUT = frozenset({"axe-playwright-python", "badkeys", "pkilint", "playwright"})
"""Packages of other tests.

Some of them require a newer cryptography than the floor.
"""

_FLOOR = re.compile(r"^([A-Za-z0-9-]+)(?:\[[^]]*\])?>=([0-9.]+)")


def floors(requirements: list[str]) -> list[str]:
    """Return a pin for each requirement. Raises ValueError for one without a floor."""
    found = []
    for one in requirements:
        floor = _FLOOR.match(one)
        if floor is None:
            sentence = f"pyproject.toml: {one} has no floor"
            raise ValueError(sentence)
        found.append(f"{floor[1]}=={floor[2]}")
    return sorted(set(found))


def main(what: str) -> None:
    """Print one requirement a line."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    serves = [*project["dependencies"], *(one for name in SERVES for one in extras[name])]
    tests = [one for one in extras["test"] if re.split(r"[\[><=]", one)[0] not in LEFT_OUT]
    print("\n".join(floors(serves) if what == "floors" else tests))


if __name__ == "__main__":
    main(sys.argv[1])
