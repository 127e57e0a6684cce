"""Demo sign-ins through the control endpoint.

They come with all data that a sign-in needs, and their roles count at once.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib.auth.hashers import check_password

from sinetti.cli.main import main
from sinetti.database.models import User
from sinetti.database.organisations.organisations import find_organisation
from sinetti.domain.access.roles import EffectiveRole, Role
from sinetti.services.access.accounts import AccountError
from sinetti.services.access.permissions import Actor, load_permissions
from sinetti.services.token_encryption import SECOND_FACTOR, decrypt_token
from sinetti.testbench.core.json_fields import FieldError
from sinetti.testbench.core.totp import NoSecret, new_secret, seconds_remaining, totp
from sinetti.testbench.endpoints.accounts import create_account
from tests.support.scene import REQUEST, TRANSFER_KEY

# RFC 6238, appendix B: the secret in base32, and the last six of its eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
FIRM, CLIENT = "7654321-4", "0123456-7"


def made(scene, **value):
    return create_account({"email": "anybody@people.example", **value}, scene.ctx, REQUEST)


def user(scene, email="anybody@people.example"):
    return User.objects.using(scene.db.alias).get(email=email)


def organisation_id(scene, customer_id):
    return find_organisation(scene.db, customer_id).organisation_id


def test_who_is_made_can_sign_in(sqlite_scene):
    account = made(sqlite_scene)
    row = user(sqlite_scene)
    assert check_password(account.password, row.password)
    assert (row.is_staff, row.name, row.language) == (False, "anybody", "en")
    factors = apps.get_model("mfa", "Authenticator").objects.using(sqlite_scene.db.alias)
    sealed = factors.get(user_id=row.pk, type="totp").data["secret"]
    assert decrypt_token(TRANSFER_KEY, SECOND_FACTOR, sealed) == account.totp_secret
    assert account.password not in repr(account)
    assert account.totp_secret not in repr(account)


def test_a_clerk(sqlite_scene):
    made(sqlite_scene, staff=True, name="Clerk", language="sv")
    assert (user(sqlite_scene).is_staff, user(sqlite_scene).language) == (True, "sv")


def test_roles_count_at_once_and_a_firm_has_clients(sqlite_scene):
    clients = [{"customer_id": CLIENT, "customer_name": "Malli Oy"}]
    made(sqlite_scene, mandates=[{"customer_id": FIRM, "role": "manager", "clients": clients}])
    actor = Actor(user(sqlite_scene).pk, second_factor=True)
    held = load_permissions(actor, sqlite_scene.ctx).held
    firm = organisation_id(sqlite_scene, FIRM)
    assert held == {
        firm: EffectiveRole(Role.MANAGER),
        organisation_id(sqlite_scene, CLIENT): EffectiveRole(Role.MANAGER, via=firm),
    }


def test_an_address_has_one_account(sqlite_scene):
    made(sqlite_scene)
    with pytest.raises(AccountError):
        made(sqlite_scene)


BAD = {
    "an unknown field": {"colour": "blue"},
    "staff that is no yes or no": {"staff": "yes"},
    "mandates that are no list": {"mandates": {}},
    "a mandate that is a text": {"mandates": ["x"]},
    "an unknown role": {"mandates": [{"customer_id": FIRM, "role": "king"}]},
    "an unknown field of a mandate": {"mandates": [{"customer_id": FIRM, "role": "viewer", "until": "x"}]},
    "clients of a signatory": {"mandates": [{"customer_id": FIRM, "role": "signatory", "clients": [{}]}]},
    "a client that is a text": {"mandates": [{"customer_id": FIRM, "role": "viewer", "clients": ["x"]}]},
    "a client of its own": {"mandates": [{"customer_id": FIRM, "role": "viewer", "clients": [{"customer_id": FIRM}]}]},
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_fields_that_do_not_fit(sqlite_scene, value):
    with pytest.raises(FieldError):
        made(sqlite_scene, **value)
    assert not User.objects.using(sqlite_scene.db.alias).exists()


def test_over_the_control_door(bench):
    asked = {"email": "door@people.example", "mandates": [{"customer_id": "door-1", "role": "viewer"}]}
    status, told = bench.control("POST", "/accounts", asked)
    assert (status, list(told)) == (201, ["email", "password", "totp_secret"])
    status, problem = bench.control("POST", "/accounts", asked)
    assert (status, problem["reason"]) == (409, "already")
    assert bench.control("POST", "/accounts", {"email": "here"})[0] == 422
    assert bench.control("POST", "/accounts", asked, host="evil.example")[0] == 403


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES.items())
def test_codes(seconds, code):
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp(RFC_SECRET, at) == totp(RFC_SECRET.lower(), at) == code
    assert totp(RFC_SECRET, at - timedelta(seconds=30), later=1) == code


def test_until_the_next_code():
    assert [seconds_remaining(datetime.fromtimestamp(second, UTC)) for second in (0, 1, 29, 30)] == [30, 29, 1, 30]


@pytest.mark.parametrize("secret", ["", "  ", "1", "é", "ABC"])
def test_what_is_no_secret(secret, capsys):
    with pytest.raises(NoSecret):
        totp(secret, datetime.fromtimestamp(0, UTC))
    assert main(["testbench", "code", secret]) == 2
    assert "SECRET: a secret has" in capsys.readouterr().err


def test_the_command_shows_a_code(capsys):
    assert main(["testbench", "code", new_secret()]) == 0
    said = capsys.readouterr()
    assert len(said.out.strip()) == 6
    assert "The next code comes in" in said.err
