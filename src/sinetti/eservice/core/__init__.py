"""Request context, current actor and permissions."""
