"""Base of all shapes: a valid signed message and the attacker's own value.

A shape is a small function that makes the attacker's message of it. Most make a document, which each endpoint gets in
its own manner. Shapes of envelopes or headers make a `Sent`, for the SOAP endpoint alone.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec

from sinetti.domain.values import KeyType
from sinetti.pki.encoding import PrivateKey
from tests.support.authority import CUSTOMER_ID
from tests.support.xml_signing import MORE, OURS, PLACE, Shape, signed

Signer = tuple[PrivateKey, bytes]
"""A key and its certificate (DER)."""

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OTHER_CUSTOMER = "7654321-0"
NAME = "Ääni &amp; Kaiku Oy"
PLAIN_HEADERS = {"content-type": "text/xml; charset=utf-8", "soapaction": '"renewCertificate"'}

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the group of P-256 (SP 800-186, 3.2.1.3)."""

WHOLE = "whole"
"""Answer of an endpoint that accepts a message.

The accepted content is what was signed, whole, without anything of the attacker's.
"""

Pair = tuple[str | None, str | None]
"""Answers of the SOAP endpoint and of the gateway.

None means that a shape does not apply to the endpoint.
"""

BROKEN: Pair = ("PKI030", "signature-invalid")
ELSEWHERE: Pair = ("PKI030", "covers-something-else")
MISSING: Pair = ("PKI030", "signature-missing")
NO_XML: Pair = ("Fault", "malformed")
TAKEN: Pair = (WHOLE, WHOLE)


@dataclass(frozen=True, slots=True)
class Sent:
    """A whole HTTP message; `headers` replace the usual ones."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Given:
    """A valid signed message and its parts.

    `message` is one document, `root` in `namespace`, whose `field` has the value `good`. `forged` is the same
    document, unsigned, with the attacker's own value `evil`. `signer` is the signer of the message. `other` returns
    another organisation's key and certificate, which are equally valid.
    """

    root: str
    namespace: str
    field: str
    good: str
    evil: str
    shape: Shape
    signer: Signer
    other: Callable[[], Signer] = field(repr=False)

    @cached_property
    def message(self) -> str:
        """The valid signed message."""
        return self.signed()

    @cached_property
    def signature(self) -> str:
        """The Signature of `message`."""
        begin = self.message.index("<ds:Signature ")
        return self.message[begin : self.message.index("</ds:Signature>") + len("</ds:Signature>")]

    @property
    def forged(self) -> str:
        """The attacker's document, without signature."""
        return self.draft(self.evil).replace(PLACE, "")

    def draft(self, value: str | None = None) -> str:
        """Return the document with `{signature}` at the signature's place."""
        return (
            f'<c:{self.root} xmlns:c="{self.namespace}"><Environment>TEST</Environment>'
            f"<CustomerId>{CUSTOMER_ID}</CustomerId><CustomerName>{NAME}</CustomerName>"
            f"<{self.field}>{value or self.good}</{self.field}>{PLACE}</c:{self.root}>"
        )

    def signed(self, draft: str | None = None, **changes: object) -> str:
        """Sign a draft with the holder's key, in the message's manner except `changes`.

        The default is the right draft.
        """
        return signed(draft or self.draft(), replace(self.shape, **changes)).decode()

    def forged_with(self, signature: str) -> str:
        """Put a signature into the attacker's document, as its last child."""
        return self.draft(self.evil).replace(PLACE, signature)

    def filled(self, text: str) -> str:
        """Fill a pattern with `{good}`, `{evil}`, `{field}`, `{root}` and `{namespace}`.

        `{begin}` and `{end}` are the halves of `{good}`.
        """
        half = len(self.good) // 2
        values = {"begin": self.good[:half], "end": self.good[half:], "good": self.good, "evil": self.evil}
        values |= {"field": self.field, "root": self.root, "namespace": self.namespace}
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text


Make = Callable[[Given], str | bytes | Sent]


@dataclass(frozen=True, slots=True)
class Attack:
    """One shape: its maker and the answer of each endpoint.

    `of` is the signature manner of the message that is changed.
    """

    make: Make
    answers: Pair
    of: Shape = OURS
    key: KeyType = KeyType.EC_P256


RSA = replace(OURS, method=MORE + "rsa-sha256")
"""Signature manner of an RSA key.

An attack that uses it has `key=KeyType.RSA_2048` too.
"""


def change(old: str, new: str) -> Make:
    """Change the first match of a pattern in the signed message; it must be there."""

    def make(given: Given) -> str:
        before, after = given.filled(old), given.filled(new)
        assert before in given.message, f"nothing to change: {old}"
        assert before != after, "nothing is changed"
        return given.message.replace(before, after, 1)

    return make


def forge(old: str, new: str) -> Make:
    """Put the attacker's value into the signed message, with a change to cover it up."""

    def make(given: Given) -> str:
        changed = change(old, new)(given)
        return str(changed).replace(f"<{given.field}>{given.good}<", f"<{given.field}>{given.evil}<", 1)

    return make


def otherwise(**changes: object) -> Make:
    """Let the holder sign the right document in another manner."""
    return lambda given: given.signed(**changes)


def envelope(payload: str, *, header: str = "", declarations: str = "", body: str = "") -> str:
    """Put a payload into a SOAP 1.1 envelope."""
    return f'<s:Envelope xmlns:s="{SOAP}"{declarations}>{header}<s:Body{body}>{payload}</s:Body></s:Envelope>'


def sent(body: str | bytes, **headers: str) -> Sent:
    """Send a whole body, with other headers than usual where they are given.

    Underscores in the names stand for hyphens.
    """
    octets = body.encode() if isinstance(body, str) else body
    return Sent(octets, PLAIN_HEADERS | {name.replace("_", "-"): text for name, text in headers.items()})


def encode(octets: bytes) -> str:
    """Return one line of base64."""
    return base64.b64encode(octets).decode()


def value_of(given: Given, name: str) -> str:
    """Return the text of an element of the signature."""
    return given.signature.partition(f"<ds:{name}>")[2].partition(f"</ds:{name}>")[0]


def with_value(change_octets: Callable[[bytes], bytes], name: str = "SignatureValue") -> Make:
    """Change the octets of a base64 element of the signature."""

    def make(given: Given) -> str:
        text = value_of(given, name)
        changed = encode(change_octets(base64.b64decode(text)))
        return given.message.replace(f"<ds:{name}>{text}<", f"<ds:{name}>{changed}<", 1)

    return make


def p256(key: PrivateKey) -> ec.EllipticCurvePrivateKey:
    """Return the key, which is an EC key."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
