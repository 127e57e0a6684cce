"""A bench is a folder: made where missing, opened, and served on loopback until told to stop."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sinetti.actions.publish import publish
from sinetti.ca.hierarchy import load_preset
from sinetti.clock import machine_now
from sinetti.domain.kindness import KIND, STRICT
from sinetti.domain.values import Environment, KeyPolicy, KeyType
from sinetti.protocols.edge import Edge
from sinetti.protocols.serving import Listener, Tls, probe, serve
from sinetti.protocols.soap import SoapDoor
from sinetti.protocols.status import StatusDoor
from sinetti.settings.authority import SOAP_PATH, Settings
from sinetti.settings.folder import Folder, FolderError, FolderKind
from sinetti.testbench.clock import BenchClock
from sinetti.testbench.control import ControlDoor
from sinetti.testbench.server_certificate import ServerFiles, make_server_certificate
from sinetti.wiring import Authority, Founding, Manner, found, open_authority

LOOPBACK = "127.0.0.1"
_PORTS = "ports.json"
_CLOCK = "clock"
_DEFAULT_PRESET = "default"


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What `sinetti testbench serve` was asked for."""

    root: Path
    port: int = 0
    http: bool = False
    preset: str | None = None
    now: datetime | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a bench, chosen once: they stand in its certificates."""

    soap: int
    control: int
    status: int


def run_bench(options: BenchOptions, say: Callable[[str], None]) -> None:
    """Make the bench where it is missing and serve it; `say` gets the one JSON line when it is ready."""
    folder = Folder(options.root.absolute())
    if not folder.exists():
        _make(folder, options)
    folder.check(FolderKind.TESTBENCH)
    _check_preset(folder, options)
    clock = BenchClock(folder.root / _CLOCK)
    if options.now is not None:
        clock.set(options.now)
    ports = _ports(folder, options)
    manner = Manner(clock.now, STRICT if options.strict else KIND, _strict_policy if options.strict else _bench_policy)
    authority = open_authority(folder.root, FolderKind.TESTBENCH, manner)
    _upkeep(authority)
    serve(_listeners(authority, clock, ports, options), lambda: say(_ready(folder, ports, options)))


def _make(folder: Folder, options: BenchOptions) -> None:
    ports = Ports(*_free_ports(3))
    settings = Settings(
        environment=Environment.TEST,
        base_url=f"http://{LOOPBACK}:{ports.status}",
        soap_address=_soap_url(ports, options),
    )

    def also(made: Folder) -> None:
        make_server_certificate(_server_files(made))
        (made.root / _PORTS).write_text(json.dumps(asdict(ports)), "ascii")
        if options.now is not None:
            BenchClock(made.root / _CLOCK).begin(options.now)

    hierarchy = load_preset(options.preset or _DEFAULT_PRESET)
    now = options.now.astimezone(UTC).replace(microsecond=0) if options.now else machine_now()
    found(folder.root, Founding(FolderKind.TESTBENCH, hierarchy, settings, now, also))


def _check_preset(folder: Folder, options: BenchOptions) -> None:
    if options.preset is not None and folder.hierarchy.read_text("utf-8") != load_preset(options.preset):
        sentence = f"{folder.root} was made with another preset than {options.preset}: leave --preset out, or use a new folder"
        raise FolderError(sentence)


def _bench_policy(policy: KeyPolicy) -> KeyPolicy:
    """The keys that the bench takes: as the hierarchy says, with RSA e=3, since one program in the field makes it."""
    return replace(policy, small_exponent=True)


def _strict_policy(_policy: KeyPolicy) -> KeyPolicy:
    """The keys that the real service is known to take: RSA 2048, e=3 too."""
    return KeyPolicy(frozenset({KeyType.RSA_2048}), small_exponent=True)


def _free_ports(count: int) -> list[int]:
    found_ports: list[int] = []
    while len(found_ports) < count:
        port = probe(LOOPBACK, 0)
        if port not in found_ports:
            found_ports.append(port)
    return found_ports


def _ports(folder: Folder, options: BenchOptions) -> Ports:
    try:
        kept = Ports(**json.loads((folder.root / _PORTS).read_text("ascii")))
    except (OSError, ValueError, TypeError) as bad:
        sentence = f"{folder.root} was not made to its end or is damaged ({_PORTS}): start a bench in a new folder"
        raise FolderError(sentence) from bad
    ports = Ports(options.port or kept.soap, kept.control, kept.status)
    for port in (ports.soap, ports.control, ports.status):
        probe(LOOPBACK, port)
    return ports


def _server_files(folder: Folder) -> ServerFiles:
    return ServerFiles(folder.root / "server.pem", folder.keys / "server.pem", folder.trust / "server.pem")


def _upkeep(authority: Authority) -> None:
    """What is due now: the response signer in force, and a fresh CRL of each issuing CA."""
    authority.responses.seal()
    for issuer in authority.office.issuers.values():
        publish(issuer.file_name, issuer.shard, authority.office, "upkeep")


def _listeners(authority: Authority, clock: BenchClock, ports: Ports, options: BenchOptions) -> tuple[Listener, ...]:
    files = _server_files(authority.folder)
    tls = None if options.http else Tls(files.certificate, files.key)
    soap_door = SoapDoor(authority.office, _soap_url(ports, options), authority.recipe, authority.responses.seal)
    control_door = ControlDoor(authority.office, clock, lambda: _upkeep(authority))
    return (
        Listener(Edge(soap_door), LOOPBACK, ports.soap, tls),
        Listener(Edge(control_door), LOOPBACK, ports.control),
        Listener(Edge(StatusDoor(authority.office)), LOOPBACK, ports.status),
    )


def _soap_url(ports: Ports, options: BenchOptions) -> str:
    return f"{'http' if options.http else 'https'}://{LOOPBACK}:{ports.soap}{SOAP_PATH}"


def _ready(folder: Folder, ports: Ports, options: BenchOptions) -> str:
    trust = {
        "holders": str(folder.trust / "holders.pem"),
        "services": str(folder.trust / "services.pem"),
        "server": None if options.http else str(folder.trust / "server.pem"),
    }
    line = {
        "soap_url": _soap_url(ports, options),
        "control_url": f"http://{LOOPBACK}:{ports.control}",
        "status_url": f"http://{LOOPBACK}:{ports.status}",
        "people_url": None,
        "trust": trust,
        "pid": os.getpid(),
    }
    return json.dumps(line)
