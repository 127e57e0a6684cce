"""The client's store on disk.

It has files, generations, keys, journals, settings, snapshots, agent state and the event log.
"""
