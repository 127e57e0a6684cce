"""The agent: one pass over a store, which renews what is in its time (docs/agent.md)."""
