"""Values of the state machine's messages.

They are values in several notations, keys by name and signing requests in two spellings.
"""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.scene import csr, new_key, odd_csr

KEYS = tuple(f"key {number}" for number in range(20))
HUNG_ON = "1"
"""Text that is appended to a value, behind a comment."""

DRESSES = {
    "plain": lambda text: text,
    "a comment inside": lambda text: f"{text[:3]}<!-- {text[3:]} -->{text[3:]}",
    "CDATA": lambda text: f"{text[:2]}<![CDATA[{text[2:]}]]>",
    "references": lambda text: f"&#x{ord(text[0]):x};{text[1:-1]}&#{ord(text[-1])};",
    "blanks around": lambda text: f"\r\n\t {text}\n  ",
    "an instruction inside": lambda text: f"{text[:4]}<?cut here?>{text[4:]}",
    "a comment before": lambda text: f"<!--{text}-->{text}",
}
"""Notations of the same value."""


def hung_on(values: dict[str, str], name: str | None, _dress: str) -> tuple[dict[str, str], bool]:
    """Append a text to a value.

    The function also returns True if the value is then too long for the schema.
    """
    if name is None:
        return values, False
    whole = values[name] + HUNG_ON
    longest = {"CustomerId": 30, "TransferId": 32, "TransferPassword": 16, "RetrievalId": 32}[name]
    return {**values, name: whole}, len(whole) > longest


@cache
def spelt(name: str, spelling: int) -> bytes:
    return odd_csr(key_of(name)) if spelling else csr(key_of(name))


@cache
def key_of(name: str) -> ec.EllipticCurvePrivateKey:
    assert name in KEYS
    made = new_key()
    assert isinstance(made, ec.EllipticCurvePrivateKey)
    return made


@cache
def strange_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP521R1())
