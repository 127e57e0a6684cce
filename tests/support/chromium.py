"""Debian's Chromium, and cleanup of database connections after its event loop."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Browser, sync_playwright

from tests.support.web_servers import tool


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """Run Chromium; the sandbox is for users who are not root.

    Playwright's synchronous calls have an event loop in this thread. Django speaks to a database under one only where
    it is told to, and then keeps connections of their own for it: left there, they would lead the next test that runs
    under a loop to the database of this one.
    """
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
