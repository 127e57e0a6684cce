"""Files for an authority's surroundings: equal to the samples of deploy/ but for what `init` knows."""

import re
import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from sinetti.authority import deployment
from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.deployment import Deployment, MailRoute
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings import notifications, portal
from tests.house.tree import ROOT

SAMPLE = Deployment(
    Path(deployment.PLACE), "https://certificates.example/2017/10/X", "http://pki.example", "https://people.example"
)
MAIL = MailRoute("smtp://127.0.0.1", "operators@cert.fi")
KNOWN = Deployment(
    Path("/srv/ca"), "https://soap.cert.fi/2017/10/X", "http://pki.cert.fi", "https://people.cert.fi", MAIL
)
RENDERED = {
    "nginx.conf": deployment.render_nginx,
    "haproxy.cfg": deployment.render_haproxy,
    "notices.toml": deployment.render_notices,
}


@pytest.mark.parametrize(("name", "render"), RENDERED.items(), ids=RENDERED)
def test_with_the_names_of_the_samples_a_file_is_the_sample(name, render):
    assert render(SAMPLE) == (ROOT / "deploy" / name).read_text(encoding="utf-8")
    assert deployment.render_drop_ins(SAMPLE) == {}


@pytest.mark.parametrize("render", [deployment.render_nginx, deployment.render_haproxy])
def test_a_web_server_has_the_real_names_and_ports_and_no_sample(render):
    ports = replace(KNOWN, soap_address="https://soap.cert.fi:8444/x", base_url="http://[2001:db8::1]:8081")
    plain, other = render(KNOWN), render(ports)
    assert ".example" not in plain + other
    assert all(name in plain for name in ("soap.cert.fi", "pki.cert.fi", "people.cert.fi"))
    lines = {line.strip() for line in other.splitlines()}
    assert lines >= {"listen 8444 ssl;", "listen 443 ssl;", "listen 8081;", "server_name [2001:db8::1];"} or lines >= {
        "bind :443 ssl crt /etc/sinetti/tls/pair.pem",
        "bind :8444 ssl crt /etc/sinetti/tls/pair.pem",
        "bind :8081",
    }


def test_without_pages_nginx_has_no_block_for_them():
    text = deployment.render_nginx(replace(KNOWN, people_address=None, mail=None))
    used = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert [line.split()[1] for line in used if "server_name" in line] == ["soap.cert.fi;", "pki.cert.fi;"]
    assert sum(line.count("{") - line.count("}") for line in used if "1,4" not in line) == 0


def test_settings_of_messages_are_whole_and_guess_nothing():
    text = deployment.render_notices(KNOWN)
    read = notifications.parse(text, Path("/nowhere"))
    assert (read.terms.people_address, read.terms.operators) == ("https://people.cert.fi", ("operators@cert.fi",))
    assert (read.smtp.host, read.sender.address, read.sms, read.returns) == ("127.0.0.1", MAIL.operators, None, None)
    assert not [line for line in text.splitlines() if ".example" in line and not line.startswith("#")]
    login = replace(KNOWN, mail=replace(MAIL, server="smtps://name@mail.cert.fi", password=b"secret"))
    assert tomllib.loads(deployment.render_notices(login))["mail"]["password_file"] == "secrets/smtp-password"


def test_settings_of_the_pages_are_all_comments_to_begin_with():
    text = deployment.render_eservice()
    assert portal.parse(text, Path("/nowhere")) == portal.DEFAULTS
    assert len(text.splitlines()) == len((ROOT / "deploy" / "eservice.toml").read_text(encoding="utf-8").splitlines())


def test_units_of_another_folder_have_drop_ins():
    found = deployment.render_drop_ins(replace(KNOWN, program="/usr/bin/sinetti"))
    units = {path.name for path in (ROOT / "deploy" / "systemd").glob("*.service")}
    assert {"sinetti.service", "sinetti-watch.service", "sinetti-backup.service"} <= set(found) < units
    assert "sinetti-agent.service" not in found
    text = found["sinetti.service"]
    assert "\nExecStart=\n" in text
    assert "\nExecStart=/usr/bin/sinetti authority serve --dir /srv/ca --bind " in text
    assert "\nExecStartPre=\n" in text
    assert "\nExecStartPre=/usr/bin/sinetti authority check --dir /srv/ca --start\n" in text
    assert deployment.PLACE not in text
    assert text.endswith("\nReadWritePaths=/srv\n")
    beside = deployment.render_drop_ins(replace(KNOWN, root=Path("/var/lib/sinetti/second")))
    assert "ReadWritePaths" not in beside["sinetti.service"]
    assert beside["sinetti-backup.service"].count("ExecStart=") == 2


def test_no_path_ends_a_word_or_a_line_of_a_unit():
    root = Path('/srv/our "ca" 100%h $HOME \\\nExecStartPost=/bin/evil')
    text = deployment.render_drop_ins(replace(KNOWN, root=root / "it"))["sinetti.service"]
    word = r'"/srv/our \"ca\" 100%%h $$HOME \\\nExecStartPost=/bin/evil/it"'
    assert f"\nExecStartPre=/opt/sinetti/bin/sinetti authority check --dir {word} --start\n" in text
    assert text.splitlines()[-1] == r'ReadWritePaths="/srv/our \"ca\" 100%%h $HOME \\\nExecStartPost=/bin/evil"'
    assert not [line for line in text.splitlines() if line.startswith("ExecStartPost")]


def test_a_real_name_may_contain_that_of_a_sample():
    alike = replace(KNOWN, soap_address="https://pki.example.com", people_address="https://certificates.example.com")
    text = deployment.render_nginx(alike)
    used = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    names = [line.split()[1] for line in used if "server_name" in line]
    assert names == ["pki.example.com;", "certificates.example.com;", "pki.cert.fi;"]


@pytest.mark.parametrize("render", [deployment.render_nginx, deployment.render_haproxy])
def test_no_backend_gets_a_parent_of_a_trace_from_a_caller(render):
    """A caller could otherwise have each of its requests sampled (docs/operators/traces.md)."""
    used = [line.split("#")[0].split() for line in render(KNOWN).splitlines()]
    passing = [one for one in used if "X-Forwarded-For" in one]
    assert passing
    removed = ["http-request", "del-header", "traceparent"], ["proxy_set_header", "traceparent", '"";']
    assert sum(one in removed for one in used) == len(passing)


def test_both_web_servers_pass_the_same_calls_of_programs():
    (nginx,) = re.findall(r"location ~ (\^/\(2017\S+)", deployment.render_nginx(KNOWN))
    (haproxy,) = re.findall(r"acl is_call path -m reg (\S+)", deployment.render_haproxy(KNOWN))
    assert haproxy == nginx
    for kind in ("anchors", "distrust"):
        assert re.fullmatch(haproxy, f"/api/v1/trust/{kind}")
    assert re.fullmatch(nginx, "/.well-known/security.txt")


REFUSED = {
    "syntax of nginx in a name": ({"soap_address": "https://a;}server{"}, "a host name has letters"),
    "syntax of nginx in a name without pages": (
        {"base_url": "http://a'b", "people_address": None, "mail": None},
        "a host name has letters",
    ),
    "one name for programs and pages": ({"people_address": "https://soap.cert.fi"}, "a host name of their own"),
    "pages without TLS": ({"people_address": "http://people.cert.fi"}, "people_address"),
    "mail without TLS": ({"mail": replace(MAIL, server="smtp://mail.cert.fi")}, "smtps://"),
    "no address": ({"mail": replace(MAIL, operators="operators")}, "operators"),
    "a name without a password": ({"mail": replace(MAIL, server="smtps://name@mail.cert.fi")}, "both a name"),
    "a password without a name": ({"mail": replace(MAIL, password=b"secret")}, "both a name"),
}


@pytest.mark.parametrize(("changes", "word"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_served_is_refused_before_any_key(changes, word):
    with pytest.raises(SettingsError, match=word):
        deployment.check_deployment(replace(KNOWN, **changes))


@pytest.mark.parametrize(
    "known", [KNOWN, replace(KNOWN, mail=replace(MAIL, server="smtps://n@mail.cert.fi", password=b"s"))]
)
def test_what_can_be_served_is_accepted(known):
    deployment.check_deployment(known)
    deployment.check_deployment(replace(known, people_address=None, mail=None))


def test_files_are_private_and_never_overwrite(tmp_path):
    folder = DataDirectory(tmp_path)
    folder.secrets.mkdir()
    login = replace(KNOWN, mail=replace(MAIL, server="smtps://name@mail.cert.fi", password=b"secret"))
    deployment.write_deployment(folder, login)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert {"nginx.conf", "haproxy.cfg", "notices.toml", "eservice.toml", "authority.conf", "smtp-password"} == {
        path.name for path in written
    }
    assert notifications.read(folder.notices).smtp.password == "secret"
    with pytest.raises(FileExistsError):
        deployment.write_deployment(folder, login)


def test_without_mail_the_settings_are_samples_beside_the_others(tmp_path):
    folder = DataDirectory(tmp_path)
    deployment.write_deployment(folder, replace(KNOWN, people_address=None, mail=None))
    assert not folder.notices.exists()
    assert not folder.eservice.exists()
    text = (ROOT / "deploy" / "notices.toml").read_text(encoding="utf-8")
    assert (tmp_path / "deploy" / "notices.toml").read_text(encoding="utf-8") == text
