"""Orders and changes: order, replace, retrieve, hand over, let end, revoke."""
