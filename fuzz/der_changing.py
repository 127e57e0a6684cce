"""Changes DER so that its lengths still fit, and signs it again.

So inputs reach the code behind the verification of the signature.
"""

from collections.abc import Callable
from copy import deepcopy
from random import Random

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fuzz import material

BIT_STRING, _OCTET_STRING = 0x03, 0x04
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_OIDS = [
    bytes.fromhex(one)
    for one in (
        "0603551d13", "0603551d0f", "0603551d25", "0603551d23", "0603551d0e", "0603551d1f", "0603551d20",
        "0603551d11", "0603551d1c", "0603551d1b", "0603551d2e", "0603551d14", "0603551d15", "0603551d18",
        "0603551d1e", "0603551d24", "06032a0304", "06092b0601050507300102", "06092b0601050507300105",
        "06072a8648ce3d0201", "06092a864886f70d010101", "06092a864886f70d01010b", "06092a864886f70d01010a",
        "06082a8648ce3d040302", "06032b6570", "06052b81040022", "06082b06010505070303", "06082b06010505070309",
        "0603550403", "060355040a", "06092a864886f70d01090e",
    )
]  # fmt: skip
"""OBJECT IDENTIFIERs of extensions, algorithms, curves, purposes and attributes."""

_TAGS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x0C, 0x13, 0x16, 0x17, 0x18, 0x1E, 0x30, 0x31]
_TAGS += [0x80, 0x81, 0x82, 0x86, 0xA0, 0xA1, 0xA3, 0xA4]
_CONTENTS = [b"", b"\x00", b"\xff", b"\x80", b"\x00" * 21, b"\xff" * 21, b"\x01" * 200, b"*.example\x00", b"\xd8\x00"]
_CONTENTS += [b"99991231235959Z", b"000101000000Z", b"00000101000000Z", b"20260302120000.5Z"]
_DEEPEST = 24


class NotDer(ValueError):
    """Raised for octets that are no DER."""


class Node:
    """One value: its tag, and its content as octets or as nested values."""

    def __init__(self, tag: int, content: "bytes | list[Node]") -> None:
        self.tag = tag
        self.content = content

    def octets(self) -> bytes:
        """Encode the value, with lengths that fit."""
        inside = self.inside()
        return bytes([self.tag]) + _length(len(inside)) + inside

    def inside(self) -> bytes:
        """Encode the content."""
        return self.content if isinstance(self.content, bytes) else b"".join(one.octets() for one in self.content)

    def at(self, *path: int) -> "Node":
        """Return the nested value at these places. Raises NotDer if there is none."""
        if not path:
            return self
        if not isinstance(self.content, list) or path[0] >= len(self.content):
            raise NotDer
        return self.content[path[0]].at(*path[1:])

    def below(self) -> "list[Node]":
        """Return the value and all nested values."""
        inside = [] if isinstance(self.content, bytes) else self.content
        return [self, *(one for child in inside for one in child.below())]


def parse(octets: bytes, depth: int = 0) -> list[Node]:
    """Parse values one after the other.

    The content of an OCTET STRING is parsed, too, if possible. Raises NotDer for other octets.
    """
    found = []
    while octets:
        tag, content, octets = _one(octets)
        found.append(Node(tag, _inside(tag, content, depth)))
    return found


def whole(octets: bytes) -> bool:
    """Return True if the octets are exactly one value."""
    try:
        return _one(octets)[2] == b""
    except NotDer:
        return False


def change(octets: bytes, chance: Random) -> bytes:
    """Change a value or two. In octets that are no DER, octets are changed."""
    try:
        roots = parse(octets)
    except NotDer:
        roots = []
    if not roots or chance.random() < 1 / 8:
        return _flipped(octets, chance)
    for _ in range(chance.choice((1, 1, 2, 3))):
        nodes = [one for root in roots for one in root.below()]
        _change(chance.choice(nodes), nodes, chance)
    return b"".join(root.octets() for root in roots)


def changing_and_signing(kind: str) -> Callable[[bytes, Random], bytes]:
    """Return a function that changes octets, and mostly signs them again.

    The key is `kind` (P-256). The octets are SEQUENCE { signed part, algorithm, BIT STRING }.
    """

    def change_and_sign(octets: bytes, chance: Random) -> bytes:
        changed = change(octets, chance)
        return changed if chance.random() < 1 / 4 else signed_again(changed, kind)

    return change_and_sign


def signed_again(octets: bytes, kind: str) -> bytes:
    """Sign again, with ECDSA and SHA-256; return the octets as they are if that fails."""
    try:
        (outer,) = parse(octets)
    except ValueError:
        return octets
    if not isinstance(outer.content, list) or len(outer.content) < 3:  # noqa: PLR2004 - the three parts
        return octets
    key = material.key(kind)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - the caller names such a key
    signature = key.sign(outer.content[0].octets(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    outer.content[1:3] = [*parse(_ECDSA_SHA256), Node(BIT_STRING, b"\x00" + signature)]
    return outer.octets()


def _change(node: Node, nodes: list[Node], chance: Random) -> None:
    match chance.randrange(8):
        case 0:
            node.tag = chance.choice(_TAGS)
        case 1:
            node.content = chance.choice(_CONTENTS)
        case 2 if isinstance(node.content, list) and node.content:
            del node.content[chance.randrange(len(node.content))]
        case 3 if isinstance(node.content, list):
            node.content.insert(chance.randrange(len(node.content) + 1), _copy(chance.choice(nodes)))
        case 4 if isinstance(node.content, list):
            chance.shuffle(node.content)
        case 5 if isinstance(node.content, list):
            node.content.insert(chance.randrange(len(node.content) + 1), *parse(chance.choice(_OIDS)))
        case 6:
            other = _copy(chance.choice(nodes))
            node.tag, node.content = other.tag, other.content
        case _ if isinstance(node.content, bytes):
            node.content = _flipped(node.content, chance)
            if node.tag == 0x06:  # noqa: PLR2004 - OBJECT IDENTIFIER
                node.content = chance.choice(_OIDS)[2:]


def _copy(node: Node) -> Node:
    return deepcopy(node)


def _flipped(octets: bytes, chance: Random) -> bytes:
    if not octets:
        return bytes([chance.randrange(256)])
    at = chance.randrange(len(octets))
    match chance.randrange(4):
        case 0:
            return octets[:at] + octets[at + 1 :]
        case 1:
            return octets[:at] + bytes([chance.randrange(256)]) + octets[at:]
        case _:
            return octets[:at] + bytes([chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))]) + octets[at + 1 :]


def _inside(tag: int, content: bytes, depth: int) -> bytes | list[Node]:
    if depth > _DEEPEST:
        raise NotDer
    if tag & 0x20:
        return parse(content, depth + 1)
    if tag == _OCTET_STRING and content[:1] in {b"\x30", b"\x04", b"\x03"}:  # an extension's value
        try:
            return parse(content, depth + 1)
        except NotDer:
            return content
    return content


def _one(octets: bytes) -> tuple[int, bytes, bytes]:
    """Split off the first value: its tag, its content, and the rest."""
    if len(octets) < 2 or octets[0] & 0x1F == 0x1F:  # noqa: PLR2004 - a tag and a length
        raise NotDer
    length, start = octets[1], 2
    if length & 0x80:
        width = length & 0x7F
        if not 0 < width <= 4 or octets[2:3] in {b"", b"\x00"}:  # noqa: PLR2004 - no input here is longer
            raise NotDer
        length, start = int.from_bytes(octets[2 : 2 + width], "big"), 2 + width
        if length < 0x80 or (width > 1 and length < 1 << 8 * (width - 1)):  # noqa: PLR2004 - X.690, 10.1
            raise NotDer
    if len(octets) < start + length:
        raise NotDer
    return octets[0], octets[start : start + length], octets[start + length :]


def _length(size: int) -> bytes:
    if size < 0x80:  # noqa: PLR2004 - X.690, 8.1.3.4
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
