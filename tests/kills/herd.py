"""Store of several names, with a sinetti.toml and a holder's deploy program.

Tests kill `sinetti run` on it and inspect it from outside.
"""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sinetti.pki.ari_id import ari_cert_id
from tests.kills.clients import NEVER, Clients, Ended, Kill
from tests.kills.outside import spki
from tests.kills.scene import DRESSED_BY, Scene, Site, is_dressed, set_in_use
from tests.kills.wire import Hinted

CERTIFICATES = """
    SELECT o.der FROM sinetti_certificateder o JOIN sinetti_certificate c ON c.id = o.certificate_id
      JOIN sinetti_lineage h ON h.lineage_id = c.lineage_id
      JOIN sinetti_organisation g ON g.organisation_id = h.organisation_id WHERE g.customer_id = ?"""

PROGRAM = """\
#!/bin/sh
case "$(cat "$0.mood" 2>/dev/null)" in
    fails) exit 1 ;;
    hangs) exec sleep 5 ;;
    shouts) yes "$SINETTI_NAME" | head -c 300000 ;;
esac
test "$(basename "$(readlink "$SINETTI_LIVE")")" = "$SINETTI_SERIAL" || exit 3
test -s "$SINETTI_LIVE/key.pem" && test -s "$SINETTI_LIVE/certificate.p12" || exit 4
echo "$SINETTI_SERIAL" >> "$0.done/$SINETTI_NAME"
"""
"""Deploy hook that checks the set which it is given, and records the call."""

NO_HINT: Hinted = (404, {"Content-Type": "application/problem+json"}, b"{}")
"""Answer of a service that has renewal hints, but none for this certificate."""

MOODS = ("well", "fails", "hangs", "shouts")
ASKED_AGAIN = 4
"""Days after which an agent that believed a hint "later" has asked again.

The agent's clock may have been a day ahead when it read the hint.
"""

PATIENCE = 8
"""Days within which all work has to be done; delays grow up to one day."""

TOML = """\
store = "{store}"

[agent]
at_once = 3

[defaults]
formats = ["pem", "der", "pkcs12", "pkcs12-legacy"]
password_file = "{password}"
key_password_file = "{password}"

[defaults.hooks]
before = ["true"]
deploy = ["{program}"]
after = ["true"]
timeout = "1s"
"""


@dataclass(slots=True)
class Herd:
    """Names of one store whose renewal is due.

    `old` has the identifiers of their certificates in hints (RFC 9773, 4.1).
    """

    stage: Scene
    sites: list[Site]
    program: Path
    config: Path
    now: datetime
    old: frozenset[str]
    says_later: bool = False

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.sites[0].store

    def run(self, kill: Kill = NEVER, hours: int = 0, by: Clients | None = None) -> Ended:
        """Run `sinetti run` with a clock that is off by some hours.

        Checks that the command did not end with an internal or usage error.
        """
        at = f"{self.now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
        words = ("run", "--config", self.config, "--store", self.store, "--wait", "10", "--json", "--now", at)
        ended = (by or self.stage.clients).run(*words, kill=kill)
        assert ended.code not in {1, 2}, ended.err
        assert "error in the program" not in ended.err, ended.err
        return ended

    def deploy(self, kill: Kill = NEVER) -> Ended:
        """Run `sinetti deploy` for the only name."""
        at = f"{self.now + timedelta(hours=25 * PATIENCE):%Y-%m-%dT%H:%M:%SZ}"
        words = ("deploy", self.sites[0].name, "--config", self.config, "--store", self.store, "--now", at)
        return self.stage.clients.run(*words, kill=kill)

    def mood(self, mood: str) -> None:
        """Set the behaviour of the deploy hook: success, failure, hang, or much output."""
        self.program.with_name(f"{self.program.name}.mood").write_text(mood)

    def serial(self, site: Site) -> str:
        """Return the serial in use."""
        return site.live.resolve().name

    def left(self) -> list[str]:
        """Return the work that is not done yet, as seen from outside."""
        found = []
        for site in self.sites:
            rows = self.stage.rows(site)
            if len(rows) < 2 or int(rows[0]["serial"], 16) != int(self.serial(site), 16):
                found.append(f"{site.name}: not renewed")
            if self.brought(site) != self.serial(site):
                found.append(f"{site.name}: not brought into use")
        return found

    def brought(self, site: Site) -> str | None:
        """Return the serial that the deploy hook recorded last, or None."""
        path = self.program.with_name(f"{self.program.name}.done") / site.name
        return path.read_text().split()[-1] if path.exists() else None

    def sound(self) -> None:
        """Check keys, issued certificates and sets in use.

        The key of every issued certificate exists, no name was renewed twice, and each set in use matches.
        """
        for site in self.sites:
            set_in_use(site)
            issued = keys_of_issued(self.stage, site)
            assert len(self.stage.rows(site)) <= 2, f"{site.name}: renewed twice"
            assert issued <= keys_in(site), f"{site.name}: the key of a certificate that was issued is gone"

    def tells(self, ended: Ended) -> None:
        """Check that a run which ended with 0 left no work that it could have done."""
        left = self.left()
        assert ended.killed or ended.code or self.says_later or not left, (left, ended.err)

    def honest(self, path: str) -> Hinted:
        """Answer truthfully about renewal.

        The old certificates have a window from two days ago to yesterday. Others have no hint.
        """
        begun = self.now - timedelta(days=2)
        return window(begun, begun + timedelta(days=1)) if self.is_old(path) else NO_HINT

    def is_old(self, path: str) -> bool:
        """Return True if the path asks for the hint of an old certificate."""
        return path.rsplit("/", 1)[-1] in self.old

    def settle(self) -> None:
        """Let everything succeed from now on, and check that all work is done.

        Within days each name is renewed once. A further run sends no request.
        """
        self.mood("well")
        self.stage.wire.fates.clear()
        self.stage.wire.hint = self.honest
        for days in range(1, PATIENCE):
            self.says_later &= days < ASKED_AGAIN
            ended = self.run(hours=25 * days)
            self.sound()
            self.tells(ended)
            if ended.code == 0 and not self.left():
                break
        assert (ended.code, self.left()) == (0, []), ended.err
        for site in self.sites:
            is_dressed(site)
            assert len(self.stage.rows(site)) == 2
            assert [row["state"] for row in self.stage.rows(site)] == ["fetched"] * 2
            halves = [path for path in site.folder.rglob("*") if path.suffix in {".new", ".gone", ".old"}]
            assert not halves, f"left behind for good: {halves}"
        before = len(self.stage.wire.passed)
        assert self.run(hours=25 * PATIENCE).code == 0
        assert len(self.stage.wire.passed) == before


def window(start: datetime, end: datetime, **headers: str) -> Hinted:
    """Return the answer of a renewal hint with this window."""
    said = f'{{"suggestedWindow": {{"start": "{start:%Y-%m-%dT%H:%M:%SZ}", "end": "{end:%Y-%m-%dT%H:%M:%SZ}"}}}}'
    return 200, {"Content-Type": "application/json", **headers}, said.encode()


def herd(stage: Scene, number: int, place: Path | None = None) -> Herd:
    """Put names whose renewal is due into one store.

    A sinetti.toml and a program are beside it.
    """
    sites = stage.enrolled(number)
    store = (place or stage.folder) / f"herd-{sites[0].store.name}"
    store.mkdir(mode=0o700)
    moved = [replace(site, store=store, name=f"firm-{one}") for one, site in enumerate(sites)]
    for old, new in zip(sites, moved, strict=True):
        shutil.move(old.folder, new.folder)
    beside = stage.folder / f"{store.name}-files"
    (beside / "deploy.done").mkdir(parents=True)
    password, program, config = beside / "password", beside / "deploy", beside / "sinetti.toml"
    password.write_bytes(DRESSED_BY)
    password.chmod(0o600)
    program.write_text(PROGRAM)
    program.chmod(0o700)
    config.write_text(TOML.format(store=store, password=password, program=program))
    now = datetime.fromisoformat(stage.bench.control("GET", "/clock")[1]["now"])
    old = frozenset(ari_cert_id(set_in_use(site)) for site in moved)
    return Herd(stage, moved, program, config, now, old)


def keys_of_issued(stage: Scene, site: Site) -> set[str]:
    """Return the keys of an organisation's certificates in the service's database."""
    with closing(sqlite3.connect(stage.bench.root / "register.sqlite3", timeout=60)) as connection:
        rows = connection.execute(CERTIFICATES, (site.customer_id,)).fetchall()
    return {spki(x509.load_der_x509_certificate(bytes(der)).public_key()) for (der,) in rows if der is not None}


def keys_in(site: Site) -> set[str]:
    """Return the permanent keys in the folder of a name.

    Keys in partial folders, which the next run deletes, are left out.
    """
    found = set()
    for path in site.folder.rglob("key.pem"):
        parts: Sequence[str] = path.relative_to(site.folder).parts
        if not any(part.startswith(".") for part in parts):
            pem = path.read_bytes()
            key = load_pem_private_key(pem, DRESSED_BY if b"ENCRYPTED" in pem else None)
            found.add(spki(key.public_key()))
    return found
