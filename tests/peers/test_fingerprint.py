"""Records of a comparison in which somebody was missing are not those of one in which all were there."""

import sys

from echo_rnn.peers.fingerprint import peers_fingerprint


def test_who_comes_later_makes_another_fingerprint(tmp_path, monkeypatch):
    programs, python = tmp_path / "programs", tmp_path / "python"
    programs.mkdir()
    monkeypatch.setenv("CC", "no-such-compiler")
    neither = peers_fingerprint(programs, python)
    assert peers_fingerprint(programs, python) == neither
    python.touch()
    libraries = peers_fingerprint(programs, python)
    monkeypatch.setenv("CC", sys.executable)  # any program that can be found
    assert len({neither, libraries, peers_fingerprint(programs, python)}) == 3
