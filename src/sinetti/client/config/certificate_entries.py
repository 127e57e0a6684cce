"""Tables `defaults` and `certificates.NAME`: settings per certificate."""

import importlib
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sinetti.client.config import file_references, schema, table_reader
from sinetti.client.config import messages as config_messages
from sinetti.client.config.table_reader import ConfigTable
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message, strip_control_chars
from sinetti.client.model import WITH_PASSWORD, CertificateEntry, Format, Hooks, HookStage, OutputOptions, Token
from sinetti.client.store import files
from sinetti.domain.values import MAXIMUM_LENGTH, KeyType

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_CUSTOMER_ID = re.compile(rf"[A-Za-z0-9./-]{{1,{MAXIMUM_LENGTH}}}")


@dataclass(frozen=True)
class EntryReader:
    """Reader of certificate tables, with the known services and the defaults."""

    services: Collection[str]
    defaults: CertificateEntry

    def default(self, table: ConfigTable) -> CertificateEntry:
        """Read the table `defaults`."""
        table.only(schema.DEFAULTS)
        return self._entry(table, "")

    def all(self, table: ConfigTable) -> Mapping[str, CertificateEntry]:
        """Read every table of `certificates`.

        Two names that would share a folder on some disks are a mistake.
        """
        entries: dict[str, CertificateEntry] = {}
        folded: dict[str, str] = {}
        for name in table.raw:
            if not files.is_name(name):
                table.blame(name, make_message(messages.BAD_NAME, name=name))
            elif name in files.RESERVED:
                table.blame(name, make_message(messages.RESERVED_NAME, name=name))
            elif (other := folded.setdefault(name.casefold(), name)) != name:
                table.blame(name, make_message(config_messages.TWICE, name=name, other=other))
            below = table.below(name)
            below.only(schema.CERTIFICATE)
            entries[name] = self._entry(below, name)
        return MappingProxyType(entries)

    def _entry(self, table: ConfigTable, name: str) -> CertificateEntry:
        base, key = self.defaults, table.choice("key", KeyType)
        return CertificateEntry(
            name=name,
            service=self._service(table) or base.service,
            customer_id=_customer_id(table) if name else None,
            customer_name=table.text_or_none("customer_name") if name else None,
            key=base.key if key is None else key,
            files=wanted_files(table, base.files),
            hooks=hooks(table.below("hooks"), base.hooks),
            key_is_explicit=base.key_is_explicit or key is not None,
            is_enrolled=table.flag("enrolled", default=True),
        )

    def _service(self, table: ConfigTable) -> str | None:
        name = table.text_or_none("service")
        if name is None or name in self.services:
            return name
        if self.services:
            table.blame("service", make_message(config_messages.NO_SERVICE, value=name, known=", ".join(self.services)))
        else:
            table.blame("service", make_message(config_messages.NO_SERVICES, value=name))
        return None


def _customer_id(table: ConfigTable) -> str | None:
    value = table.text_or_none("customer_id")
    if value is not None and _CUSTOMER_ID.fullmatch(value) is None:
        table.blame("customer_id", make_message(config_messages.NO_CUSTOMER_ID, value=value))
    return value


def wanted_files(table: ConfigTable, base: OutputOptions) -> OutputOptions:
    """Read the output options; values that a table leaves out come from `base`."""
    if table.raw.keys().isdisjoint(schema.FILES):
        return base
    given: dict[str, Any] = {
        "formats": table.choices("formats", Format),
        "owner": _of_the_system(table, "owner", ("pwd", "getpwnam", config_messages.NO_USER)),
        "group": _of_the_system(table, "group", ("grp", "getgrnam", config_messages.NO_GROUP)),
        "mode": _mode(table),
        "password_file": file_references.secret(table, "password_file", packs=True),
        "key_password_file": file_references.secret(table, "key_password_file"),
        "token": _token(table, base.token) if "token" in table.raw else None,
    }
    wanted = replace(base, **{key: value for key, value in given.items() if value is not None})
    wanted = replace(wanted, formats=wanted.formats | {Format.PEM})
    _fit(table, wanted)
    return wanted


def hooks(table: ConfigTable, base: Hooks) -> Hooks:
    """Read the hooks around a renewal.

    A stage that the table leaves out is as in `base`; an empty list removes it.
    """
    table.only(schema.HOOKS)
    if not table.raw:
        return base
    commands = dict(base.commands)
    for stage in HookStage:
        command = table.texts_or_none(stage.value)
        if command is not None:
            commands[stage] = _beside(table, command)
    timeout = table.duration("timeout", _SECOND, _DAY)
    kept = {stage: command for stage, command in commands.items() if command}
    return Hooks(MappingProxyType(kept), base.timeout if timeout is None else timeout)


def _beside(table: ConfigTable, command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command with an absolute program path if it names a path.

    So it does not depend on the working directory of the agent.
    """
    if not command or not os.path.dirname(command[0]):  # noqa: PTH120 - Path turns "./tell" into a name to look up
        return command
    return (str(table.book.beside(command[0])), *command[1:])


def _token(table: ConfigTable, base: Token | None) -> Token | None:
    below = table.below("token")
    below.only(schema.TOKEN)
    given: dict[str, Any] = {
        "module": below.file("module"),
        "label": below.text_or_none("label"),
        "pin_file": file_references.secret(below, "pin_file"),
    }
    for key in given:
        if key not in below.raw and base is None:
            below.needs(key, config_messages.MISSING)
    if base is not None:
        return replace(base, **{key: value for key, value in given.items() if value is not None})
    complete = len(fields(Token)) == sum(value is not None for value in given.values())
    return Token(**given) if complete else None


def _mode(table: ConfigTable) -> int | None:
    if "mode" not in table.raw:
        return None
    value = table.raw["mode"]
    try:
        mode = table_reader.mode(value) if isinstance(value, str) else None
    except ValueError:
        mode = None
    if mode is None:
        table.blame("mode", make_message(config_messages.NO_MODE, value=strip_control_chars(str(value))))
    elif mode & (table_reader.OTHERS | table_reader.NEVER) or not mode & 0o400:
        table.blame("mode", make_message(config_messages.MODE_FOR_ALL, value=str(value)))
        return None
    return mode


def _fit(table: ConfigTable, wanted: OutputOptions) -> None:
    """Record settings that do not go together."""
    if wanted.mode & table_reader.GROUP_READS and wanted.group is None and "group" not in table.raw:
        table.blame("mode", make_message(config_messages.MODE_FOR_A_GROUP, value=f"{wanted.mode:04o}"))
    if wanted.formats & WITH_PASSWORD and wanted.password_file is None and "password_file" not in table.raw:
        table.blame("formats", make_message(config_messages.NO_PASSWORD))
    if wanted.token is not None:
        if wanted.key_password_file is not None:
            table.blame("key_password_file", make_message(config_messages.WITH_TOKEN, key="key_password_file"))
        for one in sorted(wanted.formats & WITH_PASSWORD):
            table.blame("formats", make_message(config_messages.WITH_TOKEN, key=one.value))


def _of_the_system(table: ConfigTable, key: str, asked: tuple[str, str, str]) -> str | None:
    """Return the name of a user or group that this machine knows.

    Record a mistake if it knows none of that name.
    """
    module, function, unknown = asked
    name = table.text_or_none(key)
    if name is None:
        return None
    try:
        getattr(importlib.import_module(module), function)(name)
    except ImportError:
        table.blame(key, make_message(config_messages.NO_OWNERS, key=key))
    except KeyError:
        table.blame(key, make_message(unknown, value=name))
    return name
