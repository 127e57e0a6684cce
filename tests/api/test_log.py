"""Public part of the log over HTTP: checkpoint, tiles, key, proofs, and nothing else."""

import pytest

from sinetti.api.publication import PublicationEndpoint
from sinetti.server.http import Request
from sinetti.services.evidence.rotate_log_key import rotate_log_key
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.key_rotation import rotated_keys
from sinetti.wire.transparency.merkle import check_consistency, consistency_proof, cover, fold, leaf_hash
from sinetti.wire.transparency.notes import VerifierKey, open_checkpoint
from sinetti.wire.transparency.observer import LogMemory, LogPolicy, LogReader
from sinetti.wire.transparency.proofs import EntryProof
from sinetti.wire.transparency.tiles import lookup_in
from tests.support.logs import AUDIT, LOG_KEY, NEXT_KEY, REQUEST, logging, write_rows
from tests.support.scene import enrolled


def asked(scene, path, method="GET", **headers):
    return PublicationEndpoint(scene.ctx)(Request(method, path, "", headers, REQUEST, b""))


def fetched(scene, path) -> bytes:
    reply = asked(scene, path)
    assert reply.status == 200, reply.body
    return reply.body


@pytest.fixture
def logged(scene):
    """Return a scene whose log has two checkpoints, and a certificate."""
    ctx, sequencer = logging(scene.ctx), LogSequencer()
    held = enrolled(scene)
    sequencer.run(ctx, REQUEST)
    first = fetched(scene, "/log/checkpoint")
    write_rows(scene.db, 300)
    sequencer.run(ctx, REQUEST)
    return scene, held, first


def test_a_client_computes_proofs_from_tiles_alone(logged):
    scene, _, first = logged
    key = VerifierKey.parse(fetched(scene, "/log/key").decode())
    assert key == LOG_KEY.verifier
    older, _ = open_checkpoint(first, key)
    newer, _ = open_checkpoint(fetched(scene, "/log/checkpoint"), key)
    assert newer.size > 256
    look = lookup_in(newer.size, lambda name: fetched(scene, f"/log/{name.path}"))
    proof = consistency_proof(older.size, newer.size, look)
    assert proof
    check_consistency(older.head, newer.head, proof)
    assert fold([look(*one) for one in cover(0, newer.size)]) == newer.root


def test_proof_of_a_certificate(logged):
    scene, held, _ = logged
    proof = EntryProof.parse(fetched(scene, f"/log/proof/{held.serial}"))
    checkpoint, _ = proof.verify(leaf_hash(proof.extra), LOG_KEY.verifier)
    assert parse_entry(proof.extra).object == f"certificate:{held.serial}"
    assert checkpoint.size > proof.index


def test_headers(logged):
    scene, _, _ = logged
    for path, kind, cache in (
        ("/log/checkpoint", "text/plain; charset=utf-8", "max-age=5"),
        ("/log/tile/0/000", "application/octet-stream", "max-age=31536000, immutable"),
    ):
        reply = asked(scene, path)
        assert (reply.content_type, reply.headers["cache-control"]) == (kind, cache)
        again = asked(scene, path, **{"if-none-match": reply.headers["etag"]})
        assert (again.status, again.body) == (304, b"")


NOTHING = (
    "/log/",
    "/log/tile/0/001",
    "/log/tile/0/001.p/200",
    "/log/tile/2/000",
    "/log/tile/entries/000",
    "/log/tile/data/000",
    "/log/proof/00",
    "/log/proof/XY",
    "/log/entries",
)


def test_there_is_nothing_else(logged):
    assert {path: asked(logged[0], path).status for path in NOTHING} == dict.fromkeys(NOTHING, 404)


def test_only_get_and_head(logged):
    assert asked(logged[0], "/log/checkpoint", "POST").status == 405


def test_before_the_log_begins(scene):
    for path in ("/log/checkpoint", "/log/key", "/log/tile/0/000"):
        assert asked(scene, path).status == 404


def test_proof_of_a_changed_key(logged):
    scene, _, _ = logged
    old = LOG_KEY.verifier.key_id.hex()
    assert asked(scene, f"/log/key/{old}").status == 404
    rotate_log_key(lambda _origin: NEXT_KEY, logging(scene.ctx), AUDIT)
    assert asked(scene, f"/log/key/{old}").status == 404
    LogSequencer().run(logging(scene.ctx, LOG_KEY, NEXT_KEY), REQUEST)
    change = EntryProof.parse(fetched(scene, f"/log/key/{old}"))
    change.verify(leaf_hash(change.extra), LOG_KEY.verifier)
    assert list(rotated_keys(parse_entry(change.extra), [LOG_KEY.verifier])) == [NEXT_KEY.verifier]
    assert asked(scene, f"/log/key/{NEXT_KEY.verifier.key_id.hex()}").status == 404


def test_a_reader_follows_the_log_and_its_changed_key(logged):
    scene, _, _ = logged

    def fetch(path):
        reply = asked(scene, f"/log/{path}")
        return reply.body if reply.status == 200 else None

    reader = LogReader(LOG_KEY.name, LogPolicy(LOG_KEY.verifier), LogMemory(), fetch)
    assert reader.read_head(scene.ctx.machine_now()).size > 300
    rotate_log_key(lambda _origin: NEXT_KEY, logging(scene.ctx), AUDIT)
    LogSequencer().run(logging(scene.ctx, LOG_KEY, NEXT_KEY), REQUEST)
    write_rows(scene.db, 300)
    LogSequencer().run(logging(scene.ctx, NEXT_KEY), REQUEST)
    assert reader.read_head(scene.ctx.machine_now()).size > 600
    assert reader.memory.keys == (NEXT_KEY.verifier, LOG_KEY.verifier)
