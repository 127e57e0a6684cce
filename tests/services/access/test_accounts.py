"""Accounts that the authority creates for an address.

An account is created once for an address and has no rights. What its message says about it is stored sealed.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps

from sinetti.database import models
from sinetti.database.access.accounts import InactivityLimit, NewAccount, erase_unused
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import AccountEmail
from sinetti.domain.operations.monitoring import UNCONFIRMED, Periods
from sinetti.domain.validation import ValidationError
from sinetti.domain.values import Language
from sinetti.services.access import accounts
from sinetti.services.access.accounts import PRESSED_TWICE, AccountError, AccountNotification
from sinetti.services.monitoring.retention import ErasureReport, apply_retention, plan_retention
from sinetti.services.token_encryption import LINK, SECOND_FACTOR, InvalidToken, decrypt_token, encrypt_token
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.people import audited
from tests.support.scene import REQUEST, SECOND, TRANSFER_KEY
from tests.support.users import mandate

WHO = ("operator", REQUEST)
EMAIL = "nimi@people.example"
FOREIGN = encrypt_token(b"o" * 32, LINK, "x")
NEW = NewAccount("Nimi@people.example", " Nimi Nimetty ", Language.SV, staff=True, totp="JBSWY3DPEHPK3PXP")


def changed(sealed: str) -> str:
    """Return the text with another first character, whose bits all count."""
    return ("A" if sealed[0] != "A" else "B") + sealed[1:]


def rows(scene, name):
    return apps.get_model(name).objects.using(scene.db.alias)


def session(scene, user_id):
    rows(scene, "sessions.Session").create(session_key="1" * 40, session_data="", expire_date=scene.machine())
    rows(scene, "usersessions.UserSession").create(user_id=user_id, session_key="1" * 40, ip="192.0.2.1", user_agent="")


def test_a_sign_up_makes_room_of_what_nobody_confirmed_alone(sqlite_scene):
    accounts.make_account(NEW, sqlite_scene.ctx, *WHO)
    assert accounts.release_address(NEW.email, sqlite_scene.ctx, REQUEST) == 0
    rows(sqlite_scene, "account.EmailAddress").update(verified=False)
    assert accounts.release_address(NEW.email, sqlite_scene.ctx, REQUEST) == 0, "its button was pressed twice"
    assert rows(sqlite_scene, "account.EmailAddress").count() == 1
    sqlite_scene.clock.forward(PRESSED_TWICE)
    assert accounts.release_address(NEW.email, sqlite_scene.ctx, REQUEST) == 1
    with pytest.raises(AccountError, match="no account"):
        accounts.account_of(EMAIL, sqlite_scene.ctx)


def test_one_is_made_for_an_address(scene):
    user_id = accounts.make_account(NEW, scene.ctx, *WHO)
    found = accounts.account_of(" NIMI@people.example ", scene.ctx)
    assert (found.user_id, found.email, found.name, found.language) == (user_id, EMAIL, "Nimi Nimetty", Language.SV)
    assert (found.staff, found.active, found.second_factor, found.created) == (True, True, True, scene.clock())
    assert accounts.clerks(scene.ctx) == [found]
    assert not models.RoleAssignment.objects.using(scene.db.alias).exists()
    assert rows(scene, "account.EmailAddress").get().verified
    (kept,) = rows(scene, "mfa.Authenticator").values_list("data", flat=True)
    assert decrypt_token(TRANSFER_KEY, SECOND_FACTOR, kept["secret"]) == NEW.totp
    assert len(audited(scene, "account-made")) == 1
    with pytest.raises(AccountError, match="already has"):
        accounts.make_account(NEW, scene.ctx, *WHO)


def test_an_invited_one_has_no_password_and_is_told(sqlite_scene):
    accounts.invite(NewAccount(EMAIL, "N. N.", Language.FI), sqlite_scene.ctx, *WHO)
    (user,) = rows(sqlite_scene, "sinetti.User")
    assert not user.has_usable_password()
    (row,) = rows(sqlite_scene, "sinetti.OutboxMessage")
    assert (row.address, row.facts) == (EMAIL, {"letter": "welcome", "language": "fi"})


@pytest.mark.parametrize("wrong", [{"email": "nobody"}, {"name": " "}])
def test_one_that_cannot_be(sqlite_scene, wrong):
    values = {"email": EMAIL, "name": "N. N.", "language": Language.FI, **wrong}
    with pytest.raises(ValidationError):
        accounts.make_account(NewAccount(**values), sqlite_scene.ctx, *WHO)


def test_a_clerk_is_named_and_dismissed_and_signs_in_anew(sqlite_scene):
    user_id = accounts.make_account(NewAccount(EMAIL, "N. N.", Language.FI), sqlite_scene.ctx, *WHO)
    acts = (lambda *who: accounts.withdraw_staff(EMAIL, *who)), (lambda *who: accounts.give_staff(EMAIL, "", *who))
    for staff, action in ((True, "clerk-named"), (False, "clerk-dismissed")):
        act = acts[staff]
        session(sqlite_scene, user_id)
        assert act(sqlite_scene.ctx, *WHO)
        assert not rows(sqlite_scene, "sessions.Session").exists()
        assert accounts.account_of(EMAIL, sqlite_scene.ctx).staff is staff
        assert not act(sqlite_scene.ctx, *WHO)
        assert len(audited(sqlite_scene, action)) == 1


def test_a_person_has_one_clerks_account_at_a_time(sqlite_scene):
    ctx, other = sqlite_scene.ctx, "other@people.example"
    anna, bo = (accounts.digest_of_person(one, ctx) for one in ("131052-308T", "010170-960F"))
    assert accounts.digest_of_person(" 131052-308t ", ctx) == anna
    for email in (EMAIL, other):
        accounts.make_account(NewAccount(email, "N. N.", Language.FI), ctx, *WHO)
    assert accounts.give_staff(EMAIL, anna, ctx, *WHO)
    assert not accounts.give_staff(EMAIL, anna, ctx, *WHO), "nothing to change"
    third = NewAccount("third@people.example", "N. N.", Language.FI, person=anna)
    attempts = {
        "a second account": lambda: accounts.give_staff(other, anna, ctx, *WHO),
        "a second person": lambda: accounts.give_staff(EMAIL, bo, ctx, *WHO),
        "a new account": lambda: accounts.make_account(third, ctx, *WHO),
    }
    golden.check("sentences/clerks/one-account-each", {"en.txt": golden.refusals(attempts, AccountError)})
    assert [one.email for one in accounts.clerks(ctx)] == [EMAIL]
    assert not rows(sqlite_scene, "sinetti.User").filter(email__startswith="third").exists()
    accounts.withdraw_staff(EMAIL, ctx, *WHO)
    assert accounts.give_staff(other, anna, ctx, *WHO)
    assert accounts.account_of(other, ctx).person


def test_the_name_of_an_account(sqlite_scene):
    user_id = accounts.make_account(NEW, sqlite_scene.ctx, *WHO)
    assert accounts.name_of(user_id, sqlite_scene.ctx) == f"Nimi Nimetty ({EMAIL})"
    assert accounts.name_of("0" * 32, sqlite_scene.ctx) == ""


def test_one_is_ended_once_and_its_sessions_with_it(scene):
    session(scene, accounts.make_account(NEW, scene.ctx, *WHO))
    assert accounts.deactivate(EMAIL, scene.ctx, *WHO)
    assert not accounts.deactivate(EMAIL, scene.ctx, *WHO)
    assert not rows(scene, "sessions.Session").exists()
    assert not rows(scene, "usersessions.UserSession").exists()
    assert not accounts.account_of(EMAIL, scene.ctx).active
    assert len(audited(scene, "account-ended")) == 1
    with pytest.raises(AccountError, match="no account with"):
        accounts.deactivate("nobody@people.example", scene.ctx, *WHO)


def test_a_lost_second_factor_is_removed_once_and_its_owner_reads_it(scene):
    user_id = accounts.make_account(replace(NEW, totp="JBSWY3DPEHPK3PXP"), scene.ctx, *WHO)
    rows(scene, "mfa.Authenticator").create(user_id=user_id, type="recovery_codes", data={})
    session(scene, user_id)
    assert accounts.account_of(EMAIL, scene.ctx).second_factor
    assert accounts.reset_second_factor(EMAIL, scene.ctx, *WHO)
    assert not accounts.reset_second_factor(EMAIL, scene.ctx, *WHO)
    assert not rows(scene, "mfa.Authenticator").exists()
    assert not rows(scene, "sessions.Session").exists()
    assert len(audited(scene, "second-factor-reset")) == 1
    (message,) = rows(scene, "sinetti.OutboxMessage").filter(kind="account")
    assert (message.address, message.facts["letter"]) == (EMAIL, "factors-reset")


def test_all_sessions_end_but_one(scene):
    user_id = accounts.make_account(NEW, scene.ctx, *WHO)
    session(scene, user_id)
    (kept,) = rows(scene, "sessions.Session").values_list("session_key", flat=True)
    accounts.end_other_sessions(user_id, kept, scene.ctx)
    assert rows(scene, "sessions.Session").exists()
    accounts.end_other_sessions(user_id, "another", scene.ctx)
    assert not rows(scene, "sessions.Session").exists()
    assert not rows(scene, "usersessions.UserSession").exists()


def test_a_letter_has_its_way_sealed(sqlite_scene):
    telling = AccountNotification(AccountEmail.RESET, EMAIL, Language.EN, "/account/secret", timedelta(hours=2))
    message_id = accounts.notify_account(telling, sqlite_scene.ctx)
    row = rows(sqlite_scene, "sinetti.OutboxMessage").get(pk=message_id)
    assert decrypt_token(TRANSFER_KEY, LINK, row.facts["way"]) == "/account/secret"
    assert row.facts["until"] == (sqlite_scene.machine() + timedelta(hours=2)).isoformat()
    assert accounts.notify_account(telling, sqlite_scene.ctx) != message_id, "each time it is another message"


def test_what_its_owner_changed_is_audited(sqlite_scene):
    accounts.note("1" * 32, "password-changed", sqlite_scene.ctx, REQUEST)
    ((actor, about),) = (
        rows(sqlite_scene, "sinetti.AuditEvent").filter(action="password-changed").values_list("actor", "object")
    )
    assert actor == about == f"user:{'1' * 32}"


@pytest.mark.parametrize(
    "sealed",
    ["", "?", "é", "AAAA", changed(encrypt_token(TRANSFER_KEY, LINK, "x")), encrypt_token(b"o" * 32, LINK, "x")],
    ids=["nothing", "no base64", "no ASCII", "too short", "changed", "by another key"],
)
def test_what_was_not_sealed_here_is_not_opened(sealed):
    with pytest.raises(InvalidToken):
        decrypt_token(TRANSFER_KEY, LINK, sealed)
    with pytest.raises(InvalidToken):
        decrypt_token(TRANSFER_KEY, SECOND_FACTOR, encrypt_token(TRANSFER_KEY, LINK, "x"))


def test_what_nobody_confirmed_and_what_has_ended_is_forgotten(scene):
    kept = accounts.make_account(NEW, scene.ctx, *WHO)
    session(scene, kept)
    old = models.User(email="old@people.example", created=scene.clock() - UNCONFIRMED - SECOND, language="fi")
    new = models.User(email="new@people.example", created=scene.clock() - UNCONFIRMED, language="fi")
    for one in (old, new):
        one.save(using=scene.db.alias)
    rows(scene, "sinetti.CacheEntry").create(key="0" * 64, value="1", expires=scene.machine())
    assert plan_retention(Periods(), scene.ctx).unconfirmed == (old.pk,)
    assert apply_retention(Periods(), scene.ctx, REQUEST) == ErasureReport(unconfirmed=1)
    assert set(rows(scene, "sinetti.User").values_list("pk", flat=True)) == {kept, new.pk}
    assert len(audited(scene, "account-erased")) == 1
    for name in ("sessions.Session", "usersessions.UserSession", "sinetti.CacheEntry"):
        assert not rows(scene, name).exists(), name


def test_accounts_that_nobody_uses_go_after_the_period_of_people(scene, monkeypatch):
    monkeypatch.setattr("sinetti.database.operations.retention.AT_ONCE", 1)
    period, made = Periods().people, scene.clock() - Periods().people - SECOND
    users = {}
    for name in ("unused", "never there", "signed in", "clerk", "viewer", "was viewer"):
        email = f"{name.replace(' ', '')}@people.example"
        users[name] = accounts.make_account(replace(NEW, email=email), scene.ctx, *WHO)
        row = rows(scene, "sinetti.User").get(pk=users[name])
        row.created, row.is_staff = made, name == "clerk"
        row.last_login = {"never there": None, "signed in": scene.machine() - period}.get(name, made)
        row.save(using=scene.db.alias)
        if "viewer" in name:
            mandate(scene, row, CUSTOMER_ID, Role.VIEWER)
    rows(scene, "sinetti.RoleAssignment").filter(user=users["was viewer"]).update(withdrawn_at=made)
    past = plan_retention(Periods(), scene.ctx)
    assert set(past.unused) == {users[name] for name in ("unused", "never there", "was viewer")}
    assert apply_retention(Periods(), scene.ctx, REQUEST) == ErasureReport(people=1, unused=3)
    left = set(rows(scene, "sinetti.User").values_list("pk", flat=True))
    assert left == {users[name] for name in ("signed in", "clerk", "viewer")}
    assert len(audited(scene, "account-erased")) == 3


def test_who_was_there_again_meanwhile_keeps_their_account(scene):
    """The transaction that erases checks the account again."""
    user_id = accounts.make_account(NEW, scene.ctx, *WHO)
    rows(scene, "sinetti.User").update(created=scene.clock() - Periods().people - SECOND, is_staff=False)
    past = plan_retention(Periods(), scene.ctx)
    assert past.unused == (user_id,)
    rows(scene, "sinetti.User").update(last_login=scene.machine())
    lapse = InactivityLimit(past.cutoffs.people, scene.machine() - Periods().people)
    assert erase_unused(scene.db, past.unused, lapse, scene.audit_entry()) == 0
