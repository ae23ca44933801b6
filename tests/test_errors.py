"""What a person can mend is reported in one line with its code, whatever class of error it was."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.errors import UserError, as_user_error, line_of, one_sentence, parse_line
from echo_rnn.files import write_text

ROOT = Path(__file__).parents[1]


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
    assert as_user_error(raised(full_device)).code == "disk.full"
    assert as_user_error(raised(behind_another)).code == "disk.full"


def test_tensorflows_class_for_both_is_told_apart_by_its_words():
    def full_disk():
        raise tf.errors.ResourceExhaustedError(None, None, "/data/x; No space left on device")

    def no_memory():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9]")

    assert as_user_error(raised(full_disk)).code == "disk.full"
    error = as_user_error(raised(no_memory))
    assert error.code == "memory.exhausted"
    assert "OOM when allocating tensor" in str(error)


def test_numpys_lack_of_memory_is_named():
    error = as_user_error(raised(lambda: np.empty(2**60, np.uint8)))
    assert error.code == "memory.exhausted"
    assert "task.batch_size" in str(error)


def test_other_errors_stay_what_they_are():
    assert as_user_error(ValueError("no")) is None
    assert as_user_error(OSError(errno.ENOENT, "no such file")) is None
    with pytest.raises(ZeroDivisionError), one_sentence():
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("fails", "code"),
    [(behind_another, "disk.full"), (lambda: write_text(Path("/dev/null/x"), ""), "disk.unwritable")],
)
def test_a_program_ends_with_exit_code_2_and_one_line_from_which_the_error_can_be_read(capsys, fails, code):
    with pytest.raises(SystemExit) as caught, one_sentence():
        fails()
    assert caught.value.code == 2
    line, end = capsys.readouterr().err.split("\n")
    assert end == ""
    assert parse_line(line).code == code
    assert line_of(parse_line(line)) == line


def test_a_line_without_a_code_is_no_error_of_ours():
    assert parse_line("error: no room") is None


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(UserError, match=r"report.json: ") as caught:
        write_text(tmp_path / "report.json", "{}")
    assert caught.value.code == "disk.unwritable"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_limit_of_open_files_is_named():
    def nameless():
        raise OSError(errno.EMFILE, "Too many open files")

    assert as_user_error(raised(nameless)).code == "files.too_many"


# As `python -m pipelines.X` starts: `sys.argv[0]` is "-m" while the package is imported.
STARTS = """
import os, signal, sys
sys.argv[0] = "-m"
import pipelines
for number in ({early}): os.kill(os.getpid(), number)
from echo_rnn.errors import one_sentence
with one_sentence():
    os.kill(os.getpid(), {number})
    import time; time.sleep(60)
"""


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_of_a_command_ends_it_with_a_word(number, early):
    program = STARTS.format(number=int(number), early=f"{int(number)}," if early else "")
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (128 + number, "stopped\n")


def test_a_package_that_is_only_imported_leaves_signals_as_they_are():
    program = "import signal, pipelines; print(signal.getsignal(15), signal.getsignal(2))"
    said = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    assert said.startswith("0 ") and "default_int_handler" in said
