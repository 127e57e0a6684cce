"""Shared building blocks on the standard library: clock, files, HTTP client, TOML reader, sockets, JSON logging."""
