"""What can become of an answer on its way: lost, or wrong. Pure: drawn from a seed and the number of the call."""

import random
from dataclasses import dataclass
from enum import StrEnum

_SEAL = b"SignatureValue>"


class InjectedFault(StrEnum):
    """What is done to an answer; the request has arrived and was done in each case."""

    LOST = "lost"
    """The connection ends without a word."""
    CUT = "cut"
    """The connection ends in the middle of the answer."""
    SERVER_ERROR = "server-error"
    HTML_PAGE = "html-page"
    TRUNCATED = "truncated"
    """XML that ends too early, with a length that fits."""
    SEAL_BROKEN = "seal-broken"
    REPLAYED = "replayed"
    """A genuine answer to somebody's earlier request."""


LOST = (InjectedFault.LOST, InjectedFault.CUT)
WRONG = (
    InjectedFault.SERVER_ERROR,
    InjectedFault.HTML_PAGE,
    InjectedFault.TRUNCATED,
    InjectedFault.SEAL_BROKEN,
    InjectedFault.REPLAYED,
)


@dataclass(frozen=True, slots=True)
class FaultRates:
    """How many of the answers are lost, and how many are wrong: parts of one."""

    lost: float
    wrong: float


NONE = FaultRates(0, 0)
ROUGH = FaultRates(lost=1 / 10, wrong=1 / 20)


@dataclass(frozen=True, slots=True)
class RelayedResponse:
    """An answer of HTTP as far as anybody here looks at it."""

    status: int
    content_type: str
    body: bytes


def choose_fault(seed: int, ordinal: int, rates: FaultRates) -> InjectedFault | None:
    """Say what becomes of the answer to the call of that number: the same for the same seed."""
    chance = random.Random(f"{seed}:{ordinal}")  # noqa: S311 - chance that can be repeated, on purpose
    place = chance.random()
    if place < rates.lost:
        return chance.choice(LOST)
    return chance.choice(WRONG) if place < rates.lost + rates.wrong else None


def on_the_wire(fault: InjectedFault | None, reply: RelayedResponse, earlier: RelayedResponse | None) -> bytes:
    """Give the octets that are sent in the place of an answer, and after which the connection ends.

    Where there is no earlier answer to replay, the seal is broken instead.
    """
    match fault:
        case None:
            return _octets(reply)
        case InjectedFault.LOST:
            return b""
        case InjectedFault.CUT:
            whole = _octets(reply)
            return whole[: len(whole) - len(reply.body) // 2 - 1]
        case InjectedFault.SERVER_ERROR:
            return _octets(RelayedResponse(500, "text/plain", b"Internal Server Error\n"))
        case InjectedFault.HTML_PAGE:
            return _octets(
                RelayedResponse(200, "text/html", b"<!DOCTYPE html><title>Maintenance</title><p>Back at noon.</p>\n")
            )
        case InjectedFault.TRUNCATED:
            return _octets(RelayedResponse(reply.status, reply.content_type, reply.body[: len(reply.body) * 2 // 3]))
        case InjectedFault.REPLAYED if earlier is not None:
            return _octets(earlier)
        case InjectedFault.SEAL_BROKEN | InjectedFault.REPLAYED:
            return _octets(RelayedResponse(reply.status, reply.content_type, _broken(reply.body)))


def _octets(reply: RelayedResponse) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status} Answer\r\n"
        f"Content-Type: {reply.content_type}\r\n"
        f"Content-Length: {len(reply.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + reply.body


def _broken(body: bytes) -> bytes:
    """Change one sign of the signature's value; of what has none, one octet in the middle."""
    here = body.find(_SEAL)
    place = here + len(_SEAL) if here >= 0 else len(body) // 2
    sign = b"B" if body[place : place + 1] == b"A" else b"A"
    return body[:place] + sign + body[place + 1 :]
