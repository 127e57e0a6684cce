"""Writes the parts of docs/integrators/integrators.md that come from other files.

    python scripts/guide.py

The parts are messages of the vectors, and sources of the peers. Each part begins with a line `<!-- scripts/guide.py:
WHAT -->` and ends with `<!-- scripts/guide.py: end -->`. The script replaces the text in between. WHAT is one of
these:

- `xml FILE`: a message of tests/vectors/, laid out for reading.
- `brief FILE`: the same without the content of its signature.
- `peers`: the programs of tests/judges/peers/ that are there.

Of a peer, the page shows the text between lines with `guide: begin` and `guide: end`, in any of its files. Without
such lines it shows the functions that sign and verify, found by their names. Without these it shows the whole source
if that is short, and else only a link. A test compares the page with the output of this script.
"""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "integrators" / "integrators.md"
VECTORS = ROOT / "tests" / "vectors"
PEERS = ROOT / "tests" / "judges" / "peers"
TITLES = {
    "java": "Java: the JDK alone",
    "jaxws": "Java: JAX-WS from the WSDL",
    "mono": "C#: .NET's SignedXml",
    "node": "Node: soap from the WSDL, and xml-crypto",
    "php": "PHP: SoapClient",
    "zeep": "Python: zeep, from the WSDL",
    "requests": "Python: requests and lxml",
}
"""Titles of the peers' folders, in the order of the page.

A folder without a title comes last, in the order of names.
"""

LANGUAGES = {
    ".java": "java",
    ".cs": "csharp",
    ".js": "javascript",
    ".mjs": "javascript",
    ".php": "php",
    ".py": "python",
}
_BRIEF = 10
SHORT = 150
"""Lines up to which a program without markers and known names is shown whole."""

LONGEST_VALUE = 48
_SHOWN_OF_VALUE = 32
_PLACE = re.compile(r"(<!-- scripts/guide\.py: (.+?) -->\n)(.*?)(<!-- scripts/guide\.py: end -->\n)", re.DOTALL)
_SIGNATURE = re.compile(r"(<ds:Signature [^>]*>).*(</ds:Signature>)", re.DOTALL)
_WITHIN = r"\1…\2"
_WANTED = re.compile(r"(sign|signed|signs?_?request|verify|verified|handleMessage|egress)", re.IGNORECASE)
_DECLARED = re.compile(
    r"^(?P<indent>\s*)(?:(?:public|private|protected|internal|static|final|async|export)\s+)*"
    r"(?:def|function|[\w<>\[\].?]+)\s+(?P<name>\w+)\s*\([^;]*$"
)
_NO_DECLARATION = re.compile(r"^\s*(return|throw|raise|new|else|await|yield|if|for|while|using|use|case|class)\b")
_ABOUT = re.compile(r"^\s*(//|#|/\*|\*|@|\[)")


def page(current: str) -> str:
    """Return the page as it should be.

    Raises FileNotFoundError for a message that does not exist.
    """
    return _PLACE.sub(lambda found: f"{found[1]}{_written(found[2])}{found[4]}", current)


def peers() -> list[Path]:
    """Return the folders of the peers that are there, in the page's order."""
    found = [path for path in PEERS.iterdir() if sources(path)] if PEERS.is_dir() else []
    order = list(TITLES)
    return sorted(found, key=lambda path: (order.index(path.name) if path.name in order else len(order), path.name))


def sources(peer: Path) -> list[Path]:
    """Return a peer's source files, the longest first.

    Files from a package manager are left out.
    """
    if not peer.is_dir():
        return []
    found = [
        path for path in peer.rglob("*") if path.suffix in LANGUAGES and path.is_file() and path.stem != "__init__"
    ]
    own = [path for path in found if not {"node_modules", "vendor", "__pycache__"} & set(path.parts)]
    return sorted(own, key=lambda path: (-len(lines_of(path)), path.name))


def parts(peer: Path) -> list[tuple[Path, str]]:
    """Return the pieces of a peer's files that the page shows.

    Each comes with the path of its file.
    """
    files = sources(peer)
    marked = [(path, piece) for path in files for piece in _marked(lines_of(path))]
    if marked:
        return marked
    named = _named(files)
    if named:
        return named
    return [(path, path.read_text(encoding="utf-8").strip("\n")) for path in files[:1] if len(lines_of(path)) <= SHORT]


def shown(octets: bytes) -> str:
    """Format a message for reading: one element to a line, long base64 cut."""
    text, depth, lines = octets.decode("utf-8-sig"), 0, []
    tokens = re.findall(r"<[^>]+>|[^<]+", text)
    position = 0
    while position < len(tokens):
        token = tokens[position]
        following = tokens[position + 1 : position + 3]
        if not token.startswith("<"):
            line, step = token.strip(), 1
        elif token.startswith("</"):
            depth -= 1
            line, step = token, 1
        elif following and following[0].startswith("</"):
            line, step = token + following[0], 2
        elif len(following) > 1 and not following[0].startswith("<") and following[1].startswith("</"):
            line, step = token + _cut(following[0]) + following[1], 3
        else:
            line, step = token, 1
        lines.append("  " * depth + line)
        depth += step == 1 and token.startswith("<") and not token.startswith(("</", "<?", "<!")) and token[-2] != "/"
        position += step
    return "\n".join(line for line in lines if line.strip())


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text(encoding="utf-8").splitlines()


def _cut(value: str) -> str:
    bare = value.strip()
    is_long = len(bare) > LONGEST_VALUE and re.fullmatch(r"[A-Za-z0-9+/=\s]+", bare) and " " not in bare
    return f"{bare[:_SHOWN_OF_VALUE]}…" if is_long else value


def _written(what: str) -> str:
    kind, _, name = what.partition(" ")
    if kind in {"xml", "brief"}:
        text = shown((VECTORS / name).read_bytes())
        return f"```xml\n{_SIGNATURE.sub(_WITHIN, text) if kind == 'brief' else text}\n```\n"
    if kind == "peers":
        return "\n".join(map(_peer, peers())) or "No example is here yet: `scripts/guide.py` puts them in.\n"
    why = f"docs/integrators/integrators.md: no such part as {what!r}"
    raise ValueError(why)


def _peer(folder: Path) -> str:
    """Write one foldable part; a reader without HTML sees its title above it."""
    links = ", ".join(f"[{path.name}]({_from_page(path)})" for path in sources(folder))
    blocks = [f"\n```{LANGUAGES[path.suffix]}\n{textwrap.dedent(piece)}\n```\n" for path, piece in parts(folder)]
    title = TITLES.get(folder.name, folder.name)
    return f"<details><summary>{title}</summary>\n\nThe whole program: {links}.\n{''.join(blocks)}\n</details>\n"


def _from_page(path: Path) -> str:
    return f"../../{path.relative_to(ROOT).as_posix()}"


def _marked(lines: list[str]) -> Iterator[str]:
    begin = None
    for number, line in enumerate(lines):
        if "guide: begin" in line:
            begin = number + 1
        elif "guide: end" in line and begin is not None:
            yield "\n".join(lines[begin:number]).strip("\n")
            begin = None


def _named(files: list[Path]) -> list[tuple[Path, str]]:
    """Return the functions that sign and verify, by their names.

    If such a function is short, the functions that it calls are added. If no function signs, the function that renews
    is added: it names the function that signs.
    """
    declared = [(path, name, piece) for path in files for name, piece in _functions(path)]
    chosen: dict[str, tuple[Path, str]] = {}
    for path, name, piece in declared:
        if _WANTED.fullmatch(name):
            chosen.setdefault(name.casefold(), (path, piece))
    if chosen and not any(name.startswith("sign") for name in chosen):
        chosen |= {name: (path, piece) for path, name, piece in declared if name.casefold() == "renew"}
    for path, piece in list(chosen.values()):
        called = set(re.findall(r"(\w+)\(", piece)) if piece.count("\n") < _BRIEF else set()
        for at, name, other in declared:
            if at == path and name in called and name.casefold() not in chosen and other.count("\n") >= _BRIEF:
                chosen[name.casefold()] = (at, other)
    return list(chosen.values())


def _functions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield a file's functions by name, each with the comment above it."""
    lines, last = lines_of(path), 0
    for number, line in enumerate(lines):
        found = _DECLARED.match(line)
        if number < last or not found or _NO_DECLARATION.match(line):
            continue
        first = number
        while first > last and _ABOUT.match(lines[first - 1]):
            first -= 1
        end = _end(lines, number, len(found["indent"]), is_python=path.suffix == ".py")
        yield found["name"], "\n".join(lines[first:end]).rstrip()
        last = end


def _end(lines: list[str], start: int, indent: int, *, is_python: bool) -> int:
    """Return the number of the line after a function.

    There the indentation is again that of the function's first line.
    """
    for number in range(start + 1, len(lines)):
        line = lines[number]
        at = len(line) - len(line.lstrip())
        if (
            line.strip()
            and at <= indent
            and not (line.lstrip().startswith((")", "{", "->")) and number - start < SHORT)
        ):
            return number + (0 if is_python or not line.strip().startswith("}") else 1)
    return len(lines)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
