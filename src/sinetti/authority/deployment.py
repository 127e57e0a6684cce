"""Files for an authority's surroundings, with the names that `init` knows.

They are the samples of deploy/ with other values, so samples and files have one source. A wheel contains the samples;
in a checkout they are in its own folder.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from sinetti.authority.data_directory import DataDirectory
from sinetti.infra.atomic_files import PRIVATE, write_synced
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings import notifications

FOLDER = "deploy"
SMTP_PASSWORD = "smtp-password"  # noqa: S105 - the name of a file
PROGRAM = "/opt/sinetti/bin/sinetti"
PLACE = "/var/lib/sinetti/authority"
"""Program and folder of an authority in the units of deploy/."""

_STATE = "/var/lib/sinetti/"
"""Folder that the units may write to (StateDirectory)."""

_PAGES = re.compile(r"^# Pages for people: .*?^}$", re.MULTILINE | re.DOTALL)
_BIND = "    bind :443 "
_VALUE = re.compile(r"([a-z_]+) = ")
_COMMAND = re.compile(r"^(Exec[A-Za-z]+)=(.+)$", re.MULTILINE)
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_PLAIN_WORD = re.compile(r"[\w./@:+,=~-]+")
"""Path that a unit takes as one word without quotation marks."""

_TABLE = re.compile(r"\[+([a-z_.]+)\]+")


@dataclass(frozen=True)
class MailRoute:
    """Mail server with its password, and the mail address of the operators.

    The URL of the server has no password; `password` is None without a login.
    """

    server: str
    operators: str
    password: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Deployment:
    """Surroundings of an authority: its folder, its addresses, its mail.

    `people_address` is None without pages. `program` is the command in its units.
    """

    root: Path
    soap_address: str
    base_url: str
    people_address: str | None = None
    mail: MailRoute | None = None
    program: str = PROGRAM


def samples() -> Path:
    """Return the folder of the samples."""
    inside = Path(__file__).parent / FOLDER
    return inside if inside.is_dir() else Path(__file__).resolve().parents[3] / FOLDER


def sample(name: str) -> str:
    """Return the text of one sample."""
    return (samples() / name).read_text(encoding="utf-8")


def check_deployment(known: Deployment) -> None:
    """Raise SettingsError if messages or pages could not be served with these values.

    Also if a host name has other characters, since they would be syntax in the files of nginx and HAProxy.
    """
    for address in filter(None, (known.soap_address, known.base_url, known.people_address)):
        if not _HOST.fullmatch(_host(address)):
            raise SettingsError(f"{address}: a host name has letters, digits, hyphens and dots, such as pki.example")
    if known.people_address is None or known.mail is None:
        return
    # Without its name: the file of the password is not there yet.
    bare = replace(known.mail, server=known.mail.server.replace(_login(known.mail.server), "", 1))
    notifications.parse(render_notices(replace(known, mail=bare)), known.root)
    if _host(known.people_address) == _host(known.soap_address):
        raise SettingsError(
            f"the pages need a host name of their own, because programs use {_host(known.soap_address)}"
        )
    if bool(_login(known.mail.server)) != bool(known.mail.password):
        raise SettingsError(
            "a mail server needs both a name (smtps://NAME@HOST) and a file with its password, or neither"
        )


def _login(server: str) -> str:
    return f"{name}@" if (name := urlsplit(server).netloc.rpartition("@")[0]) else ""


def write_deployment(folder: DataDirectory, known: Deployment) -> None:
    """Write the files into a new authority's folder, 0600.

    They go into DIR/deploy, with mail also into DIR/notices.toml and DIR/eservice.toml.

    Raises FileExistsError instead of overwriting one.
    """
    place = folder.root / FOLDER
    place.mkdir(mode=0o700)
    own = (folder.notices, folder.eservice) if known.mail else (place / "notices.toml", place / "eservice.toml")
    files = {place / "nginx.conf": render_nginx(known), place / "haproxy.cfg": render_haproxy(known)}
    files |= dict(zip(own, (render_notices(known), render_eservice()), strict=True))
    for unit, text in render_drop_ins(known).items():
        (place / f"{unit}.d").mkdir(mode=0o700)
        files[place / f"{unit}.d" / "authority.conf"] = text
    for path, text in files.items():
        write_synced(path, text.encode(), PRIVATE)
    if known.mail is not None and known.mail.password is not None:
        write_synced(folder.secrets / SMTP_PASSWORD, known.mail.password, PRIVATE)


def render_nginx(known: Deployment) -> str:
    """Return nginx' configuration; without pages their block is a comment."""
    text = sample("nginx.conf").replace("listen 443 ssl;", f"listen {_port(known.soap_address)} ssl;", 1)
    if known.people_address is None:
        text = _PAGES.sub(
            lambda block: "\n".join(
                line if line.startswith("#") else f"# {line}".rstrip() for line in block[0].splitlines()
            ),
            text,
        )
    else:
        before, pages, after = text.partition("# Pages for people: ")
        text = before + pages + after.replace("listen 443 ssl;", f"listen {_port(known.people_address)} ssl;", 1)
    return _named(text.replace("listen 80;", f"listen {_port(known.base_url)};"), known)


def render_haproxy(known: Deployment) -> str:
    """Return HAProxy's configuration.

    Without pages the sample's name for them stays, which no caller uses.
    """
    (bind,) = (line for line in sample("haproxy.cfg").splitlines() if line.startswith(_BIND))
    ports = sorted({_port(one) for one in (known.soap_address, known.people_address) if one is not None})
    binds = "\n".join(bind.replace(":443", f":{port}") for port in ports)
    text = sample("haproxy.cfg").replace(bind, binds).replace("bind :80\n", f"bind :{_port(known.base_url)}\n")
    return _named(text, known)


def _named(text: str, known: Deployment) -> str:
    names = {"certificates.example": _host(known.soap_address), "pki.example": _host(known.base_url)}
    if known.people_address is not None:
        names["people.example"] = _host(known.people_address)
    # At once, because a real name may contain that of a sample, such as pki.example.com.
    return re.sub("|".join(map(re.escape, names)), lambda match: names[match[0]], text)


def render_notices(known: Deployment) -> str:
    """Return `notices.toml`.

    Values that only the operator knows are comments, except in a sample without mail.
    """
    people = {} if known.people_address is None else {"people_address": known.people_address}
    if known.mail is None:
        return _filled(sample("notices.toml"), people)
    reached = known.mail.operators
    values = people | {f"help.{one}": reached for one in ("fi", "sv", "en")}
    values |= {"mail.server": known.mail.server, "mail.from": f"Sinetti <{reached}>", "mail.reply_to": reached}
    kept = {"service", "ladder_days", "wave_from", "wave_days"}
    if _login(known.mail.server):
        values["mail.password_file"] = f"secrets/{SMTP_PASSWORD}"
    return _filled(sample("notices.toml"), values | {"operators": [reached]}, kept)


def render_eservice() -> str:
    """Return `eservice.toml`, in which every value is a comment."""
    return _filled(sample("eservice.toml"), {}, set())


def _filled(text: str, values: Mapping[str, object], kept: set[str] | None = None) -> str:
    """Return a TOML sample with other values.

    With `kept`, all others are comments, and so are tables without any.

    Keys have the name of their table before them. Every value of a sample is on one line.
    """
    lines, table = list[str](), ""
    for line in text.splitlines():
        if header := _TABLE.match(line):
            table = f"{header[1]}."
            used = kept is None or any(text.startswith(table) for text in (*values, *kept))
            lines.append(line if used else f"# {line}")
        elif match := _VALUE.match(line):
            key = table + match[1]
            if key in values:
                line = f"{match[1]} = {json.dumps(values[key], ensure_ascii=False)}"  # noqa: PLW2901 - the line goes on
            lines.append(line if kept is None or key in values or key in kept else f"# {line}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def render_drop_ins(known: Deployment) -> dict[str, str]:
    """Return the drop-ins by unit, none for the usual folder.

    They have the settings that name the authority's folder.
    """
    if str(known.root) == PLACE:
        return {}
    found = {}
    for path in sorted((samples() / "systemd").glob("*.service")):
        unit = path.read_text(encoding="utf-8")
        # Start, checks before it and reload alike name the folder.
        commands = {key for key, value in _COMMAND.findall(unit) if PLACE in value}
        if commands:
            found[path.name] = _drop_in([one for one in _COMMAND.findall(unit) if one[0] in commands], known)
    return found


def _drop_in(commands: list[tuple[str, str]], known: Deployment) -> str:
    text = "# The folder of this authority, as sinetti authority init knows it.\n[Service]\n"
    # An empty value takes away the unit's own commands (systemd.service(5)).
    text += "".join(f"{key}=\n" for key in dict.fromkeys(key for key, _ in commands))
    for key, value in commands:
        root, program = (_word(text).replace("$", "$$") for text in (str(known.root), known.program))
        text += f"{key}={value.replace(PROGRAM, program).replace(PLACE, root)}\n"
    if not str(known.root).startswith(_STATE):
        text += f"ReadWritePaths={_word(str(known.root.parent))}\n"
    return text


def _word(path: str) -> str:
    """Return a path as one word of a unit.

    See systemd.syntax(7), and for percent signs systemd.unit(5).
    """
    if _PLAIN_WORD.fullmatch(path):
        return path
    for mark, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("%", "%%")):
        path = path.replace(mark, written)
    return f'"{path}"'


def _host(address: str) -> str:
    host = urlsplit(address).hostname or ""
    return f"[{host}]" if ":" in host else host


def _port(address: str) -> int:
    parts = urlsplit(address)
    return parts.port or {"https": 443, "http": 80}[parts.scheme]
