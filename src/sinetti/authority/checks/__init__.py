"""Checks of an authority before it is served: files, keys, database, surroundings."""
