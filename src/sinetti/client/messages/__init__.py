"""Message ids of the client."""
