"""`make demo`: a certificate lives its whole life, played with the real commands against a bench of its own.

Exits 0 only if each step did what it should. `--keep` (make demo KEEP=1) leaves the bench running.
"""

import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sinetti.clock import ticks
from sinetti.domain.values import Language
from sinetti.testbench.stage import Stage, StoryBroken, demand
from sinetti.texts.reader import when

_START = "2027-01-11T08:00:00Z"
_CUSTOMER = {"customer_id": "0123456-7", "customer_name": "Malliyritys Oy"}
_REPORT = b'<report xmlns="urn:example:report">\n  <period>2027-01</period>\n  <wages currency="EUR">3210.50</wages>\n</report>\n'


def main() -> int:
    """Play the story."""
    begun = ticks()
    print("Sinetti: a certificate lives its whole life. Everything below runs on this machine, in a temporary folder.")
    stage = None
    try:
        stage = Stage(_START)
        _play(stage)
    except StoryBroken as broken:
        print(f"\nThe story broke off: {broken}", file=sys.stderr)
        if stage is not None:
            stage.stop()
            print(f"What the bench logged: {stage.folder}/bench.log", file=sys.stderr)
        return 1
    print(f"\nDone: every step did what it should ({ticks() - begun:.0f} s).", flush=True)
    if "--keep" in sys.argv[1:]:
        _say_how_to_talk(stage)
    else:
        stage.stop()
        shutil.rmtree(stage.folder, ignore_errors=True)
    return 0


def _play(stage: Stage) -> None:
    _order_and_enrol(stage)
    _show_both_sides(stage)
    _seal_and_verify(stage, stage.store, "report.xml")
    end = _instant(_certificates(stage)[0]["not_after"])
    old_store = stage.folder / "old-store"
    shutil.copytree(stage.store, old_store, symlinks=True)
    _renew_in_time(stage, end, old_store)
    _after_the_old_end(stage, end, old_store)


def _order_and_enrol(stage: Stage) -> None:
    stage.chapter("The organisation orders a certificate; the technical contact gets the transfer IDs.")
    order = stage.control("POST", "/orders", _CUSTOMER)
    stage.tell(f"transfer ID {order['transfer_id']}, one-time password {order['transfer_password'][:4]}…, until {order['expires']}")
    password = stage.folder / "password.txt"
    password.write_text(order["transfer_password"], encoding="ascii")
    stage.chapter("The payroll program makes a key, has it certified and fetches the certificate.")
    trust = stage.ready["trust"]
    arguments = [
        "enrol", "payroll", "--store", str(stage.store), "--service", stage.ready["soap_url"],
        "--trust-services", trust["services"], "--trust-holders", trust["holders"], "--tls-ca", trust["server"],
        "--environment", "TEST", "--customer-id", _CUSTOMER["customer_id"],
        "--transfer-id", order["transfer_id"], "--transfer-password-file", str(password),
    ]  # fmt: skip
    stage.run(arguments)


def _show_both_sides(stage: Stage) -> None:
    stage.chapter("What both sides hold now.")
    stage.tell("the client's store (the private key never left it):")
    for path in sorted((stage.store / "payroll" / "live").resolve().iterdir()):
        stage.tell(f"  payroll/live/{path.name:<16} {path.stat().st_size:>5} octets, mode {path.stat().st_mode & 0o777:o}")
    rows = _certificates(stage)
    demand([row["state"] for row in rows] == ["fetched"], "the register should hold one fetched certificate")
    stage.tell("the authority's register:")
    stage.tell(_rows(rows))
    row = _status(stage)
    demand(row["state"] == "valid", "the client should hold a valid certificate")
    demand(row["serial"] == rows[0]["serial"], "both sides should name the same serial")


def _seal_and_verify(stage: Stage, store: Path, name: str, *, expect: int = 0) -> None:
    if name == "report.xml":
        stage.chapter("A report is sealed with the certificate's key, and verified by who receives it.")
    document, sealed = stage.folder / name, stage.folder / f"sealed-{store.name}-{name}"
    document.write_bytes(_REPORT)
    if not sealed.exists():
        stage.run(["sign", str(document), "--store", str(store), "--name", "payroll", "--out", str(sealed)])
    stage.run(["verify", str(sealed), "--trust-holders", stage.ready["trust"]["holders"]], expect=expect)


def _renew_in_time(stage: Stage, end: datetime, old_store: Path) -> None:
    stage.move_clock(_text(end - timedelta(days=61)))
    stage.chapter("61 days before its end: too early to renew.")
    early = stage.run(["renew", "payroll", "--store", str(stage.store), "--force"], expect=3)
    opening = when(end - timedelta(days=60), Language.EN).removesuffix(" (Finnish time)")
    demand("PKI034" in early.said and opening in early.said, f"the refusal should name PKI034 and {opening}")
    stage.move_clock(_text(end - timedelta(days=59)))
    stage.chapter("59 days before: renewed with a new key; the call is signed with the key still in force.")
    stage.run(["renew", "payroll", "--store", str(stage.store)])
    stage.chapter("Both certificates are valid side by side while the systems move over.")
    rows = _certificates(stage)
    stage.tell(_rows(rows))
    demand([row["state"] for row in rows] == ["fetched", "fetched"], "both certificates should be valid")
    demand(rows[1]["renewed_by"] == rows[0]["serial"], "the old one should name the new one")
    demand(_key(stage.store) != _key(old_store), "the new certificate should have a new key")
    _seal_and_verify(stage, old_store, "february.xml")
    _seal_and_verify(stage, stage.store, "february.xml")


def _after_the_old_end(stage: Stage, end: datetime, old_store: Path) -> None:
    stage.move_clock(_text(end + timedelta(seconds=1)))
    stage.chapter("One second after the old one's end: it is refused as a signer, the new one is accepted.")
    late = stage.run(["renew", "payroll", "--store", str(old_store), "--force"], expect=3)
    demand("PKI032" in late.said, "the expired certificate should be refused with PKI032")
    _seal_and_verify(stage, old_store, "february.xml", expect=3)
    _seal_and_verify(stage, stage.store, "march.xml")
    rows = _certificates(stage)
    stage.tell(_rows(rows))
    demand([row["state"] for row in rows] == ["fetched", "expired"], "only the new certificate should be valid")
    demand(_status(stage)["state"] == "valid", "the client should hold a valid certificate")


def _certificates(stage: Stage) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = stage.control("GET", f"/certificates?customer_id={_CUSTOMER['customer_id']}")
    return rows


def _rows(rows: list[dict[str, Any]]) -> str:
    return "\n".join(f"  {row['serial'][:12]}…  {row['state']:<8} {row['not_before']} – {row['not_after']}" for row in rows)


def _status(stage: Stage) -> dict[str, Any]:
    done = stage.run(["status", "--store", str(stage.store), "--json"])
    rows: list[dict[str, Any]] = json.loads(done.output)
    demand(len(rows) == 1, "the store should hold one name")
    stage.tell(f"payroll: {rows[0]['state']}, ends {rows[0]['not_after']}, renewal opens {rows[0]['renew_from']}")
    return rows[0]


def _key(store: Path) -> bytes:
    return (store / "payroll" / "live" / "key.pem").read_bytes()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _say_how_to_talk(stage: Stage) -> None:
    ready = stage.ready
    print(f"""
The bench keeps running (pid {ready["pid"]}); its folder is {stage.folder}.

  its clock      curl {ready["control_url"]}/clock
  an order       curl -X POST {ready["control_url"]}/orders -H 'Content-Type: application/json' \\
                   -d '{json.dumps(_CUSTOMER)}'
  the WSDL       curl --cacert {ready["trust"]["server"]} '{ready["soap_url"]}?wsdl'
  with zeep      import requests, zeep
                 session = requests.Session(); session.verify = "{ready["trust"]["server"]}"
                 client = zeep.Client("{ready["soap_url"]}?wsdl", transport=zeep.Transport(session=session))
                 client.service.getCertificate(Environment="TEST", CustomerId="0123456-7", RetrievalId="…")
  stop it        kill {ready["pid"]}
""")


if __name__ == "__main__":
    sys.exit(main())
