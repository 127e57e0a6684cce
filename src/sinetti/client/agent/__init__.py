"""The agent `sinetti run`: decisions, worker, schedule, hooks, deploy."""
