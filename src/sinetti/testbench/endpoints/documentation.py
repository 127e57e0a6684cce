"""Documentation site on the bench's status address, as `make docs` builds it."""

from dataclasses import dataclass
from pathlib import Path

from sinetti.server.http import Request, Response, text_response

PATH = "/docs"
_FIRST_PAGE = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_TEXT = "text/plain; charset=utf-8"
"""Type of every other file.

The site offers programs, settings and messages as downloads.
"""


def built_site() -> Path | None:
    """Return the site that `make docs` built in this clone, or None."""
    path = Path(__file__).resolve().parents[4] / "build" / "docs"
    return path if (path / _FIRST_PAGE).is_file() else None


@dataclass(frozen=True)
class DocumentationEndpoint:
    """Endpoint that answers GET and HEAD below PATH with the files of one folder."""

    folder: Path

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method and path below PATH."""
        if request.method not in {"GET", "HEAD"}:
            return text_response(405, "The documentation is read with GET.", allow="GET, HEAD")
        if request.path == PATH:
            return text_response(301, f"The documentation is at {PATH}/.", location=f"{PATH}/")
        path = self._file(request.path.removeprefix(f"{PATH}/"))
        try:
            octets = None if path is None else path.read_bytes()
        except OSError:  # a file that may not be read
            octets = None
        if path is None or octets is None:
            return text_response(404, f"The documentation has no such page. It begins at {PATH}/.")
        return Response(200, _TYPES.get(path.suffix, _TEXT), octets, {"x-content-type-options": "nosniff"})

    def _file(self, name: str) -> Path | None:
        """Return the file of this name.

        Returns None if the folder has none, and for hidden names.
        """
        parts = name.split("/")
        if "\0" in name or any(part.startswith(".") for part in parts):
            return None
        place = self.folder.joinpath(*parts, _FIRST_PAGE if name.endswith("/") or not name else "")
        try:
            root, path = self.folder.resolve(), place.resolve()
            return path if path.is_file() and path.is_relative_to(root) else None
        except (OSError, RuntimeError):  # a name that is too long, or a loop of links
            return None
