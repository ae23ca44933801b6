"""What makes records of peers comparable: what makes ours so, the peers' programs and versions, and who is there."""

import hashlib
from pathlib import Path

from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.peers.contestants import c_compiler

_OWN = Path(__file__).parent


def peers_fingerprint(programs: Path, python: Path) -> str:
    """Twelve hexadecimal digits; only records that share them belong to one comparison.

    Args:
        programs: The folder of the peers' programs, with what they require.
        python: The interpreter of the peers' own environment. Who was missing is measured once it is there.
    """
    digest = hashlib.sha256(fingerprint().encode())
    for folder in (programs, _OWN):
        for file in sorted(file for file in folder.iterdir() if file.is_file()):
            digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    digest.update(repr((python.exists(), c_compiler())).encode())
    return digest.hexdigest()[:12]
