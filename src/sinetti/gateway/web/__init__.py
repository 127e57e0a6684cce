"""ASGI and WSGI middleware, auth endpoint, trusted proxies and HTTP server."""
