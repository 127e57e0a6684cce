"""What each kind of message says: one function for each kind, and the frame around them all."""
