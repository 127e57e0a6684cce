"""Writes tests/judges/metrics/: what an authority, a gateway and an agent answer to a scrape.

    python -m tests.judges.metrics_recorder

The queries of deploy/grafana are evaluated on these files (test_promtool.py).
"""

import json
import re
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from sinetti.infra.clock import utc_now
from tests.support.ports import reserve_ports
from tests.support.postgres import cluster, find_binaries, find_owner
from tests.support.programs import CUSTOMER, exchange, fetched, program, ran
from tests.support.relying import material
from tests.support.serving import serving, until
from tests.support.web_servers import process

FOLDER = Path(__file__).parent / "metrics"
KEEPER = 120.0
"""Seconds within which the keeper has computed all values."""

NOTICES = """\
people_address = "http://127.0.0.1:{people}"
service = "Sinetti"
operators = ["operators@authority.example"]
[help]
fi = "tuki@authority.example"
sv = "stod@authority.example"
en = "help@authority.example"
[mail]
server = "smtp://127.0.0.1:{nothing}"
from = "Sinetti <notices@authority.example>"
"""

AGENT = """\
store = "store"

[agent]
prometheus = "agent.prom"

[services.test]
address = "{soap}"
environment = "TEST"
trust_services = "{root}/trust/services.pem"
trust_holders = "{root}/trust/holders.pem"

[defaults]
service = "test"

[defaults.hooks]
deploy = ["true"]
"""

GATEWAY = """\
anchors = "anchors.pem"
channel = "WS"
revocation = "crl"
crls = "lists"

[serve]
bind = "127.0.0.1:{port}"
proxies = ["127.0.0.1"]
secret = "secret"

[feed]
url = "http://127.0.0.1:9/status/feed"
"""


def done(*words: object, **environment: str) -> str:
    """Run `sinetti`, and return its output; exit code 0 is required."""
    found = ran(*words, **environment)
    assert found.returncode == 0, found.stderr
    return found.stdout


def record_authority(folder: Path, database: str) -> tuple[str, str]:
    """Return the metrics of an authority on PostgreSQL, and of the agent of its only holder."""
    root, store = folder / "authority", folder / "store"
    people, nothing = reserve_ports(2)

    def authority(*words: object) -> str:
        return done("authority", *words, "--dir", root, DATABASE_URL=database)

    authority("init", "--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://a.example")
    (root / "notices.toml").write_text(NOTICES.format(people=people, nothing=nothing), encoding="utf-8")
    (root / "notices.toml").chmod(0o600)
    customer = ("--customer-id", CUSTOMER["customer_id"])
    authority("organisation", "add", *customer, "--kind", "artificial", "--name", CUSTOMER["customer_name"])
    order = ("order", *customer, "--contact-name", "A", "--contact-email", "a@example.test", "--json")
    ids = [json.loads(authority(*order)) for _ in range(2)]
    options = ("--workers", "1", "--metrics-bind", "127.0.0.1:0", "--people-bind", f"127.0.0.1:{people}")
    with serving(root, *options, DATABASE_URL=database) as served:
        (folder / "sinetti.toml").write_text(AGENT.format(soap=served.soap, root=root), encoding="utf-8")
        for name, one in zip(("payroll", "spare"), ids, strict=True):
            (folder / name).write_text(one["transfer_password"])
            (folder / name).chmod(0o600)
            enrol = ("--transfer-id", one["transfer_id"], "--transfer-password-file", folder / name)
            settings = ("--config", folder / "sinetti.toml", *customer, "--key", "ec-p256")
            done("enrol", name, *settings, *enrol)
        ran("renew", "payroll", "--store", store, "--force")  # too early: a refusal
        done("revoke", "spare", "--store", store, "--reason", "superseded", "--yes")
        authority("notices", "plan")
        for address in (served.status, f"http://127.0.0.1:{people}"):
            exchange(address, "GET", "/")
        ran("run", "--config", folder / "sinetti.toml")  # ends with 3, because of the revoked certificate
        found = re.search(r"metrics on (http://[0-9.:]+)", served.log)
        assert found, served.log
        last = (b"sinetti_certificate_ends{", b"sinetti_ocsp_answers{", b"sinetti_findings{")
        until(lambda: all(one in fetched(f"{found[1]}/metrics") for one in last), KEEPER)
        return fetched(f"{found[1]}/metrics").decode(), (folder / "agent.prom").read_text(encoding="utf-8")


def record_gateway(folder: Path) -> str:
    """Return the metrics of a gateway that accepted one caller and refused another."""
    made, (port, scrapes) = material(utc_now()), reserve_ports(2)
    made.written(folder / "gateway")
    (folder / "gateway" / "secret").write_text("0123456789abcdef" * 2)
    (folder / "gateway" / "secret").chmod(0o600)
    settings = folder / "gateway" / "gateway.toml"
    settings.write_text(GATEWAY.format(port=port), encoding="utf-8")
    command = program("gateway", "serve", "--settings", settings, "--metrics-bind", f"127.0.0.1:{scrapes}")
    with process(*command, stderr=subprocess.PIPE) as one, closing(HTTPConnection("127.0.0.1", port)) as caller:
        assert '"ready"' in (one.stderr.readline() if one.stderr else "")
        for kind in ("good", "revoked"):
            shown = {"Client-Cert": f":{made.rfc9440(kind)}:", "Sinetti-Proxy-Secret": "0123456789abcdef" * 2}
            caller.request("GET", "/check", headers=shown)
            caller.getresponse().read()
        return fetched(f"http://127.0.0.1:{scrapes}/metrics").decode()


def main() -> None:
    """Record all three."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, cluster(find_binaries(), find_owner()) as database:
        authority, agents = record_authority(Path(folder), database)
        for name, text in (("authority", authority), ("agents", agents), ("gateway", record_gateway(Path(folder)))):
            (FOLDER / f"{name}.prom").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
