"""What a "no" of the service means."""

import pytest

from sinetti.holder.verdicts import Verdict, of_fetch, of_request

REQUESTS = {
    "too early: keep the key": (["PKI034"], 1, Verdict.REFUSED),
    "wrong password: keep the key": (["PKI004"], 1, Verdict.REFUSED),
    "revoked": (["PKI033"], 1, Verdict.REFUSED),
    "not ready": (["PKI021"], 1, Verdict.LATER),
    "unavailable": (["PKI090"], 2, Verdict.LATER),
    "too many requests": (["PKI092"], 1, Verdict.LATER),
    "their fault": (["PKI099"], 1, Verdict.LATER),
    "ids used by somebody else": (["PKI006"], 1, Verdict.REFUSED_FOR_GOOD),
    "ids used, perhaps by our lost request": (["PKI006"], 2, Verdict.UNCERTAIN),
    "renewed by somebody else": (["PKI035"], 1, Verdict.REFUSED_FOR_GOOD),
    "renewed, perhaps by our lost request": (["PKI035"], 3, Verdict.UNCERTAIN),
    "a key that will never do": (["PKI011"], 1, Verdict.REFUSED_FOR_GOOD),
    "a code that we do not know": (["PKI777"], 1, Verdict.UNCERTAIN),
    "a known code and an unknown one": (["PKI034", "PKI777"], 1, Verdict.UNCERTAIN),
    "no code at all": ([], 1, Verdict.UNCERTAIN),
    "later and refused: refused": (["PKI090", "PKI034"], 1, Verdict.REFUSED),
}


@pytest.mark.parametrize(("codes", "sends", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_of_request(codes, sends, expected):
    assert of_request(codes, sends) is expected


FETCHES = {
    "not ready": (["PKI021"], Verdict.LATER),
    "unknown retrieval id": (["PKI020"], Verdict.REFUSED_FOR_GOOD),
    "superseded": (["PKI022"], Verdict.REFUSED_FOR_GOOD),
    "a code that we do not know": (["PKI777"], Verdict.UNCERTAIN),
    "no code at all": ([], Verdict.UNCERTAIN),
}


@pytest.mark.parametrize(("codes", "expected"), FETCHES.values(), ids=FETCHES)
def test_of_fetch(codes, expected):
    assert of_fetch(codes) is expected
