"""OpenID Connect with the providers of the settings, on allauth's code flow.

PKCE, state and nonce go with each request. A response counts only if discovery, ID token and userinfo are of the same
issuer and subject. An account is bound by these two, never by an e-mail address.

The ID token is accepted only if every check passes (OpenID Connect Core 1.0, 3.1.3.7). The signature is always
verified, although the specification allows to rely on TLS instead.
"""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse

from sinetti.eservice.accounts.mfa_adapter import ONCE_STRONG, was_strong
from sinetti.eservice.core.authentication import OUTSIDE_ROLES, STRONG
from sinetti.infra.urls import is_loopback
from sinetti.settings.portal import Provider, RolesClaim

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signature algorithms with keys that only the provider has.

`none` and algorithms with the shared secret are excluded, because they do not prove the provider.
"""

_LEEWAY = 60
_LONGEST_SUBJECT = 255
_MOST_ORGANISATIONS = 1000
_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "nonce")


class InvalidClaims(Exception):
    """Rejected claims of a provider; the sentence gives the reason without the claims."""


def verified(id_token: str, keys: Mapping[str, Any], provider: Provider, nonce: str) -> dict[str, Any]:
    """Return the claims of a verified ID token. `keys` is the provider's JWK set.

    Raises InvalidClaims.
    """
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
        raise InvalidClaims(f"the ID token is not believed: {type(wrong).__name__}") from None
    _check(claims, provider, nonce)
    return claims


def outside_roles(claims: Mapping[str, Any], where: RolesClaim | None) -> list[tuple[str, str]]:
    """Return customer ids and roles as the session stores them.

    What has another shape, or another code, gives nothing.
    """
    if where is None or not isinstance(organisations := claims.get(where.claim), list):
        return []
    found: list[tuple[str, str]] = []
    for organisation in organisations[:_MOST_ORGANISATIONS]:
        if not isinstance(organisation, dict) or not isinstance(customer_id := organisation.get(where.identifier), str):
            continue
        codes = organisation.get(where.roles)
        known = [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []
        found += [
            (customer_id, role.value) for role in sorted({where.means[code] for code in known if code in where.means})
        ]
    return found


def is_strong(claims: Mapping[str, Any], provider: Provider) -> bool:
    """Return True if the provider's `acr` claim counts as a second factor."""
    return claims.get("acr") in provider.acr_values


def _key(header: Mapping[str, Any], keys: jwt.PyJWKSet) -> jwt.PyJWK:
    named = [py_jwk for py_jwk in keys.keys if py_jwk.key_id == header.get("kid")]
    if len(named) != 1:
        raise KeyError("no key of this name")
    return named[0]


def _check(claims: Mapping[str, Any], provider: Provider, nonce: str) -> None:
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise InvalidClaims("the ID token is for another client, too")
    if not nonce or not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise InvalidClaims("the ID token is not the answer to this request")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise InvalidClaims("the ID token names no subject")


_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NONCE_OCTETS = 24


class UntrustedProviderResponse(OAuth2Error):  # type: ignore[misc] # allauth has no types
    """Untrusted response of a provider.

    The sentence is ours and contains nothing of the response. allauth's own sentences do.
    """


class OidcAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc] # allauth has no types
    """Adapter for one provider and one request.

    `state` is the stored state of the authentication request.
    """

    def __init__(self, request: HttpRequest, settings: Provider) -> None:
        super().__init__(request, settings.provider_id)
        self.settings = settings
        self.state: dict[str, Any] = {}

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's metadata; its issuer must equal that of the settings."""
        found: dict[str, Any] = super().openid_config
        if found.get("issuer") != self.settings.issuer:
            raise UntrustedProviderResponse("the provider says that it is another issuer")
        if not all(_is_safe(found.get(name)) for name in _ENDPOINTS):
            raise UntrustedProviderResponse("an address of the provider is missing, or not https")
        return found

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:  # noqa: ANN401
        """Accept the provider's response. Raises UntrustedProviderResponse otherwise."""
        del app
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise UntrustedProviderResponse("the provider gave no ID token")
        try:
            signed = verified(id_token, self._keys(), self.settings, self.state.get("nonce") or "")
        except InvalidClaims as refused:
            raise UntrustedProviderResponse(str(refused)) from refused
        claims = {**self._userinfo(token.token, signed["sub"]), **signed}
        # The claims count for this sign-in alone and are not stored with the account. Only the ID token tells how the
        # user signed in: userinfo describes a person, and the person may have written parts of it.
        self.state[STRONG] = is_strong(signed, self.settings)
        self.state[OUTSIDE_ROLES] = outside_roles(claims, self.settings.roles)
        login: SocialLogin = self.get_provider().sociallogin_from_response(request, claims)
        if self.state[STRONG] or was_strong(login.account.provider, login.account.uid):
            login.account.extra_data[ONCE_STRONG] = True
        return login

    def _keys(self) -> Mapping[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            found: Mapping[str, Any] = answer.json()
        return found

    def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        """Return claims of the userinfo endpoint if there is one.

        The subject must be the same (OpenID Connect Core 1.0, 5.3.2).
        """
        if not _is_safe(self.openid_config.get("userinfo_endpoint")):
            return {}
        found = self._fetch_user_info(access_token)
        if not isinstance(found, dict) or found.get("sub") != subject:
            raise UntrustedProviderResponse("the userinfo response is about another subject")
        return found


class OidcProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """Provider of the settings, as allauth sees it."""

    def get_oauth2_adapter(self, request: HttpRequest) -> OidcAdapter:
        """Return the adapter of this module."""
        return OidcAdapter(request, self.app.sinetti)

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Return only the next address and the process.

        A link from elsewhere can therefore add no parameters to the request to the provider.
        """
        found: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        return {**found, "scope": self.get_scope(), "auth_params": {}}

    def redirect(self, request: HttpRequest, process: str, **rest: Any) -> HttpResponse:  # noqa: ANN401
        """Redirect to the provider with a nonce that its ID token must repeat."""
        nonce = secrets.token_urlsafe(_NONCE_OCTETS)
        params = {"nonce": nonce}
        if self.app.sinetti.acr_values:
            params["acr_values"] = " ".join(self.app.sinetti.acr_values)
        answer: HttpResponse = super().redirect(request, process, **{**rest, "auth_params": params, "nonce": nonce})
        return answer

    def extract_uid(self, data: Mapping[str, Any]) -> str:
        """Return issuer and subject as one id.

        The same subject of another issuer is another person.
        """
        return sha256(f"{data['iss']}\0{data['sub']}".encode()).hexdigest()

    def extract_extra_data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data to store: issuer, subject, and an earlier strong sign-in."""
        return {"iss": data["iss"], "sub": data["sub"]}

    def extract_common_fields(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the initial values of the sign-up form; none counts as confirmed."""
        return {name: value for name in ("email", "name") if isinstance(value := data.get(name), str)}

    def extract_email_addresses(self, data: Mapping[str, Any]) -> list[Any]:
        """Return no addresses: the user confirms each address to this service."""
        del data
        return []


class OidcCallback(OAuth2CallbackView):  # type: ignore[misc]
    """View that receives the provider's response."""

    def _get_state(self, request: HttpRequest, provider: OidcProvider) -> Any:  # noqa: ANN401
        """Return the stored state of the request.

        The second value is an error page if the response names another issuer (RFC 9207).
        """
        state, away = super()._get_state(request, provider)
        if state is not None:
            self.adapter.state = state
            if request.GET.get("iss", self.adapter.settings.issuer) != self.adapter.settings.issuer:
                sentence = "another issuer answers"
                return None, _refused(request, provider, sentence)
        return state, away


def social_app(settings: Provider, name: str) -> SocialApp:
    """Return a provider of the settings as allauth's unsaved model."""
    app = SocialApp(
        provider="openid_connect",
        provider_id=settings.provider_id,
        name=name,
        client_id=settings.client_id,
        secret=settings.client_secret,
        settings={
            "server_url": settings.issuer.rstrip("/"),
            "oauth_pkce_enabled": True,
            "scope": ["openid", "profile", "email"],
        },
    )
    app.sinetti = settings
    return app


def _refused(request: HttpRequest, provider: OidcProvider, sentence: str) -> HttpResponse:
    # Imported here, because that module imports the adapter, which imports this one.
    from allauth.socialaccount.helpers import render_authentication_error  # noqa: PLC0415

    answer: HttpResponse = render_authentication_error(request, provider, exception=UntrustedProviderResponse(sentence))
    return answer


def _is_safe(address: object) -> bool:
    """Return True if an address uses https or is on this machine."""
    if not isinstance(address, str):
        return False
    place = urlsplit(address)
    return place.scheme == "https" or (place.scheme == "http" and is_loopback(place.hostname or ""))
