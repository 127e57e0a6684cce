"""`sinetti testbench serve` as a process.

The tests cover readiness, ports, presets, the clock over restarts, and stopping (contracts).
"""

import http.client
import json
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from sinetti.cli.main import main
from sinetti.domain.values import KeyType
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.pki.encoding import certificate_der, load_certificate, sha256_hex
from tests.support.ports import reserve_ports
from tests.support.programs import STOPS_WITHIN, codes, fetched, holder_of, new_key, program, ran, running, started
from tests.support.serving import SOON

NOW = "2027-01-11T08:00:00Z"
READY = ["soap_url", "wsdl_url", "control_url", "status_url", "people_url", "trust", "pid"]
PRESETS = ["default", "incomes-register-test"]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "bench"


@pytest.fixture(scope="session")
def stopped(tmp_path_factory):
    """Return the folder of a bench that ran once."""
    folder = tmp_path_factory.mktemp("stopped") / "bench"
    with running(folder, "--now", NOW):
        pass
    return folder


@pytest.fixture
def made(root, stopped):
    """Return a copy of that folder."""
    shutil.copytree(stopped, root)
    return root


@pytest.fixture
def told(capsys):
    """Return a function that runs `sinetti testbench serve` in this process.

    It serves commands that end before they create any file.
    """

    def run(*options):
        code = main(["testbench", "serve", *(str(one) for one in options)])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(options, code, said.out, said.err)

    return run


def ends_with(done, code, *words):
    """Check one sentence on standard error, no standard output and no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("sinetti: ")]
    assert "Traceback" not in done.stderr
    assert not [word for word in words if word not in sentence], sentence
    return sentence


def ports(bench):
    return [urlsplit(bench.ready[name]).port for name in ("soap_url", "control_url", "status_url", "people_url")]


@pytest.mark.parametrize("preset", PRESETS)
def test_an_empty_folder_is_made_ready_and_says_so_in_one_line(root, preset, tmp_path):
    root.mkdir()
    (site := tmp_path / "site").mkdir()
    (site / "index.html").write_text("the documentation")
    with running(root, "--preset", preset, "--docs", site) as bench:
        assert list(bench.ready) == READY
        documentation = f"{bench.ready['status_url']}/docs/"
        with urllib.request.urlopen(documentation, timeout=60) as page:  # noqa: S310 - loopback
            assert page.read() == b"the documentation"
        with urllib.request.urlopen(bench.ready["people_url"], timeout=60) as page:  # noqa: S310 - loopback
            shown = page.read().decode()
            assert "Sinetti test bench" in shown
            assert f'<a href="{documentation}">' in shown
        assert bench.ready["pid"] == bench.process.pid
        assert bench.ready["soap_url"].startswith("https://127.0.0.1:")
        assert bench.ready["wsdl_url"] == f"{bench.ready['soap_url']}?wsdl"
        assert bench.ready["trust"] == {
            name: str(root / "trust" / f"{name}.pem") for name in ("holders", "services", "server")
        }
        (mine := tmp_path / "mine").mkdir()
        trust = {name: Path(path).read_bytes() for name, path in bench.ready["trust"].items()}
        typed = sha256_hex(certificate_der(load_certificate(trust["services"])))  # the root comes first
        words = (
            "--service",
            bench.ready["soap_url"],
            "--fingerprint",
            typed,
            "--tls-ca",
            bench.ready["trust"]["server"],
        )
        assert ran("trust", "fetch", *words, "--out-dir", mine).returncode == 0
        assert all((mine / f"{name}.pem").read_bytes() == trust[name] for name in ("services", "holders"))
        holder = holder_of(bench)
        for kind in KeyType:
            holder.enrolled(bench.order(), new_key(kind))
        holder.enrolled(bench.order(), rsa.generate_private_key(3, 2048))
        assert bench.stop() == 0
        assert bench.process.stdout.read() == ""
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_the_names_that_programs_look_for(root):
    with running(root, "--preset", "incomes-register-test") as bench:
        certificate = holder_of(bench).enrolled(bench.order(), new_key(KeyType.RSA_2048))
        issuer = certificate.issuer
        assert issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Data Providers Test Issuing CA v1"
        assert issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Verohallinto"
        signer = next(load_certificate(p.read_bytes()) for p in root.glob("ca/IRServicesTestResponseSigner*.cer"))
        assert signer.public_key().key_size == 2048


def test_ports_preset_clock_and_certificates_last_over_restarts(root):
    with running(root, "--now", NOW) as bench:
        first = ports(bench)
        holder_of(bench).enrolled(bench.order(), new_key())
        rows = bench.rows()
        assert bench.control("PUT", "/clock", {"advance": "P59DT1H"}) == (200, {"now": "2027-03-11T09:00:00Z"})
    # State of a bench from before the pages of the e-service existed.
    written = json.loads((root / "ports.json").read_text(encoding="ascii"))
    del written["people"]
    (root / "ports.json").write_text(json.dumps(written), encoding="ascii")
    with running(root, "--preset", "default", "--strict") as bench:
        assert ports(bench)[:3] == first[:3]
        assert len(set(ports(bench))) == 4
        first = ports(bench)
        assert bench.control("GET", "/clock")[1] == {"now": "2027-03-11T09:00:00Z"}
        assert bench.rows() == rows
    other = reserve_ports(1)[0]
    with running(root, "--port", other, "--http", "--now", "2027-03-11T09:00:00Z") as bench:
        assert ports(bench) == [other, *first[1:]]
        assert bench.ready["soap_url"].startswith("http://")
        assert bench.ready["trust"]["server"] is None
        holder_of(bench).enrolled(bench.order(), new_key())
    ends_with(ran("testbench", "serve", "--dir", root, "--preset", PRESETS[1]), 2, "another preset", "new folder")
    ends_with(
        ran("testbench", "serve", "--dir", root, "--now", NOW),
        2,
        "2027-03-11T09:00:00Z",
        "does not go back",
        "leave out the time",
    )
    ends_with(ran("testbench", "serve", "--dir", root, "--port", first[1]), 2, str(first[1]), "choose another")


def test_a_port_that_is_asked_for_is_kept(root):
    port = reserve_ports(1)[0]
    for options in (["--port", port], []):
        with running(root, *options) as bench:
            assert ports(bench)[0] == port


@pytest.mark.parametrize("now", ["2001-02-03T04:05:06Z", "2022-01-01T00:00:00+02:00", "2090-12-31T23:59:59.9Z"])
def test_a_new_bench_may_begin_at_any_time(root, now):
    with running(root, "--now", now) as bench:
        at = datetime.fromisoformat(now).astimezone(UTC).replace(microsecond=0)
        assert bench.now() == at
        certificate = holder_of(bench).enrolled(bench.order(), new_key())
        assert certificate.not_valid_before_utc == at


def test_the_clock_is_the_machines_until_it_is_set_and_then_stands_still(root):
    with running(root) as bench:
        before = utc_now()
        assert before <= bench.now() <= utc_now()
        status, said = bench.control("PUT", "/clock", {"now": "2022-01-01T00:00:00Z"})
        assert (status, said["reason"]) == (409, "clock-goes-back")
        status, said = bench.control("PUT", "/clock", {"advance": "-PT30S"})
        assert status == 200
        sleep(1.1)
        assert bench.control("GET", "/clock")[1] == said


def test_jumps(made):
    """The jumps go past the signer's end, three years, and past every CA's end.

    The signatures are of the new instant.
    """
    with running(made) as bench:
        key = new_key()
        certificate = holder_of(bench).enrolled(bench.order(), key)
        for step in ("P731D", "P1096D"):
            status, said = bench.control("PUT", "/clock", {"advance": step})
            assert status == 200
            at = datetime.fromisoformat(said["now"])
            holder = holder_of(bench)
            assert holder.now == at
            assert codes(holder.renew(key, certificate, new_key())) == ["PKI032"]
            holder.enrolled(bench.order(), new_key())
            assert listed(bench, "DataProvidersTestIssuingCAv1").last_update_utc == at
        assert [row["state"] for row in bench.rows()] == ["fetched", "expired", "expired"]
        assert bench.control("PUT", "/clock", {"now": "2099-06-01T00:00:00Z"})[0] == 200
        assert {row["state"] for row in bench.rows()} == {"expired"}
    assert "have expired" in bench.log.read_text()
    with running(made) as bench:
        assert bench.now().year == 2099


def listed(bench, name):
    return x509.load_der_x509_crl(fetched(f"{bench.ready['status_url']}/crl/{name}-1.crl"))


def test_strict(made):
    with running(made, "--strict") as bench:
        holder, ids, key = holder_of(bench), bench.order(), new_key(KeyType.RSA_2048)
        for kind in set(KeyType) - {KeyType.RSA_2048}:
            assert codes(holder.new(ids, new_key(kind))) == ["PKI011"]
        answer = holder.new(ids, key)
        assert codes(holder.get(answer.retrieval_id)) == ["PKI021"]
        assert codes(holder.new(ids, key)) == ["PKI006"]
        certificate = load_certificate(patiently(holder, answer.retrieval_id).certificate)
        assert codes(holder.new(ids, key)) == ["PKI006"]
        bench.control("PUT", "/clock", {"advance": "P700D"})
        holder = holder_of(bench)
        new = new_key(KeyType.RSA_2048)
        answer = holder.renew(key, certificate, new)
        assert answer.status_ok
        assert codes(holder.renew(key, certificate, new)) == ["PKI035"]
        assert codes(holder.renew(key, certificate, new_key(KeyType.RSA_2048))) == ["PKI035"]
        assert patiently(holder, answer.retrieval_id).status_ok


def patiently(holder, retrieval_id):
    """Retrieve as a client in the field does: repeatedly, while it is not ready."""
    deadline = monotonic_seconds() + SOON
    while codes(answer := holder.get(retrieval_id)) == ["PKI021"]:
        assert monotonic_seconds() < deadline
        sleep(0.2)
    return answer


def test_without_strict_leniency_is_marked_in_the_log(made):
    with running(made) as bench:
        holder, ids, key = holder_of(bench), bench.order(), new_key()
        answers = [holder.new(ids, key).retrieval_id for _ in range(2)]
        assert answers[0] == answers[1]
    assert "same-request-answered" in bench.log.read_text()
    assert "key-other-than-rsa-2048" in bench.log.read_text()
    assert ids["transfer_password"] not in bench.log.read_text()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_though_a_sender_stalls(made, how):
    with running(made, "--http") as bench:
        addresses = [urlsplit(bench.ready[name]) for name in ("soap_url", "control_url")]
        with ExitStack() as open_ones:
            for address in addresses:
                one = open_ones.enter_context(socket.create_connection((address.hostname, address.port), 60))
                one.sendall(b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
            assert bench.stop(how) == 0
    assert "Traceback" not in bench.log.read_text()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_while_it_is_made_it_leaves_nothing(root, how):
    with started(serving(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not list(root.parent.glob(".bench.*")):
            assert process.poll() is None
            sleep(0.005)
        process.send_signal(how)
        out, err = process.communicate(timeout=STOPS_WITHIN)
    assert (process.returncode, out) in {(130, ""), (0, "")}, err
    assert "Traceback" not in err
    assert not list(root.parent.glob(".bench.*"))


@pytest.mark.parametrize("wait", [0.0, 0.05, 0.2])
def test_killed_while_it_is_made_it_leaves_no_half_made_folder(root, wait):
    with started(serving(root), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while not list(root.parent.glob(".bench.*")) and not root.exists():
            sleep(0.005)
        sleep(wait)
        process.kill()
    with running(root) as bench:
        holder_of(bench).enrolled(bench.order(), new_key())


def serving(root, *options):
    return program("testbench", "serve", "--dir", root, *options)


def test_it_ends_with_whoever_started_it(made):
    parent = (
        "import subprocess, sys, time\n"
        "bench = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "sys.stdout.buffer.write(bench.stdout.readline()); sys.stdout.flush(); time.sleep(60)"
    )
    command = [sys.executable, "-c", parent, *serving(made, "--until-stdin-closes")]
    with started(command, stdout=subprocess.PIPE, text=True) as starter:
        pid = json.loads(starter.stdout.readline())["pid"]
        starter.kill()
    deadline = monotonic_seconds() + STOPS_WITHIN
    while alive(pid):
        assert monotonic_seconds() < deadline, "the bench outlived its parent"
        sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_two_benches_side_by_side(tmp_path):
    with running(tmp_path / "one", "--now", NOW) as one, running(tmp_path / "two", "--now", NOW) as two:
        assert not set(ports(one)) & set(ports(two))
        one.control("PUT", "/clock", {"advance": "P1D"})
        assert (one.now() - two.now()) == timedelta(days=1)
        holder_of(one).enrolled(one.order(), new_key())
        assert two.rows() == []
        done = ran("testbench", "serve", "--dir", one.root)
        ends_with(done, 5, "already", "another folder")


def test_a_folder_of_another_kind_is_refused_both_ways(made, tmp_path):
    for command in (
        ["status"],
        ["serve"],
        ["order", "--customer-id", "x", "--contact-name", "A", "--contact-email", "a@b.example"],
    ):
        ends_with(ran("authority", *command, "--dir", made), 2, "belongs to a test bench")
    other = tmp_path / "authority"
    init = ["--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://soap.example"]
    assert ran("authority", "init", "--dir", other, *init).returncode == 0
    ends_with(ran("testbench", "serve", "--dir", other), 2, "belongs to an authority")
    ends_with(ran("authority", "init", "--dir", made, *init), 2, "never overwritten")
    (tmp_path / "something").mkdir()
    (tmp_path / "something" / "else").write_text("x")
    ends_with(ran("testbench", "serve", "--dir", tmp_path / "something"), 2, "does not contain an authority")


BAD_OPTIONS = {
    "a time without a zone": (["--now", "2027-01-01T12:00:00"], "--now"),
    "no time": (["--now", "soon"], "--now"),
    "an empty time": (["--now", ""], "--now"),
    "before the bench's time": (["--now", "1999-01-01T00:00:00Z"], "2000-01-02"),
    "after the bench's time": (["--now", "2100-01-01T00:00:00Z"], "2099-12-31"),
    "before all calendars": (["--now", "0001-01-01T00:00:00+14:00"], "--now"),
}


@pytest.mark.parametrize(("options", "word"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_bad_options_make_nothing(root, told, options, word):
    ends_with(told("--dir", root, *options), 2, word)
    assert list(root.parent.iterdir()) == []


@pytest.mark.parametrize(
    "options", [["--port", "70000"], ["--port", "x"], ["--preset", "other"], ["--host", "::"], ["--docs", "none"]]
)
def test_options_that_are_none(root, told, options):
    done = told("--dir", root, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr


def test_a_port_that_is_taken(root):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ends_with(ran("testbench", "serve", "--dir", root, "--port", port), 2, str(port), "choose another")
    assert not root.exists()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    ends_with(ran("testbench", "serve", "--dir", tmp_path / "file" / "bench"), 2, "bench")
    ends_with(ran("testbench", "serve", "--dir", tmp_path / "file"), 2, "does not contain an authority")
    ends_with(ran("testbench", "serve", "--dir", "/proc/bench"), 2, "could not be created")


def test_a_folder_that_may_only_be_read(made):
    for path in [made, *made.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        ends_with(ran("testbench", "serve", "--dir", made, bound=True), 5, "cannot be written")
        ends_with(ran("testbench", "serve", "--dir", made / "inside", bound=True), 2, "could not be created")
        made.chmod(0)
        ends_with(ran("testbench", "serve", "--dir", made, bound=True), 2, "cannot be read")
    finally:
        made.chmod(0o700)


DAMAGE = {
    "ports.json": "damaged",
    "authority.toml": "authority.toml",
    "ca/ServicesTestIssuingCAv1.cer": "is not a certificate",
    "kind": "not a known kind of folder",
    "hierarchy.toml": "TOML",
}


@pytest.mark.parametrize(("name", "word"), DAMAGE.items())
def test_a_damaged_folder(made, name, word):
    (made / name).write_bytes(b"\xff not this")
    done = ran("testbench", "serve", "--dir", made)
    ends_with(done, 2 if name == "kind" else 5, word)


def test_ports_that_are_the_same(made):
    (made / "ports.json").write_text('{"soap": 20001, "control": 20002, "status": 20002}')
    ends_with(ran("testbench", "serve", "--dir", made), 5, "damaged")


def test_it_stops_cleanly_each_time(made):
    for _ in range(5):
        with running(made) as bench:
            assert bench.control("GET", "/clock")[0] == 200
            assert bench.stop() == 0


def test_files_that_are_missing(made):
    (made / "secrets" / "passphrase").unlink()
    ends_with(ran("testbench", "serve", "--dir", made), 5, "passphrase", "copy of the folder")


def test_who_may_read_what(root):
    with running(root, "--preset", "incomes-register-test"):
        pass
    modes = {path.relative_to(root): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    for path, mode in modes.items():
        if path.parts[0] in {"keys", "secrets"}:
            assert mode == (0o700 if (root / path).is_dir() else 0o600), path
    assert modes[Path("register.sqlite3")] == 0o600
    keys = [path for path in (root / "keys").iterdir() if not path.name.startswith("log-")]
    assert {path.suffix for path in (root / "keys").glob("log-*")} == {".pem", ".vkey"}
    assert len([path for path in keys if "_ocsp-" not in path.name]) == 6
    assert len(keys) == 9, "an OCSP responder of each CA that issues to others than CAs"
    for path in keys:
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: one.name)
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_tls(bench, version, name):
    context = ssl.create_default_context(cafile=bench.ready["trust"]["server"])
    context.minimum_version = context.maximum_version = version
    port = urlsplit(bench.ready["soap_url"]).port
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        assert secure.version() == version.name.replace("_", ".")
        certificate = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
    assert certificate.not_valid_before_utc == datetime(2000, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_after_utc.year == 2099


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_believes_the_bench(bench, version):
    where = f"127.0.0.1:{urlsplit(bench.ready['soap_url']).port}"
    trust = bench.ready["trust"]["server"]
    command = [
        "openssl",
        "s_client",
        "-connect",
        where,
        "-CAfile",
        trust,
        "-verify_return_error",
        "-verify_ip",
        "127.0.0.1",
    ]
    done = subprocess.run([*command, version], input="", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Verify return code: 0 (ok)" in done.stdout


def test_database_url_is_not_the_benchs_business(root):
    with running(root, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing") as bench:
        assert bench.rows() == []


def test_the_wsdl_names_the_address_that_is_served(bench):
    wsdl = fetched(f"{bench.ready['soap_url']}?wsdl", server=bench.ready["trust"]["server"])
    assert bench.ready["soap_url"].encode() in wsdl


def test_two_years_of_messages_in_one_jump_and_a_kill_on_the_way(root):
    """The certificates are not renewed.

    The clock is where the kill found it, and each message exists exactly once.
    """
    with running(root, "--now", NOW) as bench:
        for hours in range(5):
            holder_of(bench).enrolled(bench.order(description=f"program {hours}"), new_key())
            bench.control("PUT", "/clock", {"advance": "PT3H"})
        sent = bench.root / "messages.jsonl"
        with ThreadPoolExecutor() as pool:
            jump = pool.submit(bench.control, "PUT", "/clock", {"now": "2029-02-01T00:00:00Z"})
            while b'"reminder"' not in sent.read_bytes():
                sleep(0.002)
            bench.process.kill()
            assert isinstance(jump.exception(), OSError | http.client.HTTPException)
    with running(root) as bench:
        assert NOW < bench.control("GET", "/clock")[1]["now"] < "2029-01-15"
        assert bench.control("PUT", "/clock", {"now": "2029-02-01T00:00:00Z"})[0] == 200
        reminders = bench.control("GET", "/messages?kind=reminder")[1]
        mails = Counter((one["to"], one["subject"], one["sent"]) for one in reminders if one["channel"] == "email")
        assert set(Counter(to for to, _, _ in mails).values()) == {7}
        assert len({to for to, _, _ in mails}) == 5
        assert len({one["id"] for one in reminders}) == len(reminders) == 5 * (7 + 4)
    with running(root) as bench:
        assert bench.control("GET", "/messages?kind=reminder")[1] == reminders
