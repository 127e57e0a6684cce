"""`sinetti authority ca …`: list CAs, give them successors, and revoke them."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sinetti.authority.ca_revocation import check_revocable, revocation_of, revoke_authority
from sinetti.authority.ceremony_requests import is_listed, request_certificates, request_revocations
from sinetti.authority.succession import (
    ParentKeyAway,
    SuccessionContext,
    begin_successor,
    can_certify,
    certify_once,
    check_certificate,
    find_begun,
    install_successor,
    roll_over,
    successor_of,
)
from sinetti.ca.successors import read_ca_certificate
from sinetti.cli.authority.common import (
    AuthorityRun,
    OptionError,
    check_register,
    octets_of,
    operator_commands,
    past_instant,
)
from sinetti.cli.authority.import_signed import request_set_option, write_request
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, offline_keys, offline_options
from sinetti.cli.authority.proposals import APPROVAL, OFFICER, approved, takes_two
from sinetti.cli.core.commands import Output, argument, option, table_of
from sinetti.cli.core.invocation import print_note
from sinetti.client.results import ExitCode
from sinetti.database.authorities import trust_lists
from sinetti.database.authorities.register import find_pending, get_authority
from sinetti.database.authorities.successions import add_last_ends, list_planned
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.authorities.readiness import ReaderKind, ReaderState
from sinetti.domain.authorities.timetable import SuccessionStep, plan_successions
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Channel, KeyType
from sinetti.infra.clock import format_instant
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex, sha256_hex
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.services.authorities.succession import activate_ca, list_cas, retire_ca, stop_ca
from sinetti.services.authorities.trust_lists import newest_list

verbs = operator_commands("ca", "list CAs, and give them successors", "sinetti authority ca list --dir /srv/sinetti")
register = verbs.register

_COMMANDS = {
    SuccessionStep.BEGIN: "sinetti authority ca begin --ca {name}",
    SuccessionStep.CEREMONY: "sinetti authority import-signed",
    SuccessionStep.INSTALL: "sinetti authority ca install {successor}",
    SuccessionStep.ACTIVATE: "sinetti authority ca activate {successor}",
    SuccessionStep.RETIRE: "sinetti authority ca retire {name}",
}
_BEGUN = (
    "{name} has a key and a request. It becomes a standby with its certificate: sinetti authority ca install {name}"
)
_FOR_A_CEREMONY = (
    "{name} was begun, and the key of the CA above it is not at hand: run the same command with --request-out FILE, "
    "and have a ceremony certify it, or run sinetti authority ca install {name} with --offline-dir"
)
_INSTALLED = (
    "{name} is a standby: its certificate, lists and OCSP responder are there. Carry {trust} to relying parties, and "
    "its key to the other nodes. Then run sinetti authority ca activate {name} --dir {dir}"
)
_WITHOUT_LISTS = (
    "{name} has its certificate, but no lists: its key is offline. Run the same command with --offline-dir, or take in "
    "the result of its ceremony with sinetti authority import-signed"
)
_ROLLED = (
    "{name} issues from now on, and {before} goes on with lists and OCSP. Relying parties need the bundles in {trust}"
)
_DISTRUSTED = (
    "{name} is distrusted since {since:%Y-%m-%dT%H:%M:%SZ}. Gateways confirm its earlier certificates by the bridge "
    "until {until:%Y-%m-%dT%H:%M:%SZ}. Next: sinetti authority call-early (docs/incident.md)"
)
_DAYS = range(1, 36_526)

_SECOND = "DataProvidersIssuingCAv2"
_BY_OFFICER = (PASSPHRASE_FILE, OFFICER, APPROVAL)
_WITH_KEYS = (PASSPHRASE_FILE, *offline_options(), OFFICER, APPROVAL)
_NAME = argument("NAME", "CA: file name or CN, from `ca list`")
_CN = option("CN", "name of the successor (default: the next generation)")
_KEY = option(None, "type of its key (default: as before)")
_LIFETIME = option("N", "its lifetime (default: as before, within the CA above)")


@verbs.command("sinetti authority ca list --dir DIR")
def list_(run: AuthorityRun) -> Output:
    """List all CAs with their states."""
    rows, roles = [], []
    for ca in list_cas(run.ctx):
        certificate = None if ca.certificate is None else load_certificate(ca.certificate)
        row = {
            "name": ca.name,
            "generation": ca.generation,
            "channel": ca.channel,
            "state": ca.state.value,
            "serial": certificate and serial_hex(certificate.serial_number),
            "sha256": ca.sha256,
            "not_after": certificate and format_instant(certificate.not_valid_after_utc),
        }
        rows.append(row)
        roles.append({**row, "role": ca.role})
    columns = ("name", "role", "channel", "generation", "state", "not_after")
    return Output(rows, table_of(columns, roles, fold={"name"}, nothing="There are no CAs."))


@verbs.command()
def plan(run: AuthorityRun) -> Output:
    """Show the timetable of the successions of all CAs."""
    now = run.ctx.now()
    timetables: list[dict[str, Any]] = []
    for timetable in plan_successions(add_last_ends(run.ctx.db, list_planned(run.ctx.db, run.ctx.validity)), now):
        ca, late = timetable.ca, timetable.next_step if timetable.is_late(now) else None
        names = {"name": ca.name, "successor": timetable.successor or "SUCCESSOR"}
        steps = [
            {
                "step": step.step.value,
                "at": format_instant(step.at),
                "state": "done" if step.is_done else "late" if step == late else "open",
                "command": _COMMANDS.get(step.step, "").format_map(names) or None,
            }
            for step in timetable.steps
        ]
        timetables.append(
            {
                "name": ca.name,
                "role": ca.role,
                "channel": ca.channel,
                "not_after": format_instant(timetable.ends_at),
                "successor": timetable.successor,
                "waits_for": timetable.waits_for,
                "steps": steps,
            }
        )
    rows = [{**step, "name": value["name"]} for value in timetables for step in value["steps"]]
    columns = ("name", "step", "at", "state", "command")
    return Output(timetables, table_of(columns, rows, fold={"command"}, nothing="No CA needs a successor."))


@verbs.command(_SECOND, also=_BY_OFFICER)
def activate(run: AuthorityRun, *, name: str = _NAME) -> None:
    """Have a CA issue from now on; its predecessor only publishes."""
    check_register(run.authority)
    ca = get_authority(run.ctx.db, name)
    with approved(TwoPersonAct.CA, {"change": "activate", "ca": ca.name}, run, state=ca.state.value):
        before = activate_ca(ca.name, run.ctx, run.audit)
        print_note(f"{ca.name} issues from now on, on every node within 5 seconds.")
        if before is not None:
            print_note(f"{before} issues nothing any more. It goes on with its lists and OCSP.")


@verbs.command(_SECOND)
def stop(run: AuthorityRun, *, name: str = _NAME) -> str:
    """Have a CA issue nothing any more, at once."""
    ca = get_authority(run.ctx.db, name)
    stop_ca(ca.name, run.ctx, run.audit)
    done = f"{ca.name} issues nothing any more. It goes on with lists and OCSP."
    if ca.channel is None:
        return done
    return (
        f"{done}\nRequests for new certificates of its channel are answered as unavailable, until a CA is activated:\n"
        f"sinetti authority ca activate NAME --dir {run.parsed.dir}"
    )


@verbs.command(_SECOND, also=_BY_OFFICER)
def retire(run: AuthorityRun, *, name: str = _NAME) -> str:
    """Sign the last lists of a CA, and end them."""
    check_register(run.authority)
    ca = get_authority(run.ctx.db, name)
    with approved(TwoPersonAct.CA, {"change": "retire", "ca": ca.name}, run, state=ca.state.value):
        retire_ca(ca.name, run.ctx, run.audit)
    return f"{ca.name} is retired: its last lists stay at their addresses, and no other is signed."


@verbs.command("--ca 'Data Providers Issuing CA v1'", also=_WITH_KEYS)
def begin(
    run: AuthorityRun,
    *,
    ca: str = option("NAME", "CA that gets a successor: file name or CN"),
    request_set: Path | None = request_set_option("for a ceremony that certifies it", "--request-out"),
    name: str | None = _CN,
    key: KeyType | None = _KEY,
    days: int | None = _LIFETIME,
) -> Output:
    """Make the key and the request of a CA's successor."""
    parameters = {"change": "begin", "ca": ca, **_successor(name, key, days)}
    succession = _succession(run)
    with approved(TwoPersonAct.CA, parameters, run, offline=succession.offline):
        new = begin_successor(*successor_of(parameters, succession))
        needs_ceremony = request_set is None and not can_certify(new, succession)
        note = (_FOR_A_CEREMONY if needs_ceremony else _BEGUN).format(name=new.name)
        output = _output(run, note, result="begun", name=new.name)
        if request_set is not None:
            write_request(request_set, request_certificates(run.authority), run.parsed.dir)
    return output


def _successor(name: str | None, key: KeyType | None, days: int | None) -> dict[str, str]:
    """Return the parameters of a successor, which officers sign."""
    if days is not None and days not in _DAYS:
        raise OptionError(f"--days: {days} is not from 1 to {_DAYS[-1]}")
    return {"name": name or "", "key": key.value if key else "", "days": str(days or "")}


def _succession(run: AuthorityRun) -> SuccessionContext:
    offline = None if run.parsed.offline_dir is None else offline_keys(run.parsed, new=False)
    return SuccessionContext(run.authority, run.actor, run.request, offline)


def _output(run: AuthorityRun, note: str, **value: object) -> Output:
    """Print a note, or return the same for programs."""
    if not run.parsed.json:
        print_note(note)
    return Output(value, ())


@verbs.command(f"{_SECOND} --certificate v2.cer", also=_WITH_KEYS)
def install(
    run: AuthorityRun,
    *,
    certificate: Path | None = option("FILE", "its certificate (default: signed here, with the key of the CA above)"),
    name: str = argument("NAME", "CA that was begun: file name or CN"),
) -> Output:
    """Take in the certificate of a CA that was begun, as a standby."""
    octets = None if certificate is None else octets_of("--certificate", certificate)
    digest = "" if octets is None else sha256_hex(certificate_der(read_ca_certificate(octets)))
    db, succession = run.ctx.db, _succession(run)
    if octets is not None:
        check_certificate(find_begun(name, succession), octets, succession)
    parameters = {"change": "install", "ca": name, "sha256": digest}
    with approved(TwoPersonAct.CA, parameters, run, offline=succession.offline):
        begun = find_pending(db, name)
        if octets is None and begun is not None:
            with suppress(ParentKeyAway):
                octets = certify_once(begun, succession)
        new = install_successor(name, octets, succession)
        begun = find_pending(db, new.name)
        text = _INSTALLED if begun is None or begun.installed_at is not None else _WITHOUT_LISTS
        note = text.format(name=new.name, trust=run.authority.folder.trust, dir=run.parsed.dir)
        return _output(run, note, result="installed", name=new.name)


@verbs.command(
    "--channel WS",
    summary="give a CA a successor that issues at once, where the key of the CA above is at hand",
    also=_WITH_KEYS,
)
def rollover(
    run: AuthorityRun,
    *,
    ca: str | None = option("NAME", "CA that gets a successor: file name or CN", either="ca"),
    channel: Channel | None = option(None, "channel whose issuing CA gets a successor", either="ca"),
    name: str | None = _CN,
    key: KeyType | None = _KEY,
    days: int | None = _LIFETIME,
) -> Output:
    """Give a CA a successor that issues at once."""
    parameters = {"change": "rollover", "ca": ca or "", "channel": channel or "", **_successor(name, key, days)}
    succession = _succession(run)
    with approved(TwoPersonAct.CA, parameters, run, offline=succession.offline):
        new = roll_over(*successor_of(parameters, succession))
        note = _ROLLED.format(name=new.name, before=new.replaces, trust=run.authority.folder.trust)
        return _output(run, note, result="rolled-over", name=new.name, replaces=new.replaces)


@verbs.command()
def readiness(run: AuthorityRun) -> Output:
    """Show which gateways and programs have the newest lists of anchors and distrust."""
    db = run.ctx.db
    lists = {kind: newest_list(kind, db) for kind in TrustListKind}
    newest = TrustListNumbers(**{kind.value: 0 if last is None else last.number for kind, last in lists.items()})
    readers = [
        (reader, reader.state(newest))
        for reader in (*trust_lists.list_gateways(db), *trust_lists.list_programs(db, run.ctx.now()))
    ]
    counts = Counter((reader.kind, state) for reader, state in readers)
    rows = [
        {
            "kind": reader.kind.value,
            "name": reader.name,
            "customer_id": reader.customer_id,
            "state": state.value,
            "anchors": reader.numbers and reader.numbers.anchors,
            "distrust": reader.numbers and reader.numbers.distrust,
            "seen": reader.seen and format_instant(reader.seen),
        }
        for reader, state in readers
        if state is not ReaderState.NEWEST
    ]
    value = {
        "anchors": newest.anchors,
        "distrust": newest.distrust,
        **{f"{kind.value}s": {state.value: counts[kind, state] for state in ReaderState} for kind in ReaderKind},
        "readers": rows,
    }
    kinds = {reader.kind for reader, _ in readers}
    nothing = " ".join(
        f"All {kind.value}s have the newest lists." if kind in kinds else f"No {kind.value} has reported its lists."
        for kind in ReaderKind
    )
    columns = ("kind", "name", "customer_id", "state", "anchors", "distrust", "seen")
    notes = [
        f"{kind.value}s: {', '.join(f'{counts[kind, state]} {state.value}' for state in ReaderState)} "
        f"(anchors {newest.anchors}, distrust {newest.distrust})"
        for kind in ReaderKind
    ]
    return Output(
        value,
        table_of(columns, rows, fold={"name"}, nothing=nothing),
        ExitCode.REFUSED if rows else ExitCode.DONE,
        "\n".join(notes),
    )


@verbs.command("DataProvidersIssuingCAv1 --reason cACompromise", also=_WITH_KEYS)
def revoke(
    run: AuthorityRun,
    *,
    reason: RevocationReason = option(None, "reason on the list"),
    since: str | None = option("ISO", "instant from which the key may be in foreign hands (default: now)"),
    bridge_hours: int | None = option("N", "hours of the bridge (default: bridge_hours)"),
    under_checkpoint: Path | None = option("FILE", "the bridge confirms what is in the log at this checkpoint"),
    request_set: Path | None = request_set_option("for a ceremony that signs the list", "--request-out"),
    name: str = _NAME,
) -> None:
    """Revoke a CA, and declare its compromise with cACompromise."""
    is_compromise = reason is RevocationReason.CA_COMPROMISE
    if not is_compromise and any(given is not None for given in (since, bridge_hours, under_checkpoint)):
        raise OptionError(
            "--since, --bridge-hours and --under-checkpoint belong to --reason cACompromise: leave them out"
        )
    ctx, succession = run.ctx, _succession(run)
    check_register(run.authority)
    ca = get_authority(ctx.db, name)
    parameters = {"change": "revoke", "ca": ca.name, "reason": reason.value}
    if since is not None:
        parameters["since"] = format_instant(past_instant("--since", since))
    if bridge_hours is not None:
        parameters["bridge_hours"] = str(bridge_hours)
    checkpoint = None if under_checkpoint is None else octets_of("--under-checkpoint", under_checkpoint)
    if checkpoint is not None:
        parameters["checkpoint"] = sha256_hex(checkpoint)
    revocation = replace(revocation_of(parameters), checkpoint=checkpoint)
    check_revocable(revocation, succession)
    if is_compromise and since is None and takes_two(TwoPersonAct.CA, run.authority):
        raise OptionError("--since is missing: officers sign the instant from which the key may be in foreign hands")

    def listed() -> bool:
        return is_listed(get_authority(ctx.db, ca.name), ctx)

    offline, state = succession.offline, ca.state.value
    with approved(TwoPersonAct.CA, parameters, run, offline=offline, is_done=listed, state=state) as approval:
        view = revoke_authority(revocation, succession, approval)
    if view.distrust is not None:
        distrust = view.distrust
        print_note(_DISTRUSTED.format(name=view.name, since=distrust.since, until=distrust.bridge_until))
    if listed():
        print_note(f"{view.name} is revoked, and on the list of {view.issuer}.")
        return
    print_note(f"{view.name} is revoked, and not yet on the list of {view.issuer}, whose key is offline.")
    if request_set is None:
        print_note("Run the same command with --request-out FILE for a ceremony, or with --offline-dir.")
    else:
        write_request(request_set, request_revocations(run.authority), run.parsed.dir)
