"""The protocol as a state machine: rounds of new examples until the time is over.

The machine stands in `tests/attacks/protocol_machine.py`, where `make test` runs it for a few moments.
"""

import logging
import traceback

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sinetti.infra.clock import monotonic_seconds
from tests.attacks.protocol_machine import Protocol

PROTOCOL = "protocol"
_SETTINGS = settings(
    max_examples=25,
    stateful_step_count=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def play(seconds: float) -> bool:
    """Play for so long, at least one round, and return True if all properties held.

    The result is printed in one line.
    """
    logging.disable(logging.CRITICAL)
    begun, answers, rounds = monotonic_seconds(), Protocol.heard, 0
    answers.clear()
    try:
        while not rounds or monotonic_seconds() - begun < seconds:
            run_state_machine_as_test(Protocol, settings=_SETTINGS)
            rounds += 1
    except Exception:  # noqa: BLE001 - any property that does not hold
        traceback.print_exc()
        again = f".venv/bin/python -m fuzz --target {PROTOCOL}"
        print(
            f"{PROTOCOL}: does not hold: the steps stand above, and are kept in .hypothesis. Play them again: {again}"
        )
        return False
    counts = ", ".join(f"{code} {count}" for code, count in sorted(answers.items()))
    print(f"{PROTOCOL}: {sum(answers.values())} messages answered as the model says: {counts}", flush=True)
    return True
