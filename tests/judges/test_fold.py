"""Heights of the list and of the page of one certificate in Chromium, at 1280 and 390 pixels.

docs/e-service/certificates.md promises them.
"""

import pytest
from django.db import transaction

from sinetti.database import models
from sinetti.domain.access.roles import Role
from tests.eservice.conftest import opened_register
from tests.judges.walk import windows
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.chromium import started_chromium
from tests.support.listing import CASES, DAY, ending, put
from tests.support.scene import add_organisation, opened_scene
from tests.support.users import account, mandate, signed_in
from tests.support.visits import session_of
from tests.support.walking import walked_pages

LIST, FIRM = "/settings/certificates", "7654321-0"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FIRST_ROW, MOST_OF_A_ROW = 700, 180
_ROWS = """[...document.querySelectorAll('tbody tr')].map(row => row.getBoundingClientRect())
    .map(row => [row.top + scrollY, row.height])"""
_ENDS = "[...document.querySelectorAll({what!r})].map(one => one.getBoundingClientRect().bottom)"
_BANNER = "document.querySelector('.rehearsal')?.getBoundingClientRect().height ?? 0"
"""Height of the notice of the test environment, which PRODUCTION does not show."""


@pytest.fixture(scope="module")
def page(request, tmp_path_factory):
    """Yield a window of a firm's user, and the serials of a list with long names in every state."""
    folder = tmp_path_factory.mktemp("fold")
    with opened_register("sqlite", request, folder, alias="default") as db, started_chromium() as chromium:
        scene = opened_scene(db)
        with walked_pages(scene) as address:
            add_organisation(scene, FIRM)
            models.Organisation.objects.update(name="Esimerkkikaupungin Rakennusliike Korhonen Oy")
            user = account(scene, "tili")
            mandate(scene, user, FIRM, Role.MANAGER)
            mandate(scene, FIRM, CUSTOMER_ID, Role.MANAGER)
            mandate(scene, user, CUSTOMER_ID, Role.SIGNATORY)
            long = "Palkanlaskenta ja tulorekisterin ilmoitukset, itäinen palvelukeskus "
            with transaction.atomic():
                for number, (facts, *_) in enumerate(CASES.values()):
                    put(scene, facts, number + 1, f"{long}{number}", serves=300)
                soon = put(scene, ending(5 * DAY), 0xABC, "Palkat, länsi")
            browser = signed_in(Browser(people_door(scene, None, address)), user)
            context, window = windows(chromium, address)
            context.add_cookies([{"name": n, "value": v, "url": address} for n, v in session_of(browser).items()])
            yield window, soon
            context.close()


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_rows_begin_and_stay_low_on_a_phone(page, language):
    window, _soon = page
    window.set_viewport_size(NARROW)
    window.goto(f"{LIST}?lang={language}")
    rows, banner = window.evaluate(_ROWS), window.evaluate(_BANNER)
    assert len(rows) > len(CASES) / 2
    assert rows[0][0] - banner < FIRST_ROW
    assert [height for _top, height in rows if height > MOST_OF_A_ROW] == []


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_state_days_and_the_next_act_stand_above_the_fold(page, size, language):
    window, soon = page
    window.set_viewport_size(size)
    window.goto(f"{LIST}/{soon}?lang={language}")
    for what in (".title .badge", ".lead", "main a.button"):
        ends = window.evaluate(_ENDS.format(what=what))
        assert len(ends) == 1, what
        assert ends[0] <= size["height"], what
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")


_DRAWN = """() => ['elapsed', 'window'].map(kind => [
  getComputedStyle(document.querySelector(`.key .${kind}`), '::before').backgroundColor,
  getComputedStyle(document.querySelector(`rect.${kind}`)).fill,
]).concat([[
  getComputedStyle(document.querySelector('.key .now'), '::before').backgroundColor,
  getComputedStyle(document.querySelector('line.now')).stroke,
]])"""


def test_forced_colours_draw_the_key_as_the_bars(page):
    window, soon = page
    window.emulate_media(forced_colors="active")
    window.goto(f"{LIST}/{soon}")
    drawn = window.evaluate(_DRAWN)
    window.emulate_media(forced_colors="none")
    assert all(swatch == bar for swatch, bar in drawn), drawn
    assert len({swatch for swatch, _bar in drawn}) == len(drawn)
