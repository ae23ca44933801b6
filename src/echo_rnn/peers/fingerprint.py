"""What makes records of peers comparable: what makes ours so, and the peers' programs and versions."""

import hashlib
from pathlib import Path

from echo_rnn.benchmark.fingerprint import fingerprint

_OWN = Path(__file__).parent


def peers_fingerprint(programs: Path) -> str:
    """Twelve hexadecimal digits; only records that share them belong to one comparison.

    Args:
        programs: The folder of the peers' programs, with what they require.
    """
    digest = hashlib.sha256(fingerprint().encode())
    for folder in (programs, _OWN):
        for file in sorted(file for file in folder.iterdir() if file.is_file()):
            digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
