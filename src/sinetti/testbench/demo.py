"""`make demo`: the life of a certificate, with the real commands and a bench.

Exits with 0 only if each step did what it should. `--keep` (make demo KEEP=1) leaves the bench running.
"""

import json
import shutil
import stat
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.x509.oid import NameOID

from sinetti.domain.values import Language
from sinetti.i18n.translate import format_datetime
from sinetti.infra.clock import format_instant, monotonic_seconds
from sinetti.pki.encoding import load_certificate
from sinetti.testbench.fleet.report import ProgressReporter
from sinetti.testbench.fleet.scenario import FleetOptions, run_simulation
from sinetti.testbench.fleet.story_runner import StoryBroken, StoryRunner, curl, program, require, typed

_START = "2027-01-13T08:00:00Z"
"""Start of the demonstration.

Renewal opens 60 days before the end, 730 days later: on a Monday at 10 in Finland, when messages are sent.
"""
_CUSTOMER = {"customer_id": "0123456-7", "customer_name": "Malliyritys Oy"}
_FIRM = {"customer_id": "7654321-4", "customer_name": "Tilitoimisto Malli Oy"}
_OTHER = {"customer_id": "2345678-4", "customer_name": "Toinen Malli Oy"}


def _person(name: str, **more: object) -> dict[str, object]:
    return {"email": f"{name}@people.example", "name": name.replace("-", " ").capitalize(), **more}


SIGN_INS = (
    ("signatory", _person("signatory", mandates=[{**_CUSTOMER, "role": "signatory"}])),
    ("certificate manager", _person("manager", mandates=[{**_CUSTOMER, "role": "manager"}])),
    ("viewer", _person("viewer", mandates=[{**_CUSTOMER, "role": "viewer"}])),
    (
        "accounting firm's manager",
        _person("firm", mandates=[{**_FIRM, "role": "manager", "clients": [_CUSTOMER, _OTHER]}]),
    ),
    ("accounting firm's signatory", _person("firm-signatory", mandates=[{**_FIRM, "role": "signatory"}])),
    ("clerk", _person("clerk", staff=True)),
    ("second clerk", _person("second-clerk", staff=True)),
)
"""Sign-ins and accounts of a demonstration that is kept.

See docs/operators/e-service.md.
"""

_REPORT = """<report xmlns="urn:example:report">
  <period name="{month}">{period}</period>
  <wages currency="EUR">3210.50</wages>
</report>
"""
_FLEET, _SEED = 10, 1
_INTERRUPTED = 130


def main() -> int:
    """Run the demonstration."""
    begun, keep = monotonic_seconds(), "--keep" in sys.argv[1:]
    print("Sinetti: the life of a certificate. Everything below runs on this computer, in a temporary folder.")
    stage = None
    try:
        stage = StoryRunner(_START, keep=keep)
        _play(stage)
        print("\nAnd now an agent takes care of certificates (sinetti run); 200 organisations: sinetti demo-fleet\n")
        with tempfile.TemporaryDirectory(prefix="sinetti-fleet-") as folder:
            reporter = ProgressReporter(Language.EN, partial(print, flush=True))
            end = run_simulation(FleetOptions(_FLEET, _SEED, Path(folder), brief=True), reporter)
        reporter.end(end)
        require(not end.breaches, "nothing should lapse")
    except StoryBroken as broken:
        print(f"\nThe demonstration failed: {broken}", file=sys.stderr)
        if stage is not None:
            stage.stop()
            print(f"Log of the bench: {stage.folder}/bench.log", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _clear_away(stage)
        return _INTERRUPTED
    print(f"\nDone: every step succeeded ({monotonic_seconds() - begun:.0f} s).", flush=True)
    if keep:
        _say_how_to_talk(stage)
        _say_how_to_sign_in(stage)
    else:
        _clear_away(stage)
    return 0


def _clear_away(stage: StoryRunner | None) -> None:
    if stage is not None:
        stage.stop()
        shutil.rmtree(stage.folder, ignore_errors=True)


def _play(stage: StoryRunner) -> None:
    _say_how_to_type_along(stage)
    _order_and_enrol(stage)
    end = _instant(_show_both_sides(stage))
    stage.chapter("A report is sealed with the key of the certificate, and the receiver verifies it.")
    stage.run(["verify", str(_sealed(stage, stage.store, "report.xml")), *_anchors(stage)])
    stage.chapter("It is delivered. The receiver checks the sender and the content, and signs a receipt.")
    _deliver(stage, "report.xml")
    old_store = stage.folder / "old-store"
    stage.tell("A copy of the store, to try the old certificate later:")
    stage.show("cp", "-r", str(stage.store), str(old_store))
    shutil.copytree(stage.store, old_store, symlinks=True)
    _renew_in_time(stage, end, old_store)
    _after_the_old_end(stage, end, old_store)
    _replace_the_ca(stage)
    stage.chapter("Then the new certificate is revoked. Nothing sealed with it is accepted from then on.")
    rows = _certificates(stage)
    stage.tell(_rows(rows))
    stage.control("POST", "/revocations", {"serial": rows[0]["serial"], "reason": "superseded"})
    _deliver(stage, _report(stage, "may.xml"), refused="revoked")


def _say_how_to_type_along(stage: StoryRunner) -> None:
    if not stage.keep:
        print("To run the commands yourself, use make demo KEEP=1. Otherwise the bench and its folder are removed.")
        print(f"In the commands, $CONTROL is the bench's control address, and . the folder {stage.folder}.")
        return
    print("To run the commands yourself:")
    stage.show("CONTROL=" + stage.ready["control_url"])
    print(f"    $ cd {stage.folder}")
    if place := program():
        print(f"    $ PATH={place}:$PATH")


def _order_and_enrol(stage: StoryRunner) -> None:
    stage.chapter("The organisation orders a certificate. The technical contact person gets the transfer IDs.")
    order = stage.control("POST", "/orders", {**_CUSTOMER, "description": "payroll"})
    password = order["transfer_password"]
    stage.tell(f"transfer ID {order['transfer_id']}, one-time password {password[:4]}…, until {order['expires']}")
    stage.tell("(the whole password is in ./password.txt)")
    file = stage.folder / "password.txt"
    _write_private(file, password)
    stage.chapter("The payroll program creates a key, requests a certificate for it and retrieves the certificate.")
    stage.run(_enrolling(stage, "payroll", order["transfer_id"], file))


def _write_private(path: Path, password: str) -> None:
    """Write a password as `enrol` requires it: readable only by its owner."""
    path.touch(mode=0o600)
    path.write_text(password, encoding="ascii")


def _enrolling(stage: StoryRunner, name: str, transfer_id: str, password: Path) -> list[str]:
    trust = stage.ready["trust"]
    return [
        "enrol", name, "--store", str(stage.store), "--service", stage.ready["soap_url"],
        "--trust-services", trust["services"], "--trust-holders", trust["holders"], "--tls-ca", trust["server"],
        "--environment", "TEST", "--customer-id", _CUSTOMER["customer_id"],
        "--transfer-id", transfer_id, "--transfer-password-file", str(password),
    ]  # fmt: skip


def _show_both_sides(stage: StoryRunner) -> str:
    """Show the files of both sides and the rows of the database.

    Returns the certificate's last valid second.
    """
    stage.chapter("What both sides have now.")
    stage.tell("the store of the client (the private key never leaves it):")
    _show_files(stage.store, "payroll/live/*")
    stage.tell("the folder of the authority (its keys are encrypted):")
    _show_files(stage.folder / "bench", "keys/*CAv?.pem", "ca/*CAv?.cer", "register.sqlite3")
    rows = _certificates(stage)
    stage.tell("the register of the authority:")
    stage.tell(_rows(rows))
    require([row["state"] for row in rows] == ["fetched"], "the register should hold one fetched certificate")
    row = _status(stage)
    require(row["state"] == "valid", "the client should hold a valid certificate")
    require(row["serial"] == rows[0]["serial"], "both sides should name the same serial")
    end: str = rows[0]["not_after"]
    return end


def _show_files(root: Path, *patterns: str) -> None:
    paths = sorted(path for pattern in patterns for path in root.glob(pattern))
    require(len(paths) >= len(patterns), f"{root} should hold {', '.join(patterns)}")
    width = max(len(str(path.relative_to(root))) for path in paths)
    for path in paths:
        about, name = path.stat(), str(path.relative_to(root))
        print(f"        {stat.filemode(about.st_mode)}  {name:<{width}}  {about.st_size:>6}", flush=True)


def _sealed(stage: StoryRunner, store: Path, name: str) -> Path:
    old = "-old" if store != stage.store else ""
    document, sealed = stage.folder / _report(stage, name), stage.folder / f"{Path(name).stem}{old}-sealed.xml"
    stage.run(["sign", str(document), "--store", str(store), "--name", "payroll", "--out", str(sealed)])
    return sealed


def _report(stage: StoryRunner, name: str) -> str:
    """Write a report with unique content; the same one would be the same delivery."""
    text = _REPORT.format(month=Path(name).stem, period=stage.now[:7])
    (stage.folder / name).write_text(text, encoding="utf-8")
    return name


def _anchors(stage: StoryRunner) -> tuple[str, str]:
    return "--trust-holders", stage.ready["trust"]["holders"]


def _renew_in_time(stage: StoryRunner, end: datetime, old_store: Path) -> None:
    opening = format_datetime(end - timedelta(days=60), Language.EN).removesuffix(" (Finnish time)")
    stage.chapter("61 days before its end: it is too early to renew.", now=format_instant(end - timedelta(days=61)))
    stage.tell("The client waits until renewal opens. With --force it asks the service anyway:")
    early = stage.run(["renew", "payroll", "--store", str(stage.store), "--force"], expect=3)
    require("PKI034" in early.said and opening in early.said, f"the refusal should name PKI034 and {opening}")
    title = "59 days before its end: renewal has opened, and the technical contact person got a reminder."
    stage.chapter(title, now=format_instant(end - timedelta(days=59)))
    reminder = _message(stage, "reminder", paragraphs=2)
    require(
        reminder["sent"] == format_instant(end - timedelta(days=60)),
        "the reminder should have left when renewal opened",
    )
    stage.chapter("The certificate is renewed with a new key. The old key signs the request.")
    stage.run(["renew", "payroll", "--store", str(stage.store)])
    require(_key(stage.store) != _key(old_store), "the new certificate should have a new key")
    stage.tell("The contact person and the signatories get a message, so that they notice the use of a stolen key:")
    _message(stage, "renewed", paragraphs=1)
    stage.chapter("Both certificates are valid while programs start using the new one.")
    rows = _certificates(stage)
    stage.tell(_rows(rows))
    require([row["state"] for row in rows] == ["fetched", "fetched"], "both certificates should be valid")
    require(rows[1]["renewed_by"] == rows[0]["serial"], "the old one should name the new one")
    stage.run(["verify", str(_sealed(stage, old_store, "february.xml")), *_anchors(stage)])
    _deliver(stage, "february.xml")


def _message(stage: StoryRunner, kind: str, *, paragraphs: int) -> dict[str, str]:
    """Show the only message of a kind that was sent so far.

    `paragraphs` is the number of paragraphs to show.
    """
    found: list[dict[str, str]] = stage.control("GET", f"/messages?kind={kind}")
    require(len(found) == 1, f"one message of kind {kind} should have left")
    (message,) = found
    stage.tell(f"  Sent:     {message['sent']}\n  To:       {message['to']}\n  Subject:  {message['subject']}")
    # The first two are a greeting and the note that the message is from the test environment.
    for paragraph in message["text"].split("\n\n")[2 : 2 + paragraphs]:
        stage.tell("\n".join(f"  {line}" for line in paragraph.splitlines()))
    return message


def _after_the_old_end(stage: StoryRunner, end: datetime, old_store: Path) -> None:
    title = "One second after the old certificate's end: it is refused as a signer, and the new one is accepted."
    stage.chapter(title, now=format_instant(end + timedelta(seconds=1)))
    late = stage.run(["renew", "payroll", "--store", str(old_store), "--force"], expect=3)
    require("PKI032" in late.said, "the expired certificate should be refused with PKI032")
    stage.run(["verify", str(stage.folder / "february-old-sealed.xml"), *_anchors(stage)], expect=3)
    _deliver(stage, "february-old-sealed.xml", refused="expired")
    _deliver(stage, _report(stage, "march.xml"))
    rows = _certificates(stage)
    stage.tell(_rows(rows))
    require([row["state"] for row in rows] == ["fetched", "expired"], "only the new certificate should be valid")
    require(_status(stage)["state"] == "valid", "the client should hold a valid certificate")


def _replace_the_ca(stage: StoryRunner) -> None:
    """Give the issuing CA a successor, declare the old key stolen, and renew."""
    stage.chapter("The issuing CA gets a successor, under the same root.")
    old = _issuer(stage)
    new = stage.control("POST", "/cas/rollover", {"channel": "WS"})["name"]
    stage.tell(f"{old} issues no more, {new} from now on.")
    stage.chapter("The key of the old CA is stolen. It is declared, and the holders are called.")
    stage.control("POST", "/cas/revocations", {"name": old, "reason": "cACompromise"})
    until = format_instant(_instant(stage.now) + timedelta(hours=6))
    reached = stage.control("POST", "/early", {"ca": old, "until": until})
    stage.tell(f"reached by e-mail: {reached['reached']['email']}")
    _message(stage, "incident", paragraphs=1)
    title = "The agent heard of it and renews within the six hours. The holder's key was not stolen: it signs."
    stage.chapter(title, now=until)
    stage.run(["run", "--store", str(stage.store)])
    require(_issuer(stage) != old, "the new CA should have issued the certificate")
    stage.tell(f"Issuer: {_issuer(stage)}")
    _deliver(stage, _report(stage, "april.xml"))


def _issuer(stage: StoryRunner) -> str:
    """Return the name of the CA that issued the certificate in use."""
    pem = (stage.store / "payroll" / "live" / "certificate.pem").read_bytes()
    return str(load_certificate(pem).issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _deliver(stage: StoryRunner, name: str, *, refused: str | None = None) -> None:
    """Deliver a document of the story's folder.

    A sealed document is delivered as it is.
    """
    words = ["deliver", "payroll", str(stage.folder / name), "--store", str(stage.store), "--to", _receiver(stage)]
    done = stage.run(words, expect=0 if refused is None else 3)
    if refused is None:
        require((stage.folder / f"{name}.receipt.xml").exists(), "there should be a receipt")
    else:
        require(f"({refused})" in done.said, f"it should be refused as {refused}")


def _receiver(stage: StoryRunner) -> str:
    return f"{stage.ready['status_url']}/deliveries"


def _certificates(stage: StoryRunner) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = stage.control("GET", f"/certificates?customer_id={_CUSTOMER['customer_id']}")
    return rows


def _rows(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"  {row['serial'][:12]}…  {row['state']:<8} {row['not_before']} – {row['not_after']}" for row in rows
    )


def _status(stage: StoryRunner) -> dict[str, Any]:
    words = ["status", "--store", str(stage.store)]
    stage.run(words)
    done = stage.quietly([*words, "--json", "--now", stage.now])
    rows: list[dict[str, Any]] = json.loads(done.output)
    require(len(rows) == 1, "the store should hold one name")
    return rows[0]


def _key(store: Path) -> bytes:
    return (store / "payroll" / "live" / "key.pem").read_bytes()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _say_how_to_talk(stage: StoryRunner) -> None:
    ready, control = stage.ready, stage.ready["control_url"]
    print(f"\nThe bench keeps running (pid {ready['pid']}); its folder is {stage.folder}.\n")
    _say("its clock", curl("GET", f"{control}/clock"))
    _say("an order", curl("POST", f"{control}/orders", json.dumps(_CUSTOMER)))
    ids, password = stage.quietly_ordered(_CUSTOMER), stage.folder / "password-books.txt"
    _write_private(password, ids["transfer_password"])
    place = program()
    command = str(place / "sinetti") if place else "sinetti"
    now = ("--now", stage.now)
    _say("enrol", [command, *_enrolling(stage, "books", ids["transfer_id"], password), *now])
    _say("renew", [command, "renew", "payroll", "--store", str(stage.store), *now])
    report = [str(stage.folder / "report.xml"), "--store", str(stage.store), "--to", _receiver(stage)]
    _say("deliver", [command, "deliver", "books", *report, *now])
    _say("the WSDL", ["curl", "--cacert", ready["trust"]["server"], f"{ready['soap_url']}?wsdl"])
    print(f"""  with zeep      import requests, zeep
                 session = requests.Session()
                 session.trust_env = False  # no proxy, no other anchors
                 session.verify = "{ready["trust"]["server"]}"
                 wsdl = "{ready["soap_url"]}?wsdl"
                 client = zeep.Client(wsdl, transport=zeep.Transport(session=session))
                 client.service.getCertificate("TEST", "0123456-7", RetrievalId="unknown")  # a FAIL, PKI020
  stop it        kill {ready["pid"]}, then delete {stage.folder} (it holds private keys)
""")


def _say_how_to_sign_in(stage: StoryRunner) -> None:
    place = program()
    command = str(place / "sinetti") if place else "sinetti"
    print(f"E-service: open {stage.ready['people_url']} and sign in. These accounts exist only in this bench:\n")
    rows = [[who, *stage.quietly_made(account).values()] for who, account in SIGN_INS]
    stage.quietly_ordered({**_OTHER, "description": "books"})  # so that the firm sees two clients in its list
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(f"  {'  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))}")
    print(f"""
  The columns are role, e-mail, password and the secret for verification codes. Use the secret in an app on a phone, or
  with this command. Sign-in uses this computer's clock, not the bench's, and accepts each code once:

    {command} testbench code SECRET

  Without an account, choose "the test bench's test sign-in". It stands for an identification service that knows
  the representatives of {_CUSTOMER["customer_id"]}. Messages with their links and PIN codes:
  {stage.ready["control_url"]}/messages
""")


def _say(what: str, words: list[str]) -> None:
    print(typed(words, f"  {what:<15}"))


if __name__ == "__main__":
    sys.exit(main())
