"""Reader for tables of a settings file, with errors that name the key.

Errors say what to write instead. They do not repeat the value found, since it may be a secret.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

_OTHERS = 0o077


class TomlTable:
    """Table that is being read; `finish` rejects keys that were not taken.

    Every key is taken once.
    """

    def __init__(self, file: str, name: str, values: Mapping[str, object]) -> None:
        """Store the table; `name` is empty for the top of the file."""
        self._place = f"{file}: [{name}] " if name else f"{file}: "
        self._file, self._values = file, dict(values)

    def has(self, key: str) -> bool:
        """Return True if the key exists and was not taken."""
        return key in self._values

    def text(self, key: str) -> str:
        """Take a text in one line."""
        value = self.text_or_none(key)
        if value is None:
            self.refuse(key, "a text: it is missing")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Take a text in one line, or None if the key is absent."""
        value = self._values.pop(key, None)
        if value is not None and (not isinstance(value, str) or not value.strip() or not value.isprintable()):
            self.refuse(key, "a text in one line, in quotation marks")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts; empty if the key is absent."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.refuse(key, 'a list of texts, such as ["one", "another"]')
        return tuple(value)

    def number(self, key: str, among: range, default: int) -> int:
        """Take a whole number of this range, or the default if the key is absent."""
        value = self._values.pop(key, default)
        if type(value) is not int or value not in among:
            self.refuse(key, f"a whole number from {among.start} to {among.stop - 1}")
        return value

    def numbers(self, key: str, among: range) -> tuple[int, ...] | None:
        """Take a list of whole numbers of this range; None if the key is absent."""
        value = self._values.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(type(one) is int and one in among for one in value):
            self.refuse(key, f"a list of whole numbers from {among.start} to {among.stop - 1}")
        return tuple(value)

    def path(self, key: str, folder: Path) -> Path | None:
        """Take the name of a file or folder.

        A relative name is relative to the folder of this file.
        """
        value = self.text_or_none(key)
        return None if value is None else folder / value

    def secret(self, key: str, folder: Path) -> str | None:
        """Take one line from a file that only its owner can read."""
        path = self.path(key, folder)
        if path is None:
            return None
        try:
            mode, octets = path.stat().st_mode, path.read_bytes().strip()
        except OSError as bad:
            self.refuse(key, f"the name of a file: {path} cannot be read ({bad.strerror})")
        if mode & _OTHERS:
            self.refuse(key, f"a file that no other user can read: chmod 600 {path}, and have a new secret made")
        if not octets or not octets.isascii() or not octets.decode("ascii").isprintable():
            self.refuse(key, f"a file with one line of ASCII in it, which {path} is not")
        return octets.decode("ascii")

    def table(self, key: str) -> "TomlTable":
        """Take a table below this one."""
        value = self._values.pop(key, None)
        if not isinstance(value, dict):
            self.refuse(key, f"a table [{key}]")
        return TomlTable(self._file, key, value)

    def tables(self, key: str) -> "tuple[TomlTable, ...]":
        """Take a list of tables; empty if the key is absent."""
        values = self._values.pop(key, [])
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            self.refuse(key, f"tables that begin with [[{key}]]")
        return tuple(TomlTable(self._file, key, one) for one in values)

    def finish(self) -> None:
        """Reject every key that was not taken, so that a misspelt key is noticed."""
        for key in self._values:
            sentence = f"{self._place}{key}: there is no such setting; take it out or correct its spelling"
            raise SettingsError(sentence)

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Raise SettingsError about one key."""
        sentence = f"{self._place}{key}: write {wanted}"
        raise SettingsError(sentence) from None


class SettingsError(ValueError):
    """Setting that cannot be used; the text names it and says what to write instead."""
