"""Building blocks on the standard library: clock, files, HTTP, TOML, sockets, log."""
