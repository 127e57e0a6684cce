"""The real client under load: `sinetti enrol` and `renew`.

The client is killed at configured points, and then the same command is run again.
"""

import itertools
import random
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from time import sleep

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from sinetti.client.results import ExitCode
from sinetti.infra.clock import monotonic_seconds, utc_now
from tests.kills.clients import NEVER, Clients, Ended, Kill
from tests.kills.history import Store
from tests.kills.load import PAUSE, Load, Order
from tests.kills.outside import spki

AGAIN = {ExitCode.AGAIN, ExitCode.UNCERTAIN}
UNTRUSTED = "was not issued by a CA in --trust-holders"
STORES_KEPT = 40
TRIES = 500
COMES_AGAIN_AFTER = 1.0
"""Seconds before a repetition; the service takes 100 calls a minute from a signer."""

REST = 1.0
"""Seconds of rest between names.

The client uses as much of the machine as all holders, and is killed in a series of its own.
"""


@dataclass(slots=True, eq=False)
class RealClient:
    """Runner of the real client, one name after the other, against one node."""

    load: Load
    clients: Clients
    folder: Path
    url: str
    trust: Path
    clock: Path
    random: random.Random
    kills: deque[Kill] = field(default_factory=deque)
    killed: int = 0
    runs: int = 0
    names: list[Path] = field(default_factory=list)
    busy: bool = False
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def lives(self) -> None:
        """Enrol one name, and sometimes renew it.

        Rests before it, unless a kill is scheduled.
        """
        until = monotonic_seconds() + REST
        while not self.kills and monotonic_seconds() < until and not self.load.gate.over:
            sleep(PAUSE)
        order, store = self.load.order(), self.folder / f"store-{next(self.numbers)}"
        if not self._until_done(["enrol", "payroll", *self._words(order, store)]):
            return
        self.names.append(store)
        for _ in range(self.random.choice((0, 1, 1))):
            if not self._until_done(["renew", "payroll", "--store", str(store), "--wait", "10", "--force"]):
                return

    def stores(self) -> list[Store]:
        """Return the sets in use of the names enrolled last, while no client runs."""
        read = [read_store(name) for name in self.names[-STORES_KEPT:]]
        return [*read[:-1], *(replace(one, under_way=self.busy) for one in read[-1:])]

    def keys(self) -> set[str]:
        """Return all keys in the stores."""
        paths = self.folder.glob("store-*/**/key.pem")
        return {spki(load_pem_private_key(path.read_bytes(), None).public_key()) for path in paths}

    def _words(self, order: Order, store: Path) -> list[str]:
        password = self.folder / "password"
        password.write_text(order.password)
        password.chmod(0o600)
        options = {
            "store": store,
            "service": self.url,
            "trust-services": self.trust / "services.pem",
            "trust-holders": self.trust / "holders.pem",
            "environment": "TEST",
            "customer-id": order.customer_id,
            "transfer-id": order.transfer_id,
            "transfer-password-file": password,
            "key": "ec-p256",
            "wait": 10,
        }
        return [str(word) for name, value in options.items() for word in (f"--{name}", value)]

    def _until_done(self, words: list[str]) -> bool:
        """Repeat the same command until it succeeds.

        Returns False if the service rejects it after a clock change or a restore. Raises AssertionError for any other
        rejection.
        """
        self.busy = True
        for _ in range(TRIES):
            with self.load.gate.inside():
                kill = self.kills.popleft() if self.kills else NEVER
                ended = self.clients.run(*words, "--now", self._now(), kill=kill)
                if not ended.killed and UNTRUSTED in ended.err:
                    # A CA came later: the agent takes the list of anchors, and ends what was begun.
                    store = words[words.index("--store") + 1]
                    ended = self.clients.run("run", "--store", store, "--wait", "10", "--now", self._now())
            self.runs += 1
            self.killed += ended.killed
            self.busy = bool(ended.code)
            if not ended.killed and ended.code in AGAIN and not self._in_vain(ended):
                self.load.put_off.add(self)
                sleep(COMES_AGAIN_AFTER)
                continue
            if not ended.killed:
                self.load.put_off.discard(self)
            if not self.busy:
                return True
            if not ended.killed:
                moved = self.load.history.clock_moved or self.load.history.restored
                assert moved, f"{words[:2]}: exit {ended.code}: {ended.err}"
                return False
        sentence = f"{words[:2]} did not come to an end: exit {ended.code}: {ended.err}"
        raise AssertionError(sentence)

    def _in_vain(self, ended: Ended) -> bool:
        """Return True if a restore or a clock change prevents success for hours or ever.

        Journals do not record orders, so that an order placed after the backup is lost. A certificate from a clock
        that was ahead becomes valid and renewable only at that later time.
        """
        history = self.load.history
        if history.restored and "PKI004" in ended.err:
            return True
        return history.clock_moved and any(told in ended.err for told in (" is valid only ", "PKI032", "PKI034"))

    def _now(self) -> str:
        moved = int(self.clock.read_text()) if self.clock.exists() else 0
        return f"{utc_now() + timedelta(seconds=moved):%Y-%m-%dT%H:%M:%SZ}"


def read_store(store: Path) -> Store:
    """Read the set in use without our own reader."""
    live = store / "payroll" / "live"
    key = load_pem_private_key((live / "key.pem").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((live / "certificate.pem").read_bytes())
    above = x509.load_pem_x509_certificates((live / "chain.pem").read_bytes())
    try:
        for below, one in itertools.pairwise((certificate, *above)):
            below.verify_directly_issued_by(one)
    except (InvalidSignature, ValueError, TypeError):
        above = []
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.public_bytes(Encoding.DER))
    return Store(
        store.name, spki(key.public_key()), spki(certificate.public_key()), digest.finalize().hex(), bool(above)
    )
