"""`python -m sinetti`: the same as the command `sinetti`."""

import sys

from sinetti.cli.entry import main

sys.exit(main())
