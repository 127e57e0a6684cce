"""Accounts by the forms of the pages.

The tests cover sign-up, sign-in, second factors, recovery, and the e-mails about them.
"""

import base64
import json
import re
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db import connections
from django.test.utils import CaptureQueriesContext
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.database.models import CacheEntry
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.eservice.accounts import urls
from sinetti.eservice.accounts.account_settings import browser_of
from sinetti.eservice.accounts.mfa import is_credential
from sinetti.eservice.accounts.sessions import BEGAN, EXTENDED, SessionStore, stored
from sinetti.infra.clock import utc_now
from sinetti.notifications.templates.renderer import Skip
from sinetti.services.access.accounts import deactivate, make_account
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.pages import PARAGRAPHS, notices
from tests.support.scene import DAY, REQUEST
from tests.support.signing_in import PASSWORD, code, follow, letters, send, sent_kinds, sign_in, way
from tests.support.users import mandate

EMAIL = "nimi@people.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER = "aivan toinen salalause"


@pytest.fixture
def user(sqlite_scene):
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD)
    return models.User.objects.get(pk=make_account(new, sqlite_scene.ctx, "operator", REQUEST))


@pytest.fixture
def guarded(sqlite_scene):
    """Return a signatory with the codes of an app."""
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD, totp=SECRET)
    found = models.User.objects.get(pk=make_account(new, sqlite_scene.ctx, "operator", REQUEST))
    mandate(sqlite_scene, found, CUSTOMER_ID, Role.SIGNATORY)
    return found


def another(browser):
    return Browser(browser.door)


def leave(browser):
    browser.get("/account/logout")
    return send(browser)


def wrongs(browser):
    return [str(one) for one in browser.page.xpath("//*[@class='wrong']/text()")]


def audited(what):
    return models.AuditEvent.objects.filter(action=what).count()


def test_signing_up_gives_an_account_without_rights_once_the_address_is_confirmed(browser, sqlite_scene, post):
    browser.headers["accept-language"] = "sv"
    browser.get("/account/signup")
    send(browser, name="Nimi Nimetty", email="Nimi@People.example", password1=PASSWORD)
    assert browser.path == "/account/confirm-email"
    assert post.sent == [models.OutboxMessage.objects.get().message_id], "it was sent at once"
    made = models.User.objects.get()
    assert (made.email, made.language, made.name, made.is_staff) == (EMAIL, "sv", "Nimi Nimetty", False)
    assert made.password.startswith("argon2$argon2id$")
    sign_in(browser, EMAIL)
    assert browser.path == "/account/confirm-email", "there is no sign-in before"
    link = way(sqlite_scene, EMAIL, "Bekräfta")
    browser.get(link)
    assert not made.emailaddress_set.get().verified, "opening the link changes nothing"
    send(browser)
    assert "bekräftad" in browser.page.text_content()
    sign_in(browser, EMAIL)
    assert browser.path == "/"
    made.refresh_from_db()
    assert made.last_login is not None, "retention tells used from unused accounts by it (docs/operators/retention.md)"
    assert not models.RoleAssignment.objects.filter(user=made).exists()
    assert another(browser).get(link).reply.status == 404, "it works once"


def test_an_account_that_is_asked_for_twice_at_once_has_a_link_that_works(browser, sqlite_scene):
    browser.get("/account/signup")
    form = next(one for one in browser.page.forms if urlsplit(one.action or browser.path).path == browser.path)
    fields = {**{name: value or "" for name, value in form.form_values()}, "name": "Nimi", "email": EMAIL}
    for _ in range(2):
        browser.post("/account/signup", {**fields, "password1": PASSWORD})
        assert browser.reply.headers["location"] == "/account/confirm-email"
    assert sent_kinds(sqlite_scene, EMAIL) == {"confirm"}
    assert sign_in(browser, EMAIL).path == "/account/confirm-email"
    browser.get(way(sqlite_scene, EMAIL, "Confirm"))
    assert send(browser).path == "/account/login"
    assert sign_in(browser, EMAIL).path == "/"


def test_an_address_is_confirmed_by_who_chose_the_password(browser, sqlite_scene):
    """The owner of the address does not confirm a sign-up by another user.

    The owner's own sign-up takes its place.
    """
    browser.get("/account/signup")
    send(browser, name="Not Nimi", email=EMAIL, password1="somebody else's words")
    first, owner = way(sqlite_scene, EMAIL, "Confirm"), another(browser)
    assert owner.get(first).reply.status == 403
    CacheEntry.objects.all().delete()  # some minutes later: links to one address leave at a distance
    sqlite_scene.clock.forward(timedelta(minutes=5))
    owner.get("/account/signup")
    send(owner, name="Nimi Nimetty", email=EMAIL, password1=PASSWORD)
    assert owner.get(first).reply.status == 404
    phone, link = another(browser), way(sqlite_scene, EMAIL, "Confirm")
    assert phone.get(link).reply.status == 403, "who reads the mail elsewhere signs in there first"
    sign_in(phone, EMAIL, "somebody else's words")
    assert phone.get(link).reply.status == 403
    sign_in(phone, EMAIL)
    phone.get(link)
    send(phone)
    assert sign_in(owner, EMAIL).path == "/"
    assert audited("account-erased") == 1


def test_no_row_has_a_secret_that_can_be_read(browser, sqlite_scene):
    browser.get("/account/signup")
    send(browser, name="Nimi Nimetty", email=EMAIL, password1=PASSWORD)
    key = way(sqlite_scene, EMAIL, "Confirm").split("/")[-1]
    assert key not in json.dumps(models.OutboxMessage.objects.get().facts)
    browser.get(f"/account/confirm-email/{key}")
    send(browser)
    sign_in(browser, EMAIL)
    browser.get("/account/security/codes/add")
    (secret,) = browser.secrets
    cookie = browser.cookies["__Host-session"]
    for row in Session.objects.all():
        assert cookie not in f"{row.session_key} {row.session_data}"
        assert secret.replace(" ", "") not in row.session_data
    send(browser, code=code(secret))
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret.replace(" ", "") not in stored
    assert not [
        one for one in CacheEntry.objects.values_list("key", flat=True) if not re.fullmatch("[0-9a-f]{64}", one)
    ]


def test_a_link_that_has_lapsed_is_not_sent(browser, sqlite_scene, user):
    browser.get("/account/password/reset")
    send(browser, email=EMAIL)
    sqlite_scene.machine.forward(DAY)
    (dropped,) = letters(sqlite_scene, EMAIL)
    assert isinstance(dropped, Skip)


def test_the_cookie_of_a_session(browser, user):
    browser.get("/account/login")
    assert "__Host-session" not in browser.cookies, "looking makes no session"
    browser.cookies["__Host-session"] = "known to somebody else before"
    sign_in(browser, EMAIL)
    assert browser.cookies["__Host-session"] != "known to somebody else before"
    leave(browser)
    browser.get("/account/login")
    send_of = browser.page.forms[0]
    fields = {name: value or "" for name, value in send_of.form_values()}
    browser._ask("POST", "/account/login", _form({**fields, "login": EMAIL, "password": PASSWORD}))
    (cookie,) = [one for one in browser.reply.cookies if one.startswith("__Host-session=")]
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def _form(fields):
    return urlencode(fields).encode()


@pytest.mark.parametrize("begins", ["/account/login", "/account/signup"])
def test_nobody_is_led_to_another_site(browser, user, begins):
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)", r"/\evil.example"):
        browser.get(f"/account/login?next={elsewhere}")
        assert not browser.page.xpath("//input[@name='next']")
        browser.get(f"{begins}?next={elsewhere}")
        assert "evil" not in browser.reply.body.decode().partition("<main")[2]
    browser.get("/account/login?next=/account/email")
    send(browser, login=EMAIL, password=PASSWORD)
    assert browser.path == "/account/email"


def test_whoever_asks_is_not_told_whether_an_address_has_an_account(browser, sqlite_scene, user):
    pages = []
    for email in (EMAIL, "missing@people.example"):
        browser.get("/account/signup")
        send(browser, name="N N", email=email, password1=PASSWORD)
        pages.append((browser.path, browser.page.text_content()))
        browser.get("/account/password/reset")
        send(browser, email=email.replace("missing", "no-one"))
        pages.append((browser.path, browser.page.text_content()))
        browser.get("/account/login")
        send(browser, login=email.replace("missing", "no-one"), password="a wrong password")
        pages.append((browser.path, browser.page.text_content()))
    assert pages[:3] == pages[3:]
    assert sent_kinds(sqlite_scene, EMAIL) == {"there-already", "reset"}
    assert sent_kinds(sqlite_scene, "missing@people.example") == {"confirm"}
    assert sent_kinds(sqlite_scene, "no-one@people.example") == {"no-account"}


WRONG = {
    "no name": {"name": " "},
    "no address": {"email": "no-address"},
    "an address at this machine": {"email": "nimi@localhost"},
    "a short password": {"password1": "elevenchars"},
    "a common one": {"password1": "1q2w3e4r5t6y"},
    "one's own name": {"password1": "nimi@people.example"},
}


def test_wrong_input_is_told_beside_its_field_and_kept(browser, sqlite_scene):
    said = {}
    for case, typed in WRONG.items():
        fields = {"name": "Nimi Nimetty", "email": EMAIL, "password1": PASSWORD, **typed}
        browser.get("/account/signup?draft=none")
        send(browser, **fields)
        (said[case],) = wrongs(browser)
        assert browser.page.xpath("//input[@aria-invalid]/@name") == [*typed], case
        assert browser.page.xpath("//input[@name='email']/@value") == [fields["email"]], case
        assert not browser.page.xpath("//input[@name='password1']/@value"), case
    assert not models.User.objects.exists()
    golden.check("sentences/accounts/wrong-input", {"en.txt": golden.sections(said)})


@pytest.mark.parametrize("email", [EMAIL, "missing@people.example"])
def test_who_tries_too_often_waits_whether_there_is_an_account_or_not(browser, sqlite_scene, user, email):
    said = [notices(sign_in(browser, email, "a wrong password")) for _ in range(5)]
    assert len(set(said)) == 1
    said.append(notices(sign_in(browser, email)))
    assert browser.path == "/account/login", "the right one does not help now"
    golden.check("sentences/accounts/too-many-attempts", {"en.txt": "".join(said[-2:])})


def test_who_may_more_with_a_second_factor_is_led_to_set_one_up(browser, sqlite_scene, user):
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    sign_in(browser, EMAIL)
    assert browser.path == "/account/security"
    said = {"before": notices(browser)}
    browser.get("/account/security/codes/add")
    (secret,) = browser.secrets
    send(browser, code="000000" if code(secret) != "000000" else "111111")
    assert len(wrongs(browser)) == 1
    send(browser, code=code(secret))
    assert browser.path == "/account/security/recovery-codes"
    assert len(browser.secrets) == 10
    assert not browser.get("/account/security/recovery-codes").secrets, "they are shown once"
    said["after"] = notices(browser.get("/account/security"))
    assert said["after"] != said["before"], "it counts at once"
    golden.check("sentences/accounts/a-second-factor-is-needed", {"en.txt": golden.sections(said)})
    assert sent_kinds(sqlite_scene, EMAIL) == {"codes-added"}
    assert audited("second-factor-added") == 1


def test_a_clerk_is_led_there_too(browser, sqlite_scene, user):
    models.User.objects.update(is_staff=True)
    assert sign_in(browser, EMAIL).path == "/account/security"


def _sent(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


SAID = {
    "id": _sent(b"1"),
    "rawId": _sent(b"1"),
    "type": "public-key",
    "response": {
        "clientDataJSON": _sent(b'{"type": "webauthn.get", "challenge": "eA", "origin": "https://a.example"}'),
        "authenticatorData": _sent(bytes(37)),
        "signature": _sent(b"1"),
        "userHandle": _sent(b"1"),
    },
}
"""Sign-in data of a browser that can be parsed and matches no credential."""

NO_CREDENTIAL = (
    "[]",
    "x",
    '{"id": 5}',
    '{"id": "é", "rawId": "é", "response": {}}',
    "[" * 5000,
    '{"a":' * 5000,
    *(
        json.dumps(SAID | {"response": SAID["response"] | wrong})
        for wrong in (
            {"authenticatorData": _sent(bytes(32) + b"\x80" + bytes(4))},
            {"authenticatorData": _sent(bytes(32) + b"\x40" + bytes(4 + 16 + 2) + b"\x80")},
            {"authenticatorData": 10**30},
            {"signature": 4_000_000_000},
            {
                "clientDataJSON": _sent(
                    b'{"type": "webauthn.get", "challenge": 4000000000, "origin": "https://a.example"}'
                )
            },
            {"clientDataJSON": _sent(b"[]")},
            {"userHandle": _sent(b"a\0b")},
            {"attestationObject": 5},
            {"transports": [5]},
        )
    ),
    *(json.dumps(SAID | wrong) for wrong in ({"rawId": 4_000_000_000}, {"clientExtensionResults": []}, {"type": 5})),
    json.dumps(SAID | {"more": "x" * 70_000}),
)


def test_what_a_browser_says_is_read():
    assert is_credential(json.dumps(SAID), AuthenticationResponse)
    for attested in ("", _sent(b"\x79"), _sent(b"\xa0")):
        response = SAID["response"] | {"attestationObject": attested}
        assert not is_credential(json.dumps(SAID | {"response": response}), RegistrationResponse)


@pytest.mark.parametrize("credential", NO_CREDENTIAL, ids=range(len(NO_CREDENTIAL)))
@pytest.mark.parametrize("place", ["sign-in", "add"])
def test_what_no_browser_says_of_a_passkey_is_turned_away(browser, user, place, credential):
    if place == "add":
        sign_in(browser, EMAIL)
    browser.get(f"/account/security/passkeys/{place}")
    token = browser.page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]
    browser.post(browser.path, {"csrfmiddlewaretoken": token, "credential": credential})
    assert browser.reply.status == 400
    assert not Authenticator.objects.exists()


def test_a_code_signs_in_once(browser, sqlite_scene, guarded):
    sign_in(browser, EMAIL)
    assert browser.path == "/account/security/sign-in"
    assert browser.get("/account/email").reply.status == 302, "not signed in before the code"
    browser.get("/account/security/sign-in")
    now = code(SECRET)
    send(browser, code=now)
    assert browser.path == "/"
    found = another(browser)
    sign_in(found, EMAIL)
    send(found, code=now)
    assert found.path == "/account/security/sign-in", "used codes are remembered by all processes"
    assert wrongs(found)
    used = max(CacheEntry.objects.values_list("expires", flat=True))
    assert (used - models.User.objects.get().last_login).total_seconds() > 90, "as long as a code counts"


def test_a_new_password_does_not_get_round_the_second_factor(browser, sqlite_scene, guarded):
    elsewhere = another(browser)
    sign_in(elsewhere, EMAIL)
    send(elsewhere, code=code(SECRET, -1))
    browser.get("/account/password/reset")
    send(browser, email=EMAIL)
    follow(browser.get(way(sqlite_scene, EMAIL, "Set a new")))
    assert "key/" in browser.path
    assert browser.path.endswith("-set-password"), "the secret is out of the address"
    send(browser, password1=OTHER, password2=PASSWORD)
    assert len(wrongs(browser)) == 1
    golden.check("sentences/accounts/two-passwords", {"en.txt": notices(browser)})
    send(browser, password1=OTHER, password2=OTHER)
    assert browser.path == "/account/password/reset/key/done"
    assert follow(browser.get("/account/email")).path == "/account/login", "it is no sign-in"
    sign_in(browser, EMAIL, OTHER)
    assert browser.path == "/account/security/sign-in"
    assert elsewhere.get("/account/email").reply.status == 302, "signed out on all devices"
    assert sent_kinds(sqlite_scene, EMAIL) == {"reset", "password-reset"}
    assert another(browser).get(way(sqlite_scene, EMAIL, "Set a new")).reply.status == 404, "the link works once"


def test_who_has_a_second_factor_proves_who_they_are_by_that_alone(browser, sqlite_scene, user):
    sign_in(browser, EMAIL)
    Authenticator.objects.create(user=user, type="totp", data={"secret": "set up elsewhere"})
    for sensitive in ("codes/remove/", "passkeys/add/", "recovery-codes/new/"):
        assert follow(browser.get(f"/account/security/{sensitive}")).path == "/account/security/reauthenticate"
    assert follow(browser.get("/account/email")).path == "/account/security/reauthenticate"
    assert follow(browser.get("/account/password/change")).path == "/account/security/reauthenticate"
    browser.post("/account/security/codes/remove", {"csrfmiddlewaretoken": _token(browser)})
    assert Authenticator.objects.filter(user=user).exists()
    browser.get("/account/reauthenticate")
    assert browser.reply.headers["location"] == "/account/security/reauthenticate", "the password does not do"


def _token(browser):
    return str(browser.page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0])


def test_the_last_second_factor_goes_by_its_own_proof_and_with_mail(browser, sqlite_scene, guarded):
    elsewhere = another(browser)
    sign_in(elsewhere, EMAIL)
    send(elsewhere, code=code(SECRET))
    assert elsewhere.get("/account/security").reply.status == 200
    CacheEntry.objects.all().delete()  # the same code counts once more
    sign_in(browser, EMAIL)
    send(browser, code=code(SECRET))
    browser.get("/account/security/codes/remove")
    send(browser)
    assert browser.path == "/account/security"
    assert not browser.page.xpath("//a[contains(@href, '/recovery-codes/new')]"), "gone in this session, too"
    assert sent_kinds(sqlite_scene, EMAIL) == {"codes-removed"}
    assert audited("second-factor-removed") == 1
    assert elsewhere.get("/account/security").reply.status == 302, "what other sign-ins showed counts no more"


def test_a_recovery_code_signs_in_once_and_is_told(browser, sqlite_scene, user):
    sign_in(browser, EMAIL)
    browser.get("/account/security/codes/add")
    send(browser, code=code(browser.secrets[0]))
    spare = browser.secrets[0]
    leave(browser)
    sign_in(browser, EMAIL)
    send(browser, code=spare)
    assert browser.path == "/"
    assert "recovery-used" in sent_kinds(sqlite_scene, EMAIL)
    leave(browser)
    sign_in(browser, EMAIL)
    assert wrongs(send(browser, code=spare))


def test_another_address_counts_once_it_is_confirmed_and_the_old_one_is_told(browser, sqlite_scene, guarded):
    sign_in(browser, EMAIL)
    send(browser, code=code(SECRET))
    browser.get("/account/email")
    send(browser, email=EMAIL)
    assert len(wrongs(browser)) == 1
    send(browser, email="new@people.example")
    assert "new@people.example" in browser.page.text_content()
    assert models.User.objects.get().email == EMAIL
    browser.get(way(sqlite_scene, "new@people.example", "Confirm your new"))
    send(browser)
    assert models.User.objects.get().email == "new@people.example"
    assert sent_kinds(sqlite_scene, EMAIL) == {"address-changed"}
    assert audited("address-changed") == 1


def aged(browser):
    """Make the sign-in of the browser old."""
    session = SessionStore(stored(browser.cookies["__Host-session"]))
    session["account_authentication_methods"] = [{**one, "at": 0} for one in session["account_authentication_methods"]]
    session.save()


def test_an_address_that_waits_to_be_confirmed_sets_no_password(browser, sqlite_scene, user):
    sign_in(browser, EMAIL)
    browser.get("/account/email")
    send(browser, email="mistyped@elsewhere.example")
    reader = another(browser)
    for email in ("mistyped@elsewhere.example", "Mistyped@ELSEWHERE.example", EMAIL.upper()):
        reader.get("/account/password/reset")
        send(reader, email=email)
    assert sent_kinds(sqlite_scene, "mistyped@elsewhere.example") == {"confirm-new", "no-account"}
    assert "reset" in sent_kinds(sqlite_scene, EMAIL) | sent_kinds(sqlite_scene, EMAIL.upper())


def test_what_is_sensitive_is_proved_anew_by_the_password(browser, sqlite_scene, user):
    sign_in(browser, EMAIL)
    aged(browser)
    follow(browser.get("/account/email"))
    assert browser.path == "/account/reauthenticate"
    send(browser, password="not it at all")
    assert len(wrongs(browser)) == 1
    send(browser, password=PASSWORD)
    assert browser.path == "/account/email", "and one goes on to what was asked"


def test_or_by_the_second_factor(browser, sqlite_scene, guarded):
    sign_in(browser, EMAIL)
    send(browser, code=code(SECRET, -1))
    aged(browser)
    follow(browser.get("/account/security/recovery-codes/new"))
    assert browser.path == "/account/security/reauthenticate"
    send(browser, code=code(SECRET))
    assert browser.path == "/account/security/recovery-codes/new"
    send(browser)
    assert browser.path == "/account/security/recovery-codes"
    assert len(browser.secrets) == 10
    assert sent_kinds(sqlite_scene, EMAIL) == {"recovery-made"}


@pytest.mark.parametrize("page", ["signup", "password/reset", "email"])
def test_an_address_that_is_too_long_in_small_letters_is_none(scene, page):
    long = "a@" + ".".join(["İ" * 60] * 4) + ".example"
    assert len(long) < 254 < len(long.lower())
    make_account(NewAccount(EMAIL, "Nimi", Language.EN, password=PASSWORD), scene.ctx, "operator", REQUEST)
    browser = Browser(people_door(scene))
    if page == "email":
        sign_in(browser, EMAIL)
    browser.get(f"/account/{page}")
    send(browser, **({"name": "Nimi", "password1": PASSWORD} if page == "signup" else {}), email=long)
    assert len(wrongs(browser)) == 1


def test_nobody_floods_an_address_with_links(browser, sqlite_scene, user):
    for _ in range(7):
        browser.get("/account/password/reset")
        send(browser, email=EMAIL)
    assert browser.reply.status == 429
    golden.check("sentences/accounts/too-many-links", {"en.txt": notices(browser, PARAGRAPHS)})
    assert len(letters(sqlite_scene, EMAIL)) == 5


BROWSERS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/1": ("Edge, Windows"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1": "Safari, iPhone",
    "curl/8.5.0": "curl/8.5.0",
    "": "",
    "x" * 200: "x" * 40,
}


@pytest.mark.parametrize("user_agent", BROWSERS)
def test_browsers_are_named_in_a_few_words(user_agent):
    assert browser_of(user_agent) == BROWSERS[user_agent]


def test_changing_the_password_ends_the_others(browser, sqlite_scene, user):
    elsewhere = sign_in(another(browser), EMAIL)
    sign_in(browser, EMAIL)
    browser.get("/account/password/change")
    send(browser, oldpassword="not it at all", password1=OTHER, password2=OTHER)
    assert len(wrongs(browser)) == 1
    send(browser, oldpassword=PASSWORD, password1=OTHER, password2=OTHER)
    assert browser.path == "/account/security"
    assert elsewhere.get("/account/email").reply.status == 302
    assert sent_kinds(sqlite_scene, EMAIL) == {"password-changed"}


def test_where_one_is_signed_in_and_the_end_of_the_others(browser, sqlite_scene, user):
    elsewhere = another(browser)
    elsewhere.headers["user-agent"] = "A phone"
    sign_in(elsewhere, EMAIL)
    sign_in(browser, EMAIL)
    browser.get("/account/sessions")
    assert "A phone" in browser.page.text_content()
    send(browser)
    assert "A phone" not in browser.page.text_content()
    assert elsewhere.get("/account/sessions").reply.status == 302
    assert browser.get("/account/sessions").reply.status == 200


def test_an_account_that_is_ended_is_out_at_once(browser, sqlite_scene, user):
    sign_in(browser, EMAIL)
    assert deactivate(EMAIL, sqlite_scene.ctx, "operator", REQUEST)
    assert not Session.objects.exists()
    assert browser.get("/account/sessions").reply.status == 302
    assert sign_in(browser, EMAIL).path == "/account/inactive"


def test_a_session_ends_12_hours_after_the_sign_in_however_busy_somebody_is(browser, user):
    sign_in(browser, EMAIL)
    ends = Session.objects.get().expire_date
    assert ends <= utc_now() + timedelta(hours=12)
    browser.get("/settings/profile").press("save", name="Joku Muu")
    assert Session.objects.get().expire_date == ends
    session = SessionStore(stored(browser.cookies["__Host-session"]))
    session[BEGAN] -= 12 * 3600
    session.save()
    assert browser.get("/settings/profile").reply.status == 302
    sign_in(browser, EMAIL)
    assert Session.objects.order_by("expire_date").last().expire_date > ends - timedelta(minutes=1), "a new one"


def test_a_session_is_put_off_by_an_hour_ten_times_at_most(browser, user):
    sign_in(browser, EMAIL)
    page = browser.get("/settings/profile")
    (dialog,) = page.page.xpath("//dialog[@id='session']")
    assert 11.9 * 3600 < int(dialog.get("data-ends")) <= 12 * 3600
    fields = {"csrfmiddlewaretoken": page.page.xpath("//dialog//input[@name='csrfmiddlewaretoken']/@value")[0]}

    def left(*, extend: bool) -> int:
        browser.post("/account/session", fields) if extend else browser.get("/account/session")
        return int(json.loads(browser.reply.body)["seconds"])

    assert 12 * 3600 >= left(extend=True) >= left(extend=False) > 11.9 * 3600, "not yet"
    session = SessionStore(stored(browser.cookies["__Host-session"]))
    session[BEGAN] -= 12 * 3600 - 100
    session.save()
    assert left(extend=False) <= 100
    assert left(extend=True) > 3600
    session = SessionStore(stored(browser.cookies["__Host-session"]))
    session[BEGAN] -= 10 * 3600
    session[EXTENDED] = 10
    session.save()
    assert left(extend=False) <= 100
    assert left(extend=True) <= 100, "22 hours at most"
    leave(browser)
    assert left(extend=False) == 0


def test_signing_out_takes_a_button(browser, user):
    sign_in(browser, EMAIL)
    browser.get("/account/logout")
    assert browser.get("/account/sessions").reply.status == 200
    leave(browser)
    assert browser.get("/account/sessions").reply.status == 302


def test_pages_speak_the_language_of_the_account_unless_told_otherwise(browser, sqlite_scene, user):
    models.User.objects.update(language="fi")
    sign_in(browser, EMAIL)
    assert browser.get("/account/security").page.get("lang") == "fi"
    assert browser.get("/account/security?lang=sv").page.get("lang") == "sv"


def test_only_pages_of_ours_are_served(browser):
    for one in urls.urlpatterns:
        view = getattr(one.callback, "view_class", one.callback)
        assert view.__module__.startswith("sinetti.eservice.accounts."), one.name
    for path in ("login/code/", "login/code/confirm/", "2fa/", "3rdparty/", "signup/passkey/", "phone/verify/", ""):
        assert browser.get(f"/account/{path}").reply.status in {302, 404}
        assert browser.get(f"/accounts/{path}").reply.status == 404
    assert browser.get("/account/providers/unknown").reply.status == 404
    assert browser.get("/account/providers/unknown/answer/").reply.status == 404


SIGNED_IN = (
    "/account/security",
    "/account/email",
    "/account/password/change",
    "/account/sessions",
    "/account/providers",
    "/account/security/passkeys/add",
    "/account/security/codes/remove",
    "/account/security/recovery-codes/new",
    "/account/logout",
)
OPEN = (
    "/account/login",
    "/account/signup",
    "/account/password/reset",
    "/account/password/reset/done",
    "/account/password/reset/key/done",
    "/account/confirm-email",
    "/account/inactive",
    "/account/security/passkeys/sign-in",
    "/account/providers/cancelled",
)
STATEMENTS = 8


def test_every_page_in_every_language_within_few_statements(browser, sqlite_scene, guarded):
    stranger = another(browser)
    sign_in(browser, EMAIL)
    send(browser, code=code(SECRET))
    for language in Language:
        for who, pages in ((stranger, OPEN), (browser, SIGNED_IN)):
            for page in pages:
                with CaptureQueriesContext(connections["default"]) as asked:
                    who.get(f"{page}?lang={language}")
                assert who.reply.status in {200, 403}, page
                assert who.page.get("lang") == language
                statements = [one["sql"] for one in asked if one["sql"] not in {"BEGIN IMMEDIATE", "COMMIT"}]
                assert len(statements) <= STATEMENTS, (page, statements)
                assert not re.search(r"[{}]", who.page.find(".//main").text_content()), page


def test_the_edge_tells_no_ajax_and_stores_no_page(browser, user):
    browser.headers["x-requested-with"] = "XMLHttpRequest"
    sign_in(browser, EMAIL)
    assert browser.reply.content_type.startswith("text/html")
    assert browser.reply.headers["cache-control"].startswith(("no-store", "max-age=0"))
    assert "script-src 'self'" in browser.reply.headers["content-security-policy"]
