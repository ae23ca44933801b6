"""Credentials in addresses are removed before an address is shown or stored."""

import re


def redact(text: str) -> str:
    """Replaces user name and password of every address in `text` by `***`."""
    return re.sub(r"://[^/\s]*@", "://***@", text)
