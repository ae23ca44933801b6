"""What the machine had too little of is said in a sentence, whatever class of error it came in."""

import errno

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.errors import UserError, one_sentence, shortage
from echo_rnn.files import write_text


def raised(act):
    with pytest.raises(Exception) as caught:
        act()
    return caught.value


def full_device():
    with open("/dev/full", "w") as file:  # noqa: PTH123
        file.write("x")


def behind_another():
    try:
        full_device()
    except OSError as error:
        raise RuntimeError("a library's own words") from error


def test_a_full_disk_is_named():
    assert "expected room to write, got a full disk" in shortage(raised(full_device))
    assert "got a full disk" in shortage(raised(behind_another))


def test_tensorflows_class_for_both_is_told_apart_by_its_words():
    def full_disk():
        raise tf.errors.ResourceExhaustedError(None, None, "/data/x; No space left on device")

    def no_memory():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9]")

    assert "full disk" in shortage(raised(full_disk))
    assert "OOM when allocating tensor" in shortage(raised(no_memory))


def test_numpys_lack_of_memory_is_named():
    said = shortage(raised(lambda: np.empty(2**60, np.uint8)))
    assert said.startswith("memory: expected enough of it, got Unable to allocate")


def test_other_errors_stay_what_they_are():
    assert shortage(ValueError("no")) is None
    assert shortage(OSError(errno.ENOENT, "no such file")) is None
    with pytest.raises(ZeroDivisionError), one_sentence():
        raise ZeroDivisionError


def test_the_program_ends_with_one_sentence(capsys):
    with pytest.raises(SystemExit) as caught, one_sentence():
        behind_another()
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(UserError, match=r"report.json: expected to write it, got the system's answer 'is a directory'"):
        write_text(tmp_path / "report.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
