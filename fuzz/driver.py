"""One target under atheris, in a process of its own.

It is called as `python -m fuzz.driver TARGET [libFuzzer's options] FOLDERS`.

Atheris has to instrument the modules at their import. Therefore no module of Sinetti is imported before.
"""

import logging
import sys
import warnings
from random import Random

import atheris

with atheris.instrument_imports(include=["sinetti"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    target = TARGETS[sys.argv[1]]
    # For a merge, libFuzzer starts its first argument with a shell.
    arguments = [f"{sys.executable} -m fuzz.driver {target.name}", *sys.argv[2:]]
    # Thousands of times cryptography warns of names that are too long, and the code logs refusals.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)

    def mutate(octets: bytes, largest: int, seed: int) -> bytes:
        chance = Random(seed)
        if target.change is None or chance.random() < 1 / 4:
            return bytes(atheris.Mutate(octets, largest))
        changed = target.change(octets, chance)
        return changed if len(changed) <= largest else bytes(atheris.Mutate(octets, largest))

    atheris.Setup(arguments, target.check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
