"""Status, metrics, required actions and log format."""
