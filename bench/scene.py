"""An authority after two years, with holders and their signed requests.

The holders' certificates may be renewed now.

Keys are RSA 2048. Making 20,000 of them would take half an hour. Therefore their moduli are products of two of some
two hundred primes. Operations with them cost the same.
"""

import multiprocessing
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations, islice
from math import isqrt
from multiprocessing.connection import Connection
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.authority.bootstrap import Authority, RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.database.operations import clock
from sinetti.domain.requests import RenewRequest
from sinetti.domain.values import VALIDITY, Channel, Environment, KeyId, Serial, ValidityPeriod
from sinetti.infra.clock import utc_now
from sinetti.pki.csr import build_request
from sinetti.pki.key_policy import key_id
from sinetti.pki.signers.pkcs11_uri import TokenLocation
from sinetti.settings.authority import AuthoritySettings, ResponseRecipe
from sinetti.wire.soap.operations import render_renew
from sinetti.wire.xmldsig.signers import signer_for_key

BEGAN = timedelta(days=720)
"""Age of the authority and of its holders' certificates."""

PROCESSES = 2
SOAP_PATH = "/2017/10/CertificateServices"
_E = 65_537


@dataclass(frozen=True, slots=True)
class Kind:
    """Keys of an authority: its issuing CA's, its services CA's and response signer's.

    They are in `token`, or in files without it. With `is_separate`, the separate signer has them.
    """

    name: str
    issuing: str
    services: str
    signer: str
    token: TokenLocation | None = None
    is_separate: bool = False

    def in_token(self, token: TokenLocation) -> "Kind":
        """Return the same keys, but in a PKCS#11 token."""
        return replace(self, name=f"{self.name}{IN_TOKEN}", token=token)

    def in_signer(self) -> "Kind":
        """Return the same keys, but in the separate signer."""
        return replace(self, name=f"{self.name}{IN_SIGNER}", is_separate=True)


IN_SIGNER = " in the signer"
"""End of the name of a kind whose keys are in the separate signer."""

IN_TOKEN = " in a token"  # noqa: S105 - no password
"""End of the name of a kind whose keys are in a token."""


KINDS = {
    "P-384": Kind("P-384", "ec-p384", "ec-p256", "ec-p256"),
    "RSA-4096": Kind("RSA-4096", "rsa-4096", "rsa-2048", "rsa-2048"),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """One holder: its certificate, and the request that renews it."""

    number: int
    lineage_id: str
    customer_id: str
    serial: Serial
    key: KeyId
    span: ValidityPeriod
    to_be_signed: bytes = field(repr=False)
    der: bytes = field(repr=False)
    request: bytes = field(repr=False)


def hierarchy(kind: Kind) -> str:
    """Return the hierarchy of a benchmark in TOML."""
    authorities = [
        ("root", "Bench Root {test}CA v1", "", "ec-p384", ""),
        ("intermediate", "Bench Intermediate {test}CA v1", "Bench Root {test}CA v1", "ec-p384", ""),
        ("issuing", "Bench {test}Issuing CA v1", "Bench Intermediate {test}CA v1", kind.issuing, "WS"),
        ("issuing", "Bench SFTP {test}Issuing CA v1", "Bench Intermediate {test}CA v1", "ec-p256", "SFTP"),
        ("services", "Bench Services {test}CA v1", "Bench Intermediate {test}CA v1", kind.services, ""),
    ]
    lines = [
        'organisation = "Sinetti"',
        'country = "FI"',
        "test_bench_only = false",
        "[holders]",
        'validity = "P730D"',
    ]
    lines += ['key_types = ["rsa-2048"]', "small_exponent = false"]
    for role, name, parent, key, channel in authorities:
        lines += ["[[authorities]]", f'role = "{role}"', f'name = "{name}"', f'key = "{key}"', "lifetime_days = 7000"]
        lines += [f'parent = "{parent}"'] if parent else []
        lines += [f'channel = "{channel}"'] if channel else []
    lines += ["[response_signer]", 'name = "Bench {test}Response Signer"', f'key = "{kind.signer}"']
    return "\n".join([*lines, "lifetime_days = 1000", ""])


def founded(root: Path, kind: Kind, database_url: str) -> None:
    """Create an authority as of 720 days ago, whose clock is accepted as it is now."""
    settings = AuthoritySettings(
        environment=Environment.TEST,
        base_url="http://pki.bench.example",
        soap_address=f"https://bench.example{SOAP_PATH}",
        response_recipe=ResponseRecipe.EXCLUSIVE,
        database_url=database_url,
    )
    if kind.token is not None:
        module, pin_file = str(kind.token.module), str(kind.token.pin_file)
        settings = replace(settings, pkcs11_module=module, pkcs11_token=kind.token.label, pkcs11_pin_file=pin_file)
    initialise(root, InitOptions(DirectoryKind.AUTHORITY, hierarchy(kind), settings, utc_now() - BEGAN))
    authority = opened(root)
    clock.confirm(authority.ctx.db, utc_now(), clock.stored(authority.ctx.db))
    authority.journal.close()
    authority.ctx.db.close()
    authority.keys.close()


def opened(root: Path, manner: RuntimeOptions | None = None) -> Authority:
    """Open the authority now."""
    return open_authority(root, DirectoryKind.AUTHORITY, manner)


def keys(count: int) -> Iterator[rsa.RSAPrivateKey]:
    """Return so many different RSA 2048 keys."""
    primes: list[int] = []
    for _ in range(isqrt(2 * count) // 2 + 2):
        numbers = rsa.generate_private_key(_E, 2048).private_numbers()
        primes += [numbers.p, numbers.q]
    pairs = (pair for pair in combinations(primes, 2) if (pair[0] * pair[1]).bit_length() == 2048)  # noqa: PLR2004
    return (_key(*pair) for pair in islice(pairs, count))


def holders(authority: Authority, count: int) -> list[Holder]:
    """Make holders with certificates, and sign their requests, in two processes.

    The authority's CA signs the certificates.
    """
    # The old keys and the new ones have no prime in common: such a renewal would be refused.
    pairs = list(enumerate(zip(keys(count), keys(count), strict=True)))
    authority.ctx.db.close()
    context, began = multiprocessing.get_context("fork"), utc_now() - BEGAN + timedelta(days=1)
    parts = []
    for number in range(PROCESSES):
        receiver, sender = context.Pipe(duplex=False)
        arguments = (authority, pairs[number::PROCESSES], began, sender)
        process = context.Process(target=_make, args=arguments)  # forked: nothing of this is pickled
        process.start()
        parts.append((process, receiver))
    made = [holder for _, receiver in parts for holder in receiver.recv()]
    for process, _ in parts:
        process.join()
    return sorted(made, key=lambda holder: holder.number)


def _make(
    authority: Authority,
    pairs: list[tuple[int, tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]]],
    began: datetime,
    sender: Connection,
) -> None:
    issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
    sender.send([_holder(authority, issuer, began, pair) for pair in pairs])
    sender.close()


def _holder(
    authority: Authority,
    issuer: IssuingCa,
    began: datetime,
    pair: tuple[int, tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]],
) -> Holder:
    """Return a holder whose certificate's last month has begun."""
    number, (mine, new) = pair
    customer_id, lineage_id = f"BENCH{number:07d}", secrets.token_hex(16)
    span = ValidityPeriod(began, began + VALIDITY)
    plan = LeafRequest(customer_id, name_of(number), "FI", lineage_id.upper(), mine.public_key(), new_serial(), span)
    to_be_signed = build_tbs(plan, issuer, LeafProfile.HOLDER)
    der = attach_signature(to_be_signed, authority.ctx.signer.sign(issuer.key_name, to_be_signed), issuer.certificate)
    request = build_request(new, customer_id, name_of(number))
    ask = RenewRequest(Environment.TEST, customer_id, name_of(number), request, der)
    return Holder(
        number,
        lineage_id,
        customer_id,
        plan.serial,
        key_id(mine.public_key()),
        span,
        to_be_signed,
        der,
        render_renew(ask, signer_for_key(mine, der)),
    )


def name_of(number: int) -> str:
    """Return the name of a holder."""
    return f"Sinisiipi {number} Oy"


def _key(p: int, q: int) -> rsa.RSAPrivateKey:
    n, phi = p * q, (p - 1) * (q - 1)
    d = pow(_E, -1, phi)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(_E, n))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
