"""Writes docs/messages/: every kind of message in each of its variants and languages, as it is really written.

    python scripts/messages.py

The samples' register is an SQLite file that is made anew; a test compares the folder with what this script writes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from sinetti.domain.messages import MessageKind
from sinetti.domain.values import Language
from sinetti.notices import samples as cases
from sinetti.notices.room import Letter
from sinetti.registry import models
from sinetti.registry.opening import Register, migrate, open_register
from sinetti.registry.sample_rows import staged

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "messages"


def samples(register: Register) -> dict[str, str]:
    """Every file of the folder by its name. The register is empty."""
    files: dict[str, list[str]] = {}
    stage = staged(register, Language.EN)
    for language in Language:
        models.Person.objects.using(register.alias).update(language=language)
        for case in cases.CASES:
            if case.kind is MessageKind.OPERATOR and language is not Language.EN:
                continue
            _first(register, case)
            letter = cases.written(case, stage)
            files.setdefault(f"{case.kind}.{language}.txt", []).append(shown(case, letter))
            if case is cases.CASES[0]:
                files[f"{case.kind}.{language}.html"] = [letter.html]
    return {name: "\n".join(parts) for name, parts in files.items()}


def shown(case: cases.Case, letter: Letter) -> str:
    """One sample in its file."""
    head = f"=== {case.title} · {case.now:%Y-%m-%d %H:%M} UTC ===\nTo: {letter.to}\n"
    subject = f"Subject: {letter.subject}\n\n" if letter.subject else "\n"
    return f"{head}{subject}{letter.text.rstrip()}\n"


def _first(register: Register, case: cases.Case) -> None:
    """Let everybody have been written to before, or nobody."""
    written = None if case.first else cases.REMINDERS[0].now
    models.Person.objects.using(register.alias).update(first_written_at=written)


def main() -> None:
    """Write the folder."""
    with TemporaryDirectory(prefix="sinetti-messages-") as folder:
        register = open_register(f"sqlite:///{folder}/register.sqlite3")
        migrate(register)
        made = samples(register)
        register.close()
    FOLDER.mkdir(exist_ok=True)
    for old in [*FOLDER.glob("*.txt"), *FOLDER.glob("*.html")]:
        if old.name not in made:
            old.unlink()
    for name, octets in made.items():
        (FOLDER / name).write_text(octets, encoding="utf-8")


if __name__ == "__main__":
    main()
