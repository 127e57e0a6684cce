"""Rules of orders and of the two-channel delivery of transfer IDs."""
