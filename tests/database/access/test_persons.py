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


def table(desk, label, name):
    return apps.get_model(label, name).objects.using(desk.db.alias)


def further_address(desk, one, other):
    table(desk, "account", "EmailAddress").create(user_id=one.pk, email=other.email.upper(), verified=False)


def the_same_subject(desk, one, other):
    for provider, whose in (("bank", one), ("bank-anew", other)):
        table(desk, "socialaccount", "SocialAccount").create(user_id=whose.pk, provider=provider, uid="digest")


def sent_to_the_other(desk, one, other):
    made = mandate(desk, one, CUSTOMER_ID, Role.SIGNATORY)
    sent_to = rows(desk, "Person").create(name="O", email=other.email.upper(), language="fi")
    rows(desk, "RoleAssignment").filter(pk=made.pk).update(person=sent_to)


@pytest.mark.parametrize("shared", [further_address, the_same_subject, sent_to_the_other])
def test_two_accounts_of_one_person(desk, shared):
    one, other, third = (account(desk, name) for name in ("one", "other", "third"))
    assert not are_same_person(desk.db, one.pk, other.pk)
    shared(desk, one, other)
    assert are_same_person(desk.db, one.pk, other.pk)
    assert are_same_person(desk.db, other.pk, one.pk)
    assert not are_same_person(desk.db, one.pk, third.pk)


def test_an_address_is_that_of_all_accounts_that_have_it(desk):
    one, other = account(desk, "one"), account(desk, "other")
    the_same_subject(desk, one, other)
    found = get_identity_of_address(desk.db, one.email.upper())
    assert is_same_person(found, get_identity(desk.db, other.pk)), "by the sign-in provider"
    unknown = get_identity_of_address(desk.db, a_person("stranger").email)
    assert not is_same_person(unknown, get_identity(desk.db, other.pk))


@pytest.mark.parametrize("written", ["{}+spare@{}", "{}@{}.", "{}+a+b@{}"])
def test_an_address_is_that_of_all_accounts_that_have_its_mailbox(desk, written):
    one, other, third = (account(desk, name) for name in ("one", "other", "third"))
    the_same_subject(desk, one, other)
    found = get_identity_of_address(desk.db, written.format(*one.email.split("@")))
    assert is_same_person(found, get_identity(desk.db, other.pk)), "by the sign-in provider"
    assert not is_same_person(found, get_identity(desk.db, third.pk))


def test_an_account_with_a_tag_is_that_of_the_address_without(desk):
    one, other = account(desk, "one+spare"), account(desk, "other")
    the_same_subject(desk, one, other)
    found = get_identity_of_address(desk.db, one.email.replace("+spare", ""))
    assert is_same_person(found, get_identity(desk.db, other.pk)), "by the sign-in provider"
