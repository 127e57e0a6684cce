"""Transport of messages that collects them."""

from sinetti.notifications.context import RenderedMessage


class Letters(list[RenderedMessage]):
    """Transport that collects the messages handed over for delivery."""

    def deliver(self, letter: RenderedMessage) -> None:
        """Keep the message."""
        self.append(letter)

    def close(self) -> None:
        """Do nothing, since no connection is open."""
