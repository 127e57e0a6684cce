"""Storage of trust lists: numbers grow, and a list that was outrun is not stored."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database.authorities import register
from sinetti.database.issuance.status_feed import list_events
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel
from sinetti.pki.encoding import sign as sign_with_key
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.pki.trust_lists.verification import verify_anchors
from sinetti.services.authorities.trust_lists import (
    TrustListConflict,
    find_kept_list,
    newest_anchors,
    newest_distrust,
    newest_list,
    next_number,
    publish_anchors,
    store_list,
)
from sinetti.services.last_signed import LastSigned
from sinetti.wire.json_api.status_events import StatusEventKind
from tests.support.authority import authority
from tests.support.registers import crowd
from tests.support.scene import REQUEST
from tests.support.trust_lists import anchors_list, by_root, distrust_list, reader_of

ACTOR = ("operator", REQUEST)


def numbered(number, make=anchors_list):
    found = make(authority(), number)
    return found, by_root(found, authority())


def test_no_list_before_the_first(scene):
    assert newest_list(TrustListKind.ANCHORS, scene.ctx.db) is None
    assert newest_anchors(scene.ctx.db) is None
    assert newest_distrust(scene.ctx.db) is None


def test_each_kind_has_its_own_newest_list(scene):
    first, octets = numbered(1)
    store_list(first, octets, 0, scene.ctx, ACTOR)
    second, later = numbered(2)
    store_list(second, later, 1, scene.ctx, ACTOR)
    store_list(second, later, 1, scene.ctx, ACTOR)  # again, after an interruption
    distrust, signed = numbered(1, distrust_list)
    store_list(distrust, signed, 0, scene.ctx, ACTOR)
    assert newest_list(TrustListKind.ANCHORS, scene.ctx.db).octets == later
    assert newest_anchors(scene.ctx.db) == second
    assert newest_distrust(scene.ctx.db) == distrust
    events = [(event.kind, event.subject, event.number) for _, event in list_events(scene.ctx.db, 0, 10)]
    kind = StatusEventKind.TRUST
    assert events == [(kind, "anchors", 1), (kind, "anchors", 2), (kind, "distrust", 1)], "readers are woken once each"


OUTRUN = {
    "made after none, and there is one": (6, 0),
    "made after an older one": (6, 4),
    "made after one that is not stored": (7, 6),
    "with the number of the last": (5, 5),
    "with a lower number": (4, 5),
}


@pytest.mark.parametrize(("number", "before"), OUTRUN.values(), ids=OUTRUN)
def test_a_list_that_was_outrun_is_not_stored(scene, number, before):
    first, octets = numbered(5)
    store_list(first, octets, 0, scene.ctx, ACTOR)
    found, other = numbered(number)
    found = replace(found, issued=found.issued + timedelta(seconds=1))
    with pytest.raises(TrustListConflict, match="run the command again"):
        store_list(found, by_root(found, authority()), before, scene.ctx, ACTOR)
    assert newest_list(TrustListKind.ANCHORS, scene.ctx.db).octets == octets != other


def test_of_two_lists_at_once_one_is_stored(scene):
    lists = [numbered(number) for number in (3, 4)]

    def stored(one):
        try:
            store_list(*one, 0, scene.ctx, ACTOR)
        except TrustListConflict:
            return 0
        return one[0].number

    numbers = crowd(scene.ctx.db, 2, lambda number: stored(lists[number]))
    assert sorted(numbers) in ([0, 3], [0, 4])
    assert newest_anchors(scene.ctx.db).number == max(numbers)


def test_a_restored_register_never_goes_back(scene):
    seconds = int(scene.machine.now.timestamp())
    assert next_number(None, scene.ctx) == seconds
    assert next_number(anchors_list(authority(), seconds + 9), scene.ctx) == seconds + 10


def test_the_list_of_anchors_follows_the_states_of_all_cas(scene):
    def sign(name, octets):
        return sign_with_key(authority().key(name), octets)

    names = [spec.file_name for spec in authority().hierarchy.authorities]
    ctx = replace(scene.ctx, issuers={name: authority().issuer(name) for name in names})
    first = publish_anchors(ctx, sign, ACTOR)
    assert publish_anchors(ctx, sign, ACTOR) == first == newest_anchors(scene.ctx.db)
    octets = newest_list(TrustListKind.ANCHORS, scene.ctx.db).octets
    assert verify_anchors(octets, reader_of(authority()), scene.clock.now) == first
    assert {one.state for one in first.authorities} == {CaState.ISSUING}
    register.stop(scene.ctx.db, scene.ctx.issuing[Channel.WS], scene.ctx.audit_entry(*ACTOR))
    second = publish_anchors(ctx, sign, ACTOR)
    assert second.number > first.number
    assert [one.channel for one in second.authorities if one.state is CaState.PUBLISHING] == [Channel.WS]


def test_stored_lists_are_kept_in_the_files_of_the_node(sqlite_scene, tmp_path):
    ctx = sqlite_scene.but(last_signed=LastSigned(tmp_path / "status")).ctx
    assert find_kept_list(TrustListKind.ANCHORS, ctx) is None
    for make in (anchors_list, distrust_list):
        found, octets = numbered(3, make)
        store_list(found, octets, 0, ctx, ACTOR)
        assert find_kept_list(found.kind, ctx) == newest_list(found.kind, ctx.db)
