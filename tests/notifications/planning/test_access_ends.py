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
from tests.support.service_context import DAY, SECOND

ENDS = datetime(2028, 3, 15, 21, 59, 59, tzinfo=UTC)
"""The last second of a Wednesday in Finland."""
BEGAN = ENDS - 731 * DAY
EIGHT = datetime(2028, 3, 16, 6, tzinfo=UTC)
"""8:00 of the next day."""


def mails(desk):
    """Return day, event, reader and number of roles of each queued mail about ends."""
    found = rows(desk, "OutboxMessage").filter(facts__tells__startswith="ends-").select_related("recipient")
    return [
        (f"{one.due:%m-%d}", one.facts["tells"], one.recipient.email.partition("@")[0], len(one.facts["mandates"]))
        for one in found.order_by("due", "facts__tells", "recipient__email")
    ]


def a_town(desk, *names, ends=ENDS, **changes):
    """Insert a firm with a manager, and clients with a signatory each; return the firm."""
    firm = a_firm(desk, name="firm")
    rows(desk, "RoleAssignment").create(
        organisation=firm, person=a_person(desk, "accountant@firm.example"), role=Role.MANAGER, valid_from=BEGAN
    )
    for name in names:
        client = an_organisation(desk, name)
        a_signatory(desk, client, a_person(desk, f"{name}@client.example"))
        looked_after(desk, client, firm, **{"valid_from": BEGAN, "valid_until": ends, **changes})
    rows(desk, "RoleAssignment").filter(role=Role.SIGNATORY).update(valid_from=BEGAN)
    return firm


def own(desk, who, until, since=BEGAN, role=Role.VIEWER):
    """Insert a person's role for the organisation `client`."""
    client = rows(desk, "Organisation").get(name="client")
    person = a_person(desk, f"{who}@people.example")
    return rows(desk, "RoleAssignment").create(
        organisation=client, person=person, role=role, valid_from=since, valid_until=until
    )


def walk(desk, until):
    """Plan at each instant at which something may be due."""
    room, at = a_mailroom(desk), desk.clock.now
    while (at := next_access_ends_time(room, at)) is not None and at <= until:
        desk.clock.now = at
        plan_access_ends(room, at)


def planned(desk, at):
    desk.clock.now = at
    return plan_access_ends(a_mailroom(desk), at)


def test_both_sides_get_three_mails(desk):
    a_town(desk, "client")
    desk.clock.now = ENDS - 300 * DAY
    walk(desk, ENDS + 300 * DAY)
    days = ["01-17", "03-02", "03-16"]
    assert mails(desk) == [
        (day, tells, who, 1) for day in days for tells, who in (("ends-firm", "accountant"), ("ends-given", "client"))
    ]


def test_a_firm_gets_one_mail_about_all_its_clients(sqlite_desk):
    names = [f"client{number}" for number in range(30)]
    a_town(sqlite_desk, *names)
    assert planned(sqlite_desk, EIGHT - 14 * DAY) == 31
    assert [one for one in mails(sqlite_desk) if one[1] == "ends-firm"] == [("03-02", "ends-firm", "accountant", 30)]
    assert planned(sqlite_desk, EIGHT - 14 * DAY + timedelta(hours=3)) == 0


def test_any_number_of_nodes_reports_once(desk):
    a_town(desk, "client")
    desk.clock.now = EIGHT - 14 * DAY
    assert crowd(desk.db, 4, lambda _number: plan_access_ends(a_mailroom(desk), desk.clock.now))
    assert len(mails(desk)) == 2


def test_a_person_and_the_other_signatories(sqlite_desk):
    desk = sqlite_desk
    a_town(desk, "client", ends=None)
    own(desk, "viewer", ENDS)
    own(desk, "second", ENDS, role=Role.SIGNATORY)
    planned(desk, EIGHT - 59 * DAY)
    assert [one[1:] for one in mails(desk)] == [
        ("ends-given", "client", 2),
        ("ends-given", "second", 1),
        ("ends-own", "second", 1),
        ("ends-own", "viewer", 1),
    ]


def test_the_last_signatorys_end_is_reported_to_the_contact_person(sqlite_desk):
    desk = sqlite_desk
    a_town(desk, "client", ends=None)
    rows(desk, "RoleAssignment").filter(role=Role.SIGNATORY).update(valid_until=ENDS)
    rows(desk, "Organisation").filter(name="client").update(contact=a_person(desk, "contact@client.example"))
    planned(desk, EIGHT)
    assert [one[1:3] for one in mails(desk)] == [("ends-given", "contact"), ("ends-own", "client")]
    assert rows(desk, "OutboxMessage").get(facts__tells="ends-given").facts["contact"] is True


SHORT = {
    "ten days: only the end": (10, ["03-16"]),
    "forty days: two weeks and the end": (40, ["03-02", "03-16"]),
    "a hundred days: not at 60": (100, ["03-02", "03-16"]),
    "two hundred days: all three": (200, ["01-17", "03-02", "03-16"]),
}


@pytest.mark.parametrize(("days", "expected"), SHORT.values(), ids=SHORT)
def test_a_step_in_the_first_half_is_left_out(sqlite_desk, days, expected):
    desk = sqlite_desk
    a_town(desk, "client", valid_from=ENDS - days * DAY)
    desk.clock.now = ENDS - days * DAY
    walk(desk, ENDS + 30 * DAY)
    assert [one[0] for one in mails(desk) if one[1] == "ends-firm"] == expected


OUT_OF_HOURS = {
    "a second before eight": EIGHT - SECOND,
    "on Sunday": EIGHT + 3 * DAY,
    "in the evening": EIGHT + timedelta(hours=11),
}


@pytest.mark.parametrize("now", OUT_OF_HOURS.values(), ids=OUT_OF_HOURS)
def test_nothing_is_planned_out_of_hours(sqlite_desk, now):
    a_town(sqlite_desk, "client")
    assert planned(sqlite_desk, now) == 0


def test_after_a_pause_the_latest_step_alone_is_reported(sqlite_desk):
    a_town(sqlite_desk, "client")
    assert planned(sqlite_desk, EIGHT + DAY) == 2
    assert planned(sqlite_desk, EIGHT + 4 * DAY) == 0


def test_an_end_of_eight_days_ago_is_history(sqlite_desk):
    a_town(sqlite_desk, "client")
    assert planned(sqlite_desk, EIGHT + 11 * DAY) == 0


def extended(desk, firm, audit):
    client = rows(desk, "Organisation").get(name="client").pk
    assert give_to_firm(desk.db, FirmGrant(client, firm.pk, Role.MANAGER, ENDS + 700 * DAY), audit)


def changed(desk, _firm, audit):
    mandate = rows(desk, "RoleAssignment").get(agent__isnull=False).pk
    assert change(desk.db, mandate, GrantTerms(Role.MANAGER, ENDS + 100 * DAY), audit)


def withdrawn(desk, _firm, audit):
    assert withdraw(desk.db, rows(desk, "RoleAssignment").get(agent__isnull=False).pk, audit)


def closed(desk, _firm, audit):
    rows(desk, "Organisation").filter(name="client").update(closed_at=audit.at)


@pytest.mark.parametrize("meanwhile", [extended, changed, withdrawn, closed])
def test_what_changed_before_the_mail_left_is_not_reported(sqlite_desk, meanwhile):
    desk = sqlite_desk
    firm = a_town(desk, "client")
    planned(desk, EIGHT - 14 * DAY)
    meanwhile(desk, firm, desk.audit_entry())
    sent = []
    room = a_mailroom(desk, {MessageChannel.EMAIL: Collector(sent)})
    send_due(room, "worker", desk.clock.now)
    assert not [one for one in sent if "upphör" in one.subject or "päätty" in one.subject]
    assert rows(desk, "OutboxMessage").filter(facts__tells__startswith="ends-", cancelled_at__isnull=False).count() == 2


class Collector:
    """Transport that keeps messages."""

    def __init__(self, sent):
        self.sent = sent

    def deliver(self, letter):
        self.sent.append(letter)

    def close(self):
        pass


def test_the_mail_lists_ended_and_ending_clients(sqlite_desk):
    desk, sent = sqlite_desk, []
    firm = a_town(desk, "Korhonen", "Virtanen")
    client = an_organisation(desk, "Ström")
    looked_after(desk, client, firm, valid_from=BEGAN, valid_until=ENDS + 14 * DAY)
    rows(desk, "Person").update(language="en")
    planned(desk, EIGHT)
    send_due(a_mailroom(desk, {MessageChannel.EMAIL: Collector(sent)}), "worker", desk.clock.now)
    (letter,) = [one for one in sent if one.to == "accountant@firm.example"]
    assert letter.subject == "2 clients' authorisations have ended – firm"
    ended = letter.text.index("Ended (2):")
    assert ended < letter.text.index("Korhonen") < letter.text.index("Virtanen")
    assert letter.text.index("End within 14 days (1):") < letter.text.index("Ström")
    assert "Settings > Clients" in letter.text


def test_a_change_of_the_end_starts_with_the_steps_that_are_ahead(sqlite_desk):
    """The holder gets a message about the change itself, and none about 60 days."""
    desk = sqlite_desk
    a_town(desk, "client", ends=ENDS + 400 * DAY)
    desk.clock.now = ENDS - 30 * DAY
    mandate = rows(desk, "RoleAssignment").get(agent__isnull=False).pk
    assert change(desk.db, mandate, GrantTerms(Role.MANAGER, ENDS), desk.audit_entry())
    walk(desk, ENDS + 30 * DAY)
    assert [one[0] for one in mails(desk) if one[1] == "ends-firm"] == ["03-02", "03-16"]


def test_nothing_ahead_is_no_time(sqlite_desk):
    a_town(sqlite_desk, "client", ends=None)
    assert next_access_ends_time(a_mailroom(sqlite_desk), EIGHT) is None
