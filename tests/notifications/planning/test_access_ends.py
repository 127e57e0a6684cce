"""Mail about ends of roles: 60 and 14 days before and at the end, to both sides, once each.

A reader gets one mail a day for each side, which lists all roles concerned.
"""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.database.access.role_assignments import FirmGrant, GrantTerms, change, give_to_firm, withdraw
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.notifications.delivery.sender import send_due
from sinetti.notifications.planning.access_ends import next_access_ends_time, plan_access_ends
from tests.support.firms import a_firm, a_person, a_signatory, an_organisation, looked_after, rows
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.scene import DAY, SECOND

ENDS = datetime(2028, 3, 15, 21, 59, 59, tzinfo=UTC)
"""The last second of a Wednesday in Finland."""
BEGAN = ENDS - 731 * DAY
EIGHT = datetime(2028, 3, 16, 6, tzinfo=UTC)
"""8:00 of the next day."""


def mails(scene):
    """Return day, event, reader and number of roles of each queued mail about ends."""
    found = rows(scene, "OutboxMessage").filter(facts__tells__startswith="ends-").select_related("recipient")
    return [
        (f"{one.due:%m-%d}", one.facts["tells"], one.recipient.email.partition("@")[0], len(one.facts["mandates"]))
        for one in found.order_by("due", "facts__tells", "recipient__email")
    ]


def a_town(scene, *names, ends=ENDS, **changes):
    """Insert a firm with a manager, and clients with a signatory each; return the firm."""
    firm = a_firm(scene, name="firm")
    rows(scene, "RoleAssignment").create(
        organisation=firm, person=a_person(scene, "accountant@firm.example"), role=Role.MANAGER, valid_from=BEGAN
    )
    for name in names:
        client = an_organisation(scene, name)
        a_signatory(scene, client, a_person(scene, f"{name}@client.example"))
        looked_after(scene, client, firm, **{"valid_from": BEGAN, "valid_until": ends, **changes})
    rows(scene, "RoleAssignment").filter(role=Role.SIGNATORY).update(valid_from=BEGAN)
    return firm


def own(scene, who, until, since=BEGAN, role=Role.VIEWER):
    """Insert a person's role for the organisation `client`."""
    client = rows(scene, "Organisation").get(name="client")
    person = a_person(scene, f"{who}@people.example")
    return rows(scene, "RoleAssignment").create(
        organisation=client, person=person, role=role, valid_from=since, valid_until=until
    )


def walk(scene, until):
    """Plan at each instant at which something may be due."""
    ctx, at = a_mailroom(scene), scene.clock.now
    while (at := next_access_ends_time(ctx, at)) is not None and at <= until:
        scene.clock.now = at
        plan_access_ends(ctx, at)


def planned(scene, at):
    scene.clock.now = at
    return plan_access_ends(a_mailroom(scene), at)


def test_both_sides_get_three_mails(scene):
    a_town(scene, "client")
    scene.clock.now = ENDS - 300 * DAY
    walk(scene, ENDS + 300 * DAY)
    days = ["01-17", "03-02", "03-16"]
    assert mails(scene) == [
        (day, tells, who, 1) for day in days for tells, who in (("ends-firm", "accountant"), ("ends-given", "client"))
    ]


def test_a_firm_gets_one_mail_about_all_its_clients(sqlite_scene):
    names = [f"client{number}" for number in range(30)]
    a_town(sqlite_scene, *names)
    assert planned(sqlite_scene, EIGHT - 14 * DAY) == 31
    assert [one for one in mails(sqlite_scene) if one[1] == "ends-firm"] == [("03-02", "ends-firm", "accountant", 30)]
    assert planned(sqlite_scene, EIGHT - 14 * DAY + timedelta(hours=3)) == 0


def test_any_number_of_nodes_reports_once(scene):
    a_town(scene, "client")
    scene.clock.now = EIGHT - 14 * DAY
    assert crowd(scene.db, 4, lambda _number: plan_access_ends(a_mailroom(scene), scene.clock.now))
    assert len(mails(scene)) == 2


def test_a_person_and_the_other_signatories(sqlite_scene):
    scene = sqlite_scene
    a_town(scene, "client", ends=None)
    own(scene, "viewer", ENDS)
    own(scene, "second", ENDS, role=Role.SIGNATORY)
    planned(scene, EIGHT - 59 * DAY)
    assert [one[1:] for one in mails(scene)] == [
        ("ends-given", "client", 2),
        ("ends-given", "second", 1),
        ("ends-own", "second", 1),
        ("ends-own", "viewer", 1),
    ]


def test_the_last_signatorys_end_is_reported_to_the_contact_person(sqlite_scene):
    scene = sqlite_scene
    a_town(scene, "client", ends=None)
    rows(scene, "RoleAssignment").filter(role=Role.SIGNATORY).update(valid_until=ENDS)
    rows(scene, "Organisation").filter(name="client").update(contact=a_person(scene, "contact@client.example"))
    planned(scene, EIGHT)
    assert [one[1:3] for one in mails(scene)] == [("ends-given", "contact"), ("ends-own", "client")]
    assert rows(scene, "OutboxMessage").get(facts__tells="ends-given").facts["contact"] is True


SHORT = {
    "ten days: only the end": (10, ["03-16"]),
    "forty days: two weeks and the end": (40, ["03-02", "03-16"]),
    "a hundred days: not at 60": (100, ["03-02", "03-16"]),
    "two hundred days: all three": (200, ["01-17", "03-02", "03-16"]),
}


@pytest.mark.parametrize(("days", "expected"), SHORT.values(), ids=SHORT)
def test_a_step_in_the_first_half_is_left_out(sqlite_scene, days, expected):
    scene = sqlite_scene
    a_town(scene, "client", valid_from=ENDS - days * DAY)
    scene.clock.now = ENDS - days * DAY
    walk(scene, ENDS + 30 * DAY)
    assert [one[0] for one in mails(scene) if one[1] == "ends-firm"] == expected


OUT_OF_HOURS = {
    "a second before eight": EIGHT - SECOND,
    "on Sunday": EIGHT + 3 * DAY,
    "in the evening": EIGHT + timedelta(hours=11),
}


@pytest.mark.parametrize("now", OUT_OF_HOURS.values(), ids=OUT_OF_HOURS)
def test_nothing_is_planned_out_of_hours(sqlite_scene, now):
    a_town(sqlite_scene, "client")
    assert planned(sqlite_scene, now) == 0


def test_after_a_pause_the_latest_step_alone_is_reported(sqlite_scene):
    a_town(sqlite_scene, "client")
    assert planned(sqlite_scene, EIGHT + DAY) == 2
    assert planned(sqlite_scene, EIGHT + 4 * DAY) == 0


def test_an_end_of_eight_days_ago_is_history(sqlite_scene):
    a_town(sqlite_scene, "client")
    assert planned(sqlite_scene, EIGHT + 11 * DAY) == 0


def extended(scene, firm, audit):
    client = rows(scene, "Organisation").get(name="client").pk
    assert give_to_firm(scene.db, FirmGrant(client, firm.pk, Role.MANAGER, ENDS + 700 * DAY), audit)


def changed(scene, _firm, audit):
    mandate = rows(scene, "RoleAssignment").get(agent__isnull=False).pk
    assert change(scene.db, mandate, GrantTerms(Role.MANAGER, ENDS + 100 * DAY), audit)


def withdrawn(scene, _firm, audit):
    assert withdraw(scene.db, rows(scene, "RoleAssignment").get(agent__isnull=False).pk, audit)


def closed(scene, _firm, audit):
    rows(scene, "Organisation").filter(name="client").update(closed_at=audit.at)


@pytest.mark.parametrize("meanwhile", [extended, changed, withdrawn, closed])
def test_what_changed_before_the_mail_left_is_not_reported(sqlite_scene, meanwhile):
    scene = sqlite_scene
    firm = a_town(scene, "client")
    planned(scene, EIGHT - 14 * DAY)
    meanwhile(scene, firm, scene.audit_entry())
    sent = []
    ctx = a_mailroom(scene, {MessageChannel.EMAIL: Collector(sent)})
    send_due(ctx, "worker", scene.clock.now)
    assert not [one for one in sent if "upphör" in one.subject or "päätty" in one.subject]
    assert (
        rows(scene, "OutboxMessage").filter(facts__tells__startswith="ends-", cancelled_at__isnull=False).count() == 2
    )


class Collector:
    """Transport that keeps messages."""

    def __init__(self, sent):
        self.sent = sent

    def deliver(self, letter):
        self.sent.append(letter)

    def close(self):
        pass


def test_the_mail_lists_ended_and_ending_clients(sqlite_scene):
    scene, sent = sqlite_scene, []
    firm = a_town(scene, "Korhonen", "Virtanen")
    client = an_organisation(scene, "Ström")
    looked_after(scene, client, firm, valid_from=BEGAN, valid_until=ENDS + 14 * DAY)
    rows(scene, "Person").update(language="en")
    planned(scene, EIGHT)
    send_due(a_mailroom(scene, {MessageChannel.EMAIL: Collector(sent)}), "worker", scene.clock.now)
    (letter,) = [one for one in sent if one.to == "accountant@firm.example"]
    assert letter.subject == "2 clients' authorisations have ended – firm"
    ended = letter.text.index("Ended (2):")
    assert ended < letter.text.index("Korhonen") < letter.text.index("Virtanen")
    assert letter.text.index("End within 14 days (1):") < letter.text.index("Ström")
    assert "Settings > Clients" in letter.text


def test_a_change_of_the_end_starts_with_the_steps_that_are_ahead(sqlite_scene):
    """The holder gets a message about the change itself, and none about 60 days."""
    scene = sqlite_scene
    a_town(scene, "client", ends=ENDS + 400 * DAY)
    scene.clock.now = ENDS - 30 * DAY
    mandate = rows(scene, "RoleAssignment").get(agent__isnull=False).pk
    assert change(scene.db, mandate, GrantTerms(Role.MANAGER, ENDS), scene.audit_entry())
    walk(scene, ENDS + 30 * DAY)
    assert [one[0] for one in mails(scene) if one[1] == "ends-firm"] == ["03-02", "03-16"]


def test_nothing_ahead_is_no_time(sqlite_scene):
    a_town(sqlite_scene, "client", ends=None)
    assert next_access_ends_time(a_mailroom(sqlite_scene), EIGHT) is None
