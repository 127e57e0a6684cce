"""The protocol as a state machine, in a short run.

`make fuzz` runs it for longer (docs/contributors/fuzzing.md).
"""

from hypothesis import settings

from tests.attacks.protocol_machine import Protocol

TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(max_examples=15, stateful_step_count=30, print_blob=True, deadline=None)
