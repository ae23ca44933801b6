"""Records are read as they were written, and damaged ones are refused in one sentence."""

import json

import pytest

from echo_rnn.benchmark.measure.records import FORMAT, Prepared, Record, Sample, read, records_of
from echo_rnn.errors import UserError
from echo_rnn.manifest import DAMAGED, MISSING, OTHER_VERSION
from tests.benchmark.shapes import tiny

SAMPLE = Sample(0, 1, "dynamic", "train", 100, 0.0213, 1.5)
RECORD = Record(
    tiny(),
    "0123456789ab",
    {"hardware.cpu": "one"},
    (0.5, 1.5),
    248.5,
    {"dynamic": Prepared(True, 2, "tensorflow", True, 0.0, "", None, 0.35, 0.1, 0.2, 700, 180000, 6)},
    [SAMPLE],
    {},
)


@pytest.fixture
def path(tmp_path):
    RECORD.write(tmp_path / "shape" / "0123456789ab-0.json")
    return tmp_path / "shape" / "0123456789ab-0.json"


def test_a_record_is_read_as_it_was_written(path):
    assert read(path) == RECORD


def refused(path, code, *values):
    with pytest.raises(UserError) as caught:
        read(path)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    for part in (str(path), "delete it", *values):
        assert part in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_record_cut_short_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content.rstrip()))])
    refused(path, DAMAGED)


@pytest.mark.parametrize("version", [0, FORMAT + 1, None, "1"])
def test_a_record_of_another_version_is_refused(path, version):
    content = json.loads(path.read_text()) | {"format": version}
    path.write_text(json.dumps(content))
    refused(path, OTHER_VERSION, f"format {FORMAT}", repr(version))


@pytest.mark.parametrize("text", ["[]", "3", '"text"', "null"])
def test_json_of_another_kind_is_refused(path, text):
    path.write_text(text)
    refused(path, OTHER_VERSION)


def test_an_edited_record_is_refused(path):
    path.write_text(path.read_text().replace("0.0213", "0.0113"))
    refused(path, DAMAGED)


def test_bytes_that_are_no_text_and_missing_files_are_refused(path):
    path.write_bytes(b"\xff\xfe\x00")
    refused(path, DAMAGED)
    path.unlink()
    refused(path, MISSING)


def test_records_are_found_without_what_a_killed_writer_left(path):
    (path.parent / ".0123456789ab-1.4711.json").write_text("{")
    assert list(records_of(path.parents[1])) == [RECORD]
