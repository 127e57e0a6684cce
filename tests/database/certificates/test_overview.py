"""Totals of the start page against the rules in Python, on both databases."""

from collections import Counter
from itertools import pairwise

from django.db import transaction

from sinetti.database import models
from sinetti.database.certificates import list_query
from sinetti.domain.certificates.display_status import DisplayStatus, Urgency, state_of, urgency_of
from sinetti.domain.certificates.listing import CertificateQuery
from sinetti.domain.certificates.overview import LATELY_ENDED, bounds, coming_months
from tests.support.authority import NOW
from tests.support.listing import CASES, DAY, ending, put
from tests.support.scene import an_order, ordered


def all_of(scene):
    return frozenset(models.Organisation.objects.using(scene.db.alias).values_list("pk", flat=True))


def read_rows(scene, **changes):
    keys = list_query.find_keys(scene.db, CertificateQuery(all_of(scene), NOW, **changes))
    return [one.facts for one in list_query.load_rows(scene.db, keys, NOW)]


def test_the_totals_are_those_of_the_rules(scene):
    with transaction.atomic(scene.db.alias):
        for number, (facts, *_) in enumerate(CASES.values()):
            put(scene, facts, number)
    ordered(scene, an_order())
    found = list_query.totals(scene.db, all_of(scene), NOW)
    facts = [one for one in read_rows(scene, over=True) if hasattr(one, "span")]
    states = Counter(state_of(one, NOW) for one in facts if urgency_of(one, NOW) is Urgency.OPEN)
    del states[DisplayStatus.VALID]
    assert found.states == {**states, DisplayStatus.IDS_SENT: 1}
    ended = {DisplayStatus.EXPIRED, DisplayStatus.REVOKED}
    assert found.in_force == sum(state_of(one, NOW) not in ended for one in facts)
    gone = [one for one in facts if state_of(one, NOW) in ended and not (one.followed or one.succeeded)]
    assert found.ended == sum((one.revoked_at or one.span.not_after) >= NOW - LATELY_ENDED for one in gone)
    left = [one for one in facts if urgency_of(one, NOW) is not Urgency.OVER and one.revoked_at is None]
    edges = bounds(coming_months(NOW))
    assert found.ends == tuple(
        sum(begins <= one.span.not_after < ends for one in left) for begins, ends in pairwise(edges)
    )


def test_the_only_certificate_is_named(scene):
    serial = put(scene, ending(100 * DAY), 1)
    found = list_query.totals(scene.db, all_of(scene), NOW)
    assert (found.only, found.next_end, found.in_force) == ((serial, False), NOW + 100 * DAY, 1)
    assert list_query.totals(scene.db, frozenset(), NOW).only is None
