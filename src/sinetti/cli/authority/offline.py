"""`sinetti authority offline` and `publish`: keep the root keys off line.

`offline` moves root keys out of DIR. `publish` signs the CRLs of root and intermediate CAs.
"""

import argparse
from collections.abc import Collection
from dataclasses import replace

from sinetti.authority.bootstrap import Authority, offline_token_names
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.authority.exchange import request_lists
from sinetti.authority.key_relocation import check_relocation, relocate_offline_keys
from sinetti.authority.passphrases import locate
from sinetti.cli.authority.common import OptionError, add_dir, command, opened_authority
from sinetti.cli.authority.import_signed import add_request_set, write_request
from sinetti.cli.authority.passphrase_options import add_offline, add_passphrase_file, offline_keys, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.pki.signers import Signer
from sinetti.pki.signers.software import SoftwareSigner
from sinetti.server.process_exit import request_id
from sinetti.services.status.crl import OFFLINE_LIFE, publish

_MOVED = """\
Moved to {place}: {names}. Their revocation lists are signed for a year.
Restart the service on every node. Destroy old copies of {dir}, which still have these keys.
Store {place} offline, its pass-phrase in another place, and copies of both (docs/operators/keys.md)."""


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority offline --dir /srv/sinetti --offline-dir /media/vault/sinetti"
    summary = "move the keys of root and intermediate CAs out of DIR; stop the service first"
    parser = command(commands, "offline", summary, _offline, example)
    add_dir(parser)
    add_offline(parser)
    add_passphrase_file(parser)
    add_officer_option(parser, again=True)
    example = "sinetti authority publish --dir /srv/sinetti --offline-dir /media/vault/sinetti"
    summary = "sign the revocation lists of root and intermediate CAs for a year, and publish them"
    parser = command(commands, "publish", summary, _publish, example)
    add_dir(parser)
    add_offline(parser, required=False, new=False)
    add_officer_option(parser, again=True)
    add_request_set(parser, "for a ceremony that signs the lists on another machine")


def _offline(parsed: argparse.Namespace) -> int:
    folder = DataDirectory(parsed.dir.absolute())
    folder.check(DirectoryKind.AUTHORITY)
    given = passphrase_of(parsed)
    found = locate(folder, DirectoryKind.AUTHORITY) if given is None else None
    phrase = found.octets if found else given
    if phrase is None and any(folder.keys.glob("*.pem")):
        raise OptionError("--passphrase-file is missing: name the file with the pass-phrase of the keys in DIR")
    with opened_authority(parsed.dir, phrase) as authority:
        offline = offline_keys(parsed, new=True)
        if offline.passphrase == phrase:
            raise OptionError("the offline keys need a pass-phrase of their own, other than that of the keys in DIR")
        parameters = {"change": "offline", "offline_dir": str(parsed.offline_dir.absolute())}
        context = {"authorities": [spec.file_name for spec in authority.hierarchy.kept_offline]}
        check_relocation(authority, phrase or b"", offline)
        with approved(TwoPersonAct.CEREMONY, parameters, context, parsed, authority):
            names = relocate_offline_keys(authority, phrase or b"", offline)
    print_note(_MOVED.format(place=parsed.offline_dir, names=", ".join(names), dir=parsed.dir))
    return 0


def _publish(parsed: argparse.Namespace) -> int:
    if parsed.request_set is not None and parsed.offline_dir is not None:
        raise OptionError("name either --request-set, for a ceremony, or --offline-dir, which has the keys")
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        if parsed.request_set is not None:
            write_request(parsed, request_lists(authority))
            return 0
        if not ctx.offline:
            raise OptionError("no key of this authority is offline, so the service signs all revocation lists itself")
        in_tokens = offline_token_names(authority.folder, authority.hierarchy)
        if parsed.offline_dir is None and (in_folder := sorted(ctx.offline - in_tokens)):
            keys = ", ".join(in_folder)
            raise OptionError(
                f"name either --request-set, for a ceremony, or --offline-dir, which has the keys of {keys}"
            )
        parameters = {"change": "publish", "authorities": sorted(ctx.offline)}
        signers: dict[str, Signer] = dict.fromkeys(in_tokens, authority.keys.offline_tokens())
        signers |= _folder_signers(parsed, authority, ctx.offline - in_tokens)
        with approved(TwoPersonAct.CA, parameters, {}, parsed, authority):
            for name, signer in sorted(signers.items()):
                new = publish(name, replace(ctx, signer=signer), request_id(), ctx.now() + OFFLINE_LIFE)
                print_note(f"{name}: revocation list {new.number}, valid until {new.next_update:%Y-%m-%d}")
    return 0


def _folder_signers(parsed: argparse.Namespace, authority: Authority, names: Collection[str]) -> dict[str, Signer]:
    """Return the signer of the CAs whose keys are in the folder of offline keys."""
    if not names:
        return {}
    found = offline_keys(parsed, new=False)
    found.check({name: authority.ctx.issuers[name].certificate for name in sorted(names)})
    return dict.fromkeys(names, SoftwareSigner(found.place, found.passphrase))
