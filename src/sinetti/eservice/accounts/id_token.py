"""What a provider says in a sign-in: an ID token is believed only where all of it is as it has to be.

OpenID Connect Core 1.0, 3.1.3.7. The signature is verified always, though the specification would let that be over TLS.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final

import jwt

from sinetti.settings.portal import Provider, RolesClaim

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by keys that only the provider has: none, or one by our shared secret, is no signature of its."""

_LEEWAY = 60
_LONGEST_SUBJECT = 255
_MOST_ORGANISATIONS = 1000
_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "nonce")


class InvalidClaims(Exception):
    """An answer of a provider that is not believed; the sentence says why, and has nothing of it in it."""


def verified(id_token: str, keys: Mapping[str, Any], provider: Provider, nonce: str) -> dict[str, Any]:
    """Give the claims of an ID token. `keys` is the provider's JWK set. Raises InvalidClaims."""
    try:
        header = jwt.get_unverified_header(id_token)
        key = _key(header, jwt.PyJWKSet.from_dict(dict(keys)))
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key.key,
            algorithms=[header["alg"]] if header.get("alg") in ALGORITHMS else [],
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=_LEEWAY,
            options={"require": list(_REQUIRED), "strict_aud": False},
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as wrong:
        sentence = f"the ID token is not believed: {type(wrong).__name__}"
        raise InvalidClaims(sentence) from None
    _check(claims, provider, nonce)
    return claims


def outside_roles(claims: Mapping[str, Any], where: RolesClaim | None) -> list[tuple[str, str]]:
    """Customer ids and our roles, as they go into a session. What has another shape, or another code, gives nothing."""
    if where is None or not isinstance(organisations := claims.get(where.claim), list):
        return []
    found: list[tuple[str, str]] = []
    for one in organisations[:_MOST_ORGANISATIONS]:
        if not isinstance(one, dict) or not isinstance(customer_id := one.get(where.identifier), str):
            continue
        codes = one.get(where.roles)
        known = [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []
        found += [
            (customer_id, role.value) for role in sorted({where.means[one] for one in known if one in where.means})
        ]
    return found


def is_strong(claims: Mapping[str, Any], provider: Provider) -> bool:
    """Whether this sign-in counts as one with a second factor: by the `acr` that the provider says it had."""
    return claims.get("acr") in provider.acr_values


def _key(header: Mapping[str, Any], keys: jwt.PyJWKSet) -> jwt.PyJWK:
    named = [one for one in keys.keys if one.key_id == header.get("kid")]
    if len(named) != 1:
        sentence = "no key of this name"
        raise KeyError(sentence)
    return named[0]


def _check(claims: Mapping[str, Any], provider: Provider, nonce: str) -> None:
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        sentence = "the ID token is for somebody else, too"
        raise InvalidClaims(sentence)
    if not nonce or not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        sentence = "the ID token is not the answer to this request"
        raise InvalidClaims(sentence)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        sentence = "the ID token names no subject"
        raise InvalidClaims(sentence)
