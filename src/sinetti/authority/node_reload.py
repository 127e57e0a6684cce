"""Reading of a serving node's files again, for SIGHUP.

See docs/operators/check.md.

The node takes new settings, certificates and trust if all of them are right, and none of them otherwise.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderError
from sinetti.authority.key_relocation import check_key_separation
from sinetti.authority.processes import (
    NodeRuntime,
    close_for_children,
    listen_people,
    portal_settings,
)
from sinetti.authority.service_certificates import ensure_valid
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.database.connection import DATABASE_UNAVAILABLE, DatabaseSetupError
from sinetti.infra.toml_tables import SettingsError
from sinetti.journal.reader import JournalError
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.listener import InvalidKeyPair, load_key_pair, release
from sinetti.services.monitoring.health import issuing_check
from sinetti.settings import authority as authority_settings
from sinetti.settings.optional_parts import OptionalParts, PartOff, describe_parts

_FIXED = ("environment", "database_url", "journal", "signer", "pkcs11_module", "pkcs11_token", "pkcs11_pin_file")
"""Settings that need a restart.

Two generations must not write to different places.
"""

_EXPECTED = (
    DatabaseSetupError,
    FolderError,
    HierarchyError,
    InvalidKeyPair,
    JournalError,
    OSError,
    SettingsError,
    SignerUnavailable,
    *DATABASE_UNAVAILABLE,
)
"""Errors of files and their surroundings, whose sentences are for operators."""


class ReloadRefused(FolderError):
    """Files that a serving node does not take over; the sentence has the reason."""


def reread_node(node: NodeRuntime, reopen: Callable[[], Authority]) -> NodeRuntime:
    """Read all files of a node again, and check them.

    Sockets and limits stay. Raises ReloadRefused if a file is wrong, for a change that needs a restart, and for an
    optional part that would be left out.
    """
    try:
        return _read(node, reopen)
    except _EXPECTED as bad:
        raise ReloadRefused(str(bad)) from bad


def _read(node: NodeRuntime, reopen: Callable[[], Authority]) -> NodeRuntime:
    _check_fixed(node)
    pair = node.plan.pair
    authority = reopen()
    try:
        check_key_separation(authority, pair[1] if pair else None)
        if (sentence := issuing_check(authority.ctx)) is not None:
            raise SignerUnavailable(sentence)
        authority.responses.seal()
        ensure_valid(authority.ctx.responders)
    finally:
        close_for_children(authority)
    tls = load_key_pair(*pair) if pair else None
    try:
        # Last, because it may open sockets.
        return _with_portal(replace(node, authority=authority, tls=tls), node.authority.left_out)
    except BaseException:
        if tls is not None:
            release(tls)
        raise


def _check_fixed(node: NodeRuntime) -> None:
    new, old = authority_settings.read(node.authority.folder.settings), node.authority.settings
    for name in _FIXED:
        if getattr(new, name) != getattr(old, name):
            raise SettingsError(
                f"authority.toml: {name} has changed, which a running service does not take over: restart it"
            )


def _with_portal(node: NodeRuntime, before: Iterable[PartOff]) -> NodeRuntime:
    """Return the node with the portal's settings read again, on the same sockets.

    `before` are the parts that were left out. Raises SettingsError if another one would be left out now.
    """
    authority, parts, people = node.authority, OptionalParts(), node.people
    if people is not None:
        ctx, settings = portal_settings(authority)
        people = replace(people, room=ctx, settings=settings)
    known = {part_off.part for part_off in before}
    if worse := [part_off for part_off in authority.left_out if part_off.part not in known]:
        raise SettingsError(describe_parts(worse) or "")
    if people is None and node.plan.people is not None:
        people = parts.take("pages", partial(listen_people, node.plan.people, authority), None)
    return replace(node, people=people, authority=replace(authority, left_out=(*authority.left_out, *parts.off)))
