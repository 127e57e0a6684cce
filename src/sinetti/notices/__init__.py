"""Messages of the service: what is owed now becomes rows, rows become mail and SMS (docs/notices.md)."""
