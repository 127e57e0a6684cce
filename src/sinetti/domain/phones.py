"""Phone numbers as people write them, brought into the one form that providers of text messages take (ITU-T E.164)."""

import re

_FINLAND = "+358"
_SPACING = re.compile(r"[ ()-]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def international(written: str) -> str | None:
    """Give `+`, the country's code and the number; None where that cannot be known.

    A number that begins with one 0 is Finnish: `040 123 4567` is +358401234567. Without 0 and + it could be anybody's.
    """
    number = written.strip()
    if number.startswith(("+", "00")):
        # Beside a country's code `(0)` is the digit that is left out when one calls from abroad.
        number = number.replace("(0)", "")
    number = _SPACING.sub("", number)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    elif number.startswith("0"):
        number = _FINLAND + number[1:]
    return number if _E164.fullmatch(number) else None
