"""Register of the CAs: their rows, states and moves."""
