"""Names of pages in messages and refusals, equal to those of menu and pages.

This holds in each language.
"""

import re

import pytest

from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.i18n.translate import _catalogue
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import add_organisation
from tests.support.users import account, mandate, signed_in

SETTINGS = {Language.FI: "Asetukset", Language.SV: "Inställningar", Language.EN: "Settings"}


def paths(language):
    """Return the paths after "(Settings > " in all texts of a language."""
    catalogue = _catalogue(Language.FI if language is Language.EN else language)._catalog  # message ids are English
    texts = " ".join(str(text) for pair in catalogue.items() for text in pair)
    return set(re.findall(rf"\({SETTINGS[language]} > ([^)]+)\)", texts))


@pytest.mark.parametrize("language", Language)
def test_every_path_that_texts_name_leads_to_a_page_of_that_name(language, browser, sqlite_scene):
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    add_organisation(sqlite_scene, "7654321-4")
    mandate(sqlite_scene, CUSTOMER_ID, "7654321-4", Role.MANAGER)
    page = signed_in(browser, user).get(f"/?lang={language}").page
    (menu,) = page.xpath("//nav[@class='menu']")
    assert menu.findtext("p") == SETTINGS[language]
    places = {one.text: one.get("href") for one in menu.iter("a")}
    assert len(paths(language)) == 4, "of certificates, authorisations, applications and clients"
    for name in paths(language):
        assert browser.get(f"{places[name]}?lang={language}").heading.startswith(name)


def test_who_sees_no_organisation_has_no_settings_of_one(browser, sqlite_scene):
    page = signed_in(browser, account(sqlite_scene, "clerk", staff=True)).get("/").page
    assert page.findtext(".//nav[@class='menu']/p") == "Menu"
