"""Composition root of the server side: data directory, keys, bootstrap, maintenance, alerts, processes."""
