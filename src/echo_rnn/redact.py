"""Passwords in addresses are hidden wherever an address is shown or kept."""

import re


def mask(text: str) -> str:
    """Hides user names and passwords of addresses that stand anywhere in `text`."""
    return re.sub(r"://[^/\s]*@", "://***@", text)
