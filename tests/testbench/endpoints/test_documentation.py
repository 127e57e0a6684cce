"""Documentation site on the bench: its files alone, with their types."""

from pathlib import Path

import pytest

from sinetti.server.http import Request
from sinetti.testbench.endpoints.documentation import DocumentationEndpoint


@pytest.fixture
def endpoint(tmp_path):
    site = tmp_path / "site"
    (site / "en" / "_static").mkdir(parents=True)
    for name in ("index.html", "en/index.html", "en/_static/site.css", "en/_static/site.js", "en/a.tOML", ".buildinfo"):
        (site / name).write_text(name)
    (tmp_path / "secret.html").write_text("secret")
    (site / "en" / "leads-out.html").symlink_to(tmp_path / "secret.html")
    (site / "en" / "loop.html").symlink_to("loop.html")
    return DocumentationEndpoint(site)


def ask(endpoint, path, method="GET"):
    return endpoint(Request(method, path, "", {}, "0" * 32, b""))


FILES = {
    "/docs/": ("text/html; charset=utf-8", b"index.html"),
    "/docs/index.html": ("text/html; charset=utf-8", b"index.html"),
    "/docs/en/": ("text/html; charset=utf-8", b"en/index.html"),
    "/docs/en/_static/site.css": ("text/css; charset=utf-8", b"en/_static/site.css"),
    "/docs/en/_static/site.js": ("text/javascript; charset=utf-8", b"en/_static/site.js"),
    "/docs/en/a.tOML": ("text/plain; charset=utf-8", b"en/a.tOML"),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "wanted"), FILES.items(), ids=FILES)
def test_a_file_has_its_type(endpoint, path, wanted, method):
    reply = ask(endpoint, path, method)
    assert (reply.status, reply.content_type, reply.body) == (200, *wanted)
    assert reply.headers["x-content-type-options"] == "nosniff"


ELSEWHERE = [
    "/docs/../secret.html",
    "/docs/en/../../secret.html",
    "/docs//etc/passwd",
    "/docs/en/leads-out.html",
    "/docs/en/loop.html",
    "/docs/.buildinfo",
    "/docs/en",
    "/docs/none.html",
    "/docs/en/\0.html",
    "/docs/en/index.html/",
    "/docs/" + "a" * 5000,
]


@pytest.mark.parametrize("path", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_nothing_else_is_served(endpoint, path):
    assert ask(endpoint, path).status == 404


def test_only_reading_is_allowed(endpoint):
    reply = ask(endpoint, "/docs/", "POST")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_the_folder_without_a_slash_leads_to_it(endpoint):
    reply = ask(endpoint, "/docs")
    assert (reply.status, reply.headers["location"]) == (301, "/docs/")


def test_a_file_that_may_not_be_read_is_not_there(endpoint, monkeypatch):
    def refused(path):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert ask(endpoint, "/docs/index.html").status == 404
