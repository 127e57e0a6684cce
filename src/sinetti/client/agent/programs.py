"""Holder's own programs, as a run of the agent calls them: hooks and deployment."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sinetti.client.agent import deploy, hooks
from sinetti.client.agent.hooks import HookContext
from sinetti.client.messages.messages import Message
from sinetti.client.model import DEFAULT_OUTPUT, CertificateEntry, HookStage
from sinetti.client.store import files, settings
from sinetti.client.store.snapshot import NameSnapshot


class HookRunner(Protocol):
    """Interface of a run to the holder's programs.

    A failing program raises no exception here.
    """

    def before(self, name_snapshot: NameSnapshot, entry: CertificateEntry, now: datetime, /) -> tuple[Message, ...]:
        """Run `before`; return messages about a failure, which holds the renewal back.

        Raises StoreError.
        """

    def due(self, name_snapshot: NameSnapshot, entry: CertificateEntry, now: datetime, /) -> bool:
        """Return whether the set in use may have to be deployed now. Cheap."""

    def bring_into_use(
        self, folder: Path, entry: CertificateEntry, now: datetime, /
    ) -> tuple[bool, tuple[Message, ...]]:
        """Deploy the set in use unless that is done.

        Return whether nothing is left to do, and the messages.
        """


@dataclass(frozen=True)
class ConfiguredHooks:
    """Programs that sinetti.toml names (docs/holders/agent.md)."""

    def before(self, name_snapshot: NameSnapshot, entry: CertificateEntry, now: datetime, /) -> tuple[Message, ...]:
        """Run the hook `before`, if there is one."""
        if name_snapshot.in_use is None or not entry.hooks.commands.get(HookStage.BEFORE):
            return ()
        about = HookContext(
            name=name_snapshot.name,
            customer_id=settings.load(name_snapshot.folder).customer_id,
            serial=name_snapshot.in_use.serial,
            old_serial=None,
            not_after=name_snapshot.in_use.span.not_after,
            live=name_snapshot.folder / files.LIVE,
            generation=name_snapshot.folder / files.GENERATIONS / name_snapshot.in_use.serial,
        )
        end = hooks.run(HookStage.BEFORE, entry.hooks, about, name_snapshot.folder, now)
        return () if end is None or end.ok else end.messages

    def due(self, name_snapshot: NameSnapshot, entry: CertificateEntry, now: datetime, /) -> bool:
        """Return whether the set in use may have to be deployed now.

        Look closer only if the table asks for something or an earlier deployment is unfinished.
        """
        entry = deploy.with_files(entry, name_snapshot.files)
        asks = entry.hooks.commands or entry.files != DEFAULT_OUTPUT
        return bool(asks or name_snapshot.is_undeployed) and deploy.is_due(name_snapshot.folder, now, entry)

    def bring_into_use(
        self, folder: Path, entry: CertificateEntry, now: datetime, /
    ) -> tuple[bool, tuple[Message, ...]]:
        """Run `deploy` and `after` for a set that has not been deployed."""
        with contextlib.suppress(files.StoreError):  # the deployment reports it
            entry = deploy.with_files(entry, settings.load(folder).files)
        return deploy.deploy(folder, entry, now)
