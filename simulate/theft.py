"""`python -m simulate.theft`: the key of an issuing CA is stolen, on a test bench.

Holders with agents are enrolled. Then the key is used as a thief would use it: forged certificates are signed with it.
The CA gets a successor, its compromise is declared, and the holders are called. The bench's clock goes on for a day.
A gateway judges every holder's certificate and every forgery at each step, and the bench is killed at some steps. The
last line has the figures, and the exit code is 1 if one of them is not as docs/incident.md promises.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509

from simulate.lives import MEMORY
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.client.store import files, generations
from sinetti.domain.values import Environment, KeyType, Serial, ValidityPeriod
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.trust_lists.content import TrustListSettings
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.infra.clock import format_instant, monotonic_seconds
from sinetti.pki.chain import is_self_signed, load_bundle
from sinetti.pki.encoding import (
    PrivateKey,
    generate_key,
    load_certificate,
    load_private_key,
    serial_hex,
    sign,
)
from sinetti.testbench.fleet import enrolment
from sinetti.testbench.fleet.agent_processes import Agents
from sinetti.testbench.fleet.invariants import InvariantChecker
from sinetti.testbench.fleet.scenario import CONFIG, START
from sinetti.testbench.fleet.story_runner import StoryBroken, StoryRunner

OLD = "DataProvidersTestIssuingCAv1"
FORGED_WITHIN, MESSAGES_WITHIN = timedelta(seconds=60), timedelta(minutes=15)
MOST_REPLACED_WITHIN, ALL_REPLACED_WITHIN = timedelta(hours=7), timedelta(hours=24)
MOST = 0.95
_STARTS_WITHIN = 300.0
STEP = timedelta(minutes=30)
"""Time of the bench between two passes of the agent."""
_SPREAD = timedelta(hours=6)


@dataclass(slots=True)
class Figures:
    """Figures of a drill, as the last line shows them."""

    certificates: int
    forged: int = 0
    forged_refused_seconds: float | None = None
    judged: int = 0
    refused: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    replaced_in_7_hours: float = 0.0
    replaced_in_24_hours: float = 0.0
    kills: int = 0
    violations: int = 0
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """Return what is not as it should be."""
        late = self.forged_refused_seconds
        wrong = {
            "a forgery was accepted": late is None or late > FORGED_WITHIN.total_seconds(),
            "a delivery was refused": self.refused > 0,
            "not every person got a message in time": self.messages < self.certificates,
            "too few were replaced in 7 hours": self.replaced_in_7_hours < MOST,
            "not all were replaced in 24 hours": self.replaced_in_24_hours < 1,
            "the store and the register differ": self.violations > 0,
        }
        return [what for what, holds in wrong.items() if holds]


class Theft:
    """Bench, holders with their agent, a gateway, and the thief."""

    def __init__(self, folder: Path, certificates: int, seed: int, step: timedelta = STEP) -> None:
        """Start the bench, and enrol the holders."""
        self.folder, self.now, self.step, self.random = folder, START, step, Random(seed)
        self.stage = self._bench()
        self.ledger = InvariantChecker(folder / "store", enrolment.organisations(certificates))
        self.figures = Figures(certificates)
        fleet, desk = self.ledger.fleet, enrolment.desk_of(self.stage, self.ledger.store)
        enrolment.enrol(desk, fleet, enrolment.order(self.stage, fleet, {}), self.now)
        self.ledger.look(self.now)
        self.gateway, self.lists = self._gateway()
        self.stolen = stolen_key(folder / "bench", OLD, self.stage.ready["status_url"])
        self.forged: list[bytes] = []

    def run(self, kills: int) -> Figures:
        """Play the incident and the day after it."""
        self._judge_all()
        self._forge()
        self.figures.forged = len(self.forged)
        self._advance(timedelta(minutes=1))
        called = self._answer()
        killed = set(self.random.sample(range(1, int(ALL_REPLACED_WITHIN / self.step)), kills))
        with Agents(self._config(), 1) as agents:
            for number in range(1, int(ALL_REPLACED_WITHIN / self.step) + 1):
                self._advance(called + number * self.step - self.now)
                if number in killed:
                    self._kill()
                agents.pass_at(self.now)
                self._look(called)
        self.ledger.expect(one.name for one in self.ledger.fleet for _ in range(2))
        self.ledger.compare(self.stage.quietly_called("GET", "/certificates"), self.now)
        self.figures.violations = len(self.ledger.breaches)
        return self.figures

    def _answer(self) -> datetime:
        """Make a successor, declare the compromise, and call the holders.

        Returns the instant of the call.
        """
        self.stage.quietly_called("POST", "/cas/rollover", {"name": OLD})
        declared = self.now
        self.stage.quietly_called("POST", "/cas/revocations", {"name": OLD, "reason": "cACompromise"})
        until = format_instant(self.now + _SPREAD)
        reached = self.stage.quietly_called("POST", "/early", {"ca": OLD, "until": until})
        print(json.dumps(reached), flush=True)
        while self.now - declared < FORGED_WITHIN and self.figures.forged_refused_seconds is None:
            self._advance(timedelta(seconds=20))
            if not any(self._is_accepted(one) for one in self.forged):
                self.figures.forged_refused_seconds = (self.now - declared).total_seconds()
        self._judge_all()
        self._advance(declared + MESSAGES_WITHIN - self.now)
        sent = self.stage.quietly_called("GET", "/messages?kind=incident")
        self.figures.messages = len({one["to"] for one in sent if one["sent"] and one["channel"] == "email"})
        return declared

    def _look(self, called: datetime) -> None:
        self.ledger.look(self.now)
        self._judge_all()
        done = sum(len(found) > 1 for found in self.ledger.taken.values()) / len(self.ledger.fleet)
        if self.now - called <= MOST_REPLACED_WITHIN:
            self.figures.replaced_in_7_hours = done
        self.figures.replaced_in_24_hours = done

    def _judge_all(self) -> None:
        """Have the gateway judge each holder's certificate, and each forgery."""
        if any(self._is_accepted(one) for one in self.forged) and self.figures.forged_refused_seconds is not None:
            self.figures.forged_refused_seconds = None
        for one in self.ledger.fleet:
            held = generations.current(self.ledger.store / one.name)
            place = self.ledger.store / one.name / files.LIVE / generations.CERTIFICATE
            verdict = self.gateway.identify(place.read_bytes(), self.now) if held is not None else None
            self.figures.judged += 1
            if verdict is None or not verdict.accepted:
                self.figures.refused += 1
                self.figures.refusals["no certificate" if verdict is None else str(verdict.reason)] += 1

    def _is_accepted(self, der: bytes) -> bool:
        return self.gateway.identify(der, self.now).accepted

    def _forge(self) -> None:
        """Sign certificates with the stolen key: new, backdated, doubles of real ones."""
        first = self.ledger.fleet[0].name
        real = load_certificate((self.ledger.store / first / files.LIVE / generations.CERTIFICATE).read_bytes())
        before = self.now - timedelta(minutes=5)
        doubled = Serial(serial_hex(real.serial_number))
        for begins, serial in ((self.now, new_serial()), (before, new_serial()), (before, doubled)):
            self.forged.append(forge(self.stolen, real, begins, serial))

    def _gateway(self) -> tuple[Gateway, TrustLists]:
        anchors = load_bundle(Path(self.stage.ready["trust"]["holders"]).read_bytes())
        status = self.stage.ready["status_url"]
        roots = tuple(one for one in anchors if is_self_signed(one))
        place = self.folder / "lists"
        place.mkdir()
        settings = TrustListSettings(status, place, roots, Environment.TEST)
        lists = TrustLists(settings, now=lambda: self.now)
        source = OcspSource([f"{status}/ocsp/{OLD}"], find_address=lists.ocsp_address)
        return Gateway(anchors, source=source, environment=Environment.TEST, lists=lists), lists

    def _advance(self, by: timedelta) -> None:
        """Set the bench's clock, and let the gateway ask for its lists."""
        self.now += by
        while not self._is_at(format_instant(self.now)):
            pass
        self.lists.fetch()

    def _is_at(self, now: str) -> bool:
        """Set the bench's clock; False while it still sends the messages of many holders.

        It then asks for the same request again.
        """
        try:
            self.stage.quietly_called("PUT", "/clock", {"now": now})
        except StoryBroken as broken:
            if "status 503" not in str(broken):
                raise
            return False
        return True

    def _kill(self) -> None:
        """Kill the bench, and start it again in its folder."""
        self.stage.bench.kill()
        self.stage.stop()
        self.stage = self._bench()
        self.figures.kills += 1

    def _bench(self) -> StoryRunner:
        return StoryRunner(format_instant(self.now), folder=self.folder, options=("--http",), patience=_STARTS_WITHIN)

    def _config(self) -> Path:
        trust, config = self.stage.ready["trust"], self.folder / "sinetti.toml"
        text = CONFIG.replace('tls_ca = "{server}"\n', "").format(address=self.stage.ready["soap_url"], **trust)
        config.write_text(text, encoding="utf-8")
        return config


def stolen_key(folder: Path, name: str, base_url: str) -> tuple[IssuingCa, PrivateKey]:
    """Read the key of a CA from an authority's folder, as a thief of the machine does."""
    phrase = (folder / "secrets" / "passphrase").read_bytes().strip()
    certificate = load_certificate((folder / "ca" / f"{name}.cer").read_bytes())
    key = load_private_key((folder / "keys" / f"{name}.pem").read_bytes(), phrase)
    return IssuingCa(name, name, name, certificate, base_url), key


def forge(stolen: tuple[IssuingCa, PrivateKey], real: x509.Certificate, begins: datetime, serial: Serial) -> bytes:
    """Return a certificate (DER) for a thief's key in the name of a real holder."""
    issuer, key = stolen
    named = {one.oid: str(one.value) for one in real.subject}
    oid = x509.NameOID
    request = LeafRequest(
        customer_id=named[oid.COMMON_NAME],
        organisation=named[oid.ORGANIZATION_NAME],
        country=named[oid.COUNTRY_NAME],
        subject_serial=named[oid.SERIAL_NUMBER],
        public_key=generate_key(KeyType.EC_P256).public_key(),
        serial=serial,
        span=ValidityPeriod(begins, begins + timedelta(days=700)),
    )
    tbs = build_tbs(request, issuer, LeafProfile.HOLDER)
    return attach_signature(tbs, sign(key, tbs), issuer.certificate)


def play(folder: Path, certificates: int, kills: int, seed: int, step: timedelta = STEP) -> Figures:
    """Play the incident in a folder, and return the figures."""
    begun = monotonic_seconds()
    theft = Theft(folder, certificates, seed, step)
    try:
        figures = theft.run(kills)
    finally:
        theft.stage.stop()
    return replace(figures, seconds=round(monotonic_seconds() - begun))


def main() -> int:
    """Play, and print the figures. Returns 1 if one is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m simulate.theft", description=__doc__)
    parser.add_argument("--certificates", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=0.5, help="time of the bench between two passes of the agent")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sinetti-theft-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        step = timedelta(hours=options.hours)
        figures = play(folder, options.certificates, options.kills, options.seed, step)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({**_row(figures), "faults": figures.faults}))
    return 1 if figures.faults else 0


def _row(figures: Figures) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in Figures.__dataclass_fields__}


if __name__ == "__main__":
    sys.exit(main())
