"""Refusals: the kind of error is pinned by its code, and what a person must change by its name in the sentence."""

from contextlib import contextmanager

import pytest

from echo_rnn.errors import UserError


@contextmanager
def refused(code, *named, kind=UserError):
    """The block is refused with an error of this code, in one sentence that names these; yields the caught error."""
    with pytest.raises(kind) as caught:
        yield caught
    sentence = str(caught.value)
    assert caught.value.code == code, sentence
    assert "\n" not in sentence
    for name in named:
        assert str(name) in sentence
