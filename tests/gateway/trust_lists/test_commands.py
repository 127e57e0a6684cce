"""Trust lists in `sinetti gateway fetch` and `sinetti gateway serve`."""

import json
from contextlib import closing
from dataclasses import replace
from time import sleep

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.cli.main import main
from sinetti.domain.usage import TrustListNumbers
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.gateway.web.endpoints import AuthService
from sinetti.gateway.web.guard import RequestGuard
from sinetti.gateway.web.metrics import GatewayState
from sinetti.gateway.web.server import GatewayApp
from sinetti.gateway.web.trusted_proxies import TrustedProxies
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.metrics import catalogue
from sinetti.pki.chain import load_bundle
from sinetti.pki.trust_lists.lists import TrustListKind
from tests.gateway.web.test_server import NOW, Connection, asked
from tests.support.relying import material
from tests.support.relying_doors import SETTINGS, gateway_running
from tests.support.small_server import small_server
from tests.support.trust_lists import anchors_list, by_root, distrust_list

BUILT = material(NOW).built


def signed(found):
    return by_root(replace(found, issued=NOW), BUILT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = material(NOW).written(tmp_path_factory.mktemp("trusting") / "m")
    root = BUILT.certificate(BUILT.hierarchy.authorities[0].file_name).public_bytes(Encoding.PEM)
    (found / "root.pem").write_bytes(root)
    (found / "whole.pem").write_bytes(material(NOW).anchors() + root)
    return found


def test_fetch_takes_both_lists_and_the_revocation_lists_of_new_cas(folder, tmp_path, capsys):
    lists = {"/trust/anchors": signed(anchors_list(BUILT))}
    with small_server(lambda wanted: (200, {}, lists[wanted.path]) if wanted.path in lists else (404, {}, b"")) as at:
        names = [one.file_name for one in BUILT.hierarchy.authorities if one.channel is not None]
        lists[f"/crl/{names[0]}.crl"] = material(NOW).crl()
        text = f'anchors = "root.pem"\nrevocation = "crl"\ncrls = "{tmp_path}"\nenvironment = "TEST"\n'
        (folder / "fetch.toml").write_text(f'{text}[trust_lists]\nurl = "{at.url}"\nfolder = "trust"\n')
        fetch = ["gateway", "fetch", "--settings", str(folder / "fetch.toml")]
        assert main(fetch) == 4, "the second CA has no list yet"
        said = " ".join(capsys.readouterr().out.split())
        assert "list of anchors: current, number 1" in said
        assert "list of distrust: current, the authority has none" in said
        assert (tmp_path / f"{names[0]}.crl").read_bytes() == lists[f"/crl/{names[0]}.crl"]
        lists["/trust/distrust"] = signed(distrust_list(BUILT))[:-1]
        assert main([*fetch, "--json"]) == 4
        caught = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(caught.out)}
    assert (rows["anchors"]["current"], rows["anchors"]["file"]) == (True, str(folder / "trust" / "anchors-1.json"))
    assert (rows["distrust"]["current"], rows["distrust"]["file"]) == (False, None)
    assert "list of distrust: refused: " in caught.err


@pytest.mark.long
def test_serve_keeps_the_lists_and_readyz_shows_what_is_wrong(folder):
    lists = {"/trust/distrust": signed(replace(distrust_list(BUILT), authorities=()))}
    with small_server(lambda wanted: (200, {}, lists[wanted.path]) if wanted.path in lists else (404, {}, b"")) as at:
        whole = SETTINGS.replace("anchors.pem", "whole.pem")
        text = f'{whole}\n[trust_lists]\nurl = "{at.url}"\nfolder = "served"\n'
        with gateway_running(folder, text) as place, closing(Connection(place)) as caller:
            until((folder / "served" / "checks.json").exists)
            assert (folder / "served" / "distrust-1.json").exists()
            until(lambda: asked(caller, "/readyz")[2] == b"ready\n")
            assert asked(caller, "/check", "good")[0] == 204
            (folder / "served" / "distrust-2.json").write_bytes(b"{}")
            (folder / "served" / "distrust-1.json").unlink()
            until(lambda: asked(caller, "/readyz")[0] == 503)  # files are read once a second
            assert b"not the list that was stored" in asked(caller, "/readyz")[2]
            assert asked(caller, "/check", "good")[1]["sinetti-reason"] == "status-unknown"


def until(is_done):
    deadline = monotonic_seconds() + 60
    while not is_done():
        assert monotonic_seconds() < deadline
        sleep(0.02)


def checks(anchors, distrust):
    return (
        ListCheck(TrustListKind.ANCHORS, NOW, anchors),
        ListCheck(TrustListKind.DISTRUST, None, distrust),
    )


def test_numbers_and_ages_are_metrics_and_come_with_reports():
    made = material(NOW)
    guard = RequestGuard(
        Gateway(load_bundle(made.anchors())), TrustedProxies.on_unix_socket(), "DANGEROUSLY-NONE", now=lambda: NOW
    )

    def app(found):
        return GatewayApp(AuthService(guard, list, trust_lists=lambda: found), unix=True)

    assert app(()).trust_list_numbers() is None
    assert app(checks(0, 0)).trust_list_numbers() is None
    assert app(checks(0, 7)).trust_list_numbers() == TrustListNumbers(0, 7)
    samples = GatewayState(list, list, lambda: NOW, lambda: None, app(checks(3, 7)).trust_lists).samples()
    assert samples[catalogue.TRUST_LIST_NUMBER] == [(("anchors",), 3.0), (("distrust",), 7.0)]
    assert samples[catalogue.TRUST_LIST_AGE] == [(("anchors",), 0.0)]
