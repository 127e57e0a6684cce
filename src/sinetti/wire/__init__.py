"""Octets to typed messages and back, for both ends. No sockets, no database, no clock."""
