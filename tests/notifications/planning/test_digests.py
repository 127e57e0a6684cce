"""Digests: one a week to a firm's readers, one a day close to an end.

The number of planning processes and of their runs does not matter.
"""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.database.notifications import delivery, digests
from sinetti.database.organisations import contacts
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.notifications.digests import DigestItemKind, DigestSection
from sinetti.notifications.planning.digests import next_digest_time, plan_digests, superseded_reason
from sinetti.notifications.planning.reminders import plan
from tests.support.firms import (
    a_certificate,
    a_firm,
    a_person,
    a_signatory,
    an_organisation,
    looked_after,
    rows,
)
from tests.support.mailrooms import a_mailroom
from tests.support.registers import crowd
from tests.support.scene import DAY, SECOND

ENDS = datetime(2028, 3, 1, 12, tzinfo=UTC)
"""A Wednesday."""
MONDAY = datetime(2028, 1, 10, 6, tzinfo=UTC)
"""8:00 in Finland, with 51 days to go."""


def owed(scene):
    found = rows(scene, "OutboxMessage").filter(kind="digest").select_related("recipient").order_by("due", "recipient")
    return [(f"{row.due:%m-%d %H:%M}", row.step.partition(":")[0][5:], row.recipient.email) for row in found]


def planned(scene, *when):
    """Plan at these instants; return the number of digests that each run queued."""
    return [plan_digests(a_mailroom(scene), one) for one in when]


def a_client(scene, name="client", ends=ENDS, **changes):
    client = an_organisation(scene, name)
    a_certificate(scene, client, ends, a_person(scene, f"contact@{name}.example"), **changes)
    return client


def walk(scene, begins, until):
    ctx, at = a_mailroom(scene), begins
    while (at := next_digest_time(ctx, at)) is not None and at <= until:
        scene.clock.now = at
        plan_digests(ctx, at)


def test_a_certificate_that_nobody_renews(scene):
    a_firm(scene, a_client(scene))
    walk(scene, ENDS - 300 * DAY, ENDS + 300 * DAY)
    weeks = ["01-03", "01-10", "01-17", "01-24", "01-31", "02-07", "02-14", "02-21"]
    days = ["02-24", "02-25", "02-28", "02-29", "03-01", "03-02"]
    after = ["03-06", "03-13"]
    assert owed(scene) == [(f"{day} 06:00", day, "reader@firm.example") for day in [*weeks, *days, *after]]


def test_a_certificate_of_47_days_brings_none_before_its_renewal_opens(scene):
    a_firm(scene, a_client(scene))
    opens = ENDS - timedelta(days=15, hours=16)
    rows(scene, "Certificate").update(not_before=ENDS - 47 * DAY, renewable_from=opens)
    walk(scene, ENDS - 60 * DAY, ENDS)
    days = ["02-21", "02-24", "02-25", "02-28", "02-29", "03-01"]
    assert owed(scene) == [(f"{day} 06:00", day, "reader@firm.example") for day in days]


def test_a_certificate_of_seven_days_brings_none_in_the_first_half_of_its_window(scene):
    friday = ENDS + 2 * DAY
    a_firm(scene, a_client(scene, ends=friday))
    rows(scene, "Certificate").update(not_before=friday - 7 * DAY, renewable_from=friday - 3.5 * DAY)
    walk(scene, friday - 60 * DAY, friday)
    assert [day for _, day, _ in owed(scene)] == ["03-02", "03-03"], "not on Tuesday and Wednesday"


def test_whoever_plans_and_however_often(scene):
    a_firm(scene, a_client(scene))
    late = datetime(2028, 2, 28, 6, tzinfo=UTC)
    assert crowd(scene.db, 4, lambda _number: planned(scene, late))
    assert planned(scene, late, late + 3 * SECOND, late + DAY / 12) == [0, 0, 0]
    assert [day for _, day, _ in owed(scene)] == ["02-28"]
    assert planned(scene, late + DAY) == [1]


OUT_OF_HOURS = {
    "a second before eight": MONDAY - SECOND,
    "in the evening": MONDAY + timedelta(hours=9),
    "on Sunday": MONDAY - DAY,
    "at Epiphany": datetime(2028, 1, 6, 8, tzinfo=UTC),
}


@pytest.mark.parametrize("now", OUT_OF_HOURS.values(), ids=OUT_OF_HOURS)
def test_nothing_is_planned_out_of_hours(sqlite_scene, now):
    a_firm(sqlite_scene, a_client(sqlite_scene))
    assert planned(sqlite_scene, now) == [0]


CAUGHT_UP = {
    "on Monday, late": (MONDAY + DAY / 4, [], ["01-10"]),
    "on Tuesday, at any hour": (MONDAY + DAY + DAY / 8, [], ["01-11"]),
    "on Friday": (MONDAY + 4 * DAY, [], ["01-14"]),
    "not once it was there": (MONDAY + 4 * DAY, [MONDAY], ["01-10"]),
    "not what a day's digest had told": (MONDAY + 3 * DAY, [MONDAY + DAY], ["01-11"]),
    "anew in the next week": (MONDAY + 7 * DAY, [MONDAY + DAY], ["01-11", "01-17"]),
}


@pytest.mark.parametrize(("now", "before", "days"), CAUGHT_UP.values(), ids=CAUGHT_UP)
def test_a_missed_monday(sqlite_scene, now, before, days):
    a_firm(sqlite_scene, a_client(sqlite_scene))
    planned(sqlite_scene, *before, now)
    assert [day for _, day, _ in owed(sqlite_scene)] == days


def test_what_comes_after_monday_waits_for_the_next(sqlite_scene):
    """A certificate comes into the window on Tuesday.

    The firm has looked after another client since then.
    """
    scene = sqlite_scene
    firm = a_firm(scene, a_client(scene, ends=MONDAY + 60 * DAY + SECOND))
    looked_after(scene, a_client(scene, "other"), firm, valid_from=MONDAY + SECOND)
    assert planned(scene, MONDAY + DAY, MONDAY + 4 * DAY) == [0, 0]
    assert planned(scene, MONDAY + 7 * DAY) == [1]


def test_readers_are_the_contact_person_else_the_signatories(scene):
    firm = a_firm(scene, client := a_client(scene))
    for name in ("one", "ONE", "two"):
        a_signatory(scene, firm, a_person(scene, f"{name}@firm.example"))
    assert digests.readers(scene.db, [client.pk], MONDAY) == {client.pk: {"reader@firm.example"}}
    rows(scene, "Person").filter(email="reader@firm.example").update(bounced_at=MONDAY)
    assert digests.readers(scene.db, [client.pk, firm.pk], MONDAY) == {
        client.pk: {"one@firm.example", "two@firm.example"},
        firm.pk: frozenset(),
    }
    assert planned(scene, MONDAY) == [2]
    rows(scene, "Person").update(stopped_at=MONDAY)
    assert planned(scene, MONDAY + 7 * DAY) == [0]


def test_somebody_who_is_named_anew_with_the_same_address_gets_no_second_one(scene):
    firm = a_firm(scene, a_client(scene))
    assert planned(scene, MONDAY) == [1]
    again = ContactDetails("Anew", "Reader@firm.example", "", "sv")
    contacts.set_contact_person(scene.db, firm.pk, again, scene.audit_entry())
    assert planned(scene, MONDAY + DAY) == [0]
    other = ContactDetails("Other", "other@firm.example", "", "sv")
    contacts.set_contact_person(scene.db, firm.pk, other, scene.audit_entry())
    assert planned(scene, MONDAY + DAY, MONDAY + 2 * DAY) == [1, 0]


QUIET = {
    "it is let end": lambda scene: rows(scene, "Lineage").update(renewal_opt_out_at=MONDAY),
    "the client is closed": lambda scene: rows(scene, "Organisation").filter(name="client").update(closed_at=MONDAY),
    "the firm is closed": lambda scene: rows(scene, "Organisation").filter(name="firm").update(closed_at=MONDAY),
    "the firm looks after it no more": lambda scene: rows(scene, "RoleAssignment").update(withdrawn_at=MONDAY),
    "the firm looked after it until yesterday": lambda scene: rows(scene, "RoleAssignment").update(
        valid_until=MONDAY - DAY
    ),
    "the firm is to look after it later": lambda scene: rows(scene, "RoleAssignment").update(valid_from=MONDAY + DAY),
    "it was revoked as superseded": lambda scene: rows(scene, "Certificate").update(
        revoked_at=MONDAY, revocation_reason="superseded"
    ),
    "it is void": lambda scene: rows(scene, "Certificate").update(state="void", revoked_at=MONDAY),
    "it ended long ago": lambda scene: rows(scene, "Certificate").update(not_after=MONDAY - 14 * DAY - SECOND),
}


@pytest.mark.parametrize("change", QUIET.values(), ids=QUIET)
def test_no_rows_no_digest(sqlite_scene, change):
    firm = a_firm(sqlite_scene, a_client(sqlite_scene))
    change(sqlite_scene)
    assert planned(sqlite_scene, MONDAY) == [0]
    assert digests.digest_rows(sqlite_scene.db, firm.pk, MONDAY) == ()
    found = next_digest_time(a_mailroom(sqlite_scene), MONDAY)
    assert (
        found is None
        or rows(sqlite_scene, "RoleAssignment").filter(valid_until__isnull=True, withdrawn_at=None).exists()
    )


def test_what_is_done_is_shown_and_brings_no_digest(scene):
    firm = a_firm(scene, client := a_client(scene))
    old = rows(scene, "Certificate").get()
    terms = {"lineage": old.lineage, "origin": "renewal", "predecessor": old}
    new = a_certificate(scene, client, ENDS + 700 * DAY, state="issued", first_fetched_at=None, **terms)
    assert planned(scene, MONDAY) == [1]
    rows(scene, "Certificate").filter(pk=new.pk).update(state="fetched", first_fetched_at=MONDAY)
    assert planned(scene, MONDAY + 7 * DAY, ENDS - DAY) == [0, 0]
    assert digests.digest_rows(scene.db, firm.pk, MONDAY) == (), "one that was owed before is not written any more"
    other = a_certificate(scene, client, ENDS)
    first, row = digests.digest_rows(scene.db, firm.pk, MONDAY)
    assert (first.certificate, row.part, row.matter, row.certificate) == (
        other.pk, DigestSection.BY_ITSELF, DigestItemKind.DONE, old.pk,
    )  # fmt: skip
    rows(scene, "Lineage").filter(pk=other.lineage_id).update(renewal_opt_out_at=MONDAY)
    # Its renewal was revoked and nothing came instead: everything is as before.
    rows(scene, "Certificate").filter(pk=new.pk).update(revoked_at=MONDAY, revocation_reason="keyCompromise")
    assert planned(scene, MONDAY + 14 * DAY) == [1]
    (row,) = digests.digest_rows(scene.db, firm.pk, MONDAY)
    assert row.matter is DigestItemKind.RENEW


def test_an_order_that_replaces_it(scene):
    firm = a_firm(scene, client := a_client(scene))
    old = rows(scene, "Certificate").get()

    beside = a_certificate(scene, client, ENDS)

    def now():
        found = digests.digest_rows(scene.db, firm.pk, MONDAY)
        return next(row.matter for row in found if row.certificate != beside.pk)

    order = rows(scene, "Order").create(lineage=old.lineage, replaces=old, state="open", created=MONDAY)
    pairs = rows(scene, "TransferIds")
    pairs.create(transfer_id="t", order=order, password_mac=b"m", created=MONDAY, expires=MONDAY)
    assert now() is DigestItemKind.REPLACEMENT_ORDERED
    pairs.update(ended_at=MONDAY)
    assert now() is DigestItemKind.RENEW
    terms = {"lineage": old.lineage, "order": order, "replaces": old}
    new = a_certificate(scene, client, ENDS + 700 * DAY, state="issued", first_fetched_at=None, **terms)
    assert now() is DigestItemKind.RETRIEVE
    rows(scene, "Certificate").filter(pk=new.pk).update(state="fetched", first_fetched_at=MONDAY)
    assert now() is DigestItemKind.DONE


def test_three_parts(scene):
    """All organisations of a firm, each part with the first end first.

    It has nothing of other firms' clients.
    """
    firm = a_firm(scene)
    ours = a_person(scene, "READER@firm.example")
    lost = a_person(scene, "lost@client.example", bounced_at=MONDAY)
    clients = [an_organisation(scene, name) for name in ("a", "b", "c")]
    for client in clients:
        looked_after(scene, client, firm)
    alpha, beta, gamma = clients
    a_certificate(scene, alpha, ENDS, ours)
    a_certificate(scene, beta, ENDS - DAY, ours, revoked_at=MONDAY, revocation_reason="keyCompromise")
    a_certificate(scene, beta, ENDS - 2 * DAY, ours)
    a_certificate(scene, gamma, ENDS, a_person(scene, "contact@c.example"), origin="renewal")
    a_certificate(scene, gamma, ENDS - 3 * DAY, lost)
    a_certificate(scene, gamma, MONDAY - DAY, None)
    a_certificate(scene, gamma, MONDAY + 60 * DAY + SECOND, ours)
    a_firm(scene, a_client(scene, "foreign"), name="others")
    rows(scene, "ApprovedChannel").filter(organisation=alpha).update(withdrawn_at=MONDAY)
    found = digests.digest_rows(scene.db, firm.pk, MONDAY)
    assert [(row.part.value, row.matter.value, row.organisation, row.contact) for row in found] == [
        ("needs-you", "renew", "b", "READER@firm.example"),
        ("needs-client", "ended", "c", ""),
        ("needs-client", "unreachable", "c", "lost@client.example"),
        ("needs-client", "revoked", "b", "READER@firm.example"),
        ("needs-client", "not-approved", "a", "READER@firm.example"),
        ("by-itself", "renews-itself", "c", "contact@c.example"),
    ]
    assert planned(scene, MONDAY) == [2]


def test_nothing_is_coming(sqlite_scene):
    client = a_client(sqlite_scene)
    assert next_digest_time(a_mailroom(sqlite_scene), MONDAY) is None
    a_firm(sqlite_scene, client)
    far = next_digest_time(a_mailroom(sqlite_scene), ENDS - 500 * DAY)
    assert far == datetime(2028, 1, 3, 6, tzinfo=UTC)
    assert next_digest_time(a_mailroom(sqlite_scene), ENDS + 30 * DAY) is None


def test_whoever_gets_the_digest_gets_no_single_mail_of_it(scene):
    """The firm's reader is the client's contact.

    A deputy and a signatory are the client's own.
    """
    client = an_organisation(scene, "client")
    firm = a_firm(scene, client)
    ours = a_person(scene, "Reader@Firm.example", phone="+358 1")
    held = a_certificate(scene, client, ENDS, ours)
    rows(scene, "Lineage").filter(pk=held.lineage_id).update(deputy=a_person(scene, "deputy@client.example"))
    a_certificate(scene, firm, ENDS, firm.contact)
    for before in (57 * DAY, 6 * DAY):
        plan(a_mailroom(scene), ENDS - before)
    found = rows(scene, "OutboxMessage").filter(kind="reminder").order_by("step", "recipient__email")
    assert [(row.step, row.certificate_id == held.pk, row.recipient.email) for row in found] == [
        ("60:email", True, "deputy@client.example"),
        ("60:email", False, "reader@firm.example"),
        ("7:email", True, "deputy@client.example"),
        ("7:email", False, "reader@firm.example"),
        ("7:sms", True, "Reader@Firm.example"),
    ]


def test_a_digest_that_was_late_gives_way_to_the_next(scene):
    """The simulation found two digests of one morning.

    They were that of Monday, which no worker had taken, and that of Tuesday.
    """
    a_firm(scene, a_client(scene))
    monday = datetime(2028, 2, 28, 6, tzinfo=UTC)
    planned(scene, monday)
    (row,) = rows(scene, "OutboxMessage").filter(kind="digest")
    late, ctx = delivery.to_queued_message(row), a_mailroom(scene)
    assert superseded_reason(late, ctx, monday + DAY / 12) is None
    assert superseded_reason(late, ctx, monday + DAY) is None, "nothing was planned on Tuesday yet"
    planned(scene, monday + DAY)
    assert superseded_reason(late, ctx, monday + DAY) is not None
    tuesday = rows(scene, "OutboxMessage").exclude(pk=row.pk).get(kind="digest")
    assert superseded_reason(delivery.to_queued_message(tuesday), ctx, monday + DAY) is None
