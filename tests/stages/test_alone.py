"""One process at a time in a folder that is gone as soon as nobody is in it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from echo_rnn.errors import UserError
from echo_rnn.stages.alone import alone


def test_many_come_and_go_one_at_a_time(tmp_path):
    folder, inside, together = tmp_path / "checkpoints", set(), []

    def visit(number):
        for _ in range(300):
            with alone(folder, "training"):
                inside.add(number)
                together.append(len(inside))
                inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))
    assert together == [1] * 1200
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_said_and_not_tried_for_ever(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nothing" / "there")
    for place in ("file", "link", "file/checkpoints"):
        with pytest.raises(UserError, match="expected to write it, got"), alone(tmp_path / place, "training"):
            pass
