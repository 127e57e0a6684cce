"""Verification of a signed POST (RFC 9421).

The lines of an input are those of a request, as a server passes them.
"""

import base64
import hashlib
from functools import cache
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fuzz import material
from fuzz.target import Target, must
from sinetti.wire.http_signatures.profile import (
    MessageSignatureError,
    PublicKey,
    SignedComponents,
    SigningKey,
    sign,
    verify,
)

FIELDS = ("content-type", "content-digest", "signature-input", "signature")
PIECES = [b";", b"=", b":", b'"', b"(", b")", b" ", b"\t", b",", b';nonce="n"', b';alg="ed25519"', b";expires=1"]
PIECES += [b'"@authority"', b'"@method"', b"created=0", b"sha-512=:", b"sha-256=::", b"=", b"A", b"\xc3\xa4", b"\x00"]


def check(octets: bytes) -> None:
    """Verify a request; no covered octet may be changed."""
    parts, headers = read(octets)
    try:
        name = verify(parts, headers, _key_of, material.NOW)
    except MessageSignatureError:
        return
    must(name in {"ed25519", "p256"}, "who signed is one of those that have keys")
    digest_fits(parts, headers["content-digest"])
    for other in others(parts):
        try:
            verify(other, headers, _key_of, material.NOW)
        except MessageSignatureError:
            continue
        must(condition=False, sentence="no covered octet can be changed")
    again = sign(parts, _key(name), name, material.NOW)
    lower = {field.lower(): value for field, value in again.items()}
    must(verify(parts, lower, _key_of, material.NOW) == name, "what was read can be signed and read")


def change(octets: bytes, chance: Random) -> bytes:
    """Insert or replace a piece somewhere; sometimes sign the first lines again."""
    at = chance.randrange(len(octets) + 1)
    octets = octets[:at] + chance.choice(PIECES) + octets[at + chance.choice((0, 0, 1, 4)) :]
    if chance.random() < 1 / 4:
        return _written(read(octets)[0], chance.choice(("ed25519", "p256")))
    return octets


def read(octets: bytes) -> tuple[SignedComponents, dict[str, str]]:
    """Parse a request from an input's lines: method, path, four headers, and the body."""
    lines = octets.split(b"\n", 6)
    lines += [b""] * (7 - len(lines))
    method, path, *values = (line.decode("latin-1") for line in lines[:6])
    headers = {name: value for name, value in zip(FIELDS, values, strict=True) if value}
    return SignedComponents(method, path, headers.get("content-type", ""), lines[6]), headers


def digest_fits(parts: SignedComponents, line: str) -> None:
    """Check that each stated digest is that of the body."""
    for member in line.split(","):
        kind, _, value = member.strip(" \t").partition("=:")
        hashing = hashlib.new(kind.replace("-", ""), parts.body)
        must(base64.b64decode(value.removesuffix(":")) == hashing.digest(), "each digest is that of the body")


def others(parts: SignedComponents) -> list[SignedComponents]:
    """Return variants of the request, each with one change."""
    method, path, kind, body = parts.method, parts.path, parts.content_type, parts.body
    return [
        SignedComponents(f"{method}X", path, kind, body),
        SignedComponents(method, f"{path}/x", kind, body),
        SignedComponents(method, path, f"{kind}x", body),
        SignedComponents(method, path, kind, body + b"\n"),
        SignedComponents(method, path, kind, body[:-1] if body else b"\x00"),
    ]


@cache
def _key(name: str) -> SigningKey:
    if name == "ed25519":
        return Ed25519PrivateKey.from_private_bytes(b"fuzzing with a key of no secret!")
    found = material.key("p256")
    assert isinstance(found, ec.EllipticCurvePrivateKey)  # noqa: S101 - as its name says
    return found


def _key_of(name: str) -> PublicKey | None:
    return _key(name).public_key() if name in {"ed25519", "p256"} else None


def _written(parts: SignedComponents, name: str) -> bytes:
    try:
        headers = {field.lower(): value for field, value in sign(parts, _key(name), name, material.NOW).items()}
    except MessageSignatureError:
        return f"{parts.method}\n{parts.path}\n{parts.content_type}\n\n\n".encode("latin-1")
    lines = [parts.method, parts.path, *(headers[field] for field in FIELDS)]
    return "\n".join(lines).encode("latin-1") + b"\n" + parts.body


def _seeds() -> dict[str, bytes]:
    parts = SignedComponents("POST", "/api/v1/sightings", "application/json", b'{"sightings":[]}')
    made = {name: _written(parts, name) for name in ("ed25519", "p256")}
    return made | {"empty": b"\n\n\n\n\n\n", "query": _written(SignedComponents("GET", "/a?b", "", b""), "ed25519")}


TARGET = Target("message-signature", check, _seeds, change, longest=4_096)
