"""Secret keys by command: status, rotation, removal, upgrade, and a new pass-phrase."""

import json
import shutil
from types import SimpleNamespace

import pytest

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.secret_files import open_secrets
from sinetti.authority.secret_wrappings import SecretAccess
from sinetti.database import models
from sinetti.domain.secret_keys import SecretPurpose
from tests.cli.authority.test_notices import SETTINGS
from tests.cli.authority.test_serve import ANY, holder, serving
from tests.support import golden
from tests.support.officers import does_approved
from tests.support.programs import fetched, new_key

CUSTOMER = ("--customer-id", "0123456-7")
WHOM = ("--email", "director@customer.example")


@pytest.fixture
def one(sqlite_operator, tmp_path):
    """Return an operator whose pass-phrase is in another place, and that place."""
    phrase = tmp_path / "etc" / "passphrase"
    phrase.parent.mkdir()
    sqlite_operator.found("--passphrase-file", phrase)
    sqlite_operator.add()
    return SimpleNamespace(operator=sqlite_operator, phrase=phrase, by=("--passphrase-file", phrase))


@pytest.fixture
def inside(sqlite_operator):
    """Return an operator whose pass-phrase is in DIR, with an organisation."""
    sqlite_operator.found()
    sqlite_operator.add()
    return sqlite_operator


def status(operator, *words):
    """Return the rows of `secrets status`, by purpose and id."""
    rows = json.loads(operator.does("secrets", "status", "--json", *words))
    return {(row["purpose"], row["id"]): row for row in rows}


def ring(operator, phrase):
    return open_secrets(DataDirectory(operator.root), SecretAccess(phrase)).ring


def test_status_says_what_needs_each_key(inside):
    inside.order()
    inside.does("secrets", "rotate", "transfer-passwords")
    inside.order()
    found = status(inside)
    assert [key for key in found if key[0] == "transfer-passwords"] == [
        ("transfer-passwords", "1"),
        ("transfer-passwords", "0"),
    ]
    assert {purpose for purpose, _ in found} == {*SecretPurpose}
    row = found["transfer-passwords", "0"]
    assert (row["current"], row["rows"], row["can_be_removed"], row["wrapped_by"]) == (False, 1, False, "passphrase")
    assert (found["django", "0"]["rows"], found["django", "0"]["needed_until"]) == (None, None)
    lines = inside.does("secrets", "status").splitlines()
    assert lines[0].split() == ["purpose", "id", "state", "made_at", "wrapped_by", "rows"]
    assert [line.split()[2] for line in lines if line.startswith("transfer-passwords")] == ["current", "old"]


def test_rotation_and_removal(inside):
    inside.says(0, "secrets", "rotate", "pins")
    assert status(inside)["pins", "0"]["can_be_removed"]
    assert "removable" in inside.does("secrets", "status")
    inside.says(0, "secrets", "remove", "pins", "0")
    assert ("pins", "0") not in status(inside)
    events = models.AuditEvent.objects.filter(object="secret:pins").order_by("sequence")
    assert [event.action for event in events] == ["secret-rotated", "secret-removed"]
    golden.check("sentences/secrets/rotation-and-removal", inside.said())


def test_what_is_refused_changes_nothing(inside):
    before = (inside.root / "secrets" / "keys.json").read_bytes()
    for words in (("rotate", "persons"), ("remove", "pins", "0"), ("remove", "pins", "7")):
        inside.refused(3, "secrets", *words)
        assert (inside.root / "secrets" / "keys.json").read_bytes() == before
    golden.check("sentences/secrets/what-is-refused-changes-nothing", inside.said())


def test_resealing(inside):
    inside.does("secrets", "rotate", "second-factors")
    inside.says(0, "secrets", "reseal", "second-factors")
    golden.check("sentences/secrets/resealing", inside.said())


NEEDING = {
    "order": ("order", *CUSTOMER, "--contact-name", "C", "--contact-email", "c@customer.example"),
    "a clerk's person": ("account", "add", "c@a.example", "--name", "C", "--staff", "--person-id", "131052-308T"),
    "status of secrets": ("secrets", "status"),
    "rotation": ("secrets", "rotate", "pins"),
    "resealing": ("secrets", "reseal", "second-factors"),
    "removal": ("secrets", "remove", "pins", "0"),
}


@pytest.mark.parametrize("words", NEEDING.values(), ids=NEEDING)
def test_what_needs_a_secret_says_so_without_the_pass_phrase(one, words):
    sentence = one.operator.refused(5, *words)
    assert "keys.json" in sentence
    assert "--passphrase-file" in sentence


def test_what_needs_none_runs_without_the_pass_phrase(one):
    for words in (("organisation", "show", *CUSTOMER), ("status",), ("account", "list"), ("retention", "plan")):
        one.operator.does(*words)
    assert one.operator.run("watch")[0] in {0, 3}
    (one.operator.root / "notices.toml").write_text(SETTINGS.format(port=9), encoding="utf-8")
    for words in (("notices", "plan"), ("notices", "retry"), ("organisation", "signatory", "remove", *CUSTOMER, *WHOM)):
        assert one.operator.run(*words)[0] == 0, words
    assert one.operator.order(*one.by)["transfer_id"]


def earlier(operator, phrase):
    """Turn the folder into one of an earlier version, and return its key in clear."""
    keys = ring(operator, phrase)
    key = keys.current(SecretPurpose.TRANSFER_PASSWORDS).octets
    (operator.root / "secrets" / "transfer.key").write_bytes(key)
    (operator.root / "secrets" / "keys.json").unlink()
    return key


def test_a_folder_of_an_earlier_version(one):
    key = earlier(one.operator, one.phrase.read_bytes().strip())
    one.operator.does("organisation", "show", *CUSTOMER)
    assert (one.operator.root / "secrets" / "transfer.key").exists(), "there was no pass-phrase"
    one.operator.order(*one.by)
    assert not (one.operator.root / "secrets" / "transfer.key").exists()
    found = ring(one.operator, one.phrase.read_bytes().strip())
    assert {found.current(purpose).octets for purpose in SecretPurpose} == {key}


def test_a_new_pass_phrase_in_the_folder(inside):
    path = inside.root / "secrets" / "passphrase"
    old = path.read_bytes()
    inside.says(0, "passphrase", "--new")
    assert path.read_bytes() != old
    inside.order()
    shutil.copy(path, inside.root.parent / "kept")
    path.write_bytes(old)
    inside.refused(5, "secrets", "status")
    assert models.AuditEvent.objects.filter(action="passphrase-changed").count() == 1
    golden.check("sentences/secrets/a-new-pass-phrase-in-the-folder", inside.said())


def test_a_new_pass_phrase_elsewhere(one):
    new = one.phrase.with_name("new")
    words = ("passphrase", "--new", "--to", new, *one.by)
    one.operator.refused(2, "passphrase", "--new", *one.by)
    one.operator.refused(2, *words[:4])
    one.operator.does(*words)
    one.operator.refused(5, "secrets", "status", *one.by)
    assert status(one.operator, "--passphrase-file", new)
    # The same command again, as after a kill at its end, changes nothing more.
    before = (one.operator.root / "secrets" / "keys.json").read_bytes()
    one.operator.does(*words)
    assert (one.operator.root / "secrets" / "keys.json").read_bytes() == before
    golden.check("sentences/secrets/a-new-pass-phrase-elsewhere", one.operator.said())


def test_a_new_pass_phrase_leaves_the_folder(inside, tmp_path):
    to = tmp_path / "phrase"
    inside.does("passphrase", "--new", "--to", to)
    assert not (inside.root / "secrets" / "passphrase").exists()
    assert status(inside, "--passphrase-file", to)
    inside.refused(5, "passphrase", "--new", "--to", inside.root / "phrase", "--passphrase-file", to)
    golden.check("sentences/secrets/a-new-pass-phrase-leaves-the-folder", inside.said())


def test_moving_needs_a_place(inside):
    inside.refused(2, "passphrase")
    golden.check("sentences/secrets/moving-needs-a-place", inside.said())


@pytest.mark.long
def test_production_takes_two_people_for_a_new_pass_phrase(sqlite_operator, tmp_path):
    operator, etc = sqlite_operator, tmp_path / "etc"
    etc.mkdir()
    offline = ("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", etc / "vault")
    operator.found("--passphrase-file", etc / "old", *offline, environment="PRODUCTION")
    words = ("passphrase", "--new", "--to", etc / "new", "--passphrase-file", etc / "old")
    operator.refused(2, *words)
    does_approved(operator, tmp_path, *words)
    operator.refused(5, "serve", *ANY, "--passphrase-file", etc / "old")
    with serving(operator, *ANY, "--passphrase-file", etc / "new") as (_, addresses):
        assert fetched(f"{addresses}/readyz")
    golden.check("sentences/secrets/production-takes-two-people-for-a-new-pass-phrase", operator.said())


@pytest.mark.long
def test_a_running_service_uses_a_rotated_key_at_once(one):
    operator = one.operator
    with serving(operator, *ANY, *one.by) as (soap, _):
        for number in range(3):
            before = operator.order(*one.by)
            operator.does("secrets", "rotate", "transfer-passwords", *one.by)
            after = operator.order(*one.by)
            for ids in (before, after):
                assert holder(operator, soap).enrolled(ids, new_key()), number
