"""Pages about ends of authorisations: tasks, lists of both sides, a firm's clients, check pages."""

from urllib.parse import urlencode

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.domain.access.roles import Role
from tests.eservice.test_authorisations import another, text_of
from tests.support import golden
from tests.support.authority import CUSTOMER_ID as CLIENT
from tests.support.authority import CUSTOMER_NAME
from tests.support.browser import Browser, people_door
from tests.support.firms import rows
from tests.support.pages import PARAGRAPHS, notices
from tests.support.scene import DAY, add_organisation
from tests.support.users import account, mandate, signed_in

FIRM = "7654321-4"
PAGE, CLIENTS = "/settings/authorisations", "/settings/clients"
MOST_STATEMENTS = 8


@pytest.fixture
def signatory(sqlite_scene):
    """Return the browser of a signatory of the client; a firm's and a viewer's role have an end."""
    add_organisation(sqlite_scene, FIRM)
    ends = sqlite_scene.clock.now + 300 * DAY
    user = account(sqlite_scene, "signatory")
    mandate(sqlite_scene, user, CLIENT, Role.SIGNATORY)
    mandate(sqlite_scene, account(sqlite_scene, "viewer"), CLIENT, Role.VIEWER, ends)
    mandate(sqlite_scene, FIRM, CLIENT, Role.MANAGER, ends)
    return signed_in(Browser(people_door(sqlite_scene)), user)


def as_account(scene, name):
    return signed_in(Browser(people_door(scene)), rows(scene, "User").get(email=f"{name}@people.example"))


def later(scene, days):
    scene.clock.now += days * DAY


def links(browser, text):
    return [str(one) for one in browser.page.xpath(f"//main//a[starts-with(normalize-space(), '{text}')]/@href")]


def test_an_ended_one_is_given_again_from_the_list(signatory, sqlite_scene):
    later(sqlite_scene, 301)
    page = signatory.get(f"{PAGE}?show=ended")
    assert "viewer@people.example" in text_of(page)
    firm, person = sorted(links(page, "Give again"))
    page.get(firm)
    assert page.page.xpath("//input[@name='customer_id']/@value") == [FIRM]
    page.press("give")
    page.get(person)
    assert page.page.xpath("//input[@name='email']/@value") == ["viewer@people.example"]
    page.press("give")
    assert rows(sqlite_scene, "Invitation").count() == 1
    assert "Give again" not in text_of(page.get(f"{PAGE}/person?{urlencode({'again': '0' * 32})}"))


def test_only_ending_ones_are_shown_on_request(signatory, sqlite_scene):
    later(sqlite_scene, 250)
    page = signatory.get(f"{PAGE}?show=ending")
    assert "signatory@people.example" not in text_of(page)
    assert text_of(page).count("ends soon") == 2
    assert "signatory@people.example" in text_of(page.get(links(page, "Show all authorisations")[0]))


def test_a_person_asks_again_or_removes_it_from_the_list(signatory, sqlite_scene):
    later(sqlite_scene, 250)
    viewer = as_account(sqlite_scene, "viewer").get("/settings/profile")
    assert "ends soon" in text_of(viewer)
    (again,) = links(viewer, "Ask again")
    later(sqlite_scene, 51)
    viewer.get("/settings/profile")
    assert links(viewer, "Ask again") == [again]
    viewer.get(again)
    assert viewer.page.xpath("//input[@name='customer_id']/@value") == [CLIENT]
    assert viewer.page.xpath("//input[@name='role'][@checked]/@value") == ["viewer"]
    viewer.press("ask")
    assert rows(sqlite_scene, "RoleRequest").count() == 1
    viewer.get("/settings/profile").press("note")
    (picked,) = viewer.page.xpath("//input[@name='mandate']/@value")
    viewer.press("note", mandate=picked)
    assert "note" not in viewer.buttons
    golden.check("sentences/authorisations/removed-from-the-list", {"en.txt": notices(viewer)})


def test_the_giver_removes_one_from_the_list(signatory, sqlite_scene):
    later(sqlite_scene, 301)
    signatory.get(f"{PAGE}?show=ended")
    picked = signatory.page.xpath("//input[@name='mandate']/@value")[0]
    signatory.press("note", mandate=picked)
    assert signatory.path.startswith(PAGE)
    assert len(signatory.get(f"{PAGE}?show=ended").page.xpath("//input[@name='mandate']")) == 1
    assert links(signatory, "Give again")


def a_fleet(scene, count):
    """Insert further clients of the firm; a third has ended, a third ends soon."""
    now = scene.clock.now
    firm = rows(scene, "Organisation").get(customer_id=FIRM)
    clients = [
        models.Organisation(
            customer_id=f"c{number}", normalised_id=f"c{number}", kind="artificial", name=f"Oy Korhonen {number:03} Ab",
            language="fi", created=now,
        )
        for number in range(count)
    ]  # fmt: skip
    rows(scene, "Organisation").bulk_create(clients)
    ends = (now - 10 * DAY, now + 20 * DAY, now + 200 * DAY)
    rows(scene, "RoleAssignment").bulk_create(
        models.RoleAssignment(
            organisation=one, agent=firm, role=Role.MANAGER, valid_from=now - 400 * DAY, valid_until=ends[number % 3]
        )
        for number, one in enumerate(clients)
    )


def test_a_firms_page_of_clients(signatory, sqlite_scene):
    scene = sqlite_scene
    a_fleet(scene, 320)
    manager = another(scene, "manager", (FIRM, Role.MANAGER))
    with CaptureQueriesContext(connections["default"]) as statements:
        manager.get(CLIENTS)
    assert len(statements) <= MOST_STATEMENTS, [one["sql"][:80] for one in statements]
    assert len(manager.reply.body) < 150_000
    said = {"all": notices(manager, "//main//p[@class='lead']")}
    assert len(manager.page.xpath("//tbody/tr")) == 50
    manager.get(f"{CLIENTS}?q=honen+31")
    assert len(manager.page.xpath("//tbody/tr")) == 13
    assert manager.page.xpath("//option[@value='ended']/text()") == ["Ended (4)"]
    manager.get(f"{CLIENTS}?q=honen+31&show=ended")
    assert text_of(manager).count("Ended 2") == 4
    (everything,) = links(manager, "Ended (4)")
    assert "q=honen" in everything, "the search stays"
    manager.get(f"{CLIENTS}?sort=-until")
    assert CUSTOMER_NAME in text_of(manager), "the latest end first"
    said["no match"] = notices(manager.get(f"{CLIENTS}?q=nothing"))
    manager.get(f"{CLIENTS}?show=wrong&sort=wrong&page=x")
    assert len(manager.page.xpath("//tbody/tr")) == 50, "what the page does not offer counts as absent"
    golden.check("sentences/authorisations/clients-of-a-firm", {"en.txt": golden.sections(said)})


def test_a_firm_asks_all_its_clients_again_and_takes_one_out(signatory, sqlite_scene):
    scene = sqlite_scene
    a_fleet(scene, 320)
    manager = another(scene, "manager", (FIRM, Role.MANAGER)).get(CLIENTS)
    button = "//main//button[@value='again-all']"
    said = {"before": notices(manager, button)}
    manager.press("again-all")
    said["check"] = notices(manager, PARAGRAPHS)
    assert len(manager.reply.body) < 150_000
    picks = manager.page.xpath("//input[@name='mandate'][@checked]/@value")
    assert len(picks) == 214
    manager.press("again", mandate=picks[1:], until="1.1.2020")
    assert manager.page.xpath("//*[@role='alert']//a/@href") == ["#until"]
    manager.press("again", mandate=picks[1:], until="31.12.2026")
    said["after"] = notices(manager)
    assert rows(scene, "RoleRequest").count() == 213
    said["the list"] = notices(manager.get(CLIENTS), button)
    manager.press("check-again", mandate=picks[1])
    said["once more"] = notices(manager)
    assert rows(scene, "RoleRequest").count() == 213
    golden.check("sentences/authorisations/all-clients-are-asked-again", {"en.txt": golden.sections(said)})


def test_one_press_asks_no_client(signatory, sqlite_scene):
    """The button of the check page counts on the page that showed whom it asks."""
    a_fleet(sqlite_scene, 3)
    manager = another(sqlite_scene, "manager", (FIRM, Role.MANAGER)).get(CLIENTS)
    picks = manager.page.xpath("//input[@name='mandate']/@value")
    (form,) = (one for one in manager.page.forms if one.xpath(".//button[@value='check-again']"))
    fields = [*form.form_values(), ("do", "again"), ("mandate", picks[0]), ("until", "2026-12-31")]
    manager._ask("POST", form.action, urlencode(fields).encode())
    assert not rows(sqlite_scene, "RoleRequest").exists()


def test_a_firm_removes_ended_clients_from_its_list(signatory, sqlite_scene):
    a_fleet(sqlite_scene, 3)
    manager = another(sqlite_scene, "manager", (FIRM, Role.MANAGER)).get(f"{CLIENTS}?show=ended")
    (picked,) = manager.page.xpath("//input[@name='mandate']/@value")
    manager.press("note").press("note", mandate=picked)
    assert not manager.get(f"{CLIENTS}?show=ended").page.xpath("//input[@name='mandate']")


def test_a_withdrawal_shows_effect_reach_and_letter_first(signatory, sqlite_scene):
    scene = sqlite_scene
    another(scene, "manager", (FIRM, Role.MANAGER))
    row = rows(scene, "RoleAssignment").get(agent__isnull=False)
    page = signatory.get(f"{PAGE}/{row.pk}").press("check-withdraw")
    assert "m…@people.example" in text_of(page)
    assert "manager@" not in page.reply.body.decode(), "a client sees no list of a firm's people"
    assert page.page.xpath("//blockquote"), "the letter's own words"
    assert rows(scene, "RoleAssignment").get(pk=row.pk).withdrawn_at is None
    assert not rows(scene, "OutboxMessage").filter(kind="authorisation").exists(), "the rehearsal leaves no row"
    page.press("withdraw")
    assert rows(scene, "RoleAssignment").get(pk=row.pk).withdrawn_at is not None


def test_a_withdrawal_without_its_check_page_does_nothing(signatory, sqlite_scene):
    row = rows(sqlite_scene, "RoleAssignment").get(agent__isnull=False)
    signatory.get(f"{PAGE}/{row.pk}")
    (form,) = (one for one in signatory.page.forms if one.xpath(".//button[@value='check-withdraw']"))
    signatory.post(f"{PAGE}/{row.pk}", {**dict(form.form_values()), "do": "withdraw"})
    assert rows(sqlite_scene, "RoleAssignment").get(pk=row.pk).withdrawn_at is None
