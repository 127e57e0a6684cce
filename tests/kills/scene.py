"""Bench, proxy, clients and stores for kills, and checks from outside."""

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from sinetti.wire.soap.operations import Operation
from tests.kills.clients import NEVER, Clients, Ended, Kill, clients
from tests.kills.wire import Wire, between
from tests.support.programs import Bench, running

NEW, GET, RENEW = (operation.value for operation in (Operation.NEW, Operation.GET, Operation.RENEW))
DAY_ONE = "2027-01-11T08:00:00Z"
LAST_DAY = "2031-01-01T00:00:00Z"
"""Newest time at which a test begins: it may advance the clock once, and the CAs issue until January 2033."""

STOCK = 12
DRESSED_BY = b"correct-horse-battery"
TO_THE_WINDOW = "P690D"
IN_PARTS = ("P640D", "P20D", "P15D", "P15D")


@dataclass(frozen=True, slots=True)
class Site:
    """A holder: a store with one name, and the transfer ids of an order."""

    store: Path
    ids: dict[str, str]
    customer_id: str
    name: str = "payroll"

    @property
    def folder(self) -> Path:
        """The folder of the name."""
        return self.store / self.name

    @property
    def live(self) -> Path:
        """The set in use."""
        return self.folder / "live"

    def private_keys(self) -> set[bytes]:
        """Return all private keys in the store."""
        return {path.read_bytes() for path in self.store.rglob("key.pem")}

    def state(self, kind: str) -> str | None:
        """Return the state of a journal, read without our own reader, or None."""
        path = self.folder / "pending" / kind / "journal.json"
        return path.read_text().partition('"state": "')[2].partition('"')[0] if path.exists() else None


@dataclass(slots=True)
class Scene:
    """Bench, proxy, client driver and stock of holders for tests of kills."""

    bench: Bench
    wire: Wire
    clients: Clients
    folder: Path
    strict: bool
    stock: list[Site] = field(default_factory=list)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def is_near_its_end(self) -> bool:
        """Return True if another test could advance the clock so far that the CAs issue nothing more."""
        return self.now() > LAST_DAY

    def now(self) -> str:
        """Return the bench's time of day."""
        return self.bench.control("GET", "/clock")[1]["now"]

    def site(self) -> Site:
        """Order a certificate for a new organisation."""
        number = next(self.numbers)
        customer_id = f"kill-{number}"
        ids = self.bench.order(customer_id=customer_id, customer_name=f"Organisation {number}")
        return Site(self.folder / f"store-{number}", ids, customer_id)

    def enrol(self, site: Site, kill: Kill = NEVER, ids: dict[str, str] | None = None) -> Ended:
        """Run `sinetti enrol`, always with the same arguments."""
        return self.clients.run(*self.words_to_enrol(site, ids), kill=kill)

    def words_to_enrol(self, site: Site, ids: dict[str, str] | None = None) -> list[str]:
        """Return the arguments of `sinetti enrol`."""
        used = ids or site.ids
        password = self.folder / "password"
        password.write_text(used["transfer_password"])
        password.chmod(0o600)
        trust = self.bench.ready["trust"]
        options = {
            "store": site.store,
            "service": self.wire.url,
            "trust-services": trust["services"],
            "trust-holders": trust["holders"],
            "environment": "TEST",
            "customer-id": site.customer_id,
            "transfer-id": used["transfer_id"],
            "transfer-password-file": password,
            "key": "rsa-2048" if self.strict else "ec-p256",
            "wait": 10,
        }
        return self._words("enrol", options)

    def enrolled(self, number: int) -> list[Site]:
        """Return so many holders whose renewal window is open.

        Others are kept in stock, since the clock can advance only a limited number of times.
        """
        if len(self.stock) < number:
            fresh = [self.site() for _ in range(number + (0 if self.strict else STOCK))]
            for site in fresh:
                assert self.enrol(site).code == 0
            assert self.bench.control("PUT", "/clock", {"advance": TO_THE_WINDOW})[0] == 200
            self.stock = fresh
        given, self.stock = self.stock[:number], self.stock[number:]
        self.wire.passed.clear()
        return given

    def stock_up(self, number: int) -> None:
        """Stock so many holders whose renewal window is open.

        The clock is advanced once for all of them.
        """
        fresh = [self.site() for _ in range(number)]
        for site in fresh:
            ended = self.enrol(site)
            assert ended.code == 0, ended.err
        for part in IN_PARTS:  # the bench sends messages for each holder in between
            assert self.bench.control("PUT", "/clock", {"advance": part})[0] == 200
        self.stock = fresh

    def renew(self, site: Site, kill: Kill = NEVER) -> Ended:
        """Run `sinetti renew`."""
        return self.clients.run(*self._words("renew", {"store": site.store, "wait": 10}), kill=kill)

    def deliver(self, site: Site, document: Path, kill: Kill = NEVER) -> Ended:
        """Run `sinetti deliver` to the bench."""
        to = f"{self.bench.ready['status_url']}/deliveries"
        command, name, *words = self._words("deliver", {"store": site.store, "to": to})
        return self.clients.run(command, name, document, *words, kill=kill)

    def retrieve(self, site: Site) -> Ended:
        """Run `sinetti retrieve`."""
        return self.clients.run(*self._words("retrieve", {"store": site.store, "wait": 10}))

    def status(self, site: Site) -> Ended:
        """Run `sinetti status`."""
        return self.clients.run("status", "--store", site.store, "--json", "--now", self.now())

    def rows(self, site: Site) -> list[dict]:
        """Return the service's certificates of an organisation, newest first."""
        return self.bench.rows(site.customer_id)

    def _words(self, command: str, options: dict[str, object]) -> list[str]:
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        return [command, "payroll", *words, "--json", "--now", self.now()]


@contextmanager
def scene(folder: Path, *, strict: bool = False) -> Iterator[Scene]:
    """Run a bench with a stopped clock, a proxy and a client driver.

    With `strict` the bench accepts transfer ids once and repairs nothing.
    """
    options = ["--strict"] if strict else []
    with (
        running(folder / "bench", "--http", "--now", DAY_ONE, *options) as bench,
        between(bench.ready["soap_url"]) as wire,
        clients(folder / "clients") as ready,
    ):
        yield Scene(bench, wire, ready, folder, strict)


def set_in_use(site: Site) -> x509.Certificate:
    """Read the live set and return its certificate.

    Checks that key, certificate and chain match.
    """
    pem = (site.live / "key.pem").read_bytes()
    key = load_pem_private_key(pem, DRESSED_BY if b"ENCRYPTED" in pem else None)
    certificate = x509.load_pem_x509_certificate((site.live / "certificate.pem").read_bytes())
    above = x509.load_pem_x509_certificates((site.live / "chain.pem").read_bytes())
    assert key.public_key() == certificate.public_key()
    for below, one in itertools.pairwise((certificate, *above)):
        below.verify_directly_issued_by(one)
    return certificate


def dress(site: Site) -> None:
    """Configure all formats and an encrypted key for a holder's next set."""
    password, kept = site.store.with_name(f"{site.store.name}-password"), site.folder / "settings.toml"
    password.write_bytes(DRESSED_BY)
    password.chmod(0o600)
    wanted = f'formats = ["der", "pkcs12", "pkcs12-legacy"]\npassword_file = "{password}"\n'
    wanted += f'key_password_file = "{password}"\n'
    kept.write_text(wanted + kept.read_text())


def is_dressed(site: Site) -> None:
    """Check all files of the set in use from outside.

    They have one key and one certificate, and no key is unencrypted.
    """
    certificate = set_in_use(site)
    assert (site.live / "certificate.der").read_bytes() == certificate.public_bytes(Encoding.DER)
    keys = [load_der_private_key((site.live / "key.der").read_bytes(), DRESSED_BY)]
    keys += [
        pkcs12.load_pkcs12((site.live / name).read_bytes(), DRESSED_BY).key
        for name in ("certificate.p12", "certificate-legacy.p12")
    ]
    assert {key.public_key() == certificate.public_key() for key in keys} == {True}
    assert b"BEGIN PRIVATE" not in (site.live / "key.pem").read_bytes()


def is_whole(stage: Scene, site: Site, certificates: int) -> None:
    """Check the outcome from outside.

    So many certificates were issued and retrieved, the newest is in use, and no journal or partial file is left.
    """
    used = hashlib.sha256(set_in_use(site).public_bytes(Encoding.DER)).hexdigest()
    rows = stage.rows(site)
    assert [row["state"] for row in rows] == ["fetched"] * certificates
    assert len({row["serial"] for row in rows}) == certificates
    assert rows[0]["sha256"] == used
    assert site.state("enrol") is site.state("renew") is None
    assert not [path for path in site.folder.rglob("*") if path.suffix in {".new", ".gone", ".old"}]
    assert len(list(site.folder.glob("generations/*"))) == certificates


def same_octets(requests: list[bytes]) -> None:
    """Check that all repetitions of a request had the same octets.

    So they had the same key and the same signature.
    """
    assert len(set(requests)) == 1, f"{len(set(requests))} different requests"
