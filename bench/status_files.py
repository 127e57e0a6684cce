"""`python -m bench.status_files`: from a commit to files, from files to readers.

    python -m bench.status_files [--revocations N] [--renewals N] [--seconds N]

`sinetti authority publish-status --watch` writes the files while the service renews certificates. nginx serves them
with deploy/nginx.conf, and wrk asks for them.
"""

import argparse
import logging
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import uniform
from statistics import quantiles
from time import sleep
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509 import ocsp

from bench import load, scene, seeding
from bench.clusters import cluster, free_port, new_database
from bench.metrics import spent
from bench.ocsp import path_of, wrk_command, wrk_load
from bench.scene import KINDS, Holder
from bench.server import served
from sinetti.authority.bootstrap import Authority
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import load_certificate
from sinetti.services.publish_status import DIRECTORY_ANSWER
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.ocsp import OcspRefresher

GETS, WITHIN = 50_000, 1.0
"""Marks (issue 23, section 4).

GETs a second of one core, and seconds from a commit to the files at p99.
"""

IN_DEMAND = 100
"""Files that are in demand: fewer than nginx keeps open."""

_GIVEN_UP_AFTER = 60.0
_LOOKS_EVERY = 0.005
_PAUSE = 0.5
_CONF = Path(__file__).parents[1] / "deploy" / "nginx.conf"


def main() -> int:
    """Measure and print; return 1 if a mark is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.status_files", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--revocations", type=int, default=100, help="one after the other (default: %(default)s)")
    parser.add_argument("--renewals", type=int, default=100, help="a second meanwhile (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="of each load of nginx (default: %(default)s)")
    wanted = parser.parse_args()
    logging.disable(logging.WARNING)
    with ExitStack() as stack:
        url = new_database(stack.enter_context(cluster()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-bench-")))
        folder.chmod(0o755)  # nginx's workers are another user
        site = Site(folder / "a", folder / "files")
        # A revocation with its pause takes a second and a half at most.
        authority, holders = site.made(url, wanted.revocations * (1 + 3 * wanted.renewals // 2))
        with site.published():
            took, rate = site.delays(authority, holders, wanted)
        shares = quantiles(took, n=100, method="inclusive")
        print(f"from the commit of a revocation to its files, at {rate:.0f} renewals/s, {len(took)} revocations:")
        print(f"  p50 {shares[49]:.2f} s, p99 {shares[98]:.2f} s, longest {max(took):.2f} s (mark: p99 {WITHIN:.0f} s)")
        paths = site.kept_paths(authority, holders)
        loads = {f"{IN_DEMAND} files": paths[:IN_DEMAND], f"{len(paths):,} files": paths, "no file": ["/floor"]}
        rounds = [site.gets(loads, wanted.seconds) for _ in range(3)]
        authority.journal.close()
        authority.ctx.db.close()
    print(f"GETs/s of one core of nginx, three runs (mark: {GETS:,} of {IN_DEMAND} files):")
    rates = {name: sorted(one[name] for one in rounds) for name in loads}
    for name, found in rates.items():
        print(f"  {name}: {', '.join(f'{one:,.0f}' for one in found)}")
    return 0 if shares[98] <= WITHIN and rates[f"{IN_DEMAND} files"][1] >= GETS else 1


@dataclass(frozen=True, slots=True)
class Site:
    """Folder of an authority, and folder of its files."""

    root: Path
    files: Path

    def made(self, url: str, count_of_holders: int) -> tuple[Authority, list[Holder]]:
        """Create the authority with holders and stored responses."""
        scene.founded(self.root, KINDS["P-384"], url)
        authority = scene.opened(self.root)
        holders = scene.holders(authority, count_of_holders)
        seeding.seed(authority, holders)
        stored, rounds = 0, OcspRefresher()
        while stored < len(holders):
            stored += rounds.look(authority.ctx)
        authority.ctx.db.close()
        return authority, holders

    @contextmanager
    def published(self) -> Iterator[None]:
        """Run `publish-status --watch` during the block; all files are there."""
        command = [sys.executable, "-m", "sinetti", "authority", "publish-status", "--dir", str(self.root)]
        command += ["--to", str(self.files), "--watch"]
        with tempfile.TemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
            try:
                for _ in _looks(600.0):
                    log.seek(0)
                    if b"the files are current" in log.read():
                        break
                yield
            finally:
                process.terminate()

    def delays(
        self, authority: Authority, holders: Sequence[Holder], wanted: argparse.Namespace
    ) -> tuple[list[float], float]:
        """Revoke certificates while others are renewed.

        Returns the seconds from each commit until the files of response and list have it, and the renewals a second.
        """
        sent: list[load.Sent] = []
        stop = threading.Event()
        with served(self.root, 2) as server:
            requests = [load.Posted().framed(one.request) for one in holders[wanted.revocations :]]
            paced = _paced(requests, wanted.renewals, stop)
            thread = threading.Thread(target=lambda: sent.append(load.send(server.port, paced)))
            thread.start()
            sleep(2)
            took = [self._delay(authority, one) for one in holders[: wanted.revocations]]
            if not thread.is_alive():
                sentence = "the renewals ended before the revocations"
                raise RuntimeError(sentence)
            stop.set()
            thread.join()
        return took, sent[0].rate

    def _delay(self, authority: Authority, holder: Holder) -> float:
        name = authority.ctx.issuing[Channel.WS]
        path = self._answer(holder, authority)
        serial = load_certificate(holder.der).serial_number
        committed: list[float] = []

        def step(name: str) -> None:
            if name == "revoked":
                committed.append(monotonic_seconds())

        def look() -> None:
            for _ in _looks(_GIVEN_UP_AFTER):
                if _is_revoked(path) and _is_listed(self.files / "crl" / f"{name}.crl", serial):
                    found.append(monotonic_seconds())
                    return

        found: list[float] = []
        thread = threading.Thread(target=look)
        thread.start()
        ask = RevocationRequest(holder.serial, RevocationReason.KEY_COMPROMISE)
        revoke(ask, replace(authority.ctx, step=step), "bench", "0" * 32)
        thread.join()
        sleep(uniform(0, _PAUSE))  # noqa: S311 - so that each comes at another moment of the publisher's rounds
        return found[0] - committed[0]

    def _answer(self, holder: Holder, authority: Authority) -> Path:
        path = self.files / unquote(_path(holder, authority)).lstrip("/").replace("//", "/")
        return path / DIRECTORY_ANSWER if path.is_dir() else path

    def kept_paths(self, authority: Authority, holders: Sequence[Holder]) -> list[str]:
        """Return the paths of GETs that have a file."""
        return [_path(one, authority) for one in holders if self._answer(one, authority).is_file()]

    def gets(self, loads: Mapping[str, Sequence[str]], seconds: int) -> dict[str, float]:
        """Return the GETs a second of one core of nginx for the paths of each load."""
        folder, port = self.files.parent / "nginx", free_port()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with _nginx(folder, self.files, port) as worker:
            return {name: _rate(worker, wrk_command(folder, paths, port), seconds) for name, paths in loads.items()}


def _rate(worker: int, command: list[str], seconds: int) -> float:
    wrk_load(command, 1)
    before = spent([worker])
    done = wrk_load(command, seconds)
    return done / (spent([worker]) - before)


def _path(holder: Holder, authority: Authority) -> str:
    issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
    return path_of(holder, issuer.certificate, issuer.file_name)


def _looks(within: float) -> Iterator[None]:
    """Yield at each look. Raises RuntimeError after this time."""
    end = monotonic_seconds() + within
    while monotonic_seconds() < end:
        yield
        sleep(_LOOKS_EVERY)
    sentence = f"what was waited for did not come within {within:.0f} s"
    raise RuntimeError(sentence)


def _paced(requests: Sequence[bytes], per_second: int, stop: threading.Event) -> Iterator[bytes]:
    begun = monotonic_seconds()
    for number, one in zip(count(), requests):
        sleep(max(0.0, begun + number / per_second - monotonic_seconds()))
        if stop.is_set():
            return
        yield one


def _is_revoked(path: Path) -> bool:
    try:
        der = path.read_bytes()
    except FileNotFoundError:
        return False
    return ocsp.load_der_ocsp_response(der).certificate_status is ocsp.OCSPCertStatus.REVOKED


def _is_listed(path: Path, serial: int) -> bool:
    crl = x509.load_der_x509_crl(path.read_bytes())
    return crl.get_revoked_certificate_by_serial_number(serial) is not None


@contextmanager
def _nginx(folder: Path, files: Path, port: int) -> Iterator[int]:
    """Run nginx with the status server of deploy/nginx.conf.

    Yields the id of its one worker.
    """
    site = _CONF.read_text(encoding="utf-8")
    # Without the servers that need a certificate for TLS.
    site = re.sub(r"\nserver \{\n    listen 443 ssl;.*?\n\}\n", "\n", site, flags=re.DOTALL)
    floor = "location = /floor { return 200; }"
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};\n    {floor}").replace(
        "/var/cache/sinetti-status", str(files)
    )
    places = "".join(
        f"{one}_temp_path {folder}/{one};\n" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off;\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{places}{site}}}\n"
    (folder / "nginx.conf").write_text(main, encoding="utf-8")
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        sentence = "nginx is not installed: scripts/packages bench"
        raise SystemExit(sentence)
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command) as process:
        try:
            for _ in _looks(30.0):
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
                if children:
                    break
            yield int(children[0])
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
