"""List queries and their order, and the clerks' search.

The order follows `domain/certificates/display_status.py`.
"""

from dataclasses import replace

import pytest
from django.db import transaction

from sinetti.database import models
from sinetti.database.certificates import list_query, search, status_sql
from sinetti.database.certificates.search import PAGE, search_all
from sinetti.domain.certificates.display_status import (
    DisplayStatus,
    OrderFacts,
    Urgency,
    next_actor,
    order_state,
    state_of,
    urgency_of,
)
from sinetti.domain.certificates.listing import CertificateQuery, Sort
from sinetti.domain.usage import UsageState, usage_of
from sinetti.domain.values import Channel
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.listing import CASES, DAY, SECOND, ending, gateway, put
from tests.support.scene import add_organisation, an_order, ordered


def wanted(scene, **changes):
    ids = models.Organisation.objects.using(scene.db.alias).values_list("pk", flat=True)
    return replace(CertificateQuery(frozenset(ids), NOW), **changes)


def found(scene, **changes):
    return [one.key for one in list_query.find_keys(scene.db, wanted(scene, **changes))]


def ended_at(one):
    """Return the end of a certificate: its revocation, else its notAfter."""
    return one.span.not_after if one.revoked_at is None else one.revoked_at


def test_the_rule_is_the_same_where_the_rows_are(scene):
    models.ApprovedChannel.objects.using(scene.db.alias).filter(type__channel="SFTP").update(withdrawn_at=NOW)
    with transaction.atomic(scene.db.alias):
        serials = {put(scene, facts, number): facts for number, (facts, *_) in enumerate(CASES.values())}
    keys = list_query.find_keys(scene.db, wanted(scene, over=True, sort=Sort.STATE))
    read = {one.key: one.facts for one in list_query.load_rows(scene.db, keys, NOW)}
    assert serials.keys() <= read.keys()
    for serial, facts in serials.items():
        assert (state_of(read[serial], NOW), urgency_of(read[serial], NOW), next_actor(read[serial], NOW)) == (
            state_of(facts, NOW),
            urgency_of(facts, NOW),
            next_actor(facts, NOW),
        )
    for state in DisplayStatus:
        expected = {key for key, one in read.items() if state_of(one, NOW) is state}
        assert set(found(scene, states=[state])) == expected, state
    by_state = sorted(
        read, key=lambda key: (status_sql.STATES.index(state_of(read[key], NOW)), ended_at(read[key]), key)
    )
    assert [one.key for one in keys] == by_state
    acts = found(scene, over=True, sort=Sort.HAND)
    assert acts == sorted(acts, key=lambda key: status_sql.HAND_ORDER.index(next_actor(read[key], NOW)))
    assert set(found(scene)) == {key for key, one in read.items() if urgency_of(one, NOW) is not Urgency.OVER}
    urgent = found(scene)
    assert urgent == sorted(
        urgent, key=lambda key: (status_sql.RANKS.index(urgency_of(read[key], NOW)), ended_at(read[key]), key)
    )


def test_orders_that_wait_stand_among_certificates(scene):
    serial = put(scene, ending(5 * DAY), 1)
    ordered(scene, an_order())
    keys = list_query.find_keys(scene.db, wanted(scene))
    assert [one.order for one in keys] == [False, True]
    certificate, order = list_query.load_rows(scene.db, keys, NOW)
    assert (certificate.key, order.description, order.contact) == (serial, "payroll", "Nimi Nimetty")
    assert order_state(order.facts, NOW) is DisplayStatus.IDS_SENT
    assert found(scene, states=[DisplayStatus.IDS_SENT]) == [order.key]
    assert found(scene, states=[DisplayStatus.IDS_LAPSED], now=NOW + 14 * DAY + SECOND) == [order.key]
    assert isinstance(order.facts, OrderFacts)
    for sort in Sort:
        assert sorted(found(scene, sort=sort)) == sorted((serial, order.key))
    assert found(scene, descending=True) == found(scene)[::-1]


def named(scene, name, email):
    values = {"name": name, "email": email, "language": "fi"}
    return models.Person.objects.using(scene.db.alias).create(**values)


def test_search_and_filters(scene):
    other = models.Organisation.objects.using(scene.db.alias).get(pk=add_organisation(scene, "7654321-0"))
    maija = named(scene, "Maija Esimerkki", "Maija@malli.example")
    first = put(scene, ending(90 * DAY), 0xAB << 144, "Payroll", contact=maija)
    second = put(scene, ending(80 * DAY), 0xCD << 144, "ärla", organisation=other)
    texts = {
        "": [second, first],
        "pay": [first],
        "PAYROLL": [first],
        "roll": [first],
        "ll": [],
        "P": [first],
        "ärl": [second],
        "RLA": [second],
        "54321-0": [second],
        "54": [],
        first[:4].upper(): [first],
        "maija e": [first],
        "maija@": [first],
        "esimerk": [first],
        "malli.ex": [first],
        "%": [],
        "a%l": [],
    }
    for text, keys in texts.items():
        assert found(scene, text=text) == keys, text
    assert found(scene, contact="maija@M") == found(scene, contact="esimerk") == [first]
    assert found(scene, organisation="4321-0") == found(scene, organisation="4321-0", text="rla") == [second]
    assert found(scene, ends=(NOW + 80 * DAY, NOW + 90 * DAY)) == [second]
    assert found(scene, contact="payroll") == []
    assert found(scene, organisations=[other.pk]) == [second]
    assert found(scene, organisations=[]) == []
    assert found(scene, channel=Channel.SFTP) == []
    assert found(scene, sort=Sort.DESCRIPTION)[0] == first
    assert list_query.find_keys(scene.db, wanted(scene), most=1)[0].key == second


def test_use_is_not_known_where_no_gateway_looks(scene):
    serial = put(scene, ending(90 * DAY), 1)
    keys = list_query.find_keys(scene.db, wanted(scene))

    def use():
        (row,) = list_query.load_rows(scene.db, keys, NOW)
        looking = [row.looking] if row.looking else []
        return row.key, usage_of(row.facts.span.not_before, row.facts.seen, looking, NOW).use

    assert use() == (serial, UsageState.NOT_KNOWN)
    gateway(scene, NOW - 7 * DAY)
    assert use() == (serial, UsageState.NOT_SEEN)


@pytest.mark.parametrize("agent_role", ["manager", "viewer"])
def test_a_firm_is_told_where_its_person_is_the_contact(scene, agent_role):
    using = scene.db.alias
    firm = models.Organisation.objects.using(using).get(pk=add_organisation(scene, "7654321-0"))
    client = models.Organisation.objects.using(using).get(customer_id=CUSTOMER_ID)
    mandates = models.RoleAssignment.objects.using(using)
    mandates.create(organisation=client, agent=firm, role=agent_role, valid_from=NOW)
    mandates.create(
        organisation=firm, person=named(scene, "N", "NIMI@tili.example"), role="viewer", valid_from=NOW - DAY
    )
    put(scene, ending(90 * DAY), 1, contact=named(scene, "N N", "nimi@tili.example"))
    keys = list_query.find_keys(scene.db, wanted(scene))
    (row,) = list_query.load_rows(scene.db, keys, NOW)
    assert (row.firm is not None and row.firm.organisation_id == firm.pk) == (agent_role == "manager")
    mandates.filter(agent=firm).update(waiting=True)
    (row,) = list_query.load_rows(scene.db, keys, NOW)
    assert row.firm is None, "the firm has not accepted its role"


def test_of_two_firms_the_one_with_the_earliest_role_counts(scene):
    using = scene.db.alias
    client = models.Organisation.objects.using(using).get(customer_id=CUSTOMER_ID)
    maija = named(scene, "Maija Esimerkki", "maija@tili.example")
    firms = [models.Organisation.objects.using(using).get(pk=add_organisation(scene, f"7654321-{n}")) for n in (0, 4)]
    for days, firm in enumerate(firms, 1):
        models.Organisation.objects.using(using).filter(pk=firm.pk).update(contact=maija)
        models.RoleAssignment.objects.using(using).create(
            organisation=client, agent=firm, role="manager", valid_from=NOW - days * DAY
        )
    put(scene, ending(90 * DAY), 1, contact=named(scene, "N N", "nimi@malli.example"))
    put(scene, ending(80 * DAY), 2, contact=maija)
    rows = list_query.load_rows(scene.db, list_query.find_keys(scene.db, wanted(scene)), NOW)
    assert sorted(row.firm.organisation_id if row.firm else "" for row in rows) == sorted(["", firms[1].pk])


def test_a_clerks_search_goes_on_page_by_page(scene):
    maija = named(scene, "Maija Esimerkki", "ab@malli.example")
    with transaction.atomic(scene.db.alias):
        for number in range(PAGE + 2):
            put(scene, ending(90 * DAY), number, "Abacus" if number < PAGE else "other", contact=maija)
    pages, after = [], ""
    while not pages or after:
        page = search_all(scene.db, "AB", after)
        pages.append(page.rows)
        after = page.after
    assert [len(one) for one in pages] == [PAGE, PAGE, 2]
    described, mailed = ({one.serial for one in rows} for rows in (pages[0], (*pages[1], *pages[2])))
    assert (len(described), len(mailed)) == (PAGE, PAGE + 2)
    assert described < mailed


def test_what_a_clerk_finds(scene):
    maija = named(scene, "Maija Esimerkki", "maija@malli.example")
    serial = put(scene, ending(5 * DAY), 0xABC << 140, "Payroll", contact=maija)
    beginnings = serial[:6], f"{serial[:2]}:{serial[2:4]}", CUSTOMER_ID[:4], "pa"
    parts = "payr", "YROL", CUSTOMER_ID[3:], "esimer", "a@malli"
    name = models.Organisation.objects.using(scene.db.alias).get().name
    for text in (*beginnings, *parts, name[:5].upper()):
        row = search_all(scene.db, f" {text} ").rows[0]
        assert row.serial == serial, text
        assert state_of(row.facts, NOW) is DisplayStatus.ENDS_SOON
    for text, after in (
        ("p", ""),
        ("nothing", ""),
        ("", ""),
        ("yr", ""),
        ("%", ""),
        ("p_y", ""),
        (r"pay\r", ""),
        ("::", ""),
    ):
        assert search_all(scene.db, text, after).rows == ()
    for after in ("[]", "x", "[9,1,1,1]", '{"a":1}', '[0,"","","x"]'):
        assert len(search_all(scene.db, "payr", after).rows) <= 1


@pytest.mark.parametrize("sorted_at_most", [0, 2, 3])
def test_of_a_common_text_a_part_is_shown_and_said_to_be_one(scene, monkeypatch, sorted_at_most):
    monkeypatch.setattr(search, "MOST_MATCHES", 2)
    monkeypatch.setattr(search, "_MOST_SORTED", sorted_at_most)  # common texts are read in the order of their ids
    with transaction.atomic(scene.db.alias):
        for number in range(3):
            put(scene, ending(5 * DAY), number, f"Payroll {number}")
    common, rare = search_all(scene.db, "ayroll"), search_all(scene.db, "ayroll 1")
    first = models.Lineage.objects.using(scene.db.alias).order_by("pk").values_list("description", flat=True)[:2]
    assert sorted(one.description for one in common.rows) == sorted(first)
    assert (len(common.rows), common.more) == (2, True)
    assert ([one.description for one in rare.rows], rare.more) == (["Payroll 1"], False)


def test_matches_without_certificates_are_said_to_be_a_part_too(scene, monkeypatch):
    monkeypatch.setattr(search, "MOST_MATCHES", 2)
    for number in range(3):
        named(scene, f"Maija {number}", f"maija{number}@malli.example")
    found = search_all(scene.db, "maija")
    assert (found.rows, found.more) == ((), True)


TAMPERED = {
    "a key that no row has": '[0, "0", "", 10000000000000000000]',
    "a key before all": '[0, "0", "", -10000000000000000000]',
    "no such place": '[10000000000000000000, "0", "", 1]',
    "a place before all": '[-1, "0", "", 1]',
    "a zero octet": r'[0, "\u0000", "", 1]',
    "half a character": r'[0, "0", "\ud800", 1]',
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("after", TAMPERED.values(), ids=TAMPERED)
def test_a_place_in_a_clerks_search_that_nobody_gave_begins_anew(scene, after):
    serial = put(scene, ending(5 * DAY), 0xABC << 140, "Payroll")
    assert [one.serial for one in search_all(scene.db, serial[:6], after).rows] == [serial]
