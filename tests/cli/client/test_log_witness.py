"""`sinetti log witness` as a process, and the service that pushes its heads to it."""

import re
import signal
import socket
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from django.db import connections

from sinetti.cli.client import log_witness
from sinetti.cli.client.log_witness import Witness, _Server
from sinetti.cli.main import main
from sinetti.database.evidence import log_tree
from sinetti.services.evidence import read_log
from sinetti.services.evidence.cosign_head import WitnessAddress, cosign_head
from sinetti.services.evidence.prove_entry import prove_issue
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.wire.transparency.merkle import leaf_hash
from sinetti.wire.transparency.notes import Checkpoint, SignedNote, VerifierKey
from sinetti.wire.transparency.proofs import LARGEST_PROOF, EntryProof
from tests.support.logs import LOG_KEY, NEXT_KEY, ORIGIN, REQUEST, logging, write_rows
from tests.support.programs import program
from tests.support.registers import sqlite_db
from tests.support.scene import enrolled, sqlite_scene

__all__ = ["sqlite_db", "sqlite_scene"]


@contextmanager
def witnessing(folder, key=LOG_KEY):
    """Run a witness, and yield its address."""
    words = ("log", "witness", "--dir", folder, "--name", "witness.example", "--log", str(key.verifier))
    command = program(*words, "--bind", "127.0.0.1:0", "--lang", "en")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline()
            found = re.search(r"The witness (\S+) listens on (http://\S+?)\.?$", said.strip())
            assert found, said + process.stderr.read()
            yield WitnessAddress(found[2], VerifierKey.parse(found[1]))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def head(ctx) -> SignedNote:
    return SignedNote.parse(read_log.head(ctx.db))


def test_heads_are_pushed_and_served_with_cosignatures(sqlite_scene, tmp_path, caplog):
    ctx, sequencer = logging(sqlite_scene.ctx), LogSequencer()
    assert cosign_head(ctx.db, [WitnessAddress("http://127.0.0.1:1", LOG_KEY.verifier)]) == 0
    serial = enrolled(sqlite_scene).serial
    with witnessing(tmp_path / "witness") as witness:
        for _ in range(2):
            sequencer.run(ctx, REQUEST)
            assert cosign_head(ctx.db, [witness]) == 1
            assert head(ctx).signers([LOG_KEY.verifier, witness.key]) == (LOG_KEY.verifier, witness.key)
            assert cosign_head(ctx.db, [witness]) == 0
            write_rows(ctx.db, 5)
        proof = prove_issue(ctx.db, serial)
        assert len(proof) <= LARGEST_PROOF
        found = EntryProof.parse(proof)
        _, note = found.verify(leaf_hash(found.extra), LOG_KEY.verifier)
        assert note.signers([witness.key]) == (witness.key,)
    sequencer.run(ctx, REQUEST)
    assert cosign_head(ctx.db, [witness]) == 0
    assert "did not cosign the log" in caplog.text
    with witnessing(tmp_path / "witness") as again:
        assert again.key == witness.key
        assert cosign_head(ctx.db, [again]) == 1


def test_a_witness_that_saw_more_than_we_know(sqlite_scene, tmp_path):
    """As after a restore of the database."""
    ctx, sequencer = logging(sqlite_scene.ctx), LogSequencer()
    sequencer.run(ctx, REQUEST)
    with witnessing(tmp_path / "witness") as witness:
        assert cosign_head(ctx.db, [witness]) == 1
        with connections[ctx.db.alias].cursor() as cursor:
            cursor.execute("DROP TRIGGER logcosignature_no_delete")
            cursor.execute("DELETE FROM sinetti_logcosignature")
        write_rows(ctx.db, 3)
        sequencer.run(ctx, REQUEST)
        assert log_tree.cosigned_size(ctx.db, witness.key.name) == 0
        assert cosign_head(ctx.db, [witness]) == 1


def test_a_fork_is_refused_and_reported(sqlite_scene, tmp_path, caplog):
    ctx = logging(sqlite_scene.ctx)
    LogSequencer().run(ctx, REQUEST)
    with witnessing(tmp_path / "witness") as witness:
        fork = Checkpoint(ORIGIN, 1, bytes(32)).signed(LOG_KEY)
        with urlopen(Request(f"{witness.url}/add-checkpoint", b"old 0\n\n" + fork), timeout=60) as reply:  # noqa: S310
            assert reply.status == 200
        assert cosign_head(ctx.db, [witness]) == 0
    assert "did not cosign" in caplog.text or "has seen another log" in caplog.text


def test_a_damaged_checkpoint_is_reported_and_stays(sqlite_scene, tmp_path, capfd):
    ctx = logging(sqlite_scene.ctx)
    LogSequencer().run(ctx, REQUEST)
    one = Witness(tmp_path, "witness.example", {ORIGIN: LOG_KEY.verifier})
    body = b"old 0\n\n" + read_log.head(ctx.db)
    assert one.answer(body).status == 200
    (path,) = tmp_path.glob("*.checkpoint")
    path.write_bytes(b"")
    assert one.answer(body).status == 500
    assert (path.read_bytes(), str(path) in "".join(capfd.readouterr().err.split())) == (b"", True)


REFUSED = {
    "another path": ("/", b"", 404),
    "a long body": ("/add-checkpoint", b"x" * 70_000, 413),
    "no request": ("/add-checkpoint", b"nothing", 400),
}


def test_other_requests(tmp_path):
    with witnessing(tmp_path / "witness") as witness:
        for path, body, status in REFUSED.values():
            with pytest.raises(HTTPError) as refused:
                urlopen(Request(f"{witness.url}{path}", body), timeout=60)  # noqa: S310 - loopback
            assert refused.value.code == status
        host, port = urlsplit(witness.url).netloc.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 60) as one:
            one.sendall(b"POST /add-checkpoint HTTP/1.1\r\n\r\n")
            assert b" 400 " in one.recv(100)


def begun(address, stack) -> socket.socket:
    """Return a connection that has begun a request."""
    one = stack.enter_context(socket.create_connection(address, 60))
    one.sendall(b"POST /add-checkpoint HTTP/1.0\r\n")
    return one


def test_connections_at_a_time_are_few(tmp_path):
    with witnessing(tmp_path / "witness") as witness, ExitStack() as stack:
        address = ("127.0.0.1", int(witness.url.rpartition(":")[2]))
        held = [begun(address, stack) for _ in range(32)]
        with socket.create_connection(address, 60) as further:
            assert further.recv(1) == b""
        held[0].sendall(b"\r\n")  # a whole request, though without a body
        assert b" 413 " in held[0].recv(100)
        while held[0].recv(100):
            pass
        another = begun(address, stack)
        another.sendall(b"\r\n")
        assert b" 413 " in another.recv(100)


def test_a_connection_ends_though_octets_come_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(log_witness, "_WITHIN", 0.3)
    logs = {ORIGIN: LOG_KEY.verifier}
    with ExitStack() as stack:
        server = stack.enter_context(_Server(("127.0.0.1", 0), Witness(tmp_path, "witness.example", logs)))
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(server.shutdown)
        one = begun(server.server_address, stack)
        one.settimeout(0.05)
        for _ in range(1200):
            with suppress(TimeoutError):
                one.sendall(b"x")
                assert one.recv(1) == b""
                break
        else:
            pytest.fail("the connection was not ended")


def test_two_keys_of_one_log(tmp_path, capsys):
    words = ["log", "witness", "--dir", str(tmp_path), "--name", "witness.example", "--lang", "en"]
    for key in (LOG_KEY, NEXT_KEY):
        words += ["--log", str(key.verifier)]
    assert main(words) == 2
    assert f"names the log {ORIGIN} twice" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "more",
    [["--log", "no key"], ["--log", str(LOG_KEY.verifier), "--bind", "nowhere"]],
    ids=["no key", "no address"],
)
def test_usage(tmp_path, more):
    assert main(["log", "witness", "--dir", str(tmp_path), "--name", "witness.example", *more]) == 2


@pytest.mark.parametrize("name", ["a witness", "witness+1", ""])
def test_a_name_that_no_key_can_have(tmp_path, capsys, name):
    words = ["log", "witness", "--dir", str(tmp_path / "new"), "--name", name, "--log", str(LOG_KEY.verifier)]
    assert main([*words, "--lang", "en"]) == 2
    assert "without spaces and without +" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_an_address_where_another_program_listens(tmp_path, capsys):
    words = ["log", "witness", "--dir", str(tmp_path), "--name", "witness.example", "--log", str(LOG_KEY.verifier)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main([*words, "--bind", place, "--lang", "fi"]) == 2
    assert "toinen ohjelma kuuntelee" in " ".join(capsys.readouterr().err.split())
