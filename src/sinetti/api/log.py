"""Public part of the log: checkpoint, tiles, key, proofs (docs/evidence.md)."""

import hashlib
import re

from sinetti.domain.values import Serial
from sinetti.server.http import Request, Response, text_response
from sinetti.services.context import ServiceContext
from sinetti.services.evidence import read_log
from sinetti.services.evidence.prove_entry import prove_issue, prove_key_change

LOG_PATH = "/log/"
_TEXT = "text/plain; charset=utf-8"
_FOR_EVER = 31_536_000
_BRIEFLY = 5
"""Seconds for which a cache may serve what changes with each new checkpoint."""

KEPT_PARTS = frozenset({"/log/checkpoint", "/log/key"})
"""Parts that a node keeps for the time without its database."""

_PROOF = re.compile(r"/log/proof/([0-9a-f]{2,40})")
_CHANGE = re.compile(r"/log/key/([0-9a-f]{8})")


def answer_log(request: Request, ctx: ServiceContext) -> Response:
    """Answer a GET below `/log/`."""
    if request.path == "/log/checkpoint" and (note := read_log.head(ctx.db)) is not None:
        return _cached(_TEXT, note, _BRIEFLY)
    if request.path == "/log/key" and (key := read_log.key(ctx.db)) is not None:
        return _cached(_TEXT, f"{key}\n".encode(), _BRIEFLY)
    if request.path.startswith("/log/tile/"):
        octets = read_log.tile(ctx.db, request.path.removeprefix(LOG_PATH))
        if octets is not None:
            return _cached("application/octet-stream", octets, _FOR_EVER)
    if (asked := _CHANGE.fullmatch(request.path)) and (change := prove_key_change(ctx.db, asked[1])) is not None:
        return _cached(_TEXT, change, _BRIEFLY)
    if asked := _PROOF.fullmatch(request.path):
        proof = prove_issue(ctx.db, Serial(asked[1]))
        if proof is not None:
            return _cached(_TEXT, proof, _BRIEFLY)
        return text_response(404, "No entry about this certificate is in the log yet. Try again in a minute.")
    return text_response(404, "There is no such part of the log. /log/checkpoint has its size.")


def kept_part(octets: bytes) -> Response:
    """Return the response with one of KEPT_PARTS."""
    return _cached(_TEXT, octets, _BRIEFLY)


def _cached(kind: str, octets: bytes, seconds: int) -> Response:
    how = f"max-age={seconds}, immutable" if seconds == _FOR_EVER else f"max-age={seconds}"
    return Response(200, kind, octets, {"cache-control": how, "etag": f'"{hashlib.sha256(octets).hexdigest()[:32]}"'})
