"""Order, enrol, renew, retrieve, issue, reconcile, clock guard, transfer IDs."""
