"""The double of an OpenID provider, for the e-service and any other client."""

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from lxml import html

from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.infra.clock import utc_now
from sinetti.server.http import Request
from sinetti.settings.portal import EserviceSettings
from sinetti.testbench.identity.endpoints import CLIENT_ID, STRONG, WEAK, IdentityEndpoint, TokenStore, b64, rehearsed
from sinetti.testbench.identity.test_users import MANAGER_CODES, PEOPLE, NotOrganisations, organisations

ISSUER, PAGES = "http://127.0.0.1:20001/identity", "http://localhost:20002"
BACK = f"{PAGES}/account/oidc/rehearsal/login/callback"
VERIFIER = "a-verifier-of-at-least-43-characters-as-rfc-7636-wants-it"


@dataclass
class Client:
    """Client that queries the double as a browser and as the service.

    Its clock is that of the machine, moved by `later`.
    """

    later: timedelta = timedelta(0)
    door: IdentityEndpoint = field(init=False)

    def __post_init__(self):
        def now():
            return utc_now() + self.later

        self.door = IdentityEndpoint(ISSUER, frozenset({PAGES}), now, TokenStore(now))

    def ask(self, method, path, query=None, form=None, **headers):
        body = urlencode(form).encode() if form is not None else b""
        named = {"host": "127.0.0.1:20001", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.door(Request(method, f"/identity{path}", urlencode(query or {}), named, "1" * 32, body))

    def wanted(self, **changes):
        challenge = b64(hashlib.sha256(VERIFIER.encode()).digest())
        asked = {
            "client_id": CLIENT_ID, "redirect_uri": BACK, "response_type": "code", "scope": "openid profile",
            "state": "s&1", "nonce": "n1", "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return {name: value for name, value in {**asked, **changes}.items() if value is not None}

    def code(self, who="test-person-1", where="0123456-7", **more):
        reply = self.ask("POST", "/authorize", self.wanted(), {"who": who, "organisations": where, **more})
        assert reply.status == 303, reply.body
        place = urlsplit(reply.headers["Location"])
        assert f"{place.scheme}://{place.netloc}{place.path}" == BACK
        return dict(parse_qsl(place.query))

    def tokens(self, code, **changes):
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER,
            "client_id": CLIENT_ID, "client_secret": self.door.client_secret,
        }  # fmt: skip
        reply = self.ask("POST", "/token", None, {**form, **changes})
        return reply.status, json.loads(reply.body)


@pytest.fixture
def client():
    return Client()


def test_a_sign_in_from_the_button_to_the_claims(client):
    back = client.code(strong="1")
    assert (back["state"], back["iss"]) == ("s&1", ISSUER)
    status, issued = client.tokens(back["code"])
    assert status == 200
    (key,) = json.loads(client.ask("GET", "/jwks").body)["keys"]
    claims = jwt.decode(issued["id_token"], jwt.PyJWK(key).key, algorithms=["ES256"], audience=CLIENT_ID, issuer=ISSUER)
    assert jwt.get_unverified_header(issued["id_token"])["kid"] == key["kid"]
    assert (claims["sub"], claims["acr"], claims["nonce"]) == ("test-person-1", STRONG, "n1")
    (organisation,) = claims["organisations"]
    assert organisation == {
        "identifier": "0123456-7", "name": "Test organisation 0123456-7", "complete": True, "roles": ["TJ"],
    }  # fmt: skip
    info = json.loads(client.ask("GET", "/userinfo", authorization=f"Bearer {issued['access_token']}").body)
    assert (info["sub"], info["organisations"]) == (claims["sub"], claims["organisations"])


def test_the_service_may_name_itself_in_a_header(client):
    sent = b64encode(f"{CLIENT_ID}:{client.door.client_secret}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": client.code()["code"], "redirect_uri": BACK,
            "code_verifier": VERIFIER}  # fmt: skip
    assert client.ask("POST", "/token", None, form, authorization=f"Basic {sent}").status == 200
    assert client.ask("POST", "/token", None, form, authorization="Basic !").status == 401


def test_without_strong_identification_it_says_so(client):
    _, issued = client.tokens(client.code()["code"])
    assert jwt.decode(issued["id_token"], options={"verify_signature": False})["acr"] == WEAK


def test_a_code_counts_once(client):
    code = client.code()["code"]
    assert client.tokens(code)[0] == 200
    assert client.tokens(code) == (400, {"error": "invalid_grant"})


TOKENS_REFUSED = {
    "another verifier": ({"code_verifier": "x" * 43}, 400, "invalid_grant"),
    "no verifier": ({"code_verifier": ""}, 400, "invalid_grant"),
    "another address": ({"redirect_uri": f"{BACK}x"}, 400, "invalid_grant"),
    "another secret": ({"client_secret": "x"}, 401, "invalid_client"),
    "another client": ({"client_id": "x"}, 401, "invalid_client"),
    "another grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
}


@pytest.mark.parametrize(("changes", "status", "error"), TOKENS_REFUSED.values(), ids=TOKENS_REFUSED)
def test_who_gets_no_tokens(client, changes, status, error):
    assert client.tokens(client.code()["code"], **changes) == (status, {"error": error})


def test_codes_and_tokens_end(client):
    code, other = client.code()["code"], client.code()["code"]
    _, issued = client.tokens(other)
    client.later = timedelta(minutes=1, seconds=1)
    assert client.tokens(code)[0] == 400
    client.later = timedelta(minutes=6)
    assert client.ask("GET", "/userinfo", authorization=f"Bearer {issued['access_token']}").status == 401
    assert client.ask("GET", "/userinfo").status == 401


ASKED_WRONGLY = {
    "another client": ("client_id", "x"),
    "pages of somebody else": ("redirect_uri", "http://evil.example/account/"),
    "a name that begins alike": ("redirect_uri", f"{PAGES}.evil.example/"),
    "a name before ours": ("redirect_uri", "http://localhost:20002@evil.example/"),
    "no address": ("redirect_uri", "http://["),
    "a token at once": ("response_type", "token"),
    "no OpenID": ("scope", "profile"),
    "no PKCE": ("code_challenge", None),
    "PKCE in clear": ("code_challenge_method", "plain"),
}


@pytest.mark.parametrize(("name", "value"), ASKED_WRONGLY.values(), ids=ASKED_WRONGLY)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_asks_wrongly_is_told_and_sent_nowhere(client, method, name, value):
    reply = client.ask(method, "/authorize", client.wanted(**{name: value}), {"who": "test-person-1"})
    assert (reply.status, "Location" in reply.headers) == (400, False)
    assert name.encode() in reply.body


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_it_answers_on_this_machine_alone(client, host):
    assert client.ask("GET", "/authorize", client.wanted(), host=host).status == 403


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/token"])
def test_what_is_not_there(client, path):
    assert client.ask("GET", path).status == 404


@pytest.mark.parametrize("language", Language)
def test_the_page_says_that_it_is_a_rehearsal_in_three_languages(client, language):
    reply = client.ask("GET", "/authorize", client.wanted(ui_locales=f"xx {language}"))
    page = html.fromstring(reply.body)
    assert (reply.status, page.get("lang")) == (200, language)
    said = {Language.FI: "testipenkki", Language.SV: "testbänk", Language.EN: "test bench"}[language]
    assert said in page.xpath("string(//p[@class='rehearsal'])").lower()
    assert len(page.xpath("//input[@type='radio']")) == len(PEOPLE)
    assert {link.get("lang") for link in page.xpath("//nav/a")} == set(Language)


def test_a_browser_s_language(client):
    page = html.fromstring(client.ask("GET", "/authorize", client.wanted(), accept_language="sv-FI").body)
    assert page.get("lang") == "sv"


def test_what_does_not_fit_is_told_and_what_was_typed_is_kept(client):
    typed = "0123456-7\n<b>: TJ TJ;"
    form = {"who": "test-person-5", "organisations": typed}
    reply = client.ask("POST", "/authorize", client.wanted(), form)
    page = html.fromstring(reply.body)
    assert (reply.status, "Location" in reply.headers) == (422, False)
    assert "“<b>: TJ TJ;”" in page.xpath("string(//*[@id='wrong'])")
    assert page.xpath("string(//title)").startswith("Error: ")
    (area,) = page.xpath("//textarea")
    assert (area.text.strip(), area.get("aria-describedby")) == (typed, "hint wrong")
    assert page.xpath("//input[@checked]/@value") == ["test-person-5"]
    rejected = client.ask("POST", "/authorize", client.wanted(), {"who": "me"})
    assert (rejected.status, b"Choose the person to sign in as." in rejected.body) == (422, True)


ORGANISATIONS = {
    "the person's own codes": ("1234567-1", [["1234567-1", ["TJ"]]]),
    "codes of one's own": ("1234567-1: PJ X-1\n\n 7654321-4 ", [["1234567-1", ["PJ", "X-1"]], ["7654321-4", ["TJ"]]]),
    "no code": ("1234567-1:", [["1234567-1", []]]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("typed", "found"), ORGANISATIONS.values(), ids=ORGANISATIONS)
def test_organisations(typed, found):
    assert [[one["identifier"], one["roles"]] for one in organisations(typed, ("TJ",))] == found


@pytest.mark.parametrize("typed", ["a b", "1\n1", "x" * 31, "1: a;b", "\n".join(map(str, range(51)))])
def test_what_is_no_organisation(typed):
    with pytest.raises(NotOrganisations):
        organisations(typed, ())


def test_the_bench_s_e_service_knows_it(client):
    (double,) = rehearsed(EserviceSettings(), client.door).providers
    assert (double.issuer, double.client_secret, double.acr_values) == (ISSUER, client.door.client_secret, (STRONG,))
    assert double.roles.means["TJ"] is Role.SIGNATORY
    assert double.roles.means[MANAGER_CODES[0]] is Role.MANAGER
    (again,) = rehearsed(EserviceSettings((double,)), client.door).providers
    assert again == double


def test_the_bench_fills_in_missing_texts_and_keeps_those_of_its_folder(client):
    given = dict.fromkeys(Language, "as the operator says")
    without, kept = (rehearsed(EserviceSettings(appeal=texts, footer=texts), client.door) for texts in ({}, given))
    assert set(without.appeal) == set(without.footer) == set(Language)
    assert "not the service of an authority" in without.footer[Language.EN]
    assert (kept.appeal, kept.footer) == (given, given)
