"""Pages for certificates: contacts, renewal opt-outs, revocation and replacement.

Contacts are changed for one certificate or for all, and replacements are ordered by the hundred.
"""

import re

import pytest

from sinetti.database import models
from sinetti.domain.access.roles import Role
from sinetti.domain.values import VALIDITY
from sinetti.services.issuance import secure_message
from tests.support import golden
from tests.support.acting import lineage, orders
from tests.support.browser import people_door
from tests.support.pages import MOST_STATEMENTS, PARAGRAPHS, errors, fields, notices, page_text, statements
from tests.support.scene import CONTACT, DAY, enrolled, in_the_window, ordered, renewed

PLACE, REPLACE, CONTACTS = "/settings/certificates", "/settings/orders/replace", "/settings/contacts"
NEW_PERSON = {
    "person_name": "Uusi Yhteyshenkilö",
    "person_email": "uusi@sinisiipi.example",
    "person_phone": "040 765 4321",
    "person_language": "sv",
}
AN_ORDER = {
    "channel": "WS",
    "description": "Payroll",
    "whose": "own",
    "contact_name": "Terho Tekninen",
    "contact_email": "terho@malli.example",
    "contact_phone": "040 123 4567",
    "contact_language": "fi",
}


@pytest.fixture
def held(sqlite_scene):
    return enrolled(sqlite_scene)


def save(page, address, **changes):
    """Fill in the page of a contact, and press the button of its check page if there is one."""
    page.get(address).press("check-save", **changes)
    return page.press("save") if "save" in page.buttons else page


def test_the_contact_of_one_certificate_is_corrected_or_replaced(signatory, sqlite_scene, held):
    address = f"{PLACE}/{held.serial}/contact"
    page = save(signatory, address)
    assert lineage(sqlite_scene, held.serial).contact.name == CONTACT.name
    save(page, address, **NEW_PERSON)
    assert lineage(sqlite_scene, held.serial).contact.email == "uusi@sinisiipi.example"
    save(page, f"{address}?place=deputy", **{**NEW_PERSON, "person_email": "vara@sinisiipi.example"})
    line = lineage(sqlite_scene, held.serial)
    assert (line.contact.email, line.deputy.email) == ("uusi@sinisiipi.example", "vara@sinisiipi.example")
    save(page, address, person_email="", person_phone="x")
    assert page.reply.status == 422
    assert set(errors(page)) == {"person_email", "person_phone"}


def test_nobody_stands_in_for_themselves(signatory, sqlite_scene, held):
    address = f"{PLACE}/{held.serial}/contact"
    page = save(signatory, f"{address}?place=deputy", **{**NEW_PERSON, "person_email": CONTACT.email.upper()})
    assert set(errors(page)) == {"person_email"}
    assert lineage(sqlite_scene, held.serial).deputy is None
    save(page, f"{address}?place=deputy", **NEW_PERSON)
    save(page, address, **{**NEW_PERSON, "person_email": NEW_PERSON["person_email"].upper()})
    assert list(errors(page)) == ["person_email"]
    golden.check("sentences/certificate-pages/a-deputy-as-contact", {"en.txt": notices(page)})
    line = lineage(sqlite_scene, held.serial)
    assert (line.contact.email, line.deputy.email) == (CONTACT.email, NEW_PERSON["person_email"])


def test_a_deputy_is_removed_by_a_second_button_and_told(signatory, sqlite_scene, held):
    address = f"{PLACE}/{held.serial}/contact?place=deputy"
    assert "check-remove" not in signatory.get(address).buttons, "there is none"
    save(signatory, address, **NEW_PERSON)
    page = signatory.get(address).press("check-remove")
    assert f"{', '.join(list(NEW_PERSON.values())[:3])}, Swedish" in page_text(page)
    assert lineage(sqlite_scene, held.serial).deputy.email == NEW_PERSON["person_email"], "looked at alone"
    sent = {**fields(page, "remove"), "do": "remove"}
    page.press("remove")
    line = lineage(sqlite_scene, held.serial)
    assert (line.deputy, line.contact.name) == (None, CONTACT.name)
    removed = models.Person.objects.get(email=NEW_PERSON["person_email"])
    assert models.OutboxMessage.objects.get(facts={"old": removed.pk, "place": "deputy"}).recipient == removed
    place = address.partition("?")[0]
    said = {does: notices(page.post(place, {**sent, "do": does})) for does in ("remove", "check-remove")}
    save(page, address, **{**NEW_PERSON, "person_email": "toinen@sinisiipi.example"})
    said["another deputy"] = notices(page.post(place, sent))
    golden.check("sentences/certificate-pages/a-deputy-is-removed", {"en.txt": golden.sections(said)})
    assert lineage(sqlite_scene, held.serial).deputy.email == "toinen@sinisiipi.example"


def test_a_link_that_waits_goes_to_the_new_contact(signatory, sqlite_scene, held):
    page = signatory.get(f"/settings/orders/new?replaces={held.serial}").press("check").press("send")
    save(page, f"{PLACE}/{held.serial}/contact", **{**NEW_PERSON, "person_phone": ""})
    assert models.SecureMessage.objects.filter(ended_at__isnull=True).get().recipient.name == NEW_PERSON["person_name"]
    golden.check("sentences/certificate-pages/a-link-for-the-new-contact", {"en.txt": notices(page)})


def test_a_reason_against_a_contact_is_shown(signatory, sqlite_scene, held, monkeypatch):
    def gone(*_):
        models.Certificate.objects.filter(serial=held.serial).update(serial="00")
        return sqlite_scene.ctx

    monkeypatch.setattr("sinetti.services.self_service.contacts.guarded", gone)
    page = save(signatory, f"{PLACE}/{held.serial}/contact")
    golden.check("sentences/certificate-pages/a-reason-against-a-contact", {"en.txt": notices(page)})


def test_letting_one_end_and_the_way_back(signatory, sqlite_scene, held):
    address = f"{PLACE}/{held.serial}/let-end"
    page = signatory.get(address).press("let-end")
    said = {"off": notices(page.get(address))}
    assert "go-on" in page.buttons
    said["twice"] = notices(page.post(address, {**fields(page, "go-on"), "do": "let-end"}))
    said["on again"] = notices(page.get(address).press("go-on"))
    assert "let-end" in page.get(address).buttons
    sqlite_scene.clock.forward(VALIDITY + DAY)
    said["expired"] = notices(page.get(address), "//main//form/preceding-sibling::p")
    said["expired, off"] = notices(page.press("let-end"))
    golden.check("sentences/certificate-pages/letting-one-end", {"en.txt": golden.sections(said)})
    in_the_window(sqlite_scene, new := enrolled(sqlite_scene))
    renewed(sqlite_scene, new)
    page.get(f"{PLACE}/{new.serial}/let-end").press("let-end")
    assert page.reply.status == 409


def test_only_signatories_see_the_addresses_of_representatives(as_role, sqlite_scene, held):
    for role, name, seen in (
        (Role.SIGNATORY, "boss", "boss@people.example"),
        (Role.MANAGER, "maija", "b…@people.example"),
    ):
        page = as_role(role, name).get(f"{PLACE}/{held.serial}/revoke").press("check-revoke", reason="superseded")
        assert f"{CONTACT.email}, {seen}" in page_text(page)
        assert ("boss@" in page.reply.body.decode()) is (role is Role.SIGNATORY)


def test_revoking_takes_a_reason_and_a_second_look(signatory, sqlite_scene, held):
    models.Lineage.objects.update(serves=300)
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    address = f"{PLACE}/{held.serial}/revoke"
    page = signatory.get(address).press("check-revoke")
    assert (page.reply.status, set(errors(page))) == (422, {"reason"})
    page.press("check-revoke", reason="privilegeWithdrawn")
    assert set(errors(page)) == {"reason"}
    page.press("check-revoke", reason="keyCompromise")
    for shown in (held.serial, new.serial, "300", "Unknown"):
        assert shown in page_text(page)
    assert sqlite_scene.certificate(held.serial).revoked_at is None, "looking revokes nothing"
    again = fields(page, "revoke")
    said = {"two": notices(page.press("revoke"))}
    assert sqlite_scene.certificate(new.serial).revoked
    said["twice"] = notices(page.post(address, {**again, "do": "revoke"}))
    said["the page"] = notices(page.get(address))
    said["the check"] = notices(page.press("check-revoke", reason="keyCompromise"))
    golden.check("sentences/certificate-pages/revoking", {"en.txt": golden.sections(said)})


def test_the_second_look_says_what_gateways_saw(signatory, sqlite_scene, held):
    now, said = sqlite_scene.ctx.now(), {}
    gateways = models.Gateway.objects
    gateway = gateways.create(name="g", public_key="", added=now, first_report=now, last_report=now)
    models.Lineage.objects.update(serves=1)
    for use in ("looked for", "seen"):
        if use == "seen":
            certificate = models.Certificate.objects.get()
            models.CertificateObservation.objects.create(certificate=certificate, gateway=gateway, last_seen=now)
        page = signatory.get(f"{PLACE}/{held.serial}/revoke").press("check-revoke", reason="superseded")
        said[use] = notices(page, "//main//td")
    assert said["seen"] != said["looked for"]
    golden.check("sentences/certificate-pages/what-gateways-saw", {"en.txt": golden.sections(said)})


def test_others_and_unknown_certificates_are_refused_alike(signatory, sqlite_scene, other):
    theirs = enrolled(sqlite_scene, customer_id="7654321-2")
    for page in ("contact", "let-end", "revoke"):
        shown = {page_text(signatory.get(f"{PLACE}/{serial}/{page}")) for serial in (theirs.serial, "00", "no serial")}
        assert (len(shown), signatory.reply.status) == (1, 403), page


def test_all_of_somebody_who_leaves(signatory, sqlite_scene, held):
    enrolled(sqlite_scene)
    page = signatory.get(CONTACTS)
    assert CONTACT.email in page_text(page)
    page.press("look", leaving="nobody@sinisiipi.example")
    assert (page.reply.status, set(errors(page))) == (422, {"leaving"})
    page.press("look", leaving=f" {CONTACT.email.upper()} ")
    assert ": 2" in page_text(page)
    page.press("check-save", **{**NEW_PERSON, "person_email": CONTACT.email})
    assert set(errors(page)) == {"person_email"}
    assert fields(page, "check-save")["person_name"] == NEW_PERSON["person_name"]
    page.press("check-save", **NEW_PERSON)
    sent = fields(page, "save")
    assert page.page.xpath("//blockquote"), "the letters that leave"
    assert lineage(sqlite_scene, held.serial).contact.email == CONTACT.email
    said = {"two": notices(page.press("save"))}
    assert lineage(sqlite_scene, held.serial).contact.email == NEW_PERSON["person_email"]
    said["twice"] = notices(page.post(CONTACTS, {**sent, "do": "save"}))
    golden.check("sentences/certificate-pages/a-handover", {"en.txt": golden.sections(said)})


def test_more_than_go_at_once_and_links_that_wait_are_told(signatory, sqlite_scene, held, monkeypatch):
    signatory.get(f"/settings/orders/new?replaces={held.serial}").press("check").press("send")
    ordered(sqlite_scene)
    for room in ("sinetti.services.self_service.contact_handover", "sinetti.eservice.orders.contact_handover_view"):
        monkeypatch.setattr(f"{room}.MOST_AT_ONCE", 1)
    page = signatory.get(CONTACTS).press("look", leaving=CONTACT.email)
    said = {"before": notices(page, "//main//form/preceding-sibling::p")}
    after = notices(page.press("check-save", **NEW_PERSON).press("save"))
    said["after"] = re.sub(r"New links[^.]*\. ", "", after)  # chance decides whether the first one has a link
    golden.check("sentences/certificate-pages/more-than-are-handed-over-at-once", {"en.txt": golden.sections(said)})
    page.get(CONTACTS).press("look", leaving=CONTACT.email).press("check-save", **NEW_PERSON).press("save")
    assert models.SecureMessage.objects.filter(ended_at__isnull=True).get().recipient.name.startswith("Uusi")


def test_the_preview_of_a_handover_makes_few_links(signatory, monkeypatch):
    def count(*asked):
        made.append(asked[0])
        return real(*asked)

    for _more in range(3):
        signatory.get("/settings/orders/new?draft=none").press("check", **AN_ORDER).press("send")
    made, real = [], secure_message.send_link
    monkeypatch.setattr(secure_message, "send_link", count)
    monkeypatch.setattr("sinetti.services.self_service.contact_handover.REHEARSED", 2, raising=False)
    page = signatory.get(CONTACTS).press("look", leaving="terho@malli.example").press("check-save", **NEW_PERSON)
    assert len(made) == 4, "at the POST, and at the visit of its page: one transaction each"
    page.press("save")
    assert len(made) == 7, "the act makes all"


def test_an_organisation_that_closes_meanwhile_is_told(signatory, held, monkeypatch):
    page = signatory.get(f"/settings/orders/new?replaces={held.serial}").press("check").press("send")
    ours = models.Organisation.objects.get().pk
    monkeypatch.setattr(
        "sinetti.database.organisations.contact_handover.orders_offered_to_others", lambda *_: [(ours, "0" * 32)]
    )
    page.get(CONTACTS).press("look", leaving=CONTACT.email).press("check-save", **NEW_PERSON)
    golden.check("sentences/certificate-pages/an-order-that-is-gone", {"en.txt": notices(page)})


def test_replacements_for_many_are_looked_at_and_ordered_once(signatory, sqlite_scene, held):
    second = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held)
    renewed(sqlite_scene, second)
    page = signatory.get(REPLACE).press("look", days="30")
    said = {"before": notices(page, "//main//td")}
    sent = fields(page, "order")
    said["after"] = notices(page.press("order"))
    page.post(REPLACE, {**sent, "do": "order"})
    assert len([one for one in orders(sqlite_scene) if one.replaces]) == 1
    page.post(REPLACE, {"csrfmiddlewaretoken": sent["csrfmiddlewaretoken"], "pick": held.serial})
    said["ordered before"] = notices(page, "//main//td", PARAGRAPHS)
    page.post(REPLACE, {"csrfmiddlewaretoken": sent["csrfmiddlewaretoken"], "pick": "00"})
    said["not there"] = notices(page, PARAGRAPHS)
    assert "order" not in page.buttons
    golden.check("sentences/certificate-pages/replacements", {"en.txt": golden.sections(said)})


def test_without_text_messages_nobody_waits_for_a_code_that_never_comes(signatory, sqlite_scene, held):
    sent = fields(signatory.get(REPLACE).press("look", days="730"), "order")
    signatory.door = people_door(sqlite_scene, sms=False)
    page = signatory.get(REPLACE).press("look", days="730")
    said = {"before": notices(page, "//main//td")}
    assert "order" not in page.buttons
    said["after"] = notices(page.post(REPLACE, {**sent, "do": "order"}))
    assert not [one for one in orders(sqlite_scene) if one.replaces]
    models.Person.objects.using("default").update(phone="")
    page = signatory.get(REPLACE).press("look", days="730")
    page.press("order")
    assert len([one for one in orders(sqlite_scene) if one.replaces]) == 1
    golden.check("sentences/certificate-pages/replacements-without-text-messages", {"en.txt": golden.sections(said)})


def test_wrong_days_are_told_beside_the_field(signatory):
    for days in ("", "0", "731", "many"):
        page = signatory.get(REPLACE).press("look", days=days)
        assert page.reply.status == 422
        assert set(errors(page)) == {"days"}, days
        assert fields(page, "look").get("days", "") == days


def test_what_has_changed_meanwhile_is_counted(signatory, sqlite_scene, held, monkeypatch):
    page = signatory.get(REPLACE).press("look", days="730")
    models.Lineage.objects.update(contact=None)
    said = {"their details": notices(page.press("order"))}
    monkeypatch.setattr("sinetti.services.self_service.bulk_replace.MOST_AT_ONCE", 0)
    said["more than at once"] = notices(page.get(REPLACE).press("look", days="730"), PARAGRAPHS)
    golden.check("sentences/certificate-pages/replacements-that-changed", {"en.txt": golden.sections(said)})


def test_a_viewer_and_who_has_no_organisation_are_told_what_is_lacking(as_role):
    viewer = as_role(Role.VIEWER, "vilja")
    for address in (REPLACE, CONTACTS, "/settings/orders/new"):
        assert viewer.get(address).reply.status == 403, address
    models.RoleAssignment.objects.all().delete()
    assert viewer.get("/settings/orders").reply.status == 403


def test_a_stranger_signs_in_first(browser):
    for address in (REPLACE, CONTACTS, "/settings/orders", f"{PLACE}/00/revoke"):
        browser.get(address)
        assert browser.reply.status == 302
        assert browser.reply.headers["location"].startswith("/account/login?next=")


def test_pages_take_few_statements(signatory, sqlite_scene, held):
    signatory.get("/")
    for address in (REPLACE, CONTACTS, *(f"{PLACE}/{held.serial}/{one}" for one in ("contact", "let-end", "revoke"))):
        taken = statements(lambda: signatory.get(address))  # noqa: B023 - called at once
        assert len(taken) <= MOST_STATEMENTS, (address, taken)
    looks = (
        (CONTACTS, "look", {"leaving": CONTACT.email}, 3),
        # A check page rehearses the act, and once more as a draft.
        (REPLACE, "look", {"days": "730"}, 14),
        (f"{PLACE}/{held.serial}/revoke", "check-revoke", {"reason": "keyCompromise"}, 14),
    )
    for address, button, values, times in looks:
        signatory.get(address)
        taken = statements(lambda: signatory.press(button, **values))  # noqa: B023
        assert len(taken) <= times * MOST_STATEMENTS, (address, taken)
