"""What helps to find a mistake: one batch again and again, and a profile of some windows."""

from dataclasses import replace

import numpy as np

from tests.training.problems import WINDOW, WINDOWS, assert_same_bits, dataset, trained


def test_some_windows_are_trained_on_again_and_again():
    data = dataset(epochs=1)
    found = trained(data=data, epochs=3, overfit=2)
    assert (found.history.windows, found.history.steps, found.history.leftover_steps) == (2, 6, 0)
    # The same as on a series that has no more, in every epoch.
    x, y = data.train.x_EBNI[:, :, : 2 * WINDOW], data.train.y[:, :, : 2 * WINDOW]
    short = replace(data, train=replace(data.train, x_EBNI=np.repeat(x, 3, 0), y=np.repeat(y, 3, 0)))
    assert_same_bits(found, trained(data=short, epochs=3))


def test_more_windows_than_there_are_is_all_of_them():
    assert trained(overfit=10**6).history.windows == WINDOWS


def test_a_profile_is_written_and_changes_no_bits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = trained()
    assert not (tmp_path / "profile").exists()
    assert_same_bits(plain, trained(profile=3))
    (trace,) = (tmp_path / "profile").rglob("*.xplane.pb")
    assert trace.stat().st_size
