"""Certificates: list, its file, and the page of one (docs/e-service/certificates.md)."""

import csv
import io
import re
from datetime import datetime

import pytest
from cryptography import x509
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from sinetti.database import models
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.issuance import rejections
from sinetti.domain.access.roles import Role
from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.certificates.renewal_info import Explanation
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.values import Language
from sinetti.i18n.translate import active_language, translate
from sinetti.infra.spreadsheets import guarded
from sinetti.services.organisations import renewal_opt_out
from sinetti.services.revocation import revoke
from sinetti.services.revocation.early_replacement import EarlyReplacementRequest, call_early, cancel
from sinetti.services.self_service import certificates
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW
from tests.support.listing import DAY, ending, put
from tests.support.pages import notices
from tests.support.scene import REQUEST, add_organisation, an_order, enrolled, in_the_window, ordered, renewed
from tests.support.users import account, mandate, signed_in

LIST, FIRM = "/settings/certificates", "7654321-0"
MOST_STATEMENTS, MOST_OCTETS = 8, 150_000


@pytest.fixture
def maija(browser, sqlite_scene):
    """Return the browser of a signatory."""
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    return signed_in(browser, user)


@pytest.fixture
def tili(browser, sqlite_scene):
    """Return the browser of a manager at an accounting firm of the organisation."""
    add_organisation(sqlite_scene, FIRM)
    models.Organisation.objects.using("default").filter(customer_id=FIRM).update(name="Tili Oy")
    user = account(sqlite_scene, "tili")
    mandate(sqlite_scene, user, FIRM, Role.MANAGER)
    mandate(sqlite_scene, FIRM, CUSTOMER_ID, Role.MANAGER)
    return signed_in(browser, user)


def body(browser):
    return browser.reply.body.decode()


def rows(browser):
    """Return the rows of the first table of a page, each keyed by its column names."""
    (table, *_) = browser.page.xpath("//main//table")
    names = [" ".join(one.text_content().split()) for one in table.xpath("thead//th")]
    return [
        dict(zip(names, [" ".join(one.text_content().split()) for one in row.xpath("th|td[@data-name]")], strict=True))
        for row in table.xpath("tbody/tr")
    ]


def named(name, email):
    return models.Person.objects.using("default").create(name=name, email=email, language="fi")


def organisation(customer_id):
    return models.Organisation.objects.using("default").get(customer_id=customer_id)


def file_of(reply):
    parts = list(reply.parts.octets)
    reply.parts.close()
    return parts, list(csv.reader(io.StringIO(b"".join(parts).decode("utf-8-sig")), delimiter=";"))


def test_the_list_says_what_there_is_and_who_can_act(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    ordered(sqlite_scene, an_order())
    waiting, certificate = rows(maija.get(LIST))
    assert certificate["Description"] == "payroll"
    assert "1 January 2028" in certificate["State"]
    assert certificate["Valid until"].startswith("1 March 2028 730 ")
    assert certificate["In use"] == "Unknown"
    assert waiting["State"].startswith("Ordered")
    assert "Nimi Nimetty" in waiting["Responsible"]
    assert "Organisation" not in certificate
    assert f'href="{LIST}/{held.serial}"' in body(maija)
    assert LIST in maija.page.xpath("//nav[@class='menu']//a/@href")
    assert maija.page.xpath("//meter/@value") == ["0"]


STATES = {
    "ends soon": ending(9 * DAY),
    "a day": ending(DAY),
    "hours": ending(DAY / 2),
    "renewal is open": ending(59 * DAY, by_renewal=True),
    "over": ending(-DAY),
    "revoked": ending(90 * DAY, revoked_at=NOW - DAY, reason=RevocationReason.KEY_COMPROMISE),
}


def test_states_in_words(maija, sqlite_scene):
    for number, (name, facts) in enumerate(STATES.items()):
        put(sqlite_scene, facts, number, name)
    listed = {row["Description"]: "\n".join(row.values()) for row in rows(maija.get(LIST))}
    assert set(listed) == set(STATES)
    golden.check("sentences/certificate-lists/states", {"en.txt": golden.sections(listed)})


def test_what_was_called_for_early_replacement_is_open_since_then(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    ask = EarlyReplacementRequest(CertificateSelection(serials=(held.serial,)), "a17", "incident", Explanation(), DAY)
    call = call_early(ask, sqlite_scene.ctx, REQUEST).call
    (row,) = rows(maija.get(LIST))
    assert row["State"].endswith("2 March 2026 at 14:00")
    maija.get(f"{LIST}/{held.serial}")
    assert row["State"] in body(maija)
    cancel(call.call_id, "a17", sqlite_scene.ctx, REQUEST)
    (row,) = rows(maija.get(LIST))
    assert "1 January 2028" in row["State"]
    history = notices(maija.get(f"{LIST}/{held.serial}"), "//main//table/tbody/tr")
    golden.check("sentences/certificate-lists/called-for-early-replacement", {"en.txt": history})


def test_who_may_only_look_is_told_who_can_act(browser, sqlite_scene):
    user = account(sqlite_scene, "katsoja")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.VIEWER)
    serial = put(sqlite_scene, ending(-DAY), 1)
    (row,) = rows(signed_in(browser, user).get(LIST))
    assert row["Responsible"].endswith("representative")
    browser.get(f"{LIST}/{serial}")
    assert "Actions" not in body(browser)


def test_a_firm_sees_its_clients_at_once_and_what_stops_with_its_own(tili, sqlite_scene):
    theirs, ours = named("Nimi", "nimi@malli.example"), named("Tili", "tili@people.example")
    put(sqlite_scene, ending(20 * DAY), 1, "theirs", contact=theirs)
    put(sqlite_scene, ending(10 * DAY), 2, "ours to do", contact=ours)
    put(sqlite_scene, ending(30 * DAY, by_renewal=True), 3, "by itself", contact=theirs)
    put(sqlite_scene, ending(90 * DAY), 4, "own", organisation=organisation(FIRM), serves=300)
    listed, client = rows(tili.get(LIST)), f"{CUSTOMER_NAME} {CUSTOMER_ID}"
    assert [(row["Description"], row["Organisation"]) for row in listed] == [
        ("ours to do", client),
        ("theirs", client),
        ("by itself", client),
        ("own", f"Tili Oy {FIRM}"),
    ]
    assert len({row["Responsible"] for row in listed}) == 4
    assert "300" in listed[-1]["Channel"]
    said = {row["Description"]: f"{row['Responsible']}\n{row['Channel']}" for row in listed}
    golden.check("sentences/certificate-lists/a-firm-and-its-clients", {"en.txt": golden.sections(said)})
    one = organisation(CUSTOMER_ID).pk
    assert [row["Description"] for row in rows(tili.get(f"{LIST}?organisation={one}&q=ours"))] == ["ours to do"]


def test_a_client_is_told_that_its_firm_can_act(maija, sqlite_scene):
    add_organisation(sqlite_scene, FIRM)
    mandate(sqlite_scene, FIRM, CUSTOMER_ID, Role.MANAGER)
    mandate(sqlite_scene, account(sqlite_scene, "tili"), FIRM, Role.MANAGER)
    put(sqlite_scene, ending(10 * DAY), 2, contact=named("Tili", "tili@people.example"))
    (row,) = rows(maija.get(LIST))
    assert row["Responsible"].endswith(CUSTOMER_NAME)


def test_what_was_asked_for_stands_in_every_link(maija, sqlite_scene):
    with transaction.atomic("default"):
        for number in range(certificates.PAGE + 1):
            put(sqlite_scene, ending(90 * DAY), number, "Payroll & =co", contact=named("Ä", "a@malli.example"))
    asked = "channel=WS&contact=%C3%84&q=roll+%26&ends=2026-05&sort=contact&order=descending"
    maija.get(f"{LIST}?{asked}")
    kept = {f"{LIST}?{asked}&page=2", f"{LIST}.csv?{asked}", f"{LIST}?{asked}&lang=fi"}
    assert kept <= {*maija.page.xpath("//a/@href"), *maija.page.xpath("//nav//button/@formaction")}
    fields = dict(maija.page.xpath("//form[@id='filter']")[0].form_values())
    assert fields == {
        "q": "roll &",
        "state": "",
        "ends": "2026-05",
        "channel": "WS",
        "contact": "Ä",
        "sort": "contact",
        "order": "descending",
    }
    assert len(rows(maija)) == certificates.PAGE
    chosen = {one.text: one.get("href") for one in maija.page.xpath("//ul[@class='chips']//a")}
    assert len(chosen) == 4
    assert next(iter(chosen.values())) == f"{LIST}?{asked.replace('q=roll+%26&', '')}"
    assert maija.page.xpath("//th[@aria-sort='descending']/a/text()") == ["Contact person"]
    assert len(rows(maija.get(f"{LIST}?{asked}&page=2"))) == 1
    assert len(rows(maija.get(f"{LIST}?page=999999999999"))) == 1
    parts, table = file_of(maija.get(f"{LIST}.csv?{asked}").reply)
    assert (len(table), table[1][2]) == (certificates.PAGE + 2, "Payroll & =co")
    assert len(parts) == 2


NOT_OFFERED = {
    "a state": "state=lost",
    "a channel": "channel=X",
    "a month": "ends=2026-13",
    "an order": "sort=x",
    "a way": "order=up",
    "an organisation of others": "organisation={other}",
    "one that is not there": "organisation=00000000000000000000000000000000",
    "something new": "colour=red",
}


def test_of_many_it_is_said_that_there_are_more(maija, sqlite_scene, monkeypatch):
    monkeypatch.setattr(certificates, "PAGE", 1)
    monkeypatch.setattr(certificates, "COUNTED", 1)
    with transaction.atomic("default"):
        for number in range(2):
            put(sqlite_scene, ending(90 * DAY), number, serves=1234 + number)
    said = {
        language: notices(maija.get(f"{LIST}?lang={language}"), "//main//tbody//span[@class='note']")
        for language in Language
    }
    golden.check("sentences/certificate-lists/more-than-are-counted", {f"{one}.txt": said[one] for one in said})


def test_what_is_not_offered_is_left_out_and_told(maija, sqlite_scene):
    other = add_organisation(sqlite_scene, FIRM)
    put(sqlite_scene, ending(90 * DAY), 1, organisation=organisation(FIRM))
    put(sqlite_scene, ending(90 * DAY), 2)
    for name, query in NOT_OFFERED.items():
        assert len(rows(maija.get(f"{LIST}?{query.format(other=other)}"))) == 1, name
        assert maija.page.xpath("//main//*[contains(@class, 'notice')]"), name
    golden.check("sentences/certificate-lists/what-is-not-offered", {"en.txt": notices(maija)})


def test_nothing_is_found(maija):
    addresses = {"nothing yet": LIST, "no match": f"{LIST}?q=%01%0Ano", "no page": f"{LIST}?page=%C2%B2&lang=en"}
    said = {name: notices(maija.get(address)) for name, address in addresses.items()}
    golden.check("sentences/certificate-lists/nothing-is-found", {"en.txt": golden.sections(said)})


def test_statements_and_octets(tili, sqlite_scene):
    """The page is as full as possible.

    Its user has several organisations, and the firm's people and orders are on it.
    """
    person = named("Å" * 60, "tili@people.example")
    with transaction.atomic("default"):
        for number in range(certificates.PAGE):
            put(sqlite_scene, ending(20 * DAY), number, "Ä" * 120, contact=person, serves=300)
    for _ in range(2):
        ordered(sqlite_scene, an_order())
    held = enrolled(sqlite_scene)
    for address in (LIST, f"{LIST}?q=a&sort=acts&state=all&contact=n", f"{LIST}/{held.serial}", f"{LIST}.csv"):
        with CaptureQueriesContext(connections["default"]) as asked:
            tili.get(address)
        assert tili.reply.status == 200
        assert len(asked) <= MOST_STATEMENTS, [one["sql"][:80] for one in asked]
        assert len(tili.reply.body) < MOST_OCTETS
    assert len(rows(tili.get(LIST))) == certificates.PAGE


def test_statements_where_a_sign_in_vouches_for_roles_of_several_organisations_and_orders_wait(browser, sqlite_scene):
    """The list takes the most statements.

    It reads roles of both sources, certificates, orders, and the name of the chosen organisation.
    """
    for number in (FIRM, "7654321-4"):
        add_organisation(sqlite_scene, number)
    user = account(sqlite_scene, "tili")
    mandate(sqlite_scene, user, "7654321-4", Role.VIEWER)
    mandate(sqlite_scene, FIRM, CUSTOMER_ID, Role.MANAGER)
    put(sqlite_scene, ending(90 * DAY), 1)
    ordered(sqlite_scene, an_order())
    signed_in(browser, user, outside=[(FIRM, Role.MANAGER)])
    with CaptureQueriesContext(connections["default"]) as asked:
        browser.get(LIST)
    assert len(asked) <= MOST_STATEMENTS, [one["sql"][:80] for one in asked]
    assert len(rows(browser)) == 2
    one = organisation(CUSTOMER_ID).pk
    with CaptureQueriesContext(connections["default"]) as asked:
        browser.get(f"{LIST}?organisation={one}")
    assert len(asked) <= MOST_STATEMENTS, [one["sql"][:80] for one in asked]


def test_whoever_may_not_see_is_told_the_same_of_what_is_there_and_what_is_not(browser, sqlite_scene):
    held = enrolled(sqlite_scene)
    add_organisation(sqlite_scene, FIRM)
    user = account(sqlite_scene, "muu")
    mandate(sqlite_scene, user, FIRM, Role.SIGNATORY)
    signed_in(browser, user)
    for behind in ("", "/certificate.pem", "/certificate.der", "/chain.pem", "/dates.ics"):
        there = browser.get(f"{LIST}/{held.serial}{behind}").reply
        nowhere = browser.get(f"{LIST}/{'ab' * 20}{behind}").reply
        assert there.status == nowhere.status == 403
        assert without_token(there.body.replace(held.serial.encode(), b"ab" * 20)) == without_token(nowhere.body)
    assert rows_or_none(browser.get(f"{LIST}?state=all")) == []


def without_token(body):
    """Return a page without the CSRF tokens of its forms, which always differ."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="[A-Za-z0-9]+"', b"", body)


def rows_or_none(browser):
    return rows(browser) if browser.page.xpath("//main//table") else []


def test_a_stranger_signs_in_first(browser, sqlite_scene):
    held = enrolled(sqlite_scene)
    for behind in ("", ".csv", f"/{held.serial}", f"/{held.serial}/certificate.pem"):
        reply = browser.get(f"{LIST}{behind}").reply
        assert (reply.status, reply.headers["location"].partition("?")[0]) == (302, "/account/login")


def test_without_the_second_factor_a_signatory_is_told_what_is_missing(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    signed_in(maija, models.User.objects.get(email="maija@people.example"), second_factor=False)
    assert maija.get(f"{LIST}/{held.serial}").reply.status == 403
    assert maija.page.xpath("//main//a[contains(@href, '/account/security')]")


def test_the_page_of_one(maija, sqlite_scene):
    sqlite_scene.machine.forward(DAY)
    held = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    audit = sqlite_scene.ctx.audit_entry("program", REQUEST)
    lineage = models.Lineage.objects.using("default").get()
    rejections.record_rejection(sqlite_scene.db, lineage.pk, RejectionReason.TOO_EARLY, "renew", audit)
    user = models.User.objects.get(email="maija@people.example")
    renewal_opt_out.opt_out_of_renewal(new.serial, sqlite_scene.ctx, f"user:{user.pk}", REQUEST)
    maija.get(f"{LIST}/{held.serial}")
    words = " ".join(maija.page.text_content().split())
    (picture,) = maija.page.xpath("//figure[@class='lifeline']")
    lanes = [(one.xpath("string(p/a | p/strong)"), one.xpath("p/a/@href")) for one in picture.xpath("ol/li")]
    assert [links for _, links in lanes] == [[], [f"{LIST}/{new.serial}"]]
    own, next_one = (one.xpath("svg")[0] for one in picture.xpath("ol/li"))
    assert len(own.xpath("text[@class]/text()")) == 3
    places = {one.get("class"): (one.get("x"), one.get("width")) for one in own.xpath("rect")}
    assert places == {"life": ("0.00%", "51.05%"), "window": ("46.85%", "4.20%"), "elapsed": ("0.00%", "48.95%")}
    assert [one.get("width") for one in next_one.xpath("rect")] == ["51.05%", "0.00%"]
    assert {one.get("x1") for one in picture.xpath(".//line[@class='now']")} == {"48.95%"}
    # A screen reader reads names and days of the lanes, and all events in the list below.
    assert all(one.get("aria-hidden") == "true" for one in (own, next_one))
    heard = picture.xpath("following-sibling::details//dl/div")
    assert len(heard) == 8
    row_texts = [" ".join(one.xpath("dt/text() | dd/text()")) for one in heard]
    assert sum("2 March 2026 at 14:00" in one for one in row_texts) == 3, "by the clock of orders"
    said = {"lifeline": "\n".join(row_texts), "history": notices(maija, "//main//table/tbody/tr")}
    golden.check("sentences/certificate-lists/the-page-of-one", {"en.txt": golden.sections(said)})
    assert not maija.page.xpath("//*[@style]")
    assert maija.page.xpath(f"//dl//a[@href='{LIST}/{new.serial}']")
    assert "PKI034" in words
    assert user.pk not in words
    assert "EC P-256" in words
    maija.get(f"{LIST}/{new.serial.upper()}")
    assert maija.page.xpath(f"//dl//a[@href='{LIST}/{held.serial}']")


def test_what_comes_after_a_revocation(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    ask = revoke.RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE)
    revoke.revoke(ask, sqlite_scene.ctx, "operator", REQUEST)
    sqlite_scene.clock.forward(DAY)
    maija.get(f"{LIST}/{held.serial}")
    (button,) = maija.page.xpath("//main//a[@class='button']")
    assert f"replaces={held.serial}" in button.get("href")
    (row,) = rows(maija.get(f"{LIST}?state=all"))
    said = {"row": "\n".join(row.values())}
    said["page"] = notices(maija.get(f"{LIST}/{held.serial}"), "//main//dd[contains(., 'key')]", "//main//tbody/tr")
    golden.check("sentences/certificate-lists/after-a-revocation", {"en.txt": golden.sections(said)})


def test_downloads(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    page = f"{LIST}/{held.serial}"
    got = {name: maija.get(f"{page}/{name}").reply for name in ("certificate.pem", "certificate.der", "chain.pem")}
    kinds = ("application/x-pem-file", "application/pkix-cert", "application/x-pem-file")
    assert tuple(one.content_type for one in got.values()) == kinds
    assert got["certificate.der"].body == held.der
    leaf = x509.load_pem_x509_certificate(got["certificate.pem"].body)
    issuing, intermediate = x509.load_pem_x509_certificates(got["chain.pem"].body)
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(intermediate)
    assert f"certificate-{held.serial}.pem" in got["certificate.pem"].headers["content-disposition"]


def test_dates_for_a_calendar_keep_their_ids(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    first = maija.get(f"{LIST}/{held.serial}/dates.ics").reply
    sqlite_scene.clock.forward(DAY)
    again = Calendar.from_ical(maija.get(f"{LIST}/{held.serial}/dates.ics").reply.body)
    assert first.content_type == "text/calendar; charset=utf-8"
    one, other = Calendar.from_ical(first.body).walk("VEVENT")
    leaf = x509.load_der_x509_certificate(held.der)
    assert (one["dtstart"].dt, other["dtstart"].dt) == (leaf.not_valid_after_utc - 60 * DAY, leaf.not_valid_after_utc)
    assert [event["uid"] for event in again.walk("VEVENT")] == [one["uid"], other["uid"]]
    assert one["dtstamp"].dt == NOW
    assert [alarm["trigger"].dt for alarm in other.walk("VALARM")] == [-14 * DAY, -DAY]


SHORT_ALARMS = {"47 days": (47 * DAY, 47 * DAY / 3, [-DAY]), "a day": (DAY, DAY / 2, [])}


@pytest.mark.parametrize(("life", "window", "alarms"), SHORT_ALARMS.values(), ids=SHORT_ALARMS)
def test_alarms_of_a_short_life_come_in_the_second_half_of_its_window(maija, sqlite_scene, life, window, alarms):
    held = enrolled(sqlite_scene)
    ends = NOW + life
    models.Certificate.objects.update(not_after=ends, renewable_from=ends - window)
    _, other = Calendar.from_ical(maija.get(f"{LIST}/{held.serial}/dates.ics").reply.body).walk("VEVENT")
    assert [alarm["trigger"].dt for alarm in other.walk("VALARM")] == alarms


def test_dates_of_a_certificate_without_a_description_name_its_serial_number(maija, sqlite_scene):
    held = enrolled(sqlite_scene)
    models.Lineage.objects.update(description="")
    events = Calendar.from_ical(maija.get(f"{LIST}/{held.serial}/dates.ics").reply.body).walk("VEVENT")
    assert [f"“{held.serial}”" in event["summary"] for event in events] == [True, True]


def test_organisations_are_found_by_a_part_of_their_name_and_one_is_chosen_by_a_link(tili, sqlite_scene):
    put(sqlite_scene, ending(90 * DAY), 1, "theirs")
    put(sqlite_scene, ending(90 * DAY), 2, "own", organisation=organisation(FIRM))
    for text in ("ILI", FIRM[2:6]):
        assert [row["Description"] for row in rows(tili.get(f"{LIST}?organisation={text}"))] == ["own"], text
    (link,) = tili.page.xpath("//td/a[text() = 'Tili Oy']/@href")
    assert [row["Description"] for row in rows(tili.get(link))] == ["own"]
    assert tili.page.xpath("//input[@name='organisation']/@value") == ["Tili Oy"]
    assert ["Tili Oy" in one.text for one in tili.page.xpath("//ul[@class='chips']//a")] == [True]
    assert not tili.page.xpath("//select[@name='organisation']")


def test_the_month_of_an_end_has_no_orders_and_nothing_revoked(maija, sqlite_scene):
    ordered(sqlite_scene, an_order())
    for number, (at, revoked) in enumerate(((-1, None), (0, None), (31, None), (30, None), (9, NOW))):
        span = datetime(2027, 5, 1, tzinfo=FINNISH_TIME) + at * DAY - NOW
        reason = RevocationReason.KEY_COMPROMISE if revoked else None
        put(sqlite_scene, ending(span, revoked_at=revoked, reason=reason), number, f"{at}")
    assert [row["Description"] for row in rows(maija.get(f"{LIST}?ends=2027-05"))] == ["0", "30"]


def test_a_file_has_no_formulas(maija, sqlite_scene):
    put(sqlite_scene, ending(90 * DAY), 1, '=HYPERLINK("x";"y")')
    put(sqlite_scene, ending(80 * DAY), 2, "plain", serves=0)
    reply = maija.get(f"{LIST}.csv").reply
    parts, (head, first, second) = file_of(reply)
    assert parts[0].startswith("\ufeff".encode())
    assert head[:3] == ["ID of the organisation", "Organisation", "Description"]
    assert (first[2], first[10], first[15]) == ("plain", "2026-05-21 15:00", "0")
    assert second[2] == '\'=HYPERLINK("x";"y")'
    assert reply.headers["content-disposition"] == 'attachment; filename="certificates-2026-03-02.csv"'
    assert [guarded(one) for one in ("-1", "a-1", "\t=1", "")] == ["'-1", "a-1", "'\t'=1", ""]
    assert all(guarded(f"{sign}1+1") == f"'{sign}1+1" for sign in "=+-@\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_in_the_readers_language(maija, sqlite_scene, language):
    held = enrolled(sqlite_scene)
    ordered(sqlite_scene, an_order())
    for address in (LIST, f"{LIST}/{held.serial}"):
        maija.get(f"{address}?lang={language}")
        assert "Finnish time" not in body(maija)
        assert not {"Valid", "Retrieved"} & set(maija.page.xpath("//main//text()"))


def test_a_file_is_in_the_readers_language_to_its_last_row(maija, sqlite_scene):
    enrolled(sqlite_scene)
    _, (head, row) = file_of(maija.get(f"{LIST}.csv?lang=fi").reply)
    assert head[12] == translate("State", Language.FI)
    assert row[12] == translate("Valid", Language.FI) != "Valid"
    assert active_language() is Language.EN, "of the request alone"
