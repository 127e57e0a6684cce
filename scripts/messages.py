"""Writes docs/messages/: every kind of message in each variant and language.

    python scripts/messages.py

The texts are those that the service sends. A test compares the folder with the output of this script.
"""

from collections.abc import Iterator
from pathlib import Path

from sinetti.domain.values import Language
from sinetti.notifications.context import RenderedMessage
from sinetti.notifications.previews import samples as previews_samples
from sinetti.notifications.previews.reminders import SampleMessage

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "messages"


def samples() -> dict[str, str]:
    """Return every file of the folder by its name."""
    files: dict[str, list[str]] = {}
    for language, case, letter in letters():
        if language is not letter.language:  # operators read English
            continue
        files.setdefault(f"{case.kind}.{language}.txt", []).append(shown(case, letter))
        if case is previews_samples.CASES[0]:
            files[f"{case.kind}.{language}.html"] = [letter.html]
    return {name: "\n".join(parts) for name, parts in files.items()}


def letters() -> Iterator[tuple[Language, SampleMessage, RenderedMessage]]:
    """Yield every sample in every language."""
    for language in Language:
        for case in previews_samples.CASES:
            yield language, case, previews_samples.written(case, language=language)


def shown(case: SampleMessage, letter: RenderedMessage) -> str:
    """Return one sample as it stands in its file."""
    head = f"=== {case.title} · {case.now:%Y-%m-%d %H:%M} UTC ===\nTo: {letter.to}\n"
    subject = f"Subject: {letter.subject}\n\n" if letter.subject else "\n"
    return f"{head}{subject}{letter.text.rstrip()}\n"


def main() -> None:
    """Write the folder."""
    made = samples()
    FOLDER.mkdir(exist_ok=True)
    for old in [*FOLDER.glob("*.txt"), *FOLDER.glob("*.html")]:
        if old.name not in made:
            old.unlink()
    for name, octets in made.items():
        (FOLDER / name).write_text(octets, encoding="utf-8")


if __name__ == "__main__":
    main()
