"""Content of gateway.toml and the trust file, and one sentence for each mistake."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.domain.values import Channel, Environment
from sinetti.gateway.crl_freshness import watch_of
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FRESHNESS, FallbackSource
from sinetti.gateway.settings import (
    GatewaySettingsError,
    RevocationKind,
    duration,
    load_settings,
    open_gateway,
    source_of,
)
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.gateway.web.settings import added_downloads
from sinetti.gateway.x509 import trust_file
from sinetti.gateway.x509.path_validation import authority_of
from sinetti.gateway.x509.trust_file import CaPurpose, TrustError
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.pki.policy_oids import channel_policy
from tests.gateway.material import ANCHORS, DAY, certificate, crl, holder
from tests.support import authority, golden
from tests.support.authority import NOW

CA = authority.issuer().certificate
DIGEST = sha256_hex(certificate_der(CA))
PLAIN = 'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "crls"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "anchors.pem").write_bytes(authority.authority().holders_bundle)
    (tmp_path / "issuing.pem").write_bytes(authority.authority().holders_bundle)
    (tmp_path / "issuing.cer").write_bytes(certificate_der(CA))
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "trust.toml").write_text(f'[[issuer]]\nsha256 = "{DIGEST}"\nchannel = "WS"\n')
    (tmp_path / "crls").mkdir()
    return tmp_path


def read(folder, text):
    (folder / "gateway.toml").write_text(text)
    return load_settings(folder / "gateway.toml")


def test_everything_there_is(folder):
    settings = read(
        folder,
        PLAIN + 'trust = "trust.toml"\nchannel = "WS"\nenvironment = "TEST"\nfreshness = "PT30M"\nocsp_nonce = true\n'
        '[[list]]\nurl = "http://crl.example/a.crl"\nfile = "a.crl"\nissuer = "issuing.cer"\n'
        '[[ocsp]]\nurl = "https://ocsp.example/ocsp/A"\n[serve]\nsocket = "gateway.sock"\n',
    )
    assert len(settings.anchors) == len(ANCHORS) - 1
    assert (settings.channel, settings.environment) == (Channel.WS, Environment.TEST)
    assert settings.freshness == timedelta(minutes=30)
    assert settings.crls == folder / "crls"
    assert settings.lists[0].issuer == folder / "issuing.cer"
    assert settings.ocsp == ("https://ocsp.example/ocsp/A",)
    assert settings.needs_nonce
    assert settings.tables == {"serve": {"socket": "gateway.sock"}}
    gateway = open_gateway(settings)
    assert gateway.identify(holder(), NOW).reason is VerdictReason.STATUS_UNKNOWN
    (folder / "crls" / "a.crl").write_bytes(crl())
    gateway.source.refresh()
    assert gateway.identify(holder(), NOW).accepted


SOURCES = {
    "lists": (PLAIN, CrlSource),
    "OCSP": ('anchors = "anchors.pem"\nrevocation = "ocsp"\n[[ocsp]]\nurl = "http://o.example/"\n', OcspSource),
    "OCSP, and lists of what has none": (
        PLAIN.replace('crl"', 'ocsp"', 1) + '[[ocsp]]\nurl = "http://o.example/"\n',
        FallbackSource,
    ),
    "none, and it is said": ('anchors = "anchors.pem"\nrevocation = "DANGEROUSLY-NONE"\n', type(None)),
}


@pytest.mark.parametrize(("text", "kind"), SOURCES.values(), ids=SOURCES)
def test_sources(text, kind, folder):
    assert isinstance(open_gateway(read(folder, text)).source, kind)
    assert read(folder, text).freshness == FRESHNESS


WRONG = {
    "no revocation": 'anchors = "anchors.pem"\n',
    "another revocation": 'anchors = "anchors.pem"\nrevocation = "none"\n',
    "two lists into one file": (
        'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "."\n'
        '[[list]]\nurl = "http://a.example/"\nfile = "a"\n[[list]]\nurl = "http://b.example/"\nfile = "a"\n'
    ),
    "lists from nowhere": 'anchors = "anchors.pem"\nrevocation = "crl"\n',
    "OCSP from nowhere": 'anchors = "anchors.pem"\nrevocation = "ocsp"\n',
    "lists to fetch into nowhere": (
        'anchors = "anchors.pem"\nrevocation = "DANGEROUSLY-NONE"\n[[list]]\nurl = "http://a.example/"\nfile = "a"\n'
    ),
    "no anchors": 'revocation = "crl"\n',
    "anchors that are not there": PLAIN.replace("anchors.pem", "no.pem"),
    "anchors that are none": PLAIN.replace("anchors.pem", "trust.toml"),
    "anchors without a name": PLAIN.replace('"anchors.pem"', "1"),
    "an unknown key": PLAIN + "colour = 1\n",
    "an unknown channel": PLAIN + 'channel = "MAIL"\n',
    "a channel that is no text": PLAIN + 'channel = ["WS"]\n',
    "an address that is none": PLAIN + '[[ocsp]]\nurl = "http://[/"\n',
    "an address with a password": PLAIN + '[[ocsp]]\nurl = "http://a:b@a.example/"\n',
    "no freshness": PLAIN + 'freshness = "1h"\n',
    "a demand for nonces that is neither": PLAIN + "ocsp_nonce = 1\n",
    "no TOML": "hello",
    "NUL in a path": PLAIN + 'trust = "a\\u0000"\n',
    "a list that leaves its folder": PLAIN + '[[list]]\nurl = "http://a.example/"\nfile = "../a"\n',
    "a list from no address": PLAIN + '[[list]]\nurl = "file:///a"\nfile = "a"\n',
    "a list with more": PLAIN + '[[list]]\nurl = "http://a.example/"\nfile = "a"\nx = 1\n',
    "OCSP that is no table": PLAIN + "ocsp = 1\n",
    "a trust file that is not there": PLAIN + 'trust = "no.toml"\n',
    "a trust file that is none": PLAIN + 'trust = "anchors.pem"\n',
}


def test_what_is_wrong(folder):
    attempts = {name: partial(read, folder, text) for name, text in WRONG.items()}
    golden.check("settings/gateway", {"en.txt": golden.refusals(attempts, GatewaySettingsError, FOLDER=folder)})


def test_settings_that_others_can_write_or_that_are_not_there(folder):
    read(folder, PLAIN)

    def load_with(what):
        mode = (folder / what).stat().st_mode
        (folder / what).chmod(0o777)
        try:
            load_settings(folder / "gateway.toml")
        finally:
            (folder / what).chmod(mode)

    attempts = {what: partial(load_with, what) for what in ("gateway.toml", "anchors.pem", ".")}
    attempts["not there"] = partial(load_settings, folder / "none.toml")
    text = golden.refusals(attempts, GatewaySettingsError, FOLDER=folder)
    golden.check("settings/gateway-file", {"en.txt": text})


DURATIONS = {"PT1H": 3600, "PT30M": 1800, "P1D": 86_400, "P1DT1H1M1S": 90_061, "PT90S": 90}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS)
def test_durations(text, seconds):
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "PT0H", "1h", "-PT1H", "PT1.5H", "P1M"])
def test_no_durations(text):
    with pytest.raises(ValueError, match="write a duration"):
        duration(text)


ISSUERS = {
    "by its digest": f'sha256 = "{DIGEST}"',
    "by its digest, as openssl writes it": f'sha256 = "{":".join(DIGEST[i : i + 2] for i in range(0, 64, 2)).upper()}"',
    "by its file, DER": 'certificate = "issuing.cer"',
    "by a file of many": 'certificate = "issuing.pem"',
}


@pytest.mark.parametrize("named", ISSUERS.values(), ids=ISSUERS)
def test_the_trust_file_names_issuers(named, folder):
    (folder / "t.toml").write_text(f'[[issuer]]\n{named}\nchannel = "SFTP"\nenvironment = "TEST"\nname = "CA"\n')
    found = trust_file.load(folder / "t.toml")
    assert found.of(CA) == CaPurpose(Channel.SFTP, Environment.TEST, "CA")
    assert found.of(authority.services_issuer().certificate) == CaPurpose()


WRONG_TRUST = {
    "no TOML": "hello",
    "nothing": "",
    "something else": "x = 1\n",
    "neither name": '[[issuer]]\nchannel = "WS"\n',
    "both names": f'[[issuer]]\nsha256 = "{DIGEST}"\ncertificate = "issuing.cer"\n',
    "an unknown key": f'[[issuer]]\nsha256 = "{DIGEST}"\nx = 1\n',
    "no digest": '[[issuer]]\nsha256 = "00"\n',
    "an unknown channel": f'[[issuer]]\nsha256 = "{DIGEST}"\nchannel = "MAIL"\n',
    "a name that is none": f'[[issuer]]\nsha256 = "{DIGEST}"\nname = 1\n',
    "twice": f'[[issuer]]\nsha256 = "{DIGEST}"\n[[issuer]]\ncertificate = "issuing.cer"\n',
    "a certificate that is none": '[[issuer]]\ncertificate = "broken.pem"\n',
}


def test_what_is_wrong_with_a_trust_file(folder):
    def load(text):
        (folder / "t.toml").write_text(text)
        trust_file.load(folder / "t.toml")

    attempts = {name: partial(load, text) for name, text in WRONG_TRUST.items()}
    golden.check("settings/trust-file", {"en.txt": golden.refusals(attempts, TrustError, FOLDER=folder, DIGEST=DIGEST)})


ABOVE = '[[list]]\nurl = "http://crl.example/i.crl"\nfile = "i.crl"\nissuer = "{issuer}"\n'
INTERMEDIATE = authority.authority().certificate("SinettiIntermediateTestCAv1")


def test_the_list_of_a_ca_above_is_required_once_it_is_named(folder):
    """The README's set-up, the issuing CA's list alone, suffices until then."""
    der = holder()
    (folder / "crls" / "issuing.crl").write_bytes(crl())
    assert open_gateway(read(folder, PLAIN)).identify(der, NOW).accepted
    (folder / "above.cer").write_bytes(certificate_der(INTERMEDIATE))
    text = PLAIN + ABOVE.format(issuer="above.cer")
    assert open_gateway(read(folder, text)).identify(der, NOW).reason is VerdictReason.STATUS_UNKNOWN
    signer = authority.authority().key("SinettiIntermediateTestCAv1")
    (folder / "crls" / "i.crl").write_bytes(crl(issuer=INTERMEDIATE, signer=signer))
    assert open_gateway(read(folder, text)).identify(der, NOW).accepted
    (folder / "crls" / "i.crl").write_bytes(crl(issuer=INTERMEDIATE, signer=signer, revoked=(CA.serial_number,)))
    for one in (text, PLAIN):
        assert open_gateway(read(folder, one)).identify(der, NOW).reason is VerdictReason.REVOKED


@pytest.mark.parametrize(
    ("issuer", "sentence"), [("no.cer", "cannot be read"), ("broken.pem", "in this PEM file cannot be read")]
)
def test_an_issuer_of_a_list_that_cannot_be_read(issuer, sentence, folder):
    with pytest.raises(GatewaySettingsError, match=sentence):
        open_gateway(read(folder, PLAIN + ABOVE.format(issuer=issuer)))


def test_a_stale_list_of_a_ca_above_is_reported_though_no_setting_names_it(folder):
    settings = read(folder, PLAIN + 'channel = "WS"\n')
    (folder / "crls" / "issuing.crl").write_bytes(crl())
    watch = watch_of(settings, source_of(settings))
    assert watch.missing(NOW) == []
    signer = authority.authority().key("SinettiIntermediateTestCAv1")
    (folder / "crls" / "i.crl").write_bytes(crl(issuer=INTERMEDIATE, signer=signer, at=NOW - 30 * DAY))
    (told,) = watch.missing(NOW)
    assert "Intermediate" in told
    assert "STALE, 30 days old" in told


LISTS = '[trust_lists]\nurl = "http://status.example/"\nfolder = "trust"\n'


def test_trust_lists_need_the_root_and_one_environment(folder):
    found = read(folder, PLAIN + LISTS).trust_lists
    assert (found.url, found.folder) == ("http://status.example", folder / "trust")
    assert (len(found.roots), found.environment, found.responders) == (1, Environment.TEST, ())
    gateway = open_gateway(read(folder, PLAIN + LISTS + 'responders = "issuing.pem"\n'))
    assert gateway.lists.settings.responders
    assert open_gateway(read(folder, PLAIN)).lists is None
    (folder / "root.pem").write_bytes(authority.authority().holders_bundle.partition(b"-----END CERTIFICATE-----\n")[0])
    with (folder / "root.pem").open("ab") as file:
        file.write(b"-----END CERTIFICATE-----\n")
    text = PLAIN.replace("anchors.pem", "root.pem")
    (folder / "alone.pem").write_bytes(CA.public_bytes(Encoding.PEM))
    attempts = {
        "no environment": partial(read, folder, text + LISTS),
        "no root": partial(read, folder, PLAIN.replace("anchors.pem", "alone.pem") + LISTS),
    }
    said = golden.refusals(attempts, GatewaySettingsError, FOLDER=folder)
    golden.check("settings/trust-lists-anchors", {"en.txt": said})
    assert read(folder, text + 'environment = "TEST"\n' + LISTS).trust_lists.environment is Environment.TEST


WRONG_LISTS = {
    "no table": "trust_lists = 1\n",
    "an unknown key": LISTS + "interval = 5\n",
    "no folder": LISTS.replace("folder", "responders"),
    "no address": LISTS.replace("http://status.example/", "file:///x"),
    "responders that are not there": LISTS + 'responders = "no.pem"\n',
}


def test_wrong_trust_lists(folder):
    attempts = {name: partial(read, folder, PLAIN + text) for name, text in WRONG_LISTS.items()}
    golden.check("settings/trust-lists", {"en.txt": golden.refusals(attempts, GatewaySettingsError, FOLDER=folder)})


def test_answers_about_an_added_ca_come_from_its_own_address(folder):
    text = 'anchors = "anchors.pem"\nrevocation = "ocsp"\n[[ocsp]]\nurl = "http://o.example/"\n' + LISTS
    gateway = open_gateway(read(folder, text))
    asked = []

    def ask(address, _request):
        asked.append(address)
        raise OSError

    gateway.source.ask = ask
    gateway.identify(holder(), NOW)
    assert set(asked) == {"http://o.example/"}
    asked.clear()
    gateway.lists._content = replace(gateway.lists.current(), added=(CA,))
    gateway.identify(holder(), NOW)
    assert asked[0] == f"http://status.example/ocsp/{authority.issuer().file_name}"
    assert "http://o.example/" in asked


def test_a_distrusted_ca_needs_no_list(folder):
    settings = read(folder, PLAIN + 'channel = "WS"\n')
    watch = watch_of(settings, source_of(settings), lambda one: one.certificate == CA)
    assert (watch.missing(NOW), watch.newest()) == ([], [])


def test_added_lists_are_fetched_only_for_a_source_of_lists(folder):
    settings = read(folder, PLAIN + LISTS)
    lists = open_gateway(settings).lists
    lists._content = replace(lists.current(), added=(CA,))
    assert added_downloads(settings, lists) == (), "it is in the file of anchors"
    other = authority_of(certificate_with_policy())
    lists._content = replace(lists.current(), added=(other.certificate,))
    assert [one.url for one in added_downloads(settings, lists)] == ["http://status.example/crl/NewCAv2.crl"]
    ocsp = replace(settings, revocation=RevocationKind.OCSP)
    assert added_downloads(ocsp, lists) == ()


def certificate_with_policy():
    policy = x509.CertificatePolicies([x509.PolicyInformation(channel_policy(Channel.WS, Environment.TEST), None)])
    return certificate("New CA v2", put=[(policy, False)])
