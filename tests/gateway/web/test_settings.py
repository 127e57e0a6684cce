"""Integration settings of gateway.toml, and values that it rejects."""

from types import SimpleNamespace

import pytest

from sinetti.cli.main import main
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.crl_fetch import CrlDownload
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import FallbackSource
from sinetti.gateway.settings import GatewaySettingsError, load_settings, open_gateway
from sinetti.gateway.web.settings import load_feed, load_guard, load_listen_settings, load_report_target
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings, TrustedProxies, read_secret
from tests.support.authority import NOW
from tests.support.relying import material

TOP = 'anchors = "anchors.pem"\nrevocation = "crl"\ncrls = "lists"\n'


@pytest.fixture
def folder(tmp_path):
    made = material(NOW).written(tmp_path / "m")
    for name, mode in (("secret", 0o600), ("open", 0o640), ("short", 0o600)):
        (made / name).write_text("x" * (31 if name == "short" else 32) + "\n")
        (made / name).chmod(mode)
    return made


def settings(folder, text, top=TOP):
    (folder / "gateway.toml").write_text(top + text)
    return load_settings(folder / "gateway.toml")


def test_places(folder):
    place = load_listen_settings(settings(folder, '[serve]\nsocket = "g.sock"\n'))
    assert (place.socket, place.address, place.proxies) == (folder / "g.sock", None, TrustedProxies(unix=True))
    text = '[serve]\nbind = "[::1]:8444"\nproxies = ["192.0.2.0/24"]\nsecret = "secret"\n'
    place = load_listen_settings(settings(folder, text))
    assert (place.socket, place.address) == (None, "[::1]:8444")
    assert place.proxies.trusts("192.0.2.9", [b"x" * 32])


NO_PLACE = {
    "nothing": ("", "either socket"),
    "both": ('socket = "s"\nbind = "127.0.0.1:1"', "either socket"),
    "no port": ('bind = "127.0.0.1"', "write an address like"),
    "a name": ('bind = "localhost:1"', "write an address like"),
    "proxies on a socket": ('socket = "s"\nproxies = ["192.0.2.1"]', "permissions"),
    "no proxy": ('bind = "127.0.0.1:1"\nsecret = "secret"', "no proxy is listed"),
    "no secret": ('bind = "127.0.0.1:1"\nproxies = ["192.0.2.1"]', "the name of a file with a secret"),
    "no address": ('bind = "127.0.0.1:1"\nproxies = ["192.0.2"]\nsecret = "secret"', "neither an address"),
    "a network with an address in it": (
        'bind = "127.0.0.1:1"\nproxies = ["192.0.2.1/24"]\nsecret = "secret"',
        "neither an address",
    ),
    "a secret that others can read": ('socket = "s"\nsecret = "open"', "other users can read"),
    "a secret that can be guessed": ('socket = "s"\nsecret = "short"', "at least 32"),
    "a secret that is not there": ('socket = "s"\nsecret = "none"', "No such file"),
    "no text": ("socket = 1", "the value must be text"),
    "no list": ('socket = "s"\nproxies = "192.0.2.1"', "a list of texts"),
    "what there is not": ('socket = "s"\nsockets = "s"', "unknown setting"),
}


@pytest.mark.parametrize(("text", "why"), NO_PLACE.values(), ids=NO_PLACE)
def test_no_place(folder, text, why):
    with pytest.raises(GatewaySettingsError, match=why):
        load_listen_settings(settings(folder, f"[serve]\n{text}\n"))


GUARDS = {
    "tls": ('certificate = "tls"', None),
    "unix-socket": ('certificate = "unix-socket"', TrustedProxies(unix=True)),
    "proxy": (
        'certificate = "proxy"\nproxies = ["192.0.2.1"]\nsecret = "secret"',
        TrustedProxies.listed(["192.0.2.1"], b"x" * 32),
    ),
}


@pytest.mark.parametrize(("text", "proxies"), GUARDS.values(), ids=GUARDS)
def test_guards(folder, text, proxies):
    guard = load_guard(settings(folder, f"[middleware]\n{text}\n"))
    assert guard.proxies == proxies
    assert guard.gateway.source is not None


NO_GUARD = {
    "nothing": ("", "missing"),
    "something else": ('certificate = "header"', "the value must be"),
    "no proxies": ('certificate = "proxy"\nsecret = "secret"', "proxies can only be listed with"),
    "proxies for nothing": ('certificate = "tls"\nproxies = ["192.0.2.1"]', "proxies can only be listed with"),
    "no secret": ('certificate = "proxy"\nproxies = ["192.0.2.1"]', "the name of a file with a secret"),
}


@pytest.mark.parametrize(("text", "why"), NO_GUARD.values(), ids=NO_GUARD)
def test_no_guard(folder, text, why):
    with pytest.raises(GatewaySettingsError, match=why):
        load_guard(settings(folder, f"[middleware]\n{text}\n"))


def test_danger_has_to_be_said(folder):
    top = 'anchors = "anchors.pem"\nrevocation = "DANGEROUSLY-NONE"\n'
    assert load_guard(settings(folder, '[middleware]\ncertificate = "tls"\n', top)).gateway.source is None
    with pytest.raises(GatewaySettingsError, match="revocation must"):
        settings(folder, "", 'anchors = "anchors.pem"\n')


def test_a_reporter(folder, capsys):
    assert main(["gateway", "key", "--out", str(folder / "key.pem")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("-----BEGIN PUBLIC KEY-----")
    assert "sinetti authority gateway add NAME --key FILE" in said.err
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    told = '[sightings]\nurl = "https://status.example/api/v1/sightings"\nname = "one"\nkey = "key.pem"\n'
    reporter = load_report_target(settings(folder, told))
    assert (reporter.url, reporter.name) == ("https://status.example/api/v1/sightings", "one")
    assert load_report_target(settings(folder, "")) is None
    (folder / "key.pem").chmod(0o644)
    with pytest.raises(GatewaySettingsError, match="other users can read"):
        load_report_target(settings(folder, told))
    (folder / "bad.pem").write_text("no key")
    (folder / "bad.pem").chmod(0o600)
    for was, now, why in (
        ("https:", "ftp:", "not an address"),
        ("https://", "https://a:b@", "must not contain a user name"),
        ("key.pem", "none.pem", "No such file"),
        ("key.pem", "bad.pem", "not a PEM private key"),
        ('key = "key.pem"', "", "sinetti gateway key"),
    ):
        (folder / "key.pem").chmod(0o600)
        with pytest.raises(GatewaySettingsError, match=why):
            load_report_target(settings(folder, told.replace(was, now)))


def test_a_key_goes_over_nothing(folder, capsys):
    (folder / "there").write_text("mine")
    assert main(["gateway", "key", "--out", str(folder / "there")]) == 2
    assert (folder / "there").read_text() == "mine"
    assert main(["gateway", "key", "--out", str(folder / "no" / "folder")]) == 2
    assert [main(["gateway", "key", f"--out={out}"]) for out in ("", "/", ".")] == [2, 2, 2]
    said = capsys.readouterr()
    assert said.out == ""
    assert "already exists" in said.err
    assert not list(folder.glob(".*new"))


def test_a_secret_is_a_file_of_its_own(folder):
    with pytest.raises(InsecureProxySettings):
        read_secret(folder)
    with pytest.raises(InsecureProxySettings, match="no proxy"):
        TrustedProxies.listed([], b"x" * 32)


FEED = TOP + '[[list]]\nurl = "http://pki.example/crl/A.crl"\nfile = "a.crl"\nissuer = "issuing.pem"\n'


def test_the_feed_keeps_lists_and_answers_current(folder):
    assert load_feed(settings(folder, ""), None) is None
    asked, lists, text = (
        OcspSource(["http://o.example/"]),
        CrlSource(folder=folder / "lists"),
        '[feed]\nurl = "http://pki.example/status/feed"\n',
    )
    read = settings(folder, text, FEED)
    gateway = open_gateway(read)
    gateway.source = FallbackSource((asked, lists))
    feed = load_feed(read, gateway)
    assert feed.url == "http://pki.example/status/feed"
    assert [one.name for one in feed.actions.jobs()] == ["http://pki.example/crl/A.crl"]
    feed.actions.ask_anew(None)
    assert asked._asked_anew == 1
    (folder / "lists" / "issuing.crl").unlink()
    feed.actions.refresh()
    assert lists._lists == ()


class TrustLists:
    """Trust lists that added a CA, and count the answers of the bridge that were dropped."""

    settings = SimpleNamespace(url="http://pki.example")
    forgotten = 0

    @property
    def bridge(self):
        return self

    def forget(self):
        self.forgotten += 1

    def downloads(self, crls, _listed):
        return (CrlDownload("http://pki.example/crl/B.crl", crls / "B.crl", None),)


def test_the_feed_keeps_trust_lists_and_added_cas_current(folder):
    read = settings(folder, '[feed]\nurl = "http://pki.example/status/feed"\n')
    gateway = open_gateway(read)
    gateway.lists = TrustLists()
    feed = load_feed(read, gateway)
    names = [one.name.removeprefix("http://pki.example") for one in feed.actions.jobs()]
    assert names == ["/trust/anchors", "/trust/distrust", "/crl/B.crl"]
    feed.actions.ask_anew(7)
    assert gateway.lists.forgotten == 1


NO_FEED = {
    "no address": ("", TOP, "missing"),
    "an address that is none": ('url = "pki.example"', TOP, "must begin with http"),
    "a list without an issuer": (
        'url = "http://a.example/"',
        FEED.replace('issuer = "issuing.pem"\n', ""),
        "issuer is",
    ),
}


@pytest.mark.parametrize(("text", "top", "why"), NO_FEED.values(), ids=NO_FEED)
def test_settings_of_the_feed_that_do_not_do(folder, text, top, why):
    with pytest.raises(GatewaySettingsError, match=why):
        load_feed(settings(folder, f"[feed]\n{text}\n", top), None)
