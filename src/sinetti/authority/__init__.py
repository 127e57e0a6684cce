"""Composition root of the server side.

It covers the data directory, keys, bootstrap, maintenance, alerts and processes.
"""
