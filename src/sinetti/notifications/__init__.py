"""Messages to people: planning, texts, delivery."""
