"""YAML that Hydra and DVC read differently is refused; what both read alike is not."""

import pytest

from echo_rnn.config.sources import require_one_meaning


@pytest.mark.parametrize("word", ["010", "-007", "1:30", "1:30.5", "0b11", "0o17", "1_000", "1_0.5", "no", "On", "YES"])
def test_a_word_with_two_meanings_is_refused_by_its_line(word):
    with pytest.raises(ValueError, match="line 2"):
        require_one_meaning(f"trainer:\n  epochs: {word}\n")
    require_one_meaning(f"trainer:\n  epochs: '{word}'\n")


@pytest.mark.parametrize("word", ["0", "10", "-3", "0.5", "1e-3", "0x1f", "true", "null", "none", "12:x", "a_1"])
def test_a_word_with_one_meaning_is_not(word):
    require_one_meaning(f"trainer:\n  epochs: {word}\n")
