from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sinetti.domain.values import Channel, Environment
from sinetti.pki.policy_oids import (
    ANY_POLICY,
    ARC,
    MARK,
    channel_from_policy,
    channel_policy,
    find_arc,
    is_holder_certificate,
    services_environment,
    signs_responses,
)
from tests.support.authority import NOW, authority, holder_certificate, holder_key, ocsp_responder
from tests.support.officers import ARC as OWN

OIDS = Path(__file__).resolve().parents[2] / "docs" / "operators" / "oids.md"


def with_policies(*policies: x509.ObjectIdentifier, broken: bool = False) -> x509.Certificate:
    """Make a certificate that has only these policies."""
    key, name = holder_key(), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    if broken:
        unreadable = x509.UnrecognizedExtension(x509.CertificatePolicies.oid, b"\xff")
        builder = builder.add_extension(unreadable, critical=False)
    if policies:
        listed = x509.CertificatePolicies([x509.PolicyInformation(one, None) for one in policies])
        builder = builder.add_extension(listed, critical=False)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize("arc", [None, OWN, "0.39", "2.999"])
@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("channel", Channel)
def test_channel_and_environment_are_told_from_the_policy(channel, environment, arc):
    environment = Environment.TEST if arc == "2.999" else environment
    certificate = with_policies(channel_policy(channel, environment, arc))
    assert channel_from_policy(certificate) == (channel, environment)
    assert not signs_responses(certificate)


@pytest.mark.parametrize("arc", [None, OWN])
@pytest.mark.parametrize("environment", Environment)
def test_the_environment_of_a_services_ca(environment, arc):
    assert services_environment(with_policies(channel_policy(None, environment, arc))) is environment
    assert services_environment(with_policies(channel_policy(Channel.WS, environment))) is None


WS, SFTP = (channel_policy(channel, Environment.TEST) for channel in Channel)
FOREIGN = x509.ObjectIdentifier("1.3.6.1.4.1.1")
NO_CHANNEL = {
    "no policies": with_policies(),
    "another's policy": with_policies(FOREIGN),
    "the services' policy": with_policies(channel_policy(None, Environment.TEST)),
    "two channels at once": with_policies(WS, SFTP),
    "one channel twice": with_policies(WS, channel_policy(Channel.WS, Environment.TEST, OWN)),
    "an arc without our number": with_policies(x509.ObjectIdentifier(f"{OWN}.1.1.1")),
    "a type that is not known": with_policies(x509.ObjectIdentifier(f"{OWN}.{MARK}.4.1")),
    "a number more": with_policies(x509.ObjectIdentifier(f"{OWN}.{MARK}.1.1.1")),
    "our number without an arc below 2.25": with_policies(x509.ObjectIdentifier(f"{ARC}.2.1.1")),
    "unreadable": with_policies(broken=True),
}


@pytest.mark.parametrize("certificate", NO_CHANNEL.values(), ids=NO_CHANNEL)
def test_no_channel(certificate):
    assert channel_from_policy(certificate) is None


@pytest.mark.parametrize("arc", ["2.999", "2.999.1"])
def test_the_arc_for_examples_is_of_test_alone(arc):
    ws, services = (with_policies(channel_policy(one, Environment.PRODUCTION, arc)) for one in (Channel.WS, None))
    assert channel_from_policy(ws) == (Channel.WS, Environment.TEST)
    assert services_environment(services) is Environment.TEST
    assert not signs_responses(services, Environment.PRODUCTION)


def test_an_arc_that_begins_like_that_for_examples_is_another():
    ws = with_policies(channel_policy(Channel.WS, Environment.PRODUCTION, "2.9991"))
    assert channel_from_policy(ws) == (Channel.WS, Environment.PRODUCTION)


def test_the_arc_of_some_cas():
    root, middle, old, own = (
        with_policies(*policies)
        for policies in ((), (ANY_POLICY,), (WS,), (channel_policy(None, Environment.TEST, OWN),))
    )
    assert find_arc([root, middle, old, own]) == OWN
    assert find_arc([root, middle, old]) is None
    assert find_arc([]) is None


def test_another_policy_beside_ours_does_not_matter():
    assert channel_from_policy(with_policies(FOREIGN, WS)) == (Channel.WS, Environment.TEST)


def test_the_services_ca_is_told_from_its_policy():
    certificate = authority().certificate("ServicesTestIssuingCAv1")
    assert signs_responses(certificate)
    assert signs_responses(certificate, Environment.TEST)
    assert not signs_responses(certificate, Environment.PRODUCTION)
    assert not signs_responses(with_policies())
    assert not signs_responses(with_policies(broken=True))


def test_the_arcs_are_of_our_uuid_and_stand_in_the_document():
    page, number = OIDS.read_text(encoding="utf-8"), UUID("7603c4df-e7d0-4dc5-99ac-a0f5edd3e5aa").int
    assert f"2.25.{number}" == ARC
    assert number >> 104 == MARK
    assert f"`{MARK}`" in page
    assert ARC in page
    for environment in Environment:
        for channel in (*Channel, None):
            new, old = (channel_policy(channel, environment, arc).dotted_string for arc in (OWN, None))
            assert f"`{new.replace(OWN, 'ARC')}`" in page
            assert old == new.replace(f"{OWN}.{MARK}", f"{ARC}.1")


def test_a_holders_certificate_is_told_from_all_others():
    built = authority()
    holders = holder_certificate(holder_key())
    assert is_holder_certificate(holders)
    others = [certificate for _, certificate in built.entries.values()]
    others += [ocsp_responder(spec.file_name).certificate for spec in built.hierarchy.answering]
    assert len(others) > 4
    assert not [one.subject for one in others if is_holder_certificate(one)]


def test_what_cannot_be_read_is_nobodys():
    key, name = holder_key(), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    unreadable = x509.UnrecognizedExtension(x509.KeyUsage.oid, b"\xff")
    assert not is_holder_certificate(builder.add_extension(unreadable, critical=True).sign(key, hashes.SHA256()))
