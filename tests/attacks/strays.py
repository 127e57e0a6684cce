"""Shapes of correctly signed messages with another addressee or another purpose."""

from dataclasses import replace

from tests.api.counter import SERVICE
from tests.attacks.doors import DELIVERY
from tests.attacks.messages import BROKEN, Attack, Given, Make


def _as(root: str, namespace: str) -> Make:
    """Let the holder sign a message with this root, with the right value in it."""
    return lambda given: replace(given, root=root, namespace=namespace).message


def _signature_of(root: str, namespace: str) -> Make:
    """Put the signature of a message with this root onto the forged one."""
    return lambda given: given.forged_with(replace(given, root=root, namespace=namespace).signature)


def _renewal_of_another(given: Given) -> str:
    """Return another organisation's valid request with this organisation's id in it."""
    return given.signed(signer=given.other()).replace(given.good, given.evil)


STRAYS = {
    "a renewal, as a delivery": Attack(_as("RenewCertificateRequest", SERVICE), (None, "covers-something-else")),
    "a delivery, as a renewal": Attack(_as("Delivery", DELIVERY), ("Fault", None)),
    "a delivery that is called a renewal": Attack(_as("RenewCertificateRequest", DELIVERY), ("Fault", None)),
    "a delivery in the service's namespace": Attack(_as("Delivery", SERVICE), ("Fault", "covers-something-else")),
    "an answer of the service": Attack(_as("RenewCertificateResponse", SERVICE), ("Fault", "covers-something-else")),
    "a first request, signed": Attack(_as("SignNewCertificateRequest", SERVICE), ("PKI001", "covers-something-else")),
    "a fetch, signed": Attack(_as("GetCertificateRequest", SERVICE), ("PKI001", "covers-something-else")),
    "the signature of another message": Attack(_signature_of("Note", "urn:example:note"), BROKEN),
    "another organisation's message, with the forged value": Attack(_renewal_of_another, BROKEN),
}
"""Shapes of correctly signed messages with another purpose."""
