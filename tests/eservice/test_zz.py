from sinetti.domain.mandates import Role
from tests.support.signing_in import *
from tests.support.users import mandate


def test_way(browser, sqlite_desk, post):
    b = browser.get("/account/signup/")
    print(b.heading)
    b = send(b, name="Nimi Nimetty", email="Nimi@people.example", password1=PASSWORD)
    print(b.heading, b.path, b.error)
    b = sign_in(b, "nimi@people.example")
    print("unconfirmed:", b.heading, b.path)
    w = way(sqlite_desk, "nimi@people.example", "Confirm")
    print(w)
    b.get(w)
    print(b.heading)
    b = send(b)
    print(b.heading, b.path, b.reply.status)
    b = sign_in(b, "nimi@people.example")
    print("in:", b.heading, b.path, b.error)
    u = models.User.objects.get()
    mandate(sqlite_desk, u, "1234567-1", Role.SIGNATORY)
    b.get("/account/logout/")
    send(b)
    print(b.path, b.heading)
    b = sign_in(b, "nimi@people.example")
    print("in:", b.heading, b.path, b.error)
    b.get("/account/security/codes/add/")
    print(b.heading, b.path)
    secret = b.secrets[0]
    b = send(b, code=code(secret))
    print(b.heading, b.path, b.error, b.secrets[:2])
    codes = b.secrets
    for p in (
        "/account/security/",
        "/account/email/",
        "/account/sessions/",
        "/account/password/change/",
        "/account/security/passkeys/add/",
        "/account/providers/",
        "/account/security/recovery-codes/",
        "/account/security/recovery-codes/new/",
        "/account/security/codes/remove/",
        "/account/reauthenticate/",
        "/account/security/reauthenticate/",
    ):
        b.get(p)
        follow(b)
        print(p, b.path, b.reply.status, b.heading)
    b.get("/account/logout/")
    send(b)
    b = sign_in(b, "nimi@people.example")
    print("2f:", b.heading, b.path, b.error)
    b = send(b, code="123456")
    print(b.heading, b.error)
    b = send(b, code=codes[0])
    print(b.heading, b.path, b.error)
    print(told(sqlite_desk, "nimi@people.example"))
    b.get("/account/logout/")
    send(b)
    b.get("/account/security/passkeys/sign-in/")
    print(b.heading, b.reply.headers["content-security-policy"])
    b.get("/account/password/reset/")
    b = send(b, email="nimi@people.example")
    print(b.heading)
    b.get(way(sqlite_desk, "nimi@people.example", "Set"))
    follow(b)
    print(b.heading, b.path)
    b = send(b, password1="short", password2="shor")
    print(b.heading, b.page.xpath("//*[@class='wrong']/text()"))
    b = send(b, password1=PASSWORD + "x", password2=PASSWORD + "x")
    print(b.heading)
