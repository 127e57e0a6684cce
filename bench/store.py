"""`python -m bench.store [--names 10000]`: duration of commands on a large store.

It makes a store of RSA certificates in a temporary folder (or in --keep DIR, which stays). It runs the commands of the
client on it, each as a process of its own, and takes the best of three. Memory is the peak of a process of its own.
"""

import argparse
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from bench.gateway import NOW, Scene, scene
from bench.processes import cost
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import LeafProfile, LeafRequest
from sinetti.client.results import ExitCode
from sinetti.client.store import key_checks, settings, snapshot
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import VALIDITY, Environment, KeyType, Serial, ValidityPeriod
from sinetti.pki import chain, encoding
from sinetti.pki.encoding import sign

NAMES = 10_000
KEYS = 20
"""Number of different keys.

Making one takes long, and a command takes as long for twenty as for ten thousand.
"""

LOOKED_AT = NOW + timedelta(days=700)
"""Instant of the commands: some certificates are open for renewal, none has ended."""

MARK = 2.0
COMMANDS = {
    "status": ("status",),
    "status --json": ("status", "--json"),
    "status --json --details": ("status", "--json", "--details"),
    "status --check": ("status", "--check"),
    "status --prometheus": ("status", "--prometheus", "-"),
}


def make(store: Path, names: int) -> None:
    """Fill a folder with so many names, each as `sinetti enrol` leaves it."""
    made = scene()
    keys = [encoding.generate_key(KeyType.RSA_2048) for _ in range(KEYS)]
    pems = [encoding.dump_private_key(key, None) for key in keys]
    holders = made.built.holders_bundle
    above = chain.build_chain(made.issuer.certificate, chain.load_bundle(holders))
    chain_pem = b"".join(
        encoding.certificate_pem(encoding.certificate_der(one)) for one in (made.issuer.certificate, *above)
    )
    kept = NameSettings(
        "https://certificates.example/2017/10/CertificateServices",
        Environment.TEST,
        "0123456-7",
        "Sinisiipi Oy",
        KeyType.RSA_2048,
        holders.decode(),
        holders.decode(),
        None,
    )
    for number in range(names):
        folder, which = store / f"name-{number:06}", number % KEYS
        serial, der = _issued(made, keys[which], number)
        generation = folder / "generations" / serial
        generation.mkdir(parents=True, mode=0o700)
        (generation / "key.pem").write_bytes(pems[which])
        (generation / "key.pem").chmod(0o600)
        (generation / "certificate.pem").write_bytes(encoding.certificate_pem(der))
        (generation / "chain.pem").write_bytes(chain_pem)
        (folder / "pending").mkdir(mode=0o700)
        (folder / "live").symlink_to(Path("generations") / serial)
        (folder / "settings.toml").write_text(settings.dump(kept).replace("Sinisiipi Oy", f"Sinisiipi {number} Oy"))
        (folder / "notes.json").write_text('{"revoked": null, "serial": null, "transfer": null}\n')


def _issued(made: Scene, key: encoding.PrivateKey, number: int) -> tuple[Serial, bytes]:
    begins = NOW + timedelta(days=number % 690)
    serial, span = new_serial(), ValidityPeriod(begins, begins + VALIDITY)
    plan = LeafRequest("0123456-7", f"Sinisiipi {number} Oy", "FI", "0" * 32, key.public_key(), serial, span)
    tbs = build_tbs(plan, made.issuer, LeafProfile.HOLDER)
    der = attach_signature(tbs, sign(made.built.key(made.issuer.key_name), tbs), made.issuer.certificate)
    return encoding.serial_hex(encoding.load_certificate(der).serial_number), der


def remember(store: Path) -> None:
    """Write the record of compared sets that the agent's last pass leaves."""
    checks = key_checks.load(store, LOOKED_AT)
    for _ in snapshot.list_snapshots(store, checks=checks):
        pass
    key_checks.save(store, checks)


def timed(words: tuple[str, ...], store: Path) -> tuple[float, float, float]:
    """Return the cost of a command on this store.

    A certificate that is due is no fault.
    """
    return cost((*words, "--store", str(store), "--now", f"{LOOKED_AT:%Y-%m-%dT%H:%M:%SZ}"), ExitCode.UNCERTAIN)


def main() -> int:
    """Make the store and measure the commands; return 0 if the mark is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.store")
    parser.add_argument("--names", type=int, default=NAMES)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="make the store here, if it is not there, and leave it"
    )
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = parsed.keep or Path(folder) / "store"
        if not store.exists():
            store.mkdir(parents=True, mode=0o700)
            make(store, parsed.names)
        remember(store)
        met = True
        for what, words in COMMANDS.items():
            seconds, busy, most = timed(words, store)
            met &= seconds < MARK
            print(f"sinetti {what:24} {seconds:5.2f} s  {busy:5.2f} s of a processor  {most:5.0f} MB")
    print("under 2 s" if met else "not under 2 s")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
