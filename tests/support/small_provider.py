"""Small OpenID Connect provider on this machine with configurable answers.

Tests make the answers right or wrong.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from sinetti.infra.clock import utc_now
from sinetti.settings.portal import EserviceSettings, Provider, RolesClaim
from tests.support.small_server import LoopbackServer

CLIENT, SECRET = "sinetti", "a secret that is only a test's, but long enough"
ROLES = RolesClaim("organisations", "identifier", "roles", {})
NAMES = {"fi": "Kirjautumispalvelu", "sv": "Inloggningstjänsten", "en": "the sign-in service"}
_KEY, _OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


@dataclass(slots=True)
class Says:
    """Answers of the provider.

    `claims` replace the correct ones. A value of None removes a claim.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "ES256"
    key_id: str = "one"
    foreign_key: bool = False
    without_id_token: bool = False
    token: dict[str, Any] | None = None
    """Replacement for the whole answer of the token endpoint."""
    nonce: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    """Requests to its token endpoint."""

    def id_token(self) -> str:
        """Return an ID token."""
        now = int(utc_now().timestamp())
        right = {"iss": self.issuer, "sub": "one", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": self.nonce}
        claims = {name: value for name, value in {**right, **self.claims}.items() if value is not None}
        key: Any = {"ES256": _OTHER if self.foreign_key else _KEY, "HS256": SECRET, "none": None}[self.algorithm]
        return jwt.encode(claims, key, self.algorithm, headers={"kid": self.key_id})

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return the document at a path, or None if there is none."""
        places = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.userinfo is not None else {}),
                **self.discovery,
            },
            "/keys": {"keys": [{**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(_KEY.public_key())), "kid": "one"}]},
            "/userinfo": self.userinfo,
            "/token": self.token
            or {
                "access_token": "a token",
                "token_type": "Bearer",
                **({} if self.without_id_token else {"id_token": self.id_token()}),
            },
        }
        return places.get(path)


@contextmanager
def small_provider() -> Iterator[Says]:
    """Run a provider and yield its answers, which the test may change."""
    says = Says()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            octets = self.rfile.read(int(self.headers["content-length"]))
            says.asked.append(parse_qs(octets.decode()))
            self._answer()

        def _answer(self) -> None:
            found = says.answer(self.path)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_rest: object) -> None:
            pass

    with LoopbackServer(Handler) as server:
        says.issuer = server.origin
        yield says


def settings_for(issuer: str, roles: RolesClaim | None = None) -> EserviceSettings:
    """Return settings with this one provider, whose id is `op`."""
    return EserviceSettings((Provider("op", NAMES, issuer, CLIENT, SECRET, ("strong",), roles),))  # type: ignore[arg-type] # languages are texts
