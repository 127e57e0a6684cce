"""Small run of the feed's bench: five gateways refuse what was revoked, on each database."""

import pytest

from bench import feed
from tests.support.registers import all_connections_closed, copied_database


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_five_gateways_refuse_a_revoked_certificate(database, request, tmp_path):
    url = ""
    if database == "postgresql":
        url = copied_database(request.getfixturevalue("postgres_url"), f"feed_{tmp_path.name[-8:]}")
    with (
        all_connections_closed(),
        feed.running(tmp_path / "authority", url, 1) as (authority, holders, _, status),
        feed.watchers(authority, status, tmp_path, 5) as made,
    ):
        took = feed.delays(authority, holders, made)
    assert len(took) == 5
    assert max(took) < feed.GIVEN_UP_AFTER
