"""Signers: interfaces to private keys that sign octets.

`software.py` uses keys in files. `token_pool.py` uses keys in PKCS#11 tokens, through processes of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from sinetti.domain.requests import SignatureProof
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import SIGNER_ERRORS, SIGNER_SECONDS

__all__ = ["SignatureProof"]


class SignerUnavailable(Exception):
    """Key that cannot be used now. The text names the key and nothing secret."""


class SignatureRefused(SignerUnavailable):
    """Refusal of a signer that has read the octets; the sentence has the rule."""


class SignerTimeout(SignerUnavailable):
    """Signer that did not answer in time; a second attempt would double the time."""


class KeyMissing(SignerUnavailable):
    """Key that its token does not contain."""


@dataclass(frozen=True)
class ActApproval:
    """Proposal in its canonical octets, and officers' signatures over them."""

    proposal: bytes = field(repr=False)
    signatures: tuple[bytes, ...] = field(repr=False)


class Signer(Protocol):
    """Signer with keys that are identified by name."""

    def sign(self, key_name: str, octets: bytes, proof: SignatureProof | None = None) -> bytes:
        """Sign as `pki.signatures.sign` does; this method hashes `octets`.

        `proof` is the signature of a renewal, which a signer with its own rules verifies. Raises SignerUnavailable if
        the key cannot be used, or if such a signer refuses.
        """

    def check(self, key_name: str) -> None:
        """Check that a key can be used. Raises SignerUnavailable."""


@contextmanager
def measured(store: str) -> Iterator[None]:
    """Time a use of the keys in a store, and count its failure."""
    try:
        with recorder.timed(SIGNER_SECONDS, store):
            yield
    except SignerUnavailable as failure:
        count_failure(failure)
        raise


def count_failure(failure: SignerUnavailable) -> None:
    """Count a signature that was not made."""
    kinds = {SignatureRefused: "refused", KeyMissing: "missing"}
    recorder.count(SIGNER_ERRORS, kinds.get(type(failure), "unavailable"))
