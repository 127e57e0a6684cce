"""Renewals that are each sent three times at once, to a served authority that takes them in waves."""

import re
from collections import Counter

import pytest

from bench import checking, load, scene, seeding
from bench.clusters import new_database
from bench.scene import KINDS
from bench.server import served

TIMES, CONNECTIONS = 3, 32
RETRIEVAL_ID = re.compile(rb"<RetrievalId>([0-9a-f]{32})</RetrievalId>")


@pytest.mark.parametrize("count", [60, pytest.param(600, marks=pytest.mark.rare)])
def test_requests_three_times_each_are_one_certificate_each(count, tmp_path, postgres_url):
    root = tmp_path / "authority"
    scene.founded(root, KINDS["P-384"], new_database(postgres_url))
    authority = scene.opened(root)
    holders = scene.holders(authority, count)
    seeding.seed(authority, holders)
    authority.journal.close()
    authority.ctx.db.close()
    requests = [load.Posted().framed(one.request) for one in holders for _ in range(TIMES)]
    with served(root, 2) as server:
        answers = load.send(server.port, requests, CONNECTIONS).answers
        assert "go on one by one" not in server.log, server.log[-3000:]
    found = [RETRIEVAL_ID.search(one) for one in answers]
    assert all(found), [one[-1500:] for one, has in zip(answers, found, strict=True) if not has][:1]
    assert sorted(Counter(one[1] for one in found).values()) == [TIMES] * count
    by_id = {one[1]: answer for one, answer in zip(found, answers, strict=True)}
    checked = scene.opened(root)
    checking.check(checked, list(by_id.values()), holders)
    checked.ctx.db.close()
