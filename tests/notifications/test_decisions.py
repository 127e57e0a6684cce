"""Message with a decision: the whole text as decided, once to each address."""

from sinetti.database.models import AccessApplication
from sinetti.database.notifications import outbox_queries
from sinetti.domain.organisations.applications import ApplicationDecision, ApplicationState
from sinetti.notifications.templates.renderer import Skip, render
from sinetti.services.staff import applications
from tests.services.staff.test_applications import applied
from tests.support.clerks import a_clerk
from tests.support.mailrooms import a_mailroom

TEXT = "Beslut\n\nÄrendenummer: SI-1\n\nMotivering: rad ett\nrad två"


def decided(scene):
    made = applied(scene)
    applications.decide(
        made.application_id, ApplicationDecision(ApplicationState.APPROVED), lambda _: TEXT, a_clerk(scene)
    )
    (owed,) = (one for one in outbox_queries.waiting(scene.db) if one.kind == "authorisation")
    return made, owed


def test_it_has_the_decision_whole(sqlite_scene):
    made, owed = decided(sqlite_scene)
    letter = render(owed, a_mailroom(sqlite_scene))
    assert letter.to == "maija@people.example"
    assert letter.subject.startswith("Decision of 2 March 2026")
    assert letter.subject.endswith(f"your application {made.case_number}")
    assert all(line in letter.text for line in TEXT.splitlines())
    assert TEXT.splitlines()[-1] in letter.html


def test_without_a_decision_there_is_nothing_to_say(sqlite_scene):
    _, owed = decided(sqlite_scene)
    AccessApplication.objects.using(sqlite_scene.db.alias).update(decision="")
    assert isinstance(render(owed, a_mailroom(sqlite_scene)), Skip)
