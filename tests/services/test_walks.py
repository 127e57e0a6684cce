"""Random walks through the life cycle of a holder.

The steps are requests, repeats, other keys, kills and revocations, in any order. After every step four rules hold:
never two live renewals, never none, no retrieved certificate is voided, and no key is in two certificates.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from sinetti.database import models
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.requests import AcceptedResponse, CertificateResponse, RenewRequest
from sinetti.pki.encoding import load_certificate
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.revocation.revoke import RevocationError, RevocationRequest, revoke
from tests.support.authority import NOW
from tests.support.killed import KilledError, killed_at
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Held,
    Scene,
    enrolled,
    get_ask,
    held_by,
    in_the_window,
    new_key,
    renew_ask,
)

STEPS = ("4-read", "8-prepared", "9-reserved", "10-signed", "11-recorded", "13-found", "14-fetched", "no such step")
LENGTH = 200
MOMENTS = (61 * DAY, 60 * DAY, 40 * DAY, 20 * DAY, 1 * DAY, 0 * DAY, -SECOND)
"""Durations before the end of a certificate."""
REVOKED_NOW_AND_THEN = 0.3
LAST_YEAR = 2031
"""Last year of the walks; soon after, the CA issues no more."""


@dataclass
class Walk:
    """Memory of one holder: its certificates, its requests and their answers."""

    scene: Scene
    chance: Random
    held: list[Held] = field(default_factory=list)
    asked: list[tuple[RenewRequest, object]] = field(default_factory=list)
    answered: dict[int, str] = field(default_factory=dict)
    fetched: dict[str, bytes] = field(default_factory=dict)
    seen: Counter = field(default_factory=Counter)

    def ask_with_a_new_key(self) -> None:
        """Renew a certificate that is held, with a new key."""
        held, key = self.chance.choice(self.held[-2:]), new_key()
        self.asked.append((renew_ask(held, key), key))
        self.send(len(self.asked) - 1)

    def ask_again(self) -> None:
        """Send one of the last requests again."""
        if self.asked:
            self.send(self.chance.randrange(max(0, len(self.asked) - 4), len(self.asked)))

    def send(self, number: int) -> None:
        """Send a request, perhaps to a process that ends meanwhile."""
        ask, _ = self.asked[number]
        ctx = self.scene.but(step=killed_at(self.chance.choice(STEPS))).ctx
        try:
            answer = renew(ask, ctx, REQUEST)
        except KilledError as killed:
            self.seen[f"killed at {killed}"] += 1
            return
        self.seen["accepted" if isinstance(answer, AcceptedResponse) else answer.reason] += 1
        if isinstance(answer, AcceptedResponse):
            assert self.answered.setdefault(number, answer.retrieval_id) == answer.retrieval_id

    def fetch(self) -> None:
        """Retrieve an accepted certificate."""
        if not self.answered:
            return
        number, retrieval_id = self.chance.choice([*self.answered.items()])
        ctx = self.scene.but(step=killed_at(self.chance.choice(STEPS))).ctx
        try:
            answer = retrieve(get_ask(retrieval_id), ctx, REQUEST)
        except KilledError as killed:
            self.seen[f"killed at {killed}"] += 1
            return
        if not isinstance(answer, CertificateResponse):
            assert answer.reason is RejectionReason.SUPERSEDED
            assert retrieval_id not in self.fetched
            self.seen["superseded"] += 1
            return
        key = self.asked[number][1]
        assert load_certificate(answer.certificate).public_key() == key.public_key()
        assert self.fetched.setdefault(retrieval_id, answer.certificate) == answer.certificate
        if retrieval_id not in {one.retrieval_id for one in self.held}:
            self.held.append(held_by(self.scene, key, retrieval_id))
            self.seen["held"] += 1

    def revoke(self) -> None:
        """Revoke a certificate that is held, now and then."""
        if self.chance.random() > REVOKED_NOW_AND_THEN:
            return
        reason = self.chance.choice([RevocationReason.KEY_COMPROMISE, RevocationReason.AFFILIATION_CHANGED])
        try:
            revoke(RevocationRequest(self.chance.choice(self.held).serial, reason), self.scene.ctx, "operator", REQUEST)
            self.seen["revoked"] += 1
        except RevocationError:
            pass

    def wait(self) -> None:
        """Move the clock to a moment in the life of a certificate that is held.

        Begin again with a new certificate when none is live or the clock is too far ahead.
        """
        now = in_the_window(self.scene, self.chance.choice(self.held), self.chance.choice(MOMENTS))
        if now.year > LAST_YEAR or not any(self.scene.certificate(one.serial).is_active(now) for one in self.held):
            self.scene.clock.now = NOW
            self.held = [enrolled(self.scene)]
            in_the_window(self.scene, self.held[0])

    def check(self) -> None:
        """Check the invariants that hold at any moment."""
        rows = list(models.Certificate.objects.using(self.scene.db.alias).all())
        live = [row for row in rows if row.state != CertificateState.SUPERSEDED and row.revoked_at is None]
        renewals = Counter(row.predecessor_id for row in live if row.predecessor_id)
        assert not [one for one, count in renewals.items() if count > 1], "two live renewals of one certificate"
        assert len({row.key_id for row in rows}) == len(rows), "a key in two certificates"
        assert len({row.serial for row in rows}) == len({row.retrieval_id for row in rows}) == len(rows)
        states = {row.retrieval_id: row.state for row in rows}
        assert all(states[one] == CertificateState.RETRIEVED for one in self.fetched), (
            "fetched, and voided all the same"
        )
        assert all(one in states for one in self.answered.values()), "answered, and not there"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_walk(sqlite_scene, seed):
    walk = Walk(sqlite_scene, Random(seed))  # noqa: S311 - the same walk each time, on purpose
    walk.held.append(enrolled(sqlite_scene))
    in_the_window(sqlite_scene, walk.held[0])
    moves = [walk.ask_with_a_new_key, walk.ask_again, walk.fetch, walk.revoke, walk.wait]
    for _ in range(LENGTH):
        walk.chance.choices(moves, weights=[6, 5, 5, 1, 3])[0]()
        walk.check()
    # The walk covered enough states.
    assert walk.seen["accepted"] > 8, walk.seen
    assert walk.seen["held"] > 5, walk.seen
    assert len(walk.seen) > 10, walk.seen
