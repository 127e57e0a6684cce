"""HTTP server and processes: ASGI application, listener, limits, TLS, supervisor, shutdown."""
