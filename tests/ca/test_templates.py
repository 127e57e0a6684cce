"""A template gives the octets that cryptography's builder gives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinetti.ca.issuance import build_tbs, holder_by_builder, holder_tbs
from sinetti.ca.issuance_request import LeafProfile, LeafRequest
from sinetti.domain.values import Channel, KeyType, Serial, ValidityPeriod
from tests.ca.altering import altered
from tests.support.authority import LINEAGE, holder_key, issuer, leaf_plan

WS = issuer()
CA_KEYS = {kind: holder_key(5, kind).public_key() for kind in (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048)}
ISSUERS = {
    **{kind: replace(WS, certificate=altered(WS.certificate, public_key=key)) for kind, key in CA_KEYS.items()},
    "another CA": issuer(Channel.SFTP),
    "another shard": replace(WS, shard=7),
    "another address": replace(WS, base_url="http://other.example"),
}
KEYS = {kind: holder_key(1, kind).public_key() for kind in (KeyType.RSA_2048, KeyType.RSA_4096, *CA_KEYS)}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=16)
INSTANTS = st.datetimes(datetime(1950, 1, 1), datetime(2149, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)


@settings(max_examples=200)
@given(
    by=st.sampled_from(list(ISSUERS.values())),
    key=st.sampled_from(list(KEYS.values())),
    names=st.tuples(TEXTS, TEXTS, st.sampled_from(["FI", "SE"])),
    serial=st.integers(1, (1 << 159) - 1),
    span=st.tuples(INSTANTS, st.integers(1, 10**9)),
)
def test_the_octets_are_those_of_the_builder(by, key, names, serial, span):
    customer_id, organisation, country = names
    begin, seconds = span
    span = ValidityPeriod(begin, begin + timedelta(seconds=seconds))
    plan = LeafRequest(customer_id, organisation, country, LINEAGE, key, Serial(f"{serial:x}"), span)
    assert holder_tbs(plan, by, holder_by_builder) == holder_by_builder(plan, by)


@pytest.mark.parametrize("by", ISSUERS.values(), ids=ISSUERS)
def test_what_is_issued_has_them(by):
    plan = leaf_plan(KEYS[KeyType.RSA_2048])
    assert build_tbs(plan, by, LeafProfile.HOLDER) == holder_by_builder(plan, by)
