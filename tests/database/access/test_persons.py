"""Identity behind an account or an address in the database."""

import pytest
from django.apps import apps

from sinetti.database.access.accounts import are_same_person, get_identity, get_identity_of_address
from sinetti.domain.access.persons import is_same_person
from sinetti.domain.access.roles import Role
from tests.support.authority import CUSTOMER_ID
from tests.support.firms import rows
from tests.support.people import a_person
from tests.support.users import account, mandate


def table(scene, label, name):
    return apps.get_model(label, name).objects.using(scene.db.alias)


def further_address(scene, one, other):
    table(scene, "account", "EmailAddress").create(user_id=one.pk, email=other.email.upper(), verified=False)


def the_same_subject(scene, one, other):
    for provider, whose in (("bank", one), ("bank-anew", other)):
        table(scene, "socialaccount", "SocialAccount").create(user_id=whose.pk, provider=provider, uid="digest")


def sent_to_the_other(scene, one, other):
    made = mandate(scene, one, CUSTOMER_ID, Role.SIGNATORY)
    sent_to = rows(scene, "Person").create(name="O", email=other.email.upper(), language="fi")
    rows(scene, "RoleAssignment").filter(pk=made.pk).update(person=sent_to)


@pytest.mark.parametrize("shared", [further_address, the_same_subject, sent_to_the_other])
def test_two_accounts_of_one_person(scene, shared):
    one, other, third = (account(scene, name) for name in ("one", "other", "third"))
    assert not are_same_person(scene.db, one.pk, other.pk)
    shared(scene, one, other)
    assert are_same_person(scene.db, one.pk, other.pk)
    assert are_same_person(scene.db, other.pk, one.pk)
    assert not are_same_person(scene.db, one.pk, third.pk)


def test_an_address_is_that_of_all_accounts_that_have_it(scene):
    one, other = account(scene, "one"), account(scene, "other")
    the_same_subject(scene, one, other)
    found = get_identity_of_address(scene.db, one.email.upper())
    assert is_same_person(found, get_identity(scene.db, other.pk)), "by the sign-in provider"
    unknown = get_identity_of_address(scene.db, a_person("stranger").email)
    assert not is_same_person(unknown, get_identity(scene.db, other.pk))


@pytest.mark.parametrize("written", ["{}+spare@{}", "{}@{}.", "{}+a+b@{}"])
def test_an_address_is_that_of_all_accounts_that_have_its_mailbox(scene, written):
    one, other, third = (account(scene, name) for name in ("one", "other", "third"))
    the_same_subject(scene, one, other)
    found = get_identity_of_address(scene.db, written.format(*one.email.split("@")))
    assert is_same_person(found, get_identity(scene.db, other.pk)), "by the sign-in provider"
    assert not is_same_person(found, get_identity(scene.db, third.pk))


def test_an_account_with_a_tag_is_that_of_the_address_without(scene):
    one, other = account(scene, "one+spare"), account(scene, "other")
    the_same_subject(scene, one, other)
    found = get_identity_of_address(scene.db, one.email.replace("+spare", ""))
    assert is_same_person(found, get_identity(scene.db, other.pk)), "by the sign-in provider"
