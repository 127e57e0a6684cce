"""Sign-in through another service: trusted claims, and the user who is signed in."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.database.models import CacheEntry
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.eservice.accounts.oidc import outside_roles
from sinetti.eservice.accounts.sessions import SessionStore, stored
from sinetti.eservice.core.authentication import OUTSIDE_ROLES, STRONG
from sinetti.services.access.accounts import make_account
from sinetti.settings.portal import RolesClaim
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.pages import PARAGRAPHS, notices
from tests.support.scene import REQUEST
from tests.support.signing_in import PASSWORD, follow, send, sent_kinds, sign_in, way
from tests.support.small_provider import CLIENT, settings_for, small_provider
from tests.support.users import mandate

ROLES = RolesClaim("organisations", "identifier", "roles", {"NIMKO": Role.SIGNATORY, "katselu": Role.VIEWER})
EMAIL = "nimi@people.example"


@pytest.fixture(scope="module")
def provider():
    with small_provider() as says:
        yield says


@pytest.fixture
def says(provider):
    """Return the provider with all its answers correct."""
    fresh = type(provider)(issuer=provider.issuer)
    for name in provider.__slots__:
        setattr(provider, name, getattr(fresh, name))
    return provider


@pytest.fixture
def browser(sqlite_scene, post, says):
    return Browser(people_door(sqlite_scene, post, settings=settings_for(says.issuer, ROLES)))


@pytest.fixture
def user(sqlite_scene):
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD)
    return models.User.objects.get(pk=make_account(new, sqlite_scene.ctx, "operator", REQUEST))


def begun(browser, says, page="/account/login"):
    """Press the button, and return our request to the provider."""
    browser.get(page)
    form = next(one for one in browser.page.forms if one.action == "/account/providers/op")
    browser.post("/account/providers/op", {name: value or "" for name, value in form.form_values()})
    place = urlsplit(browser.reply.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == f"{says.issuer}/authorize"
    asked = {name: values[0] for name, values in parse_qs(place.query).items()}
    says.nonce = asked["nonce"]
    return asked


def answered(browser, asked, **more):
    query = "&".join(f"{name}={value}" for name, value in {"code": "c", "state": asked["state"], **more}.items())
    return follow(browser.get(f"/account/providers/op/answer/?{query}"))


def signed_up(browser, sqlite_scene, says):
    """Return a user whom the provider signs in, with an account of their own."""
    answered(browser, begun(browser, says))
    send(browser, name="Nimi Nimetty", email=EMAIL)
    browser.get(way(sqlite_scene, EMAIL, "Confirm"))
    send(browser)
    return models.User.objects.get(email=EMAIL)


def session_of(browser):
    return SessionStore(stored(browser.cookies["__Host-session"]))


def test_what_our_request_says(browser, says):
    asked = begun(browser, says)
    assert asked["client_id"] == CLIENT
    assert asked["response_type"] == "code"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert asked["redirect_uri"] == "https://people.sinetti.example/account/providers/op/answer/"
    assert asked["code_challenge_method"] == "S256"
    assert asked["acr_values"] == "strong"
    assert len(asked["state"]) >= 16
    assert len(asked["nonce"]) == 32
    policy = browser.get("/account/login").reply.headers["content-security-policy"]
    assert f"form-action 'self' {says.issuer};" in policy
    browser.post("/account/providers/op?auth_params=nonce%3Dmine%26acr_values%3Dweak&scope=more", {})
    answered(browser, asked)
    (sent,) = says.asked
    assert sent["code_verifier"]


def test_an_unknown_subject_gets_an_account_only_if_they_say_so_and_no_rights(browser, sqlite_scene, says):
    says.claims = {"email": EMAIL, "email_verified": True, "name": "Nimi Nimetty"}
    answered(browser, begun(browser, says))
    assert browser.path == "/account/providers/new"
    assert not models.User.objects.exists()
    assert browser.page.xpath("//input[@name='email']/@value") == [EMAIL]
    send(browser)
    assert browser.path == "/account/confirm-email", "the provider's word about an address confirms nothing"
    made = models.User.objects.get()
    assert not made.has_usable_password()
    assert not made.is_staff
    bound = SocialAccount.objects.get()
    assert bound.extra_data == {"iss": says.issuer, "sub": "one"}, "nothing else is kept"


def test_an_account_of_the_same_address_is_never_taken(browser, sqlite_scene, says, user):
    says.claims = {"email": EMAIL, "email_verified": True}
    answered(browser, begun(browser, says))
    assert browser.path == "/account/providers/new"
    send(browser, name="N N")
    assert browser.path == "/account/confirm-email", "and the page does not say that there is one"
    assert sent_kinds(sqlite_scene, EMAIL) == {"there-already"}
    assert not SocialAccount.objects.exists()


def test_a_known_subject_is_signed_in_with_what_the_sign_in_vouches_for(browser, sqlite_scene, says):
    signed_up(browser, sqlite_scene, says)
    says.claims = {"acr": "strong", "organisations": [{"identifier": CUSTOMER_ID, "roles": ["NIMKO", "other"]}]}
    answered(browser, begun(browser, says))
    assert browser.path == "/"
    assert session_of(browser)[STRONG] is True
    assert session_of(browser)[OUTSIDE_ROLES] == [[CUSTOMER_ID, "signatory"]]
    browser.get("/account/logout")
    send(browser)
    says.claims = {}
    answered(browser, begun(browser, says))
    assert session_of(browser)[STRONG] is False
    assert session_of(browser)[OUTSIDE_ROLES] == [], "it was that session's alone"


def test_a_provider_that_left_the_settings_vouches_for_nobody_any_more(browser, sqlite_scene, says):
    signed_up(browser, sqlite_scene, says)
    says.claims = {"acr": "strong", "organisations": [{"identifier": CUSTOMER_ID, "roles": ["NIMKO"]}]}
    answered(browser, begun(browser, says))
    assert browser.get("/settings/authorisations").reply.status == 200
    browser.door = people_door(sqlite_scene)
    assert browser.get("/settings/authorisations").reply.status == 403
    assert browser.get("/settings/profile").reply.status == 200, "their own account stays theirs"


def test_a_signatory_by_a_weak_sign_in_is_led_to_a_second_factor(browser, sqlite_scene, says):
    signed_up(browser, sqlite_scene, says)
    says.claims = {"acr": "weak", "organisations": [{"identifier": CUSTOMER_ID, "roles": ["NIMKO"]}]}
    assert answered(browser, begun(browser, says)).path == "/account/security"


def test_how_somebody_signed_in_only_the_id_token_tells(browser, sqlite_scene, says):
    signed_up(browser, sqlite_scene, says)
    roles = [{"identifier": CUSTOMER_ID, "roles": ["NIMKO"]}]
    says.userinfo = {"sub": "one", "acr": "strong", "organisations": roles}
    answered(browser, begun(browser, says))
    assert session_of(browser)[OUTSIDE_ROLES] == [[CUSTOMER_ID, "signatory"]]
    assert session_of(browser)[STRONG] is False


REFUSED = {
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "for another client": {"claims": {"aud": "another"}},
    "for others, too": {"claims": {"aud": [CLIENT, "another"]}},
    "handed to another": {"claims": {"azp": "another"}},
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "too old": {"claims": {"exp": 1_600_000_000}},
    "without an end": {"claims": {"exp": None}},
    "no subject": {"claims": {"sub": ""}},
    "signed by nobody": {"algorithm": "none"},
    "signed with the secret that both have": {"algorithm": "HS256"},
    "signed by another key": {"foreign_key": True},
    "signed by an unknown key": {"key_id": "two"},
    "no ID token": {"without_id_token": True},
    "userinfo of somebody else": {"userinfo": {"sub": "two"}},
    "the provider says it is another": {"discovery": {"issuer": "https://evil.example"}},
    "keys over plain http": {"discovery": {"jwks_uri": "http://evil.example/keys"}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_answer_that_is_not_believed(browser, says, case):
    asked = begun(browser, says)
    for name, value in REFUSED[case].items():
        setattr(says, name, value)
    answered(browser, asked)
    assert browser.reply.status == 401
    golden.check("sentences/accounts/a-provider-that-is-not-believed", {"en.txt": notices(browser, PARAGRAPHS)})
    assert browser.get("/account/sessions").reply.status == 302


WHY = {
    "a secret that is not ours": (
        {"error": "invalid_client", "error_description": EMAIL},
        "OAuth2Error invalid_client",
    ),
    "another shape": ({"id_token": "e30.e30.e30", "hint": EMAIL}, "OAuth2Error"),
    "no ID token": ({"access_token": EMAIL}, "the provider gave no ID token"),
}


@pytest.mark.parametrize("case", WHY)
def test_the_log_has_why_and_nothing_of_what_a_provider_said(browser, says, caplog, case):
    asked = begun(browser, says)
    says.token, why = WHY[case]
    answered(browser, asked)
    assert caplog.messages == [f"request {REQUEST}: sign-in by op failed: {why}"]


@pytest.mark.parametrize("more", [{"state": "unknown"}, {"iss": "https://evil.example"}, {"error": "server_error"}])
def test_an_answer_to_another_request(browser, says, more):
    asked = begun(browser, says)
    answered(browser, asked, **more)
    assert browser.reply.status == 401
    again = answered(browser, asked)
    assert again.reply.status == (200 if "state" in more else 401), "a state counts once"


def test_another_issuers_subject_of_the_same_name_is_somebody_else(browser, sqlite_scene, says, post):
    signed_up(browser, sqlite_scene, says)
    with small_provider() as other:
        theirs = Browser(people_door(sqlite_scene, post, settings=settings_for(other.issuer, ROLES)))
        answered(theirs, begun(theirs, other))
        assert theirs.path == "/account/providers/new"


def test_one_is_connected_only_by_who_has_just_proved_who_they_are(browser, sqlite_scene, says, user):
    browser.get("/account/login")
    token = browser.page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]
    browser.post("/account/providers/op", {"csrfmiddlewaretoken": token, "process": "connect"})
    assert browser.reply.headers["location"] == "/account/providers"
    sign_in(browser, EMAIL)
    answered(browser, begun(browser, says, "/account/providers"))
    assert browser.path == "/account/providers"
    assert SocialAccount.objects.get().user == user
    assert sent_kinds(sqlite_scene, EMAIL) == {"provider-added"}
    browser.get("/account/logout")
    send(browser)
    answered(browser, begun(browser, says))
    assert browser.get("/account/sessions").reply.status == 200
    browser.get("/account/providers")
    send(browser, account=str(SocialAccount.objects.get().pk))
    assert not SocialAccount.objects.exists()
    assert sent_kinds(sqlite_scene, EMAIL) == {"provider-added", "provider-removed"}


def test_the_only_way_in_is_not_taken_away(browser, sqlite_scene, says):
    signed_up(browser, sqlite_scene, says)
    answered(browser, begun(browser, says))
    browser.get("/account/providers")
    send(browser, account=str(SocialAccount.objects.get().pk))
    golden.check("sentences/accounts/the-only-way-in", {"en.txt": notices(browser)})
    assert SocialAccount.objects.exists()


def test_who_signs_in_there_alone_proves_who_they_are_there(browser, sqlite_scene, says):
    signed_up(browser, sqlite_scene, says)
    answered(browser, begun(browser, says))
    session = session_of(browser)
    session["account_authentication_methods"] = [{**one, "at": 0} for one in session["account_authentication_methods"]]
    session.save()
    follow(browser.get("/account/email"))
    assert browser.path == "/account/reauthenticate"
    answered(browser, begun(browser, says, "/account/reauthenticate?next=/account/email"))
    assert browser.path == "/account/email"


def test_an_address_alone_does_not_get_round_the_second_factor_that_a_provider_is(browser, sqlite_scene, says):
    """A reader of the user's mail can set a password.

    Only a user who signs in at the provider can set up a second factor.
    """
    user = signed_up(browser, sqlite_scene, says)
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    browser.get("/account/password/reset")
    send(browser, email=EMAIL)
    follow(browser.get(way(sqlite_scene, EMAIL, "Set a new password")))
    send(browser, password1=PASSWORD, password2=PASSWORD)
    assert sign_in(browser, EMAIL).path == "/account/security"
    for address in ("codes/add", "passkeys/add", "../email", "../providers", "../password/change"):
        follow(browser.get(f"/account/security/{address}"))
        assert (browser.path, browser.page.xpath("//input[@type='password']")) == ("/account/reauthenticate", [])
    answered(browser, begun(browser, says, "/account/reauthenticate?next=/account/security/codes/add"))
    assert follow(browser.get("/account/security/codes/add")).path == "/account/security/codes/add"


def test_nor_does_a_weak_sign_in_there(browser, sqlite_scene, says):
    """A user with only the password of the account there adds no second factor here.

    The strong factor of that provider is missing.
    """
    user = signed_up(browser, sqlite_scene, says)
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    says.claims = {"acr": "strong"}
    answered(browser, begun(browser, says))
    assert follow(browser.get("/account/security/codes/add")).path == "/account/security/codes/add"
    browser.get("/account/logout")
    send(browser)
    says.claims = {"acr": "weak"}
    assert answered(browser, begun(browser, says)).path == "/account/security"
    for address in ("codes/add", "passkeys/add", "../email", "../providers", "../password/set"):
        follow(browser.get(f"/account/security/{address}"))
        assert browser.path == "/account/reauthenticate"
        golden.check("sentences/accounts/a-weak-sign-in", {"en.txt": notices(browser, PARAGRAPHS)})
    answered(browser, begun(browser, says, "/account/reauthenticate?next=/account/security/codes/add"))
    assert follow(browser.get("/account/security/codes/add")).path == "/account/reauthenticate", "weak again"
    says.claims = {"acr": "strong"}
    answered(browser, begun(browser, says, "/account/reauthenticate?next=/account/security/codes/add"))
    assert browser.path == "/account/security/codes/add"
    assert SocialAccount.objects.get().extra_data == {"iss": says.issuer, "sub": "one", "strong": True}


@pytest.mark.parametrize("page", ["providers", "email", "security/codes/add", "security/passkeys/add"])
def test_what_a_strong_sign_in_shows_takes_eight_statements_at_most(browser, sqlite_scene, says, page):
    user = signed_up(browser, sqlite_scene, says)
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    says.claims = {"acr": "strong"}
    answered(browser, begun(browser, says))
    with CaptureQueriesContext(connections["default"]) as asked:
        browser.get(f"/account/{page}")
    assert (browser.reply.status, browser.path) == (200, f"/account/{page}")
    statements = [one["sql"] for one in asked if one["sql"] not in {"BEGIN IMMEDIATE", "COMMIT"}]
    assert len(statements) <= 8, statements


def test_a_strong_sign_in_that_is_connected_counts_as_proof(browser, sqlite_scene, says, user):
    sign_in(browser, EMAIL)
    says.claims = {"acr": "strong"}
    answered(browser, begun(browser, says, "/account/providers"))
    assert follow(browser.get("/account/security/codes/add")).path == "/account/security/codes/add"


def test_an_account_that_somebody_else_began_is_confirmed_by_nobody(browser, sqlite_scene, says):
    """The other user would have a sign-in to the account that the owner confirms."""
    answered(browser, begun(browser, says))
    send(browser, name="Not Nimi", email=EMAIL)
    link = way(sqlite_scene, EMAIL, "Confirm")
    owner = Browser(browser.door).get(link)
    assert (owner.reply.status, owner.buttons) == (403, [])
    (token,) = owner.get("/fetch").page.xpath("//input[@name='csrfmiddlewaretoken']/@value")
    assert owner.post(link, {"csrfmiddlewaretoken": token}).reply.status == 403
    owner.get("/account/password/reset")
    send(owner, email=EMAIL)
    assert sent_kinds(sqlite_scene, EMAIL) == {"confirm", "no-account"}
    CacheEntry.objects.all().delete()  # some minutes later: links to one address leave at a distance
    sqlite_scene.clock.forward(timedelta(minutes=5))
    owner.get("/account/signup")
    send(owner, name="Nimi Nimetty", email=EMAIL, password1=PASSWORD)
    assert browser.get(link).reply.status == 404, "that account is gone"
    assert not SocialAccount.objects.exists()
    owner.get(way(sqlite_scene, EMAIL, "Confirm"))
    send(owner)
    assert sign_in(owner, EMAIL).path == "/"
    assert models.User.objects.get().name == "Nimi Nimetty"


def test_a_link_alone_begins_nothing(browser, says):
    assert follow(browser.get("/account/providers/op")).path == "/account/login"
    assert not says.asked


def test_a_provider_that_is_away_or_signs_in_elsewhere(browser, says):
    says.discovery = {"authorization_endpoint": "https://sign-in.example/authorize"}
    browser.get("/account/login")
    token = browser.page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]
    browser.post("/account/providers/op", {"csrfmiddlewaretoken": token, "process": "login"})
    assert browser.page.xpath("//a[starts-with(@href, 'https://sign-in.example/authorize?')]")
    says.discovery = {"token_endpoint": None}
    browser.post("/account/providers/op", {"csrfmiddlewaretoken": token, "process": "login"})
    assert browser.reply.status == 401


SHAPES = {
    "no such claim": {},
    "no list": {"organisations": "1234567-1"},
    "no objects": {"organisations": ["1234567-1", None, 1]},
    "no identifier": {"organisations": [{"roles": ["NIMKO"]}, {"identifier": 1, "roles": ["NIMKO"]}]},
    "no roles": {"organisations": [{"identifier": "1234567-1"}, {"identifier": "1234567-1", "roles": "NIMKO"}]},
    "unknown roles": {"organisations": [{"identifier": "1234567-1", "roles": ["OTHER", 7, ["NIMKO"], None]}]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_claims_of_another_shape_give_nothing(shape):
    assert outside_roles(SHAPES[shape], ROLES) == []
    assert outside_roles({"organisations": [{"identifier": "1", "roles": ["katselu"]}]}, None) == []
