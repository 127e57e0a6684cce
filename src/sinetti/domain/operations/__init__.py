"""Rules of operation: clock check, monitoring, retention periods."""
