"""An authority whose keys are in the separate signer: founding, separation, and every kind of signature."""

import shutil
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.key_store import StoreKind
from sinetti.authority.signer.server import SignerServer
from sinetti.authority.signer_process import MOST_NEW_KEYS, SignerFolder, open_signer, signer_actions
from sinetti.authority.signer_separation import SeparationOptions, separate_keys
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse
from sinetti.domain.values import Environment, KeyType
from sinetti.infra.unix_socket import listen_on_path
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.settings.authority import AuthoritySettings
from tests.support.registers import all_connections_closed
from tests.support.service_context import Clock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = AuthoritySettings(Environment.TEST, "http://pki.example", "https://soap.example")
FOUNDING = InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), SETTINGS, NOW)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    root = tmp_path_factory.mktemp("founded") / "authority"
    with all_connections_closed():
        initialise(root, FOUNDING)
    return root


@pytest.fixture
def root(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "authority")
    return tmp_path / "authority"


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def options(tmp_path):
    return SeparationOptions(tmp_path / "signer", tmp_path / "signer.sock", orders_per_day=100)


@contextmanager
def opened(root, clock):
    authority = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(now=clock))
    try:
        yield authority
    finally:
        authority.keys.close()
        authority.journal.close()
        authority.ctx.db.close()


@contextmanager
def signing(options, clock):
    signer, (stop, stopping) = open_signer(options.root), socket.socketpair()
    listener = listen_on_path(options.socket, 8)
    server = SignerServer(listener, {0} | {__import__("os").getuid()}, signer_actions(signer, clock))
    thread = Thread(target=server.run, args=(stop,))
    thread.start()
    try:
        yield signer
    finally:
        stopping.send(b"x")
        thread.join(10)
        for one in (listener, stop, stopping):
            one.close()
        options.socket.unlink()
        signer.close()


def test_all_keys_move(root, clock, options):
    with opened(root, clock) as authority:
        names = separate_keys(authority, options)
    assert not [path.name for path in (root / "keys").iterdir() if path.suffix in {".pem", ".uri"}]
    assert len(names) == len(set(names)) == len(list((options.root / "keys").glob("*.pem")))
    with signing(options, clock), opened(root, clock) as authority:
        assert {store.kind for store in authority.keys.stores} == {StoreKind.SIGNER}
        for name in authority.ctx.issuers:
            authority.ctx.signer.check(name)
        authority.responses.seal()
