"""HTTP integration: ASGI and WSGI middleware, auth endpoint, trusted proxies, server."""
