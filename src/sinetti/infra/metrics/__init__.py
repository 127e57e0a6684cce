"""Metrics of servers and agents: their list, their counters, and their endpoint."""
