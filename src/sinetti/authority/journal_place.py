"""Where an authority's journals lie: outside its folder, so that what becomes of that does not become of them."""

from pathlib import Path

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderError
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings.authority import AuthoritySettings


def journal_folder(folder: DataDirectory, kind: DirectoryKind, settings: AuthoritySettings) -> Path:
    """Where the journals are: the setting, else beside the folder; a bench's are in it. Raises SettingsError."""
    # The real folder, by whatever name it is called: every command has to find the same journals.
    root = folder.root.resolve()
    if kind is DirectoryKind.TESTBENCH:
        return root / "journal"
    path = Path(settings.journal) if settings.journal else root.with_name(f"{root.name}-journal")
    if path.resolve().is_relative_to(root):
        sentence = f"the journal cannot lie in {root}: what becomes of the folder must not become of it"
        raise SettingsError(sentence)
    return path


def check_no_journal(path: Path) -> None:
    """Refuse to found where another authority's journals lie. Raises FolderError."""
    try:
        taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
    except OSError as closed:
        sentence = f"{path}, which is for the journals, cannot be looked into: {closed.strerror}"
        raise FolderError(sentence) from closed
    if taken:
        sentence = f"{path} is for this authority's journals, but something lies there already: move it away"
        raise FolderError(sentence)
