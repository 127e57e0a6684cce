"""`sinetti.toml`: which services there are, which certificates, and how the agent takes care of them."""
