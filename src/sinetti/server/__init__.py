"""HTTP server: ASGI application, listener, limits, TLS, supervisor, shutdown."""
