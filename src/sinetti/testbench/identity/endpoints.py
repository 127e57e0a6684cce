"""Identity provider of the bench: discovery, authorize, token, userinfo, JWKS.

Code flow with PKCE alone (docs/operators/e-service.md).

The double as the bench's e-service knows it: one provider of sign-in more, whose word counts as a second factor.

A code counts once and expires soon.
"""

import hashlib
import hmac
import json
import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.i18n.translate import preferred_language
from sinetti.infra.clock import utc_now
from sinetti.server.http import Request, Response, json_reply, text_response
from sinetti.settings.portal import EserviceSettings, Provider, RolesClaim
from sinetti.testbench.core.layout import LOCALHOST, LOOPBACK, Ports, is_loopback_host
from sinetti.testbench.identity.login_page import page
from sinetti.testbench.identity.test_users import (
    MANAGER_CODES,
    PEOPLE,
    SIGNATORY_CODES,
    VIEWER_CODES,
    NotOrganisations,
    organisations,
)

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
            grant = self._codes.pop(code, None)
        if grant is None or grant.until < self.now() or grant.redirect_uri != redirect_uri:
            return None
        digest = b64(hashlib.sha256(verifier.encode()).digest())
        return grant.claims if hmac.compare_digest(digest, grant.challenge) else None

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


PATH = "/identity"
CLIENT_ID = "sinetti"
STRONG, WEAK = "http://ftn.ficora.fi/2017/loatest2", "urn:example:loa:low"
"""Levels of assurance (`acr`) of a sign-in.

The first is the Finnish Trust Network's for strong identification in tests.
"""

ROLES_CLAIM = "organisations"
_ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "ui_locales",
          "code_challenge_method")  # fmt: skip
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class IdentityEndpoint:
    """Answers below `issuer`.

    Browsers are redirected only to pages at one of `return_to`: scheme, name and port.
    """

    issuer: str
    return_to: frozenset[str]
    now: Callable[[], datetime]
    grants: TokenStore
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    key: SigningKey = field(default_factory=SigningKey.made, repr=False)

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method and path below PATH."""
        if not is_loopback_host(request.headers.get("host", "")):
            return text_response(403, "The test sign-in can be used only on this machine.")
        path = request.path.removeprefix(PATH).rstrip("/")
        method = "GET" if request.method == "HEAD" else request.method
        act = self._routes().get((method, path))
        return text_response(404, "The test sign-in has no page at this address.") if act is None else act(request)

    def _routes(self) -> dict[tuple[str, str], Callable[[Request], Response]]:
        return {
            ("GET", "/.well-known/openid-configuration"): self._discovery,
            ("GET", "/jwks"): lambda _request: json_reply(200, {"keys": [self.key.jwk()]}),
            ("GET", "/authorize"): self._ask,
            ("POST", "/authorize"): self._sign_in,
            ("POST", "/token"): self._token,
            ("GET", "/userinfo"): self._userinfo,
            ("POST", "/userinfo"): self._userinfo,
        }

    def _discovery(self, _request: Request) -> Response:
        return json_reply(
            200,
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile", "email"],
                "acr_values_supported": [STRONG, WEAK],
                "claims_supported": ["sub", "name", "email", "acr", ROLES_CLAIM],
                "ui_locales_supported": list(Language),
                "authorization_response_iss_parameter_supported": True,
            },
        )

    def _ask(self, request: Request) -> Response:
        asked = _asked(request)
        return self._refused(asked) or page(asked, _language(asked, request))

    def _sign_in(self, request: Request) -> Response:
        asked = _asked(request)
        if refused := self._refused(asked):
            return refused
        given = _form(request)
        person = next((test_user for test_user in PEOPLE if test_user.subject == given.get("who")), None)
        if person is None:
            return page(asked, _language(asked, request), given={**given, "who": ""})
        try:
            found = organisations(given.get("organisations", ""), person.codes)
        except NotOrganisations as bad:
            return page(asked, _language(asked, request), given={**given, "line": bad.line})
        claims: Claims = {
            "sub": person.subject,
            "name": person.name,
            "email": f"{person.subject}@people.example",
            "acr": STRONG if given.get("strong") else WEAK,
            ROLES_CLAIM: found,
            **({"nonce": asked["nonce"]} if "nonce" in asked else {}),
        }
        code = self.grants.new_code(claims, asked["redirect_uri"], asked["code_challenge"])
        back = urlencode({"code": code, "iss": self.issuer, **({"state": asked["state"]} if "state" in asked else {})})
        joined = "&" if "?" in asked["redirect_uri"] else "?"
        place = {"Location": f"{asked['redirect_uri']}{joined}{back}", **_NO_STORE, "Referrer-Policy": "no-referrer"}
        return Response(303, "text/plain; charset=utf-8", b"", place)

    def _refused(self, asked: Mapping[str, str]) -> Response | None:
        """Return an error page for the developer of a client, or None if the request fits.

        A wrong request causes no redirect (RFC 6749, 4.1.2.1).
        """
        wrong = {
            "client_id": asked.get("client_id") != CLIENT_ID,
            "redirect_uri": not self._ours(asked.get("redirect_uri", "")),
            "response_type": asked.get("response_type") != "code",
            "scope": "openid" not in asked.get("scope", "").split(),
            "code_challenge_method": asked.get("code_challenge_method") != "S256",
            "code_challenge": not _CHALLENGE.fullmatch(asked.get("code_challenge", "")),
        }
        named = [name for name, is_wrong in wrong.items() if is_wrong]
        return (
            text_response(400, f"The request to the test sign-in has wrong parameters: {', '.join(named)}.")
            if named
            else None
        )

    def _ours(self, address: str) -> bool:
        try:
            place = urlsplit(address)
        except ValueError:
            return False
        return f"{place.scheme}://{place.netloc}" in self.return_to and not place.fragment and address.isascii()

    def _token(self, request: Request) -> Response:
        given = _form(request)
        if not self._is_client(request, given):
            return _error(401, "invalid_client", **{"WWW-Authenticate": 'Basic realm="rehearsal"'})
        if given.get("grant_type") != "authorization_code":
            return _error(400, "unsupported_grant_type")
        verifier = given.get("code_verifier", "")
        claims = self.grants.spend(given.get("code", ""), given.get("redirect_uri", ""), verifier)
        if claims is None:
            return _error(400, "invalid_grant")
        at = int(self.now().timestamp())
        until = at + int(TOKEN_LIVES.total_seconds())
        own = {"iss": self.issuer, "aud": CLIENT_ID, "iat": at, "auth_time": at, "exp": until}
        tokens = {
            "access_token": self.grants.new_token(claims),
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIVES.total_seconds()),
            "id_token": self.key.signed({**own, **claims}),
        }
        reply = json_reply(200, tokens)
        return Response(reply.status, reply.content_type, reply.body, _NO_STORE)

    def _is_client(self, request: Request, given: Mapping[str, str]) -> bool:
        name, secret = given.get("client_id", ""), given.get("client_secret", "")
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() == "basic":
            try:
                name, _, secret = (unquote(text) for text in b64decode(sent, validate=True).decode().partition(":"))
            except (NotBase64, UnicodeDecodeError):
                return False
        return name == CLIENT_ID and hmac.compare_digest(secret.encode(), self.client_secret.encode())

    def _userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims = self.grants.claims_of(token.strip()) if scheme.casefold() == "bearer" else None
        if claims is None:
            return _error(401, "invalid_token", **{"WWW-Authenticate": 'Bearer error="invalid_token"'})
        reply = json_reply(200, {name: value for name, value in claims.items() if name != "nonce"})
        return Response(reply.status, reply.content_type, reply.body, _NO_STORE)


def _asked(request: Request) -> dict[str, str]:
    """Return the known parameters of a request (OpenID Connect Core, 3.1.2.1)."""
    return {name: value for name, value in parse_qsl(request.query) if name in _ASKED}


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _language(asked: Mapping[str, str], request: Request) -> Language:
    wished = [text for text in asked.get("ui_locales", "").split() if text in set(Language)]
    return Language(wished[0]) if wished else preferred_language(request.headers.get("accept-language")) or Language.EN


def _error(status: int, error: str, **headers: str) -> Response:
    reply = json_reply(status, {"error": error})
    return Response(reply.status, reply.content_type, reply.body, {**_NO_STORE, **headers})


PROVIDER_ID = "rehearsal"
_NAME = {
    Language.FI: "testipenkin testitunnistautuminen",
    Language.SV: "testbänkens testidentifiering",
    Language.EN: "the test bench's test sign-in",
}
_APPEAL = {
    Language.FI: "Tämä on testipenkin päätös. Sillä ei ole vaikutuksia, eikä siihen voi hakea muutosta.",
    Language.SV: "Detta är testbänkens beslut. Det har inga verkningar och kan inte överklagas.",
    Language.EN: "This is a decision of the test bench. It has no effect and cannot be appealed.",
}
"""Instructions for an appeal, without which no application could be refused.

Refusing is part of a rehearsal.
"""
_NO_LAW = {
    Language.FI: "ei mikään: testipenkissä ei käsitellä kenenkään oikeita tietoja",
    Language.SV: "ingen: i testbänken behandlas ingens riktiga uppgifter",
    Language.EN: "none: a test bench handles no real person's data",
}
_FOOTER = {
    Language.FI: "Tämä on testipenkki eikä minkään viranomaisen palvelu.",
    Language.SV: "Detta är en testbänk och inte någon myndighets tjänst.",
    Language.EN: "This is a test bench, not the service of an authority.",
}
_FEEDBACK = "help@bench.example"


def identity_door(ports: Ports) -> IdentityEndpoint:
    """Make the identity provider below the bench's status address.

    It serves only the pages of this bench.
    """
    pages = frozenset(f"http://{name}:{ports.people}" for name in (LOCALHOST, LOOPBACK))
    return IdentityEndpoint(f"http://{LOOPBACK}:{ports.status}{PATH}", pages, utc_now, TokenStore(utc_now))


def rehearsed(settings: EserviceSettings, door: IdentityEndpoint) -> EserviceSettings:
    """Return the settings of a bench's e-service.

    These are the settings of its folder and the identity provider. Missing texts are replaced by those of a rehearsal.
    """
    means = {
        code: role
        for role, codes in (
            (Role.SIGNATORY, SIGNATORY_CODES),
            (Role.MANAGER, MANAGER_CODES),
            (Role.VIEWER, VIEWER_CODES),
        )
        for code in codes
    }
    roles = RolesClaim(ROLES_CLAIM, "identifier", "roles", MappingProxyType(means))
    double = Provider(PROVIDER_ID, _NAME, door.issuer, CLIENT_ID, door.client_secret, (STRONG,), roles)
    others = tuple(provider for provider in settings.providers if provider.provider_id != PROVIDER_ID)
    return replace(
        settings,
        providers=(*others, double),
        appeal=settings.appeal or _APPEAL,
        legal_basis=settings.legal_basis or _NO_LAW,
        accessibility_feedback=settings.accessibility_feedback or _FEEDBACK,
        footer=settings.footer or _FOOTER,
    )
