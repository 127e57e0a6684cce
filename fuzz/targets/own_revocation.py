"""Call by which a certificate revokes itself: its signature, ids and body.

The input is a request's lines, signed by a holder's key.
"""

from random import Random

from cryptography.hazmat.primitives.asymmetric import ec

from fuzz import material
from fuzz.target import Target, must
from fuzz.targets.message_signature import FIELDS, PIECES, digest_fits, others, read
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.ari_id import ari_cert_id, parse_ari_cert_id
from sinetti.pki.encoding import PublicKey, sha256_hex
from sinetti.wire.http_signatures.certificate_keys import (
    HttpSignatureAlgorithm,
    algorithms,
    certificate_signer,
    sign,
    verify,
)
from sinetti.wire.http_signatures.profile import MessageSignatureError, SignedComponents
from sinetti.wire.json_api.revocations import CONTENT_TYPE, PATH, InvalidRevocation, RevocationBody, parse, render

_KINDS = ("rsa-2048", "p256", "p384")
_MINE = [
    *PIECES,
    *(f';alg="{one}"'.encode() for one in HttpSignatureAlgorithm),
    b'"serial"',
    b'"reason"',
    b"superseded",
    b".AQ",
]
_BODY = render(RevocationBody(Serial("4100"), RevocationReason.SUPERSEDED))


def check(octets: bytes) -> None:
    """Verify a request; no covered octet may be changed.

    Its key id and its body are read in any case.
    """
    parts, headers = read(octets)
    _reads_again(parts)
    named: list[str] = []

    def key_of(name: str) -> PublicKey | None:
        named.append(name)
        kind = name if name in _KINDS else _kind_of(name)
        return material.key(kind).public_key() if kind else None

    try:
        name = verify(parts, headers, key_of, material.NOW)
    except MessageSignatureError:
        return
    must(named == [name], "who signed is who was asked for")
    digest_fits(parts, headers["content-digest"])
    key = key_of(name)
    stated = [one for one in HttpSignatureAlgorithm if f'alg="{one}"' in headers["signature-input"]]
    must(key is not None and set(stated) <= set(algorithms(key)), "a key signs by its own algorithms")
    must(stated or isinstance(key, ec.EllipticCurvePublicKey), "a key of several algorithms says by which")
    for other in others(parts):
        try:
            verify(other, headers, key_of, material.NOW)
        except MessageSignatureError:
            continue
        must(condition=False, sentence="no covered octet can be changed")


def change(octets: bytes, chance: Random) -> bytes:
    """Insert or replace a piece somewhere; sometimes sign the first lines again."""
    at = chance.randrange(len(octets) + 1)
    octets = octets[:at] + chance.choice(_MINE) + octets[at + chance.choice((0, 0, 1, 4)) :]
    if chance.random() < 1 / 4:
        return _written(read(octets)[0], chance.choice(_KINDS))
    return octets


def _kind_of(name: str) -> str | None:
    """Return the certificate named by a key id, or None.

    The id is a digest or the id of RFC 9773.
    """
    return next((one for one in _KINDS if name in {sha256_hex(material.der(one)), _id(one)}), None)


def _id(kind: str) -> str:
    return ari_cert_id(material.certificate(kind))


def _reads_again(parts: SignedComponents) -> None:
    """Check the body, and the last part of the path as an id.

    Each valid value is read as one thing and written in one way.
    """
    try:
        asked = parse(parts.body)
        must(parse(render(asked)) == asked, "a body that was read can be written and read")
    except InvalidRevocation:
        pass
    try:
        identifier, serial = parse_ari_cert_id(parts.path.rpartition("/")[2])
    except ValueError:
        return
    must(identifier and len(serial) % 2 == 0 and serial == serial.lower(), "an id names a key and a serial")
    must(int(serial, 16) >= 0 and not (serial.startswith("00") and serial != "00"), "a serial is written in one way")


def _written(parts: SignedComponents, kind: str, key_id: str | None = None) -> bytes:
    key = material.key(kind)
    algorithm = algorithms(key.public_key())[0]
    try:
        signed = sign(parts, key_id or kind, material.NOW, algorithm, certificate_signer(key))
    except MessageSignatureError:
        return f"{parts.method}\n{parts.path}\n{parts.content_type}\n\n\n".encode("latin-1")
    headers = {field.lower(): value for field, value in signed.items()}
    lines = [parts.method, parts.path, *(headers[field] for field in FIELDS)]
    return "\n".join(lines).encode("latin-1") + b"\n" + parts.body


def _seeds() -> dict[str, bytes]:
    parts = SignedComponents("POST", PATH, CONTENT_TYPE, _BODY)
    made = {kind: _written(parts, kind) for kind in _KINDS}
    made |= {"by-digest": _written(parts, "p256", sha256_hex(material.der("p256")))}
    made |= {"by-id": _written(parts, "p384", _id("p384"))}
    return made | {"hint": f"GET\n/api/v1/renewal-info/{_id('p256')}\n\n\n\n\n".encode(), "empty": b"\n\n\n\n\n\n"}


TARGET = Target("own-revocation", check, _seeds, change, longest=4_096)
