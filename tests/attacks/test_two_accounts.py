"""Attacks on acts of two clerks by one person with two accounts.

A clerk's account has one verified person, of which the register has a keyed digest (docs/e-service/clerks.md).
"""

import json

import pytest

from sinetti.database import models
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.access.pending_invitations import PendingFault, PendingInvitationRefused
from sinetti.domain.certificates.bulk_revocation import BulkErrorReason, BulkRevocationError
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.organisations.import_confirmation import LoadReason, LoadRefused
from sinetti.services.access import accounts
from sinetti.services.access.accounts import AccountError
from sinetti.services.staff import bulk_revocations, open_invitations, organisations
from tests.cli.authority.conftest import at_work
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.firms import rows
from tests.support.officers import approve, proposed
from tests.support.people import a_person, audited
from tests.support.registers import db
from tests.support.scene import REQUEST, enrolled, scene, sqlite_scene
from tests.support.users import logged_clerk

__all__ = ["db", "scene", "sqlite_scene"]

WHO = ("operator", REQUEST)
ANNA, BO = "131052-308T", "010170-960F"
RENAMING = f"customer_id;kind;country;name;language;merged_into;ended\n{CUSTOMER_ID};artificial;FI;X;sv;;\n".encode()


def verified(scene, clerk, person_id):
    """Give a clerk's account its verified person, as the command does."""
    email = rows(scene, "User").get(pk=clerk.actor.user_id).email
    return accounts.give_staff(email, accounts.digest_of_person(person_id, scene.ctx), scene.ctx, *WHO)


def renamed(scene, one, other):
    load_id = organisations.preview(RENAMING, one)
    digest = organisations.load(load_id, one).digest
    organisations.propose_load(load_id, digest, one)
    with pytest.raises(LoadRefused) as why:
        organisations.confirm_load(load_id, digest, other)
    return why.value.reason


def revoked(scene, one, other):
    held = enrolled(scene).serial
    waiting = bulk_revocations.propose(CertificateSelection(serials=[held]), RevocationReason.SUPERSEDED, one).proposal
    assert waiting.approved_at is None
    with pytest.raises(BulkRevocationError) as why:
        bulk_revocations.confirm(waiting.proposal_id, other)
    return why.value.reason


def invited(scene, one, other):
    pending = open_invitations.invite(CUSTOMER_ID, a_person("director"), one).mandate_id
    with pytest.raises(PendingInvitationRefused) as why:
        open_invitations.confirm(pending, other)
    return why.value.fault


ACTS = {
    "a file that renames": (renamed, LoadReason),
    "many revocations": (revoked, BulkErrorReason),
    "a first signatory": (invited, PendingFault),
}


@pytest.mark.parametrize(("act", "reason"), ACTS.values(), ids=ACTS)
def test_one_person_with_an_account_after_another(scene, monkeypatch, act, reason):
    """The person's first account proposes, loses its rights, and their second one confirms."""
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 0)
    first, second = a_clerk(scene), a_clerk(scene, "second")
    assert verified(scene, first, ANNA)
    with pytest.raises(AccountError, match="this person has another clerk's account"):
        verified(scene, second, ANNA.lower())
    rows(scene, "StaffPerson").update(ended_at=scene.clock.now)
    logged_clerk(scene.db, rows(scene, "User").get(pk=first.actor.user_id))
    assert verified(scene, second, ANNA)
    assert act(scene, first, second) == reason("same-person")


@pytest.mark.parametrize(("act", "reason"), ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("known", [(), (ANNA,), (None, BO)], ids=["neither", "the first", "the second"])
def test_accounts_of_an_earlier_version_do_not_confirm_in_production(sqlite_scene, monkeypatch, act, reason, known):
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 0)
    rows(sqlite_scene, "Instance").update(environment="PRODUCTION")
    clerks = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    for clerk, person in zip(clerks, known, strict=False):
        assert person is None or verified(sqlite_scene, clerk, person)
    assert act(sqlite_scene, *clerks) == reason("no-person")


def test_two_verified_clerks_confirm_in_production(sqlite_scene):
    rows(sqlite_scene, "Instance").update(environment="PRODUCTION")
    anna, bo = a_clerk(sqlite_scene), a_clerk(sqlite_scene, "bo")
    assert verified(sqlite_scene, anna, ANNA)
    assert verified(sqlite_scene, bo, BO)
    open_invitations.confirm(open_invitations.invite(CUSTOMER_ID, a_person("director"), anna).mandate_id, bo)
    assert rows(sqlite_scene, "RoleAssignment").exists()


def test_a_person_has_one_account_and_an_account_one_person(scene):
    anna, bo = a_clerk(scene), a_clerk(scene, "bo")
    assert verified(scene, anna, ANNA)
    assert not verified(scene, anna, ANNA), "nothing to change"
    for clerk, person in ((anna, BO), (bo, ANNA)):
        with pytest.raises(AccountError, match="withdraw the rights"):
            verified(scene, clerk, person)
    accounts.withdraw_staff("anna@people.example", scene.ctx, *WHO)
    assert verified(scene, bo, ANNA), "the rights of the first account have ended"
    accounts.deactivate("bo@people.example", scene.ctx, *WHO)
    assert verified(scene, anna, ANNA)
    assert len(audited(scene, "account-person-set")) == 3


def test_the_id_is_kept_nowhere(scene):
    anna = a_clerk(scene)
    verified(scene, anna, ANNA)
    said = str([list(rows(scene, name).values_list()) for name in ("StaffPerson", "User", "OutboxMessage")])
    written = " ".join(audited(scene, "account-person-set"))
    assert ANNA not in said + written
    assert rows(scene, "StaffPerson").get().digest not in written


@pytest.fixture
def operator(request, tmp_path, monkeypatch, capsys):
    """Yield an operator of a PRODUCTION authority."""
    with at_work("sqlite", request, tmp_path, monkeypatch) as one:
        one.found(environment="PRODUCTION")
        yield one


def test_the_commands_of_production_require_the_id(operator, tmp_path):
    one, words = operator, ("account", "add", "a@authority.example", "--name", "A", "--staff", "--officer", "anna")
    assert "--person-id is missing" in one.refused(2, *words)
    assert "5 to 40 letters" in one.refused(2, *words, "--person-id", "x")
    assert "belongs to clerk's rights" in one.refused(
        2, "account", "staff", "a@x.example", "--withdraw", "--person-id", BO
    )
    proposal = proposed(one, *words, "--person-id", ANNA)
    octets = bytes(models.ActProposal.objects.get().octets).decode()
    assert ANNA not in octets
    assert len(json.loads(octets)["parameters"]["person"]) == 64
    approve(one, proposal, tmp_path)
    (row,) = json.loads(one.does("account", "list", "--json"))
    assert row["person"] is True
    one.does("account", "add", "b@authority.example", "--name", "B")
    giving = ("account", "staff", "b@authority.example", "--officer", "anna", "--person-id")
    assert "this person has another clerk's account" in one.refused(2, *giving, ANNA)
    assert not models.User.objects.get(email__startswith="b@").is_staff
    approve(one, proposed(one, *giving, BO), tmp_path)
    assert models.User.objects.get(email__startswith="b@").is_staff
