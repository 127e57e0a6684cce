"""Search of organisations by a part of their name or identifier."""

import pytest

from sinetti.database import models
from sinetti.database.organisations.administration import search
from sinetti.database.organisations.search import find_organisations, matches
from tests.support.scene import add_organisation

NAMES = {"7654321-0": "Tili Korhonen Oy", "2345678-9": "Korhosen Leipomo", "3456789-1": "ahma Ab"}


@pytest.fixture
def ids(scene):
    """Return the ids of organisations with these names, by customer id."""
    found = {one: add_organisation(scene, one) for one in NAMES}
    models.Organisation.objects.using(scene.db.alias).exclude(customer_id__in=NAMES).update(name="Muu")
    for customer_id, name in NAMES.items():
        models.Organisation.objects.using(scene.db.alias).filter(customer_id=customer_id).update(name=name)
    return found


CASES = {
    "inside a name, in any case": ("KORHO", ["Korhosen Leipomo", "Tili Korhonen Oy"]),
    "spaces around it": (" korhonen ", ["Tili Korhonen Oy"]),
    "inside an identifier": ("5678-9", ["Korhosen Leipomo"]),
    "two characters that begin a name": ("ti", ["Tili Korhonen Oy"]),
    "two characters inside a name": ("oy", []),
    "one character": ("A", ["ahma Ab"]),
    "a sign of LIKE": ("k_r", []),
    "nothing that is there": ("virtanen", []),
    "no text: all, by name": ("", ["ahma Ab", "Korhosen Leipomo", "Muu", "Tili Korhonen Oy"]),
}


def test_what_is_found(scene, ids):
    for case, (text, names) in CASES.items():
        assert [one.name for one in find_organisations(scene.db, text)] == names, case
        assert [one.name for one in search(scene.db, text, 0, 10)] == names, case
        within = [one.name for one in find_organisations(scene.db, text, ids.values())]
        assert within == [one for one in names if one != "Muu"], case


def test_only_what_the_reader_may_see_is_found_page_by_page(scene, ids):
    mine = [ids["7654321-0"], ids["3456789-1"]]
    assert [one.customer_id for one in find_organisations(scene.db, "", mine)] == ["3456789-1", "7654321-0"]
    assert [one.customer_id for one in find_organisations(scene.db, "", mine, start=1, most=1)] == ["7654321-0"]
    assert find_organisations(scene.db, "", []) == ()


def test_the_condition_stands_in_other_queries(scene, ids):
    firm = models.Organisation.objects.using(scene.db.alias).get(pk=ids["3456789-1"])
    for one in ("7654321-0", "2345678-9"):
        models.RoleAssignment.objects.using(scene.db.alias).create(
            organisation_id=ids[one], agent=firm, role="manager", valid_from=firm.created
        )
    rows = models.RoleAssignment.objects.using(scene.db.alias).filter(agent=firm)
    assert [one.organisation.name for one in rows.filter(matches(scene.db, "leip", "organisation__"))] == [
        "Korhosen Leipomo"
    ]
