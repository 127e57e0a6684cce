"""`sinetti authority ca begin`, `install` and `rollover`: successors of CAs."""

import argparse
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from sinetti.authority.bootstrap import Authority
from sinetti.authority.exchange import request_certificates
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
    OptionError,
    add_dir,
    command,
    machine_user,
    octets_of,
    opened_authority,
    print_result,
)
from sinetti.cli.authority.import_signed import add_request_set, write_request
from sinetti.cli.authority.passphrase_options import add_offline, add_passphrase_file, offline_keys, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Paragraph
from sinetti.cli.core.invocation import print_note
from sinetti.database.authorities.register import find_pending
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Channel, KeyType
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.server.process_exit import request_id

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
_DAYS = range(1, 36_526)


def register_succession(verbs: Commands) -> None:
    """Add the commands to the group `ca`."""
    summary = "make the key and the request of a CA's successor"
    begin = _verb(verbs, "begin", summary, _begin, "--ca 'Data Providers Issuing CA v1'")
    begin.add_argument("--ca", metavar="NAME", required=True, help="CA that gets a successor: file name or CN")
    add_request_set(begin, "for a ceremony that certifies it", "--request-out")
    summary = "take in the certificate of a CA that was begun, as a standby"
    install = _verb(verbs, "install", summary, _install, "DataProvidersIssuingCAv2 --certificate v2.cer")
    install.add_argument("name", metavar="NAME", help="CA that was begun: file name or CN")
    install.add_argument(
        "--certificate",
        metavar="FILE",
        type=Path,
        help="its certificate (default: signed here, with the key of the CA above)",
    )
    summary = "give a CA a successor that issues at once, where the key of the CA above is at hand"
    rollover = _verb(verbs, "rollover", summary, _rollover, "--channel WS")
    chosen = rollover.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--ca", metavar="NAME", help="CA that gets a successor: file name or CN")
    chosen.add_argument(
        "--channel", choices=[one.value for one in Channel], help="channel whose issuing CA gets a successor"
    )
    for one in (begin, rollover):
        one.add_argument("--name", metavar="CN", help="name of the successor (default: the next generation)")
        one.add_argument("--key", choices=[kind.value for kind in KeyType], help="type of its key (default: as before)")
        one.add_argument("--days", metavar="N", type=int, help="its lifetime (default: as before, within the CA above)")


def _verb(
    verbs: Commands, name: str, summary: str, run: Callable[[argparse.Namespace], int], options: str
) -> argparse.ArgumentParser:
    parser = command(verbs, name, summary, run, f"sinetti authority ca {name} {options} --dir /srv/sinetti")
    add_dir(parser)
    add_passphrase_file(parser)
    add_offline(parser, required=False, new=False)
    add_officer_option(parser, again=True)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _begin(parsed: argparse.Namespace) -> int:
    parameters = {"change": "begin", "ca": parsed.ca, **_written(parsed)}
    return _act(parsed, parameters, lambda means: _begun(parsed, parameters, means))


def _begun(parsed: argparse.Namespace, parameters: Mapping[str, str], means: SuccessionContext) -> None:
    new = begin_successor(*successor_of(parameters, means))
    needs_ceremony = parsed.request_set is None and not can_certify(new, means)
    note = (_FOR_A_CEREMONY if needs_ceremony else _BEGUN).format(name=new.name)
    _show(parsed, {"result": "begun", "name": new.name}, note)
    if parsed.request_set is not None:
        write_request(parsed, request_certificates(means.authority))


def _install(parsed: argparse.Namespace) -> int:
    octets = None if parsed.certificate is None else octets_of("--certificate", parsed.certificate)
    digest = "" if octets is None else sha256_hex(certificate_der(read_ca_certificate(octets)))

    def check(means: SuccessionContext) -> None:
        if octets is not None:
            check_certificate(find_begun(parsed.name, means), octets, means)

    parameters = {"change": "install", "ca": parsed.name, "sha256": digest}
    return _act(parsed, parameters, lambda means: _installed(parsed, octets, means), check)


def _installed(parsed: argparse.Namespace, octets: bytes | None, means: SuccessionContext) -> None:
    db = means.authority.ctx.db
    begun = find_pending(db, parsed.name)
    if octets is None and begun is not None:
        with suppress(ParentKeyAway):
            octets = certify_once(begun, means)
    new = install_successor(parsed.name, octets, means)
    begun = find_pending(db, new.name)
    is_whole = begun is None or begun.installed_at is not None
    text = _INSTALLED if is_whole else _WITHOUT_LISTS
    note = text.format(name=new.name, trust=means.authority.folder.trust, dir=parsed.dir)
    _show(parsed, {"result": "installed", "name": new.name}, note)


def _rollover(parsed: argparse.Namespace) -> int:
    parameters = {"change": "rollover", "ca": parsed.ca or "", "channel": parsed.channel or "", **_written(parsed)}
    return _act(parsed, parameters, lambda means: _rolled(parsed, parameters, means))


def _rolled(parsed: argparse.Namespace, parameters: Mapping[str, str], means: SuccessionContext) -> None:
    new = roll_over(*successor_of(parameters, means))
    note = _ROLLED.format(name=new.name, before=new.replaces, trust=means.authority.folder.trust)
    _show(parsed, {"result": "rolled-over", "name": new.name, "replaces": new.replaces}, note)


def _act(
    parsed: argparse.Namespace,
    parameters: Mapping[str, str],
    act: Callable[[SuccessionContext], None],
    check: Callable[[SuccessionContext], None] = lambda _means: None,
) -> int:
    """Carry out a command, or propose it where it takes two people."""
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        means = succession_context(parsed, authority)
        check(means)
        with approved(TwoPersonAct.CA, parameters, {}, parsed, authority, offline=means.offline):
            act(means)
    return 0


def succession_context(parsed: argparse.Namespace, authority: Authority) -> SuccessionContext:
    """Return the context of a succession, with the offline keys of `--offline-dir`."""
    offline = None if parsed.offline_dir is None else offline_keys(parsed, new=False)
    return SuccessionContext(authority, machine_user(), request_id(), offline)


def _written(parsed: argparse.Namespace) -> dict[str, str]:
    if parsed.days is not None and parsed.days not in _DAYS:
        raise OptionError(f"--days: {parsed.days} is not from 1 to {_DAYS[-1]}")
    return {"name": parsed.name or "", "key": parsed.key or "", "days": str(parsed.days or "")}


def _show(parsed: argparse.Namespace, value: Mapping[str, object], note: str) -> None:
    if parsed.json:
        print_result(value, as_json=True, table=lambda: [Paragraph(note)])
    else:
        print_note(note)
