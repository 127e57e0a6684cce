"""The store: files, generations, keys, journal, settings, snapshots, state, event log."""
