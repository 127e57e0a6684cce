"""Ceremonies in memory: keys, requests, and an offline signer that stores nothing."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

from sinetti.ca.ceremony.plan import parse_plan
from sinetti.ca.ceremony.production import make_result
from sinetti.ca.ceremony.registry import MadeKind, OfflineSigner, Registry
from sinetti.ca.ceremony.sets import CeremonyKind, ListData, RequestSet
from sinetti.domain.values import Environment
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import generate_key, load_certificate, serial_hex, sign
from tests.support.ceremonies import NOW, QUICK, ROOTS, URL, plan_text

PLAN = parse_plan(plan_text(hierarchy=QUICK).encode())
LISTS = parse_plan(plan_text(CeremonyKind.LISTS).encode())
OFFICERS = parse_plan(plan_text(CeremonyKind.OFFICERS).encode())
LATER = NOW + timedelta(hours=3)
SPECS = {spec.file_name: spec for spec in PLAN.hierarchy.authorities}
ONLINE = tuple(name for name in SPECS if name not in ROOTS)


@cache
def keys():
    """Return a key for each CA."""
    return {name: generate_key(spec.key_type) for name, spec in SPECS.items()}


def csr(name, key=None, cn=None):
    """Return the CSR of a CA."""
    return build_request(key or keys()[name], cn or SPECS[name].name, "Sinetti")


@cache
def request():
    """Return the request of a founding."""
    requests = {name: csr(name) for name in ONLINE}
    return RequestSet(CeremonyKind.FOUNDING, Environment.TEST, URL, NOW, "0" * 64, requests=requests)


@dataclass
class Memory:
    """A medium in memory: its register as stored last, and the steps."""

    registry: Registry
    steps: list = field(default_factory=list)
    more: dict = field(default_factory=dict)

    def signer(self, step=None):
        known = {**keys(), **self.more}
        return OfflineSigner(
            self.registry, lambda name, octets: sign(known[name], octets), self.store, step or self.steps.append
        )

    def store(self, registry):
        self.registry = registry

    def make(self, plan, wanted, step=None):
        public = {name: keys()[name].public_key() for name in ROOTS}
        public |= {name: key.public_key() for name, key in self.more.items()}
        return make_result(plan, wanted, self.signer(step), public)


def empty():
    """Return a medium before the founding."""
    names = {name: spec.name for name, spec in SPECS.items()}
    return Memory(Registry("runori", Environment.TEST, URL, PLAN.custodians, names))


@cache
def _founded():
    medium = empty()
    return medium, medium.make(PLAN, request())


def founded():
    """Return a medium after the founding, and the result."""
    medium, result = _founded()
    return Memory(medium.registry), result


def lists(medium, entries=(), number=None, created=LATER, **changes):
    """Return a request for the lists of both CAs; `entries` are those of the intermediate's."""
    number = number or int(created.timestamp() * 1000)
    rows = tuple(
        ListData(name, shard, number, entries if name == ROOTS[1] else ()) for name in ROOTS for shard in (0, 1)
    )
    head = RequestSet(CeremonyKind.LISTS, Environment.TEST, URL, created, "5" * 64)
    return replace(head, authority=medium.registry.authority, lists=rows, **changes)


def officers(medium, **changes):
    """Return a request for new officers."""
    head = RequestSet(CeremonyKind.OFFICERS, Environment.TEST, URL, LATER, "6" * 64, instance="instance")
    return replace(head, authority=medium.registry.authority, **changes)


def serial_of(medium, name):
    """Return the serial number of a CA."""
    (item,) = (one for one in medium.registry.items if (one.kind, one.name) == (MadeKind.CERTIFICATE, name))
    return serial_hex(load_certificate(item.made).serial_number)
