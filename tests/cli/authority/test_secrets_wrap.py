"""Ways to the secret keys by command: a token instead of a pass-phrase, both, and one in place of the other."""

import pytest

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.secret_files import read_secrets
from sinetti.database import models
from tests.cli.authority.test_secrets import NEEDING, status
from tests.cli.authority.test_serve import ANY, holder, serving
from tests.cli.authority.test_tokens import with_token
from tests.support import golden, soft_token
from tests.support.officers import does_approved
from tests.support.programs import fetched, new_key
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

pytestmark = soft_token.NEEDED
pytest.importorskip("pkcs11")


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


@pytest.fixture
def place(soft_tokens):
    return soft_tokens.add("ca")


def ways(operator, *by):
    """Return the ways that `secrets status` shows."""
    (found,) = {row["wrapped_by"] for row in status(operator, *by).values()}
    return found


@pytest.mark.long
def test_an_authority_without_a_pass_phrase(operator, soft_tokens, place, tmp_path):
    operator.found(*with_token(place))
    assert not (operator.root / "secrets" / "passphrase").exists()
    operator.add()
    assert ways(operator) == "token"
    assert operator.order()["transfer_id"]
    operator.refused(2, "secrets", "wrap", "passphrase")
    phrase = tmp_path / "recovery"
    operator.does("secrets", "wrap", "passphrase", "--to", phrase)
    assert ways(operator) == "passphrase,token"
    operator.does("secrets", "rotate", "links")
    away = soft_tokens.tokens.rename(soft_tokens.folder / "away")
    sentence = operator.refused(5, *NEEDING["order"])
    assert "keys.json cannot be opened: the token ca cannot be used" in sentence
    assert ("links", "1") in status(operator, "--passphrase-file", phrase)
    away.rename(soft_tokens.tokens)
    operator.does("secrets", "wrap", "token", "--alone")
    assert ways(operator) == "token"
    assert models.AuditEvent.objects.filter(action="secrets-wrapped").count() == 2
    golden.check("sentences/secrets-wrap/an-authority-without-a-pass-phrase", operator.said())


@pytest.mark.long
def test_a_service_with_key_files_and_secrets_in_a_token(operator, soft_tokens, place):
    operator.found()
    operator.add()
    operator.does("secrets", "wrap", "token", "--alone", *with_token(place))
    ids = operator.order()
    with serving(operator) as (soap, address):
        soft_tokens.tokens.rename(soft_tokens.folder / "away")
        assert holder(operator, soap).enrolled(ids, new_key())
        assert fetched(f"{address}/readyz")
    operator.refused(5, "serve", *ANY)
    (soft_tokens.folder / "away").rename(soft_tokens.tokens)
    operator.does("passphrase", "--new")
    operator.does("secrets", "wrap", "passphrase", "--alone")
    assert ways(operator) == "passphrase"
    golden.check("sentences/secrets-wrap/a-service-with-key-files-and-secrets-in-a-token", operator.said())


TOKEN = ("--pkcs11-module", "/m.so", "--pkcs11-token", "ca", "--pkcs11-pin-file", "/pin")
BAD = (("token",), ("token", "--pkcs11-token", "ca"), ("token", "--to", "phrase"), ("passphrase", *TOKEN))


def test_options_that_do_not_fit(operator):
    operator.found()
    before = (operator.root / "secrets" / "keys.json").read_bytes()
    for words in BAD:
        operator.refused(2, "secrets", "wrap", *words)
    assert (operator.root / "secrets" / "keys.json").read_bytes() == before
    golden.check("sentences/secrets-wrap/options-that-do-not-fit", operator.said())


def test_what_is_refused_leaves_no_file(operator, place, tmp_path):
    operator.found()
    phrase = tmp_path / "phrase"
    operator.refused(5, "secrets", "wrap", "passphrase", "--to", phrase)
    assert not phrase.exists()
    operator.refused(5, "secrets", "wrap", "passphrase", "--to", operator.root / "phrase")
    wrong = with_token(place)[:-1]
    pin = soft_token.pin_file(tmp_path, "0815-pin")
    operator.refused(5, "secrets", "wrap", "token", *wrong, pin)
    assert read_secrets(DataDirectory(operator.root)).kinds() == ("passphrase",)
    golden.check("sentences/secrets-wrap/what-is-refused-leaves-no-file", operator.said())


@pytest.mark.long
def test_production_takes_two_people(operator, soft_tokens, place, tmp_path):
    etc = tmp_path / "etc"
    etc.mkdir()
    offline = ("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", etc / "vault")
    operator.found(*with_token(place), *offline, environment="PRODUCTION")
    words = ("secrets", "wrap", "passphrase", "--to", etc / "recovery")
    operator.refused(2, *words)
    does_approved(operator, tmp_path, *words)
    assert ways(operator) == "passphrase,token"
    with serving(operator, *ANY) as (_, address):
        assert fetched(f"{address}/readyz")
    golden.check("sentences/secrets-wrap/production-takes-two-people", operator.said())
