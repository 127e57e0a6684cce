"""Five hundred faults of a PKCS#11 module under load.

Each request is repeated until it is accepted. No certificate is lost, and none is issued twice.
"""

import threading
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import sleep

import pytest

from sinetti.authority import key_store
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import initialise
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse
from sinetti.pki.encoding import load_certificate
from sinetti.pki.signers.token_pool import PoolLimits, TokenPool
from sinetti.services.context import always_allowed
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.organisations import registration
from tests.authority.test_token_keys import WS, with_token
from tests.support import soft_token
from tests.support.authority import CUSTOMER_ID
from tests.support.registers import all_connections_closed
from tests.support.scene import (
    DAY,
    REQUEST,
    Clock,
    Held,
    Scene,
    add_organisation,
    held_by,
    new_ask,
    new_key,
    ordered,
    renew_ask,
)
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

pytestmark = [soft_token.NEEDED, pytest.mark.long, pytest.mark.timeout(600)]
pytest.importorskip("pkcs11")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = ("removed", "session", "login", "hang", "wrong")
THREADS, WAITING = 6, 2
LIMITS = PoolLimits(processes=2, signing=1.0, pause=0.05)


@dataclass
class Load:
    """Holders who enrol and renew, each request until it is accepted."""

    scene: Scene
    held: list[Held] = field(default_factory=list)
    put_off: int = 0
    failures: list[BaseException] = field(default_factory=list)

    def until(self, is_over, do):
        """Repeat `do` in several threads until the load is over."""

        def run():
            try:
                while not is_over():
                    do()
            except BaseException as bad:  # noqa: BLE001 - the test raises it
                self.failures.append(bad)
            finally:
                self.scene.db.close()

        threads = [threading.Thread(target=run) for _ in range(THREADS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert not self.failures

    def enrols(self):
        """Order a certificate, and enrol."""
        ids, key = ordered(self.scene), new_key()
        self._accepted(lambda: enrol(new_ask(ids, key), self.scene.ctx, REQUEST), key)

    def renews(self, held):
        """Renew a certificate."""
        key = new_key()
        self._accepted(lambda: renew(renew_ask(held, key), self.scene.ctx, REQUEST), key)

    def _accepted(self, ask, key):
        while not isinstance(answer := ask(), AcceptedResponse):
            assert isinstance(answer, Rejection)
            assert answer.reason is RejectionReason.UNAVAILABLE
            self.put_off += 1
            sleep(0.01)
        self.held.append(held_by(self.scene, key, answer.retrieval_id))


def feed(folder, count):
    """Keep a few faults waiting until so many were given, and return when all were taken."""
    given = 0
    while given < count or any(folder.iterdir()):
        if given < count and sum(1 for _ in folder.iterdir()) < WAITING:
            (folder / f"{KINDS[given % len(KINDS)]}-{given}").touch()
            given += 1
        sleep(0.005)


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.rare)])
def test_no_certificate_is_lost_or_doubled(count, soft_tokens, tmp_path, monkeypatch):
    place, faults = soft_tokens.faulting(soft_tokens.add("ca"))
    initialise(tmp_path / "authority", with_token(place))
    monkeypatch.setattr(key_store, "TokenPool", lambda marks: TokenPool(marks, LIMITS))
    clock = Clock(NOW)
    with all_connections_closed():
        authority = open_authority(tmp_path / "authority", DirectoryKind.AUTHORITY, RuntimeOptions(clock))
        ctx = replace(authority.ctx, issuance_allowed=always_allowed)
        load = Load(Scene(ctx, clock, clock, None, None))
        with closing(authority.keys):
            add_organisation(load.scene)
            _under_faults(load, faults, count // 2, load.enrols)
            first = list(load.held)
            clock.now = load_certificate(first[-1].der).not_valid_after_utc - 20 * DAY
            waiting = list(first)
            _under_faults(
                load, faults, count - count // 2, lambda: load.renews(waiting.pop()) if waiting else load.enrols()
            )
        issuer = load_certificate(ctx.certificates[WS])
        serials = {one.serial for one in load.held}
        assert len(serials) == len(load.held)
        for one in load.held:
            certificate = load_certificate(one.der)
            certificate.verify_directly_issued_by(issuer)
            assert certificate.public_key() == one.key.public_key()
        rows = registration.certificates(ctx, CUSTOMER_ID)
        assert {row.serial for row in rows} == serials
        assert len(rows) == len(serials)
        assert load.put_off


def _under_faults(load, folder, count, do):
    feeder = threading.Thread(target=feed, args=(folder, count))
    feeder.start()
    load.until(lambda: not feeder.is_alive(), do)
    feeder.join()
