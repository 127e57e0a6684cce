"""Codes and tokens of the identity provider, and the key of its signatures.

A code counts once and expires soon.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CODE_LIVES, TOKEN_LIVES = timedelta(minutes=1), timedelta(minutes=5)
_MOST = 1000
_OCTETS = 32
"""Octets of a coordinate of P-256, and of each half of its signatures.

The sizes are those of RFC 7518, 3.4.
"""

Claims = dict[str, object]


@dataclass(frozen=True)
class AuthorizationGrant:
    """A sign-in that waits until the service redeems its code.

    `challenge` is PKCE's (RFC 7636), of method S256.
    """

    claims: Claims
    redirect_uri: str
    challenge: str
    until: datetime


@dataclass
class TokenStore:
    """Codes and access tokens in memory, which expire within minutes.

    `now` is the machine's clock, as for sign-in.
    """

    now: Callable[[], datetime]
    _codes: dict[str, AuthorizationGrant] = field(default_factory=dict, repr=False)
    _tokens: dict[str, tuple[Claims, datetime]] = field(default_factory=dict, repr=False)
    _one_at_a_time: Lock = field(default_factory=Lock, repr=False)

    def new_code(self, claims: Claims, redirect_uri: str, challenge: str) -> str:
        """Return a new code for the browser's redirect."""
        code = secrets.token_urlsafe(32)
        with self._one_at_a_time:
            while len(self._codes) >= _MOST:
                self._codes.pop(next(iter(self._codes)))
            self._codes[code] = AuthorizationGrant(claims, redirect_uri, challenge, self.now() + CODE_LIVES)
        return code

    def spend(self, code: str, redirect_uri: str, verifier: str) -> Claims | None:
        """Return the claims of a code, once.

        Returns None for a code that is unknown, used or expired, or that belongs to another client.
        """
        with self._one_at_a_time:
            found = self._codes.pop(code, None)
        if found is None or found.until < self.now() or found.redirect_uri != redirect_uri:
            return None
        digest = b64(hashlib.sha256(verifier.encode()).digest())
        return found.claims if hmac.compare_digest(digest, found.challenge) else None

    def new_token(self, claims: Claims) -> str:
        """Return an access token for the same claims."""
        token = secrets.token_urlsafe(32)
        with self._one_at_a_time:
            while len(self._tokens) >= _MOST:
                self._tokens.pop(next(iter(self._tokens)))
            self._tokens[token] = (claims, self.now() + TOKEN_LIVES)
        return token

    def claims_of(self, token: str) -> Claims | None:
        """Return the claims of an access token, or None if it is not valid."""
        with self._one_at_a_time:
            found = self._tokens.get(token)
        return found[0] if found is not None and found[1] >= self.now() else None


@dataclass(frozen=True)
class SigningKey:
    """Key of ID tokens: ES256 (RFC 7518, 3.4), new at each start of the bench."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def made(cls) -> "SigningKey":
        """Return a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    def jwk(self) -> dict[str, str]:
        """Public key as in a JWKS (RFC 7517); its id is its thumbprint (RFC 7638)."""
        point = self.key.public_key().public_numbers()
        public = {"crv": "P-256", "kty": "EC", "x": _coordinate(point.x), "y": _coordinate(point.y)}
        thumbprint = hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest()
        return {**public, "alg": "ES256", "use": "sig", "kid": b64(thumbprint)}

    def signed(self, claims: Claims) -> str:
        """Return a signed JWT of claims (RFC 7519)."""
        head = {"alg": "ES256", "typ": "JWT", "kid": self.jwk()["kid"]}
        body = ".".join(b64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        halves = decode_dss_signature(self.key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{b64(b''.join(half.to_bytes(_OCTETS, 'big') for half in halves))}"


def b64(octets: bytes) -> str:
    """Return base64 for addresses, without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _coordinate(value: int) -> str:
    return b64(value.to_bytes(_OCTETS, "big"))
