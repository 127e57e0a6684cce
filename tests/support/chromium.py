"""Debian's Chromium, and cleanup of database connections after its event loop."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.web_servers import tool

PATIENCE = 60_000
"""Milliseconds in which a page does what is awaited, on a busy machine too."""


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """Run Chromium without its sandbox, which does not work for root.

    Playwright's synchronous calls run an event loop in this thread. Under an event loop Django uses a database only if
    DJANGO_ALLOW_ASYNC_UNSAFE permits it, and keeps separate connections there. They are closed at the end. Otherwise
    the next test under a loop would use the database of this one.
    """
    expect.set_options(timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
            for connection in connections.all(initialized_only=True) if settings.configured else ():
                connection.close()
                del connections[connection.alias]
