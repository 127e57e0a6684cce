"""`python -m bench.parts`: what parts of a renewal cost, in microseconds.

They need neither network nor database. The parts take turns, so that other load on the machine meets all of them. Where
two ways exist, both are measured. The CA has a P-384 key, the holder an RSA 2048 key, as in `make bench`.
"""

import argparse
import gc
from collections.abc import Callable
from datetime import timedelta
from statistics import quantiles
from time import perf_counter_ns

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.report import interpreter
from bench.scene import KINDS, hierarchy
from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy, responder_plan
from sinetti.ca.hierarchy_config import parse_hierarchy
from sinetti.ca.issuance import attach_signature, build_tbs, holder_by_builder, holder_tbs, new_serial
from sinetti.ca.issuance_request import IssuingCa, LeafProfile, LeafRequest
from sinetti.ca.lint import lint
from sinetti.ca.ocsp import attach_answer_signature, canonical_request, prepare_answer, responder_of
from sinetti.ca.profiles import ca_key
from sinetti.domain.certificates.ocsp_status import GOOD, CertIdHash, SingleResponse
from sinetti.domain.values import VALIDITY, Channel, Environment, KeyPolicy, KeyType, ValidityPeriod
from sinetti.infra.clock import utc_now
from sinetti.pki import second_library
from sinetti.pki.encoding import generate_key, load_certificate, sign, verify
from sinetti.pki.key_policy import check_key_policy, has_close_primes, has_small_factor

Parts = dict[str, Callable[[], object]]


def parts() -> Parts:
    """Return the parts by name."""
    now = utc_now()
    built = generate_hierarchy(
        parse_hierarchy(hierarchy(KINDS["P-384"]), Environment.TEST, "http://pki.bench.example"), now
    )
    spec = built.hierarchy.issuing(Channel.WS)
    assert spec is not None  # noqa: S101 - the hierarchy above has it
    issuer = built.issuer(spec.file_name)
    ca, key = built.key(issuer.key_name), generate_key(KeyType.RSA_2048).public_key()
    span = ValidityPeriod(now, now + VALIDITY)
    plan = LeafRequest("1234567-1", "Malli Oy", "FI", "0123456789ABCDEF" * 2, key, new_serial(), span)
    tbs = build_tbs(plan, issuer, LeafProfile.HOLDER)
    signature, public = sign(ca, tbs), ca_key(issuer.certificate)
    der = attach_signature(tbs, signature, issuer.certificate)
    numbers = key.public_numbers()
    assert isinstance(numbers, rsa.RSAPublicNumbers)  # noqa: S101 - the key above is RSA
    return {
        "P-384 signature": lambda: sign(ca, tbs),
        "its check by cryptography": lambda: verify(public, tbs, signature),
        f"its check by {second_library.library()}": lambda: second_library.verify(public, tbs, signature),
        "certificate joined, read and checked": lambda: attach_signature(tbs, signature, issuer.certificate),
        "bounds and weak-key tests of one RSA key": lambda: check_key_policy(key, KeyPolicy()),
        "of these, small factors": lambda: has_small_factor(numbers.n),
        "of these, close primes": lambda: has_close_primes(numbers.n),
        "octets by the builder": lambda: holder_by_builder(plan, issuer),
        "octets by the template": lambda: holder_tbs(plan, issuer, holder_by_builder),
        "certificate read, and lint": lambda: lint(x509.load_der_x509_certificate(der), issuer.certificate),
        "two OCSP answers, but for their signatures": _answers(built, issuer, plan),
    }


def _answers(built: GeneratedHierarchy, issuer: IssuingCa, plan: LeafRequest) -> Callable[[], object]:
    now, key = plan.span.not_before, generate_key(KeyType.EC_P256)
    tbs = build_tbs(responder_plan(built.hierarchy, issuer, key.public_key(), now), issuer, LeafProfile.RESPONDER)
    der = attach_signature(tbs, sign(built.key(issuer.key_name), tbs), issuer.certificate)
    responder, signature = responder_of(load_certificate(der), key), sign(key, b"")
    response = SingleResponse(GOOD, now, now + timedelta(days=2), bytes(32))
    asked = [canonical_request(plan.serial, one, issuer.certificate) for one in CertIdHash]
    return lambda: [
        attach_answer_signature(prepare_answer(one, issuer.certificate, response, responder), signature, responder)
        for one in asked
    ]


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m bench.parts", description="What parts of a renewal cost.")
    parser.add_argument("--rounds", type=int, default=1000, help="of all parts (default: %(default)s)")
    rounds = parser.parse_args().rounds
    found = parts()
    taken: dict[str, list[float]] = {name: [] for name in found}
    gc.freeze()
    for _ in range(rounds):
        for name, part in found.items():
            begun = perf_counter_ns()
            part()
            taken[name].append((perf_counter_ns() - begun) / 1000)
    print(f"{interpreter()}\n\n| part | median, µs | lowest and highest tenth |\n|---|--:|--:|")
    for name, times in taken.items():
        tenths = quantiles(times, n=10)
        print(f"| {name} | {tenths[4]:.0f} | {tenths[0]:.0f}–{tenths[8]:.0f} |")


if __name__ == "__main__":
    main()
