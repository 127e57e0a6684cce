"""Comparison with CFSSL (Debian golang-cfssl).

It issues bare certificates over HTTP, with the same CA, stored on the same PostgreSQL.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import psycopg
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr

from bench.clusters import free_port
from bench.floor import request_of
from bench.load import Line, Posted, Sent, send
from bench.peer import write_ca
from bench.scene import Holder
from sinetti.authority.bootstrap import Authority
from sinetti.infra.clock import monotonic_seconds

_TABLE = """CREATE TABLE certificates (serial_number bytea NOT NULL, authority_key_identifier bytea NOT NULL,
  ca_label bytea, status bytea NOT NULL, reason int, expiry timestamptz, revoked_at timestamptz, pem bytea NOT NULL,
  issued_at timestamptz, not_before timestamptz, metadata jsonb, sans jsonb, common_name text,
  PRIMARY KEY (serial_number, authority_key_identifier))"""
"""CFSSL 1.6's own schema (certdb/pg/migrations)."""


def measured(authority: Authority, holders: Sequence[Holder], database_url: str, connections: int) -> Sent | None:
    """Measure CFSSL with the same requests; None if it is not installed."""
    if shutil.which("cfssl") is None:
        return None
    requests = [_posted(holder) for holder in holders]
    with TemporaryDirectory() as folder, _serving(authority, Path(folder), database_url) as port:
        sent = send(port, requests, connections)
    for answer in sent.answers:
        if b'"success":true' not in answer:
            raise RuntimeError(answer.decode(errors="replace"))
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM certificates").fetchone()
    if row != (len(holders),):
        sentence = f"CFSSL stored {row} certificates of {len(holders)}"
        raise RuntimeError(sentence)
    return sent


def _posted(holder: Holder) -> bytes:
    pem = load_der_x509_csr(request_of(holder)).public_bytes(Encoding.PEM).decode()
    return Posted("/api/v1/cfssl/sign", "application/json", "").framed(
        json.dumps({"certificate_request": pem, "hosts": []}).encode()
    )


@contextmanager
def _serving(authority: Authority, folder: Path, database_url: str) -> Iterator[int]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TABLE)
    write_ca(authority, folder)
    profile = {"usages": ["digital signature", "client auth"], "expiry": "17520h"}
    files = {
        "config.json": json.dumps({"signing": {"default": profile}}).encode(),
        "db.json": json.dumps({"driver": "postgres", "data_source": f"{database_url}?sslmode=disable"}).encode(),
    }
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    port = free_port()
    command = ["cfssl", "serve", "-address", "127.0.0.1", "-port", str(port), "-loglevel", "5"]
    command += ["-ca", "ca.pem", "-ca-key", "key.pem", "-config", "config.json", "-db-config", "db.json"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = monotonic_seconds() + 30
    while True:
        try:
            Line(port).socket.close()
        except OSError:
            if process.poll() is not None or monotonic_seconds() > deadline:
                raise
            sleep(0.05)
        else:
            return
