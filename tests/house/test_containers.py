"""deploy/compose and deploy/image: what they name exists, no process has rights."""

import asyncio
import json
import runpy
import smtplib
import ssl
import sys
import tarfile
import threading
import tomllib
from email.message import EmailMessage
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from socketserver import UnixStreamServer

import pytest
import yaml
from cryptography import x509

from sinetti.cli.main import build_parser
from sinetti.gateway.settings import load_settings
from sinetti.settings.notifications import read
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.tools import script

IMAGES = ROOT / "deploy" / "image"
COMPOSE = ROOT / "deploy" / "compose"
CONTAINERFILE = (ROOT / "deploy" / "image" / "Containerfile").read_text(encoding="utf-8")
IMAGE = script("image")
READ = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = READ["services"]
REHEARSAL = runpy.run_path(str(COMPOSE / "rehearsal.py"))
PROGRAM = {name: one for name, one in SERVICES.items() if one["image"] == "localhost/sinetti:latest"}


def test_every_image_has_a_target_and_is_used():
    assert {line.split()[-1] for line in CONTAINERFILE.splitlines() if line.startswith("FROM")} == set(IMAGE.IMAGES)
    assert {one["image"] for one in SERVICES.values()} == {f"localhost/{name}:latest" for name in IMAGE.IMAGES}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_and_no_secret(name):
    one = SERVICES[name]
    assert one["read_only"]
    assert (one["cap_drop"], one["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert one.get("user", "10001:10001").partition(":")[0] in {str(number) for number in IMAGE.USERS.values()} - {"0"}
    assert set(one.get("environment", {})) <= {"SINETTI_STORE"}
    assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_names_what_there_is(name):
    one = SERVICES[name]
    for needed, wanted in one.get("depends_on", {}).items():
        assert wanted["condition"] != "service_healthy" or "test" in SERVICES[needed]["healthcheck"]
    shared = one.get("network_mode", "none")
    assert shared == "none" or shared.removeprefix("service:") in SERVICES
    for source, _, _ in (f"{volume}:rw".split(":")[:3] for volume in one["volumes"] if name != "application"):
        assert (COMPOSE / source).resolve().exists() if source.startswith(".") else source in READ["volumes"]


def test_every_command_is_one_that_the_parser_takes():
    run = [one["command"] for one in PROGRAM.values() if "entrypoint" not in one and "command" in one]
    tasks = [REHEARSAL["INIT"], *REHEARSAL["TIMERS"], *REHEARSAL["LISTS"]]
    assert len(run) == 2
    for words in [*run, *tasks]:
        build_parser(*words[:2]).parse_args(words)


def test_every_script_has_its_task():
    assert {one["command"][0] for one in PROGRAM.values() if "entrypoint" in one} == set(REHEARSAL["TASKS"])


def test_nginx_finds_the_servers_beside_it():
    served = build_parser("authority", "serve").parse_args(SERVICES["authority"]["command"])
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert all(f"server {one};" in site for one in (served.bind, served.status_bind, served.people_bind))
    host, port = REHEARSAL["APPLICATION"]
    before = (ROOT / "deploy" / "gateway-nginx.conf").read_text(encoding="utf-8")
    socket = tomllib.loads((COMPOSE / "gateway.toml").read_text(encoding="utf-8"))["serve"]["socket"]
    assert f"server {host}:{port};" in before
    assert f"server unix:{socket};" in before


def made_pair(folder: Path) -> ServerFiles:
    """Make a certificate for TLS."""
    pair = ServerFiles(folder / "certificate.pem", folder / "key.pem", folder / "anchor.pem")
    make_server_certificate(pair)
    return pair


def test_the_settings_are_read(tmp_path):
    mail = tmp_path / "notices.toml"
    mail.write_bytes((COMPOSE / "notices.toml").read_bytes())
    mail.chmod(0o600)
    assert read(mail).terms.people_address == "https://people.example"
    text = (COMPOSE / "gateway.toml").read_text(encoding="utf-8")
    known = [tomllib.loads(text)["anchors"], *(one["issuer"] for one in tomllib.loads(text)["list"])]
    anchor = made_pair(tmp_path).trust.read_bytes()
    for name in known:
        (tmp_path / name).write_bytes(anchor)
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    load_settings(tmp_path / "gateway.toml")


def test_the_certificate_for_tls_is_made_again_after_a_kill(tmp_path):
    (tmp_path / ".new").mkdir()
    (tmp_path / ".new" / "key.pem").write_bytes(b"half")
    REHEARSAL["make_tls"](tmp_path)
    leaf = x509.load_pem_x509_certificate((tmp_path / "certificate.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(REHEARSAL["NAMES"]) < set(names.get_values_for_type(x509.DNSName))
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"certificate.pem", "key.pem", "anchor.pem"}


def test_the_application_shows_what_the_gateway_says():
    with HTTPServer(("127.0.0.1", 0), REHEARSAL["ShowCaller"]) as server:
        threading.Thread(target=server.handle_request).start()
        connection = HTTPConnection(*server.server_address)
        connection.request("GET", "/", headers={"Sinetti-Channel": "WS", "Accept": "text/html"})
        assert json.loads(connection.getresponse().read()) == {"Sinetti-Channel": "WS"}
        connection.close()


def test_mail_is_printed_over_tls_alone(tmp_path, capsys):
    pair, sink = made_pair(tmp_path), runpy.run_path(str(IMAGES / "mail_sink.py"))
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@a.example", "b@b.example", "Tili"
    message.set_content("Hyvää päivää")

    async def conversation() -> int:
        async with await sink["serve"](str(pair.certificate), str(pair.key), "127.0.0.1", 0) as server:
            return await asyncio.to_thread(send, server.sockets[0].getsockname()[1])

    def send(port: int) -> int:
        with smtplib.SMTP("127.0.0.1", port) as client:
            plain = client.docmd("MAIL", "FROM:<a@a.example>")[0]
            client.starttls(context=ssl.create_default_context(cafile=pair.trust))
            client.send_message(message)
        return plain

    assert asyncio.run(conversation()) == 530
    assert capsys.readouterr().out == "From: a@a.example\nTo: b@b.example\nSubject: Tili\n\nHyvää päivää\n\n"


class Answer(BaseHTTPRequestHandler):
    """A server that is ready at one path."""

    def do_GET(self):
        """Answer 200 or 503."""
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, *_args):
        """Print nothing."""


CHECKS = {"ready": ("/readyz", 0), "not ready": ("/other", 1)}


@pytest.mark.parametrize(("path", "code"), CHECKS.values(), ids=CHECKS)
def test_health_over_tcp(path, code, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request).start()
        monkeypatch.setattr(sys, "argv", ["health.py", f"127.0.0.1:{server.server_port}", path])
        assert runpy.run_path(str(IMAGES / "health.py"))["main"]() == code


def test_health_over_a_socket(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["health.py", f"unix:{tmp_path}/s", "/readyz"])
    main = runpy.run_path(str(IMAGES / "health.py"))["main"]
    assert main() == 1
    assert "no response" in capsys.readouterr().err
    with UnixStreamServer(f"{tmp_path}/s", UnixAnswer) as server:
        threading.Thread(target=server.handle_request).start()
        assert main() == 0


class UnixAnswer(Answer):
    """The same on a Unix socket, whose callers have no address."""

    def __init__(self, request, _address, server):
        super().__init__(request, ("", 0), server)


KEPT = {
    "a program of the image": ("usr/bin/python3.13", True),
    "a shell": ("usr/bin/dash", False),
    "a licence": ("usr/share/doc/libc6/copyright", True),
    "a manual": ("usr/share/man/man1/python3.1.gz", False),
    "a library": ("usr/lib/x86_64-linux-gnu/libc.so.6", True),
    "the builder's own resolver": ("etc/resolv.conf", False),
}


@pytest.mark.parametrize(("name", "kept"), KEPT.values(), ids=KEPT)
def test_an_image_keeps_what_it_needs(name, kept):
    assert IMAGE.is_kept(name, IMAGE.IMAGES["sinetti"]) == kept


def test_a_missing_package_of_ours_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(IMAGE, "DEB", tmp_path)
    with pytest.raises(IMAGE.ImageError, match=r"has it 0 times\. Run `make deb`"):
        IMAGE.own_packages(IMAGE.IMAGES["sinetti"])


def test_packages_are_listed_where_scanners_look():
    controls = b"Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n\n"
    assert IMAGE.packages_of(controls) == {
        "var/lib/dpkg/status.d/a": b"Package: a\nVersion: 1\n\n",
        "var/lib/dpkg/status.d/b": b"Package: b\nVersion: 2\n\n",
    }


def test_a_file_system_has_our_users_and_one_time(tmp_path, monkeypatch):
    held = BytesIO()
    with tarfile.open(fileobj=held, mode="w") as made:
        for name, content in {
            "./usr/bin/sh": b"shell", "./usr/bin/python3": b"python",
            "./usr/share/ca-certificates/mozilla/a.crt": b"A\n",
        }.items():  # fmt: skip
            one = tarfile.TarInfo(name)
            one.size, one.mtime = len(content), 5
            made.addfile(one, BytesIO(content))
    monkeypatch.setattr(IMAGE, "INTO", tmp_path)
    monkeypatch.setattr(IMAGE, "unpacked", lambda *_: (held.getvalue(), b"Package: a\n"))
    monkeypatch.setattr(IMAGE, "own_packages", lambda _: [])
    IMAGE.write_tree("x", IMAGE.IMAGES["sinetti-mail"], 7)
    with tarfile.open(tmp_path / "x.tar") as opened:
        found = {one.name: one for one in opened}
        assert opened.extractfile("usr/lib/ssl/cert.pem").read() == b"A\n"
        assert b"sinetti:x:10001:10001:" in opened.extractfile("etc/passwd").read()
    assert {one.mtime for one in found.values()} == {7}
    assert {name for name in found if name.startswith("usr/bin")} == {"usr/bin/python3"}
    assert found["var/run"].linkname == "../run"
