"""Orders in the e-service: input, check, one submission, and progress."""

import pytest

from sinetti.database import models
from sinetti.database.organisations import organisations
from sinetti.domain.access.roles import Role
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.orders.ordering_rules import ORDER_LAPSES_AFTER
from sinetti.domain.values import TRANSFER_IDS_LIVE, Channel
from sinetti.i18n.translate import finnish_day, format_date
from tests.support import golden
from tests.support.acting import lineage, orders
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.browser import Browser, people_door
from tests.support.pages import MOST_STATEMENTS, errors, fields, notices, page_text, statements
from tests.support.scene import CONTACT, SECOND, an_order, enrolled, ordered
from tests.support.users import account, mandate, signed_in

NEW = "/settings/orders/new"
GOOD = {
    "channel": "WS",
    "description": "Payroll",
    "whose": "others",
    "count": "300",
    "contact_name": "Nimi Nimetty",
    "contact_email": "nimi@sinisiipi.example",
    "contact_phone": "040 123 4567",
    "contact_language": "fi",
}


def checked(browser, **changes):
    return browser.get(NEW).press("check", **{**GOOD, **changes})


def test_an_order_is_typed_checked_and_sent(signatory, sqlite_scene):
    page = checked(signatory)
    for shown in ("nimi@sinisiipi.example", "040 123 4567", "300", "Finnish", CUSTOMER_NAME):
        assert shown in page_text(page)
    sent = fields(page, "send")
    page.press("send")
    (order,) = orders(sqlite_scene)
    assert page.path == f"/settings/orders/{order.pk}"
    assert order.lineage.serves == 300
    page.post(NEW, {**sent, "do": "send"})
    assert len(orders(sqlite_scene)) == 1, "sent twice"
    assert page.path == f"/settings/orders/{order.pk}"


def test_how_many_others_is_written_as_its_reader_writes_numbers(signatory):
    assert "1,500" in page_text(checked(signatory, count="1500"))


def test_an_order_without_a_description_says_so(signatory, sqlite_scene):
    ids = ordered(sqlite_scene, an_order())
    models.Order.objects.update(description="")
    models.Lineage.objects.update(description="")
    order = models.TransferIds.objects.get(transfer_id=ids.transfer_id).order_id
    signatory.get(f"/settings/orders/{order}")
    golden.check("sentences/order-pages/no-description", {"en.txt": notices(signatory, "//main//dd")})


def test_an_order_without_a_link_offers_to_send_one(signatory, sqlite_scene):
    ids = ordered(sqlite_scene, an_order())
    order = models.TransferIds.objects.get(transfer_id=ids.transfer_id).order_id
    form = "//main//form[.//button[@value='check-send']]/ancestor::section"
    before = notices(signatory.get(f"/settings/orders/{order}"), form)
    assert not models.SecureMessage.objects.exists()
    signatory.press("check-send").press("send")
    assert models.SecureMessage.objects.exists()
    said = {"before": before, "after": notices(signatory, form)}
    golden.check("sentences/order-pages/an-order-without-a-link", {"en.txt": golden.sections(said)})


def test_people_who_are_not_known_yet_are_offered_their_reader_s_language(signatory, sqlite_scene):
    signatory.cookies["language"] = "en"
    new = fields(signatory.get(NEW), "check")
    assert (new["contact_language"], new["deputy_language"]) == ("en", "en")
    serial = enrolled(sqlite_scene).serial
    replacement = fields(signatory.get(f"{NEW}?replaces={serial}"), "check")
    assert (replacement["contact_language"], replacement["deputy_language"]) == (CONTACT.language, "en")
    deputy = signatory.get(f"/settings/certificates/{serial}/contact?place=deputy")
    assert deputy.page.xpath("//input[@name='person_language'][@checked]/@value") == ["en"]


def test_change_brings_back_what_was_typed(signatory, sqlite_scene):
    deputy = {**DEPUTY, "deputy_name": "Vara Henkilö", "deputy_email": "vara@sinisiipi.example"}
    page = checked(signatory, **deputy).press("back")
    assert not errors(page)
    back = fields(page, "check")
    assert {name: back[name] for name in GOOD} == GOOD
    assert back["deputy_email"] == "vara@sinisiipi.example"
    assert not orders(sqlite_scene)


DEPUTY = {"with_deputy": "yes"}
WRONG = {
    "no description": ({"description": " "}, "description"),
    "a control character": ({"description": "a\tb"}, "description"),
    "a description that is too long": ({"description": "x" * 201}, "description"),
    "no name": ({"contact_name": ""}, "contact_name"),
    "a name with a control character": ({"contact_name": "a\tb"}, "contact_name"),
    "no address": ({"contact_email": "nimi"}, "contact_email"),
    "an address at this machine": ({"contact_email": "nimi@localhost"}, "contact_email"),
    "letters for a number": ({"contact_phone": "call me"}, "contact_phone"),
    "a number of nobody's country": ({"contact_phone": "123 4567"}, "contact_phone"),
    "others, but how many": ({"count": ""}, "count"),
    "others, none": ({"count": "0"}, "count"),
    "others, in words": ({"count": "many"}, "count"),
    "others, too many to be": ({"count": "9999999"}, "count"),
    "others, longer than a number": ({"count": "12345678"}, "count"),
    "a language that is not there": ({"contact_language": "xx"}, "contact_language"),
    "a type that is not approved": ({"channel": "FTP"}, "channel"),
    "a deputy without address": ({**DEPUTY, "deputy_name": "Vara"}, "deputy_email"),
    "a deputy without name": ({**DEPUTY, "deputy_email": "vara@sinisiipi.example"}, "deputy_name"),
    "a deputy with a wrong address": (
        {**DEPUTY, "deputy_name": "Vara", "deputy_email": "vara"},
        "deputy_email",
    ),
    "the contact as deputy": (
        {**DEPUTY, "deputy_name": "N", "deputy_email": "NIMI@sinisiipi.example"},
        "deputy_email",
    ),
}


def test_wrong_input_is_told_beside_its_field_and_kept(signatory, sqlite_scene):
    """All cases share one browser, so that no state of a case is left for the next."""
    sent = fields(signatory.get(NEW), "check")
    for case, (changes, name) in WRONG.items():
        page = signatory.post(NEW, {**sent, **GOOD, **changes, "do": "check"})
        assert (page.reply.status, set(errors(page))) == (422, {name}), case
        kept = fields(page, "check")
        for field in {*GOOD, *changes} - {"contact_language", "channel"}:
            assert kept.get(field, "") == {**GOOD, **changes}[field], case
    assert not orders(sqlite_scene)


def test_the_summary_says_whose_value_is_wrong(signatory):
    wrong = {f"{who}_{name}": "no" for who in ("contact", "deputy") for name in ("email", "phone")}
    typed = {**GOOD, **DEPUTY, "deputy_name": "Vara", **wrong}
    signatory.post(NEW, {**fields(signatory.get(NEW), "check"), **typed, "do": "check"})
    assert set(signatory.page.xpath("//*[@id='errors']//a/@href")) == {f"#{name}" for name in wrong}
    assert set(errors(signatory)) == set(wrong)
    golden.check("sentences/order-pages/whose-value-is-wrong", {"en.txt": notices(signatory)})


def test_nobody_orders_by_skipping_the_check(signatory, sqlite_scene):
    page = signatory.get(NEW)
    page.post(NEW, {**fields(page, "check"), **GOOD, "do": "send", "form": "short"})
    assert "send" in page.buttons
    checked(page)
    page.post(NEW, {**fields(page, "send"), "contact_email": "", "do": "send"})
    assert not orders(sqlite_scene)


def test_a_replacement_brings_type_description_and_people_along(signatory, sqlite_scene):
    held = enrolled(sqlite_scene, Channel.SFTP)
    models.Lineage.objects.update(serves=1)
    page = signatory.get(f"{NEW}?replaces={held.serial.upper()}")
    filled = fields(page, "check")
    assert (filled["channel"], filled["description"], filled["count"]) == ("SFTP", "payroll", "1")
    assert filled["contact_email"] == "nimi@sinisiipi.example"
    page.press("check", contact_phone="")
    said = {"before": notices(page, "//main//dd")}
    said["after"] = notices(page.press("send"), "//main//section[.//dd[@class='secret']]//p")
    assert len(page.secrets) == 1
    golden.check("sentences/order-pages/a-replacement-with-a-code", {"en.txt": golden.sections(said)})
    assert held.serial in [one.replaces and one.replaces.serial for one in orders(sqlite_scene)]


def test_of_several_organisations_one_is_chosen_first(signatory, sqlite_scene, other):
    mandate(sqlite_scene, models.User.objects.get(), "7654321-2", Role.MANAGER)
    page = signatory.get(NEW)
    assert len(page.page.xpath("//tbody/tr")) == 2
    page.get(f"{NEW}?organisation={other}")
    assert fields(page, "check")["organisation"] == other


def test_others_and_unknown_ones_are_refused_alike(signatory, sqlite_scene, other):
    theirs = enrolled(sqlite_scene, customer_id="7654321-2").serial
    for asked in (f"?organisation={other}", "?organisation=0", f"?replaces={theirs}", "?replaces=00"):
        page = signatory.get(NEW + asked)
        assert (page.reply.status, theirs in page_text(page)) == (403, False), asked


def test_without_an_approval_the_page_says_so(signatory, sqlite_scene):
    ours = models.Organisation.objects.get().pk
    for channel in Channel:
        organisations.withdraw_channel(sqlite_scene.db, ours, channel, sqlite_scene.audit_entry())
    signatory.get(NEW)
    assert "check" not in signatory.buttons
    golden.check("sentences/order-pages/no-approval", {"en.txt": notices(signatory)})


def test_without_an_approval_of_that_type_the_page_says_so(signatory, sqlite_scene):
    held = enrolled(sqlite_scene, channel=Channel.SFTP)
    ours = models.Organisation.objects.get().pk
    organisations.withdraw_channel(sqlite_scene.db, ours, Channel.SFTP, sqlite_scene.audit_entry())
    signatory.get(f"{NEW}?replaces={held.serial}")
    assert "check" not in signatory.buttons
    golden.check("sentences/order-pages/no-approval-of-the-type", {"en.txt": notices(signatory)})


def test_of_an_organisation_that_closed_in_between_the_page_says_so(signatory, sqlite_scene, monkeypatch):
    ours = models.Organisation.objects.get().pk
    monkeypatch.setattr("sinetti.eservice.orders.create_view.orderable", lambda *_: ())
    assert signatory.get(f"{NEW}?organisation={ours}").reply.status == 410
    golden.check("sentences/order-pages/an-organisation-that-closed", {"en.txt": notices(signatory)})


def test_what_comes_in_between_is_told_and_what_was_typed_kept(signatory, sqlite_scene, monkeypatch):
    page = checked(signatory)

    def withdrawn(*_):
        ours = models.Organisation.objects.get().pk
        organisations.withdraw_channel(sqlite_scene.db, ours, Channel.WS, sqlite_scene.audit_entry())
        return sqlite_scene.ctx

    monkeypatch.setattr("sinetti.services.self_service.order.guarded", withdrawn)
    page.press("send")
    assert page.page.xpath("//main//*[@role='alert']")
    assert fields(page, "check")["description"] == "Payroll"
    assert not orders(sqlite_scene)


def test_a_viewer_sees_how_far_it_is_and_cannot_order(signatory, as_role, sqlite_scene):
    checked(signatory, contact_phone="").press("send")
    order, (secret,) = signatory.path, signatory.secrets
    viewer = as_role(Role.VIEWER, "vilja")
    assert viewer.get(NEW).reply.status == 403
    assert secret not in page_text(viewer.get(order))
    assert (viewer.secrets, "send" in viewer.buttons) == ([], False)
    assert "Payroll" in page_text(viewer.get("/settings/orders"))


def test_a_new_link_is_sent_once_for_each_that_was_seen(signatory, sqlite_scene):
    checked(signatory, contact_language="en").press("send")
    order = signatory.path
    sqlite_scene.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    said = {"a link that no longer works": notices(signatory.get(order))}
    seen = fields(signatory.press("check-send"), "send")
    assert signatory.page.xpath("//blockquote"), "the letter that leaves"
    assert signatory.press("send").reply.status == 200
    links = models.SecureMessage.objects.count()
    said["twice"] = notices(signatory.post(order, {**seen, "do": "send"}))
    assert models.SecureMessage.objects.count() == links
    models.Lineage.objects.update(contact=None)
    said["no contact person"] = notices(signatory.press("check-send"))
    assert signatory.reply.status == 409
    golden.check("sentences/order-pages/a-new-link", {"en.txt": golden.sections(said)})


def test_an_order_is_cancelled_after_its_letter_was_shown(signatory, sqlite_scene):
    checked(signatory, contact_language="en").press("send")
    order, pk = signatory.path, orders(sqlite_scene)[0].pk
    page = signatory.press("check-cancel")
    assert "nimi@sinisiipi.example" in page_text(page), "who is informed"
    assert page.page.xpath("//blockquote[contains(., 'Payroll')]"), "the letter that leaves"
    assert models.Order.objects.get(pk=pk).state == "open", "a check page changes nothing"
    assert not models.OutboxMessage.objects.filter(step__startswith="cancelled").exists()
    page.press("cancel")
    assert (page.path, models.Order.objects.get(pk=pk).state) == (order, "cancelled")
    assert models.OutboxMessage.objects.filter(step__startswith="cancelled").count() == 1
    assert not {"check-send", "check-cancel"} & set(page.buttons)


def test_the_page_of_an_order_says_when_it_lapses(signatory, sqlite_scene):
    checked(signatory).press("send")
    day = format_date(finnish_day(sqlite_scene.ctx.now() + TRANSFER_IDS_LIVE + ORDER_LAPSES_AFTER))
    assert day in page_text(signatory.get(signatory.path))


STATES = {
    "sent": ({"sent": "now"}, {}),
    "cannot be delivered": ({"failed_at": "now"}, {}),
    "shown": ({"sent": "now"}, {"shown_at": "now"}),
    "opened": ({"sent": "now"}, {"shown_at": None}),
}


def test_how_far_an_order_has_come(signatory, sqlite_scene):
    checked(signatory).press("send")
    now, said = sqlite_scene.ctx.now(), {}
    for name, (mail, link) in STATES.items():
        models.OutboxMessage.objects.update(**{"sent": None, "failed_at": None, **dict.fromkeys(mail, now)})
        models.SecureMessage.objects.update(**{one: value and now for one, value in link.items()})
        if name == "opened":
            models.Pin.objects.create(message=models.SecureMessage.objects.get(), created=now, expires=now)
        said[name] = notices(signatory.get(signatory.path), "//main//dd")
    assert len(set(said.values())) == len(STATES)
    golden.check("sentences/order-pages/how-far-an-order-has-come", {"en.txt": golden.sections(said)})


def test_a_spent_order_leads_to_its_certificate(signatory, sqlite_scene):
    held = enrolled(sqlite_scene)
    (order,) = orders(sqlite_scene)
    spent = notices(signatory.get(f"/settings/orders/{order.pk}"))
    assert held.serial in page_text(signatory)
    models.Order.objects.update(state="cancelled")
    said = {"spent": spent, "cancelled": notices(signatory.get(f"/settings/orders/{order.pk}"))}
    golden.check("sentences/order-pages/orders-that-ended", {"en.txt": golden.sections(said)})


def test_open_orders_are_told_in_parts(signatory, sqlite_scene, monkeypatch):
    monkeypatch.setattr("sinetti.eservice.orders.list_view.ON_A_PAGE", 1)
    for name in ("First", "Second"):
        checked(signatory, description=name).press("send")
        sqlite_scene.clock.forward(SECOND)
    assert "Second" in page_text(signatory.get("/settings/orders"))
    assert "First" in page_text(signatory.get("/settings/orders?from=1"))
    assert not signatory.get("/settings/orders?from=2").page.xpath("//tbody/tr")


def test_pages_take_few_statements(signatory, sqlite_scene):
    held = enrolled(sqlite_scene)
    checked(signatory).press("send")
    order = signatory.path
    signatory.get(order)
    for address in (NEW, f"{NEW}?replaces={held.serial}", order, "/settings/orders"):
        taken = statements(lambda: signatory.get(address))  # noqa: B023 - called at once
        assert len(taken) <= MOST_STATEMENTS, (address, taken)
    assert len(statements(lambda: checked(signatory))) <= 10 * MOST_STATEMENTS, (
        "the check page rehearses the order, once more as a draft"
    )
    assert lineage(sqlite_scene, held.serial)


def test_where_no_text_messages_are_sent_a_number_is_refused(signatory, sqlite_scene):
    signatory.door = people_door(sqlite_scene, sms=False)
    page = checked(signatory)
    assert set(errors(page)) == {"contact_phone"}
    golden.check("sentences/order-pages/where-no-text-messages-are-sent", {"en.txt": notices(page)})
    assert "send" in page.press("check", contact_phone="").buttons
    held = enrolled(sqlite_scene)
    assert page.get(f"/settings/certificates/{held.serial}/contact").reply.status == 200
    page.press("check-save")
    assert set(errors(page)) == {"person_phone"}


@pytest.fixture
def limited(sqlite_scene):
    """Return the browser of a signatory before pages with limits for 24 hours."""
    scene = sqlite_scene.but(daily_limits=DailyLimits(letters=1, orders=2, firm_orders=9))
    browser, user = Browser(people_door(scene)), account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    return signed_in(browser, user)


def test_over_a_limit_the_form_says_when_it_is_possible_again_and_keeps_what_was_typed(limited, sqlite_scene):
    checked(limited).press("send")
    page = checked(limited, description="Second")
    assert page.reply.status == 429, "before anything is sent"
    said = {"messages to an address, at an order": notices(page)}
    assert fields(page, "check")["description"] == "Second"
    assert len(orders(sqlite_scene)) == 1
    page = limited.get(f"/settings/orders/{orders(sqlite_scene)[0].pk}").press("check-send")
    said["messages to an address, at a new link"] = notices(page)
    checked(limited, contact_email="other@sinisiipi.example").press("send")
    said["all orders placed"] = notices(limited.get(NEW))
    said["orders of a person"] = notices(checked(limited, contact_email="third@sinisiipi.example"))
    assert len(orders(sqlite_scene)) == 2
    golden.check("sentences/order-pages/over-a-limit", {"en.txt": golden.sections(said)})


def test_replacements_over_a_limit_are_shown_before_and_left_out(limited, sqlite_scene):
    for _ in range(2):
        enrolled(sqlite_scene)
    page = limited.get("/settings/orders/replace").press("look", days="730")
    said = {"before": notices(page, "//main//td")}
    before = len(orders(sqlite_scene))
    said["after"] = notices(page.press("order"))
    assert len(orders(sqlite_scene)) == before + 1
    golden.check("sentences/order-pages/replacements-over-a-limit", {"en.txt": golden.sections(said)})


def test_an_invitation_over_a_limit_is_refused_beside_the_address(limited, sqlite_scene):
    checked(limited).press("send")
    organisation = orders(sqlite_scene)[0].lineage.organisation_id
    page = limited.get(f"/settings/authorisations/person?organisation={organisation}")
    page.press("give", name="Nimi Nimetty", email=GOOD["contact_email"], role="viewer", written_in="fi")
    assert set(errors(page)) == {"email"}
    assert fields(page, "give")["name"] == "Nimi Nimetty"


def test_words_with_a_link_are_refused_beside_their_field(signatory, sqlite_scene):
    page = checked(signatory, description="Pay at evil.example/x", contact_name="Win at www.evil.example")
    assert set(errors(page)) == {"description", "contact_name"}
    assert not orders(sqlite_scene)
