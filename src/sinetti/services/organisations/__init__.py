"""Registration, people, contacts and opt-outs of organisations."""
