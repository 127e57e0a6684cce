"""People of an organisation: assigned, assigned again, removed.

The audit trail names them by random ids alone.
"""

from dataclasses import replace

import pytest

from sinetti.database import models
from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.services.organisations.people import (
    PeopleError,
    add_service_provider,
    add_signatory,
    invite_signatory,
    remove_service_provider,
    remove_signatory,
    set_contact_person,
    who_is_who,
)
from sinetti.services.organisations.registration import close
from sinetti.services.staff import open_invitations
from sinetti.services.staff.invitations import invite_signatory as invite_by_clerk
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.clerks import a_clerk
from tests.support.firms import rows
from tests.support.people import a_person, audited
from tests.support.scene import DAY, REQUEST, add_organisation
from tests.support.users import account, mandate

FIRM = "7654321-0"
DIRECTOR = a_person("director")
WHO = ("operator", REQUEST)


def people(scene):
    return models.Person.objects.using(scene.db.alias)


def signatories(scene):
    return [one.name for one in who_is_who(CUSTOMER_ID, scene.ctx).roles.signatories]


def test_a_signatory_is_named_once(scene):
    assert add_signatory(CUSTOMER_ID, DIRECTOR, scene.ctx, *WHO)
    assert not add_signatory(CUSTOMER_ID, DIRECTOR, scene.ctx, *WHO)
    assert signatories(scene) == ["The director"]
    assert people(scene).count() == 1
    (row,) = audited(scene, "signatory-added")
    assert "director" not in row
    assert people(scene).get().person_id in row


CHANGES = {
    "another name": replace(DIRECTOR, name="Another director"),
    "another phone": replace(DIRECTOR, phone=""),
    "another language": replace(DIRECTOR, language=Language.SV),
    "an address that is spelt otherwise": replace(DIRECTOR, email="Director@customer.example"),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_somebody_at_the_same_address_gives_way(sqlite_scene, changed):
    add_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    at = sqlite_scene.clock.forward(DAY)
    assert add_signatory(CUSTOMER_ID, changed, sqlite_scene.ctx, *WHO)
    assert signatories(sqlite_scene) == [changed.name]
    assert people(sqlite_scene).filter(named_until=at).count() == 1, "the row of before stays for retention"


@pytest.mark.parametrize("mark", ["bounced_at", "stopped_at"])
def test_the_same_again_takes_marks_away(sqlite_scene, mark):
    """An operator who assigns a person again wants mail to go there again.

    The fact that mail went there before stays known.
    """
    add_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    now = sqlite_scene.clock.now
    people(sqlite_scene).update(**{mark: now}, first_written_at=now)
    assert add_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    (one,) = who_is_who(CUSTOMER_ID, sqlite_scene.ctx).roles.signatories
    assert one.mailable
    assert people(sqlite_scene).get(pk=one.person_id).first_written_at == now


def test_a_signatory_is_removed_by_their_address(sqlite_scene):
    add_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    add_signatory(CUSTOMER_ID, a_person("chair"), sqlite_scene.ctx, *WHO)
    assert remove_signatory(CUSTOMER_ID, "DIRECTOR@customer.example", sqlite_scene.ctx, *WHO)
    assert not remove_signatory(CUSTOMER_ID, "director@customer.example", sqlite_scene.ctx, *WHO)
    assert signatories(sqlite_scene) == ["The chair"]
    assert len(audited(sqlite_scene, "signatory-removed")) == 1
    assert people(sqlite_scene).count() == 2


def test_the_contact_person(sqlite_scene):
    def now():
        return who_is_who(CUSTOMER_ID, sqlite_scene.ctx).roles.contact_person

    assert not set_contact_person(CUSTOMER_ID, None, sqlite_scene.ctx, *WHO), "there was none"
    assert set_contact_person(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    assert not set_contact_person(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    assert set_contact_person(CUSTOMER_ID, a_person("chair"), sqlite_scene.ctx, *WHO)
    assert now().name == "The chair"
    assert set_contact_person(CUSTOMER_ID, None, sqlite_scene.ctx, *WHO)
    assert now() is None
    assert people(sqlite_scene).filter(named_until=sqlite_scene.clock.now).count() == 2
    rows = audited(sqlite_scene, "contact-person-set")
    assert len(rows) == 3
    assert not any("customer.example" in row for row in rows)


def test_looked_after_by_a_firm(scene):
    add_organisation(scene, FIRM)
    assert add_service_provider(CUSTOMER_ID, FIRM, scene.ctx, *WHO)
    assert not add_service_provider(CUSTOMER_ID, FIRM, scene.ctx, *WHO)
    ours, theirs = (who_is_who(one, scene.ctx) for one in (CUSTOMER_ID, FIRM))
    assert (ours.looked.by, ours.looked.after) == ((FIRM,), ())
    assert (theirs.looked.by, theirs.looked.after) == ((), (CUSTOMER_ID,))
    assert ours.roles.agents == (theirs.organisation.organisation_id,)
    assert add_service_provider(FIRM, CUSTOMER_ID, scene.ctx, *WHO), "two may look after each other"
    assert remove_service_provider(CUSTOMER_ID, FIRM, scene.ctx, *WHO)
    assert not remove_service_provider(CUSTOMER_ID, FIRM, scene.ctx, *WHO)
    assert who_is_who(CUSTOMER_ID, scene.ctx).looked.by == ()
    assert len(audited(scene, "looked-after-by-set")) == 2
    assert len(audited(scene, "looked-after-by-withdrawn")) == 1


def test_what_is_refused(sqlite_scene):
    ctx = sqlite_scene.ctx
    attempts = {
        "a signatory of nobody": lambda: add_signatory("unknown-1", DIRECTOR, ctx, *WHO),
        "an unknown provider": lambda: add_service_provider(CUSTOMER_ID, "unknown-1", ctx, *WHO),
        "its own provider": lambda: add_service_provider(CUSTOMER_ID, f" {CUSTOMER_ID}", ctx, *WHO),
    }
    said = golden.refusals(attempts, PeopleError)
    add_organisation(sqlite_scene, FIRM)
    add_signatory(CUSTOMER_ID, DIRECTOR, ctx, *WHO)
    set_contact_person(CUSTOMER_ID, DIRECTOR, ctx, *WHO)
    close(CUSTOMER_ID, ctx, *WHO)
    chair = a_person("chair")
    attempts = {
        "a signatory of an ended one": lambda: add_signatory(CUSTOMER_ID, chair, ctx, *WHO),
        "a contact of an ended one": lambda: set_contact_person(CUSTOMER_ID, chair, ctx, *WHO),
        "a provider of an ended one": lambda: add_service_provider(CUSTOMER_ID, FIRM, ctx, *WHO),
        "an ended provider": lambda: add_service_provider(FIRM, CUSTOMER_ID, ctx, *WHO),
    }
    golden.check("sentences/organisations/people", {"en.txt": f"{said}\n{golden.refusals(attempts, PeopleError)}"})
    assert remove_signatory(CUSTOMER_ID, DIRECTOR.email, ctx, *WHO), "people go, closed or not"
    assert set_contact_person(CUSTOMER_ID, None, ctx, *WHO)


def test_an_operator_invites_a_signatory_who_counts_at_once(sqlite_scene):
    add_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    assert invite_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO).made
    assert not invite_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO).made
    assert invite_signatory(CUSTOMER_ID, a_person("chair"), sqlite_scene.ctx, *WHO).made
    assert set(signatories(sqlite_scene)) == {"The director", "The chair"}
    assert rows(sqlite_scene, "Invitation").count() == 2


def test_who_cannot_be_invited(sqlite_scene, monkeypatch):
    mandate(sqlite_scene, account(sqlite_scene, "viewer"), CUSTOMER_ID, Role.VIEWER)
    viewer = replace(DIRECTOR, email="Viewer@people.example")
    with pytest.raises(PeopleError, match="another authorisation"):
        invite_signatory(CUSTOMER_ID, viewer, sqlite_scene.ctx, *WHO)
    monkeypatch.setattr("sinetti.database.access.role_assignments.INVITED_A_DAY", 0)
    with pytest.raises(PeopleError, match="tomorrow"):
        invite_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)
    assert signatories(sqlite_scene) == []
    close(CUSTOMER_ID, sqlite_scene.ctx, *WHO)
    with pytest.raises(PeopleError, match="has ended"):
        invite_signatory(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, *WHO)


def test_a_signatory_who_is_named_anew_keeps_account_and_link(sqlite_scene):
    row = mandate(sqlite_scene, account(sqlite_scene, "director"), CUSTOMER_ID, Role.SIGNATORY)
    changed = replace(DIRECTOR, email="director@people.example", phone="+358 00 009")
    assert add_signatory(CUSTOMER_ID, changed, sqlite_scene.ctx, *WHO)
    assert rows(sqlite_scene, "RoleAssignment").get(withdrawn_at=None).user_id == row.user_id
    invite_signatory(CUSTOMER_ID, a_person("chair"), sqlite_scene.ctx, *WHO)
    assert add_signatory(CUSTOMER_ID, replace(a_person("chair"), phone=""), sqlite_scene.ctx, *WHO)
    assert rows(sqlite_scene, "Invitation").get().mandate.withdrawn_at is None


def test_an_operator_takes_back_what_nobody_has_taken_up(sqlite_scene):
    clerk, second = a_clerk(sqlite_scene, "anna"), a_clerk(sqlite_scene, "bo")
    asked = invite_by_clerk(CUSTOMER_ID, DIRECTOR, sqlite_scene.ctx, clerk.actor, REQUEST)
    open_invitations.confirm(asked.mandate_id, second)
    assert signatories(sqlite_scene) == []
    assert remove_signatory(CUSTOMER_ID, DIRECTOR.email, sqlite_scene.ctx, *WHO)
    assert rows(sqlite_scene, "RoleAssignment").get().withdrawn_at
