"""`sinetti authority offline` and `publish`: keep the root keys off line.

`offline` moves root keys out of DIR. `publish` signs the CRLs of root and intermediate CAs.
"""

from dataclasses import replace
from pathlib import Path

from sinetti.authority.bootstrap import offline_token_names
from sinetti.authority.ceremony_requests import request_lists
from sinetti.authority.key_relocation import check_relocation, relocate_offline_keys
from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.authority.import_signed import request_set_option, write_request
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, offline_keys, offline_options
from sinetti.cli.authority.proposals import APPROVAL, OFFICER, approved
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.pki.signers import Signer
from sinetti.pki.signers.software import SoftwareSigner
from sinetti.services.status import crl

commands = operator_commands()
register = commands.register

_MOVED = """\
Moved to {place}: {names}. Their revocation lists are signed for a year.
Restart the service on every node. Destroy old copies of {dir}, which still have these keys.
Store {place} offline, its pass-phrase in another place, and copies of both (docs/operators/keys.md)."""


@commands.command(
    "sinetti authority offline --dir /srv/sinetti --offline-dir /media/vault/sinetti",
    also=[*offline_options(required=True, new=True), PASSPHRASE_FILE, OFFICER, APPROVAL],
)
def offline(run: AuthorityRun) -> str:
    """Move the keys of root and intermediate CAs out of DIR; stop the service first."""
    authority, phrase, place = run.authority, run.authority.passphrase, run.parsed.offline_dir
    if phrase is None and any(authority.folder.keys.glob("*.pem")):
        raise OptionError("--passphrase-file is missing: name the file with the pass-phrase of the keys in DIR")
    keys = offline_keys(run.parsed, new=True)
    if keys.passphrase == phrase:
        raise OptionError("the offline keys need a pass-phrase of their own, other than that of the keys in DIR")
    parameters = {"change": "offline", "offline_dir": str(place.absolute())}
    authorities = [spec.file_name for spec in authority.hierarchy.kept_offline]
    check_relocation(authority, phrase or b"", keys)
    with approved(TwoPersonAct.CEREMONY, parameters, run, authorities=authorities):
        names = relocate_offline_keys(authority, phrase or b"", keys)
    return _MOVED.format(place=place, names=", ".join(names), dir=run.parsed.dir)


@commands.command(
    "sinetti authority publish --dir /srv/sinetti --offline-dir /media/vault/sinetti",
    summary="sign the revocation lists of root and intermediate CAs for a year, and publish them",
    also=[*offline_options(), OFFICER, APPROVAL],
)
def publish(
    run: AuthorityRun,
    *,
    request_set: Path | None = request_set_option("for a ceremony that signs the lists on another machine"),
) -> None:
    """Sign the revocation lists of root and intermediate CAs, and publish them."""
    authority, ctx, place = run.authority, run.ctx, run.parsed.offline_dir
    if request_set is not None:
        if place is not None:
            raise OptionError("name either --request-set, for a ceremony, or --offline-dir, which has the keys")
        write_request(request_set, request_lists(authority), run.parsed.dir)
        return
    if not ctx.offline:
        raise OptionError("no key of this authority is offline, so the service signs all revocation lists itself")
    in_tokens = offline_token_names(authority.folder, authority.hierarchy)
    in_folder = sorted(ctx.offline - in_tokens)
    if in_folder and place is None:
        raise OptionError(
            f"name either --request-set, for a ceremony, or --offline-dir, which has the keys of {', '.join(in_folder)}"
        )
    signers: dict[str, Signer] = dict.fromkeys(in_tokens, authority.keys.offline_tokens())
    if in_folder:
        keys = offline_keys(run.parsed, new=False)
        keys.check({name: ctx.issuers[name].certificate for name in in_folder})
        signers |= dict.fromkeys(in_folder, SoftwareSigner(keys.place, keys.passphrase))
    with approved(TwoPersonAct.CA, {"change": "publish", "authorities": sorted(ctx.offline)}, run):
        for name, signer in sorted(signers.items()):
            new = crl.publish(name, replace(ctx, signer=signer), run.request, ctx.now() + crl.OFFLINE_LIFE)
            print_note(f"{name}: revocation list {new.number}, valid until {new.next_update:%Y-%m-%d}")
