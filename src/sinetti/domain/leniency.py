"""What this service gives and the real one is not known to give. The test bench's `--strict` takes it away."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class LenientBehaviour(StrEnum):
    """One thing that an answer may rely on; the log names it, and docs/divergences.md explains it."""

    SAME_REQUEST_ANSWERED = "same-request-answered"
    RENEWED_AGAIN = "renewed-again"
    KEY_TYPE = "key-other-than-rsa-2048"
    READY_AT_ONCE = "ready-at-once"


@dataclass(frozen=True, slots=True)
class Leniency:
    """Which kindnesses are on. `retrieval_delay` is how long a certificate keeps its holder waiting (machine's clock)."""

    replay_same_request: bool = True
    allow_repeated_renewal: bool = True
    retrieval_delay: timedelta = timedelta(0)


LENIENT = Leniency()
STRICT = Leniency(replay_same_request=False, allow_repeated_renewal=False, retrieval_delay=timedelta(seconds=2))
