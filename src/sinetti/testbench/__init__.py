"""The authority on a clock you own: for integrators who rehearse, and for this project's own tests."""
