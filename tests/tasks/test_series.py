"""Your own files: what is read is what they hold, cut as said; what is wrong is named with file, row and column."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile

from echo_rnn.tasks import sources
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tasks.series import Series, generate_series
from tests.refusals import refused

COLUMNS = ("rain", "heat", "level")
OPTIONS = {
    "input_files": ["*.csv"],
    "target_files": None,
    "input_columns": None,
    "target_columns": ["level"],
    "time_column": None,
    "classes": None,
    "horizon": 0,
    "validation": 0.2,
    "test": 0.2,
    "scaling": "standard",
    "missing": "refuse",
    "rows": 2,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(steps=100, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).normal(5, 3, (steps, 3)).round(3), columns=COLUMNS)


def made(warmup=0, **changes):
    generate_series(Series(**(OPTIONS | changes)), sources.Path("data"), warmup=warmup)
    return open_dataset(sources.Path("data"))


def write(frame, name="river.csv", **options):
    frame.to_csv(name, index=False, **options)


# What is read


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npy", "npz"])
def test_every_kind_of_file_holds_the_same_series(suffix, monkeypatch):
    monkeypatch.setattr(sources, "PIECE", 7)
    frame = table()
    names = {"input_columns": ["rain", "heat"], "target_columns": ["level"]}
    if suffix == "csv":
        write(frame)
    elif suffix == "parquet":
        frame.to_parquet("river.parquet")
    elif suffix == "npz":
        np.savez("river.npz", **{name: frame[name].to_numpy() for name in COLUMNS})
    else:
        np.save("river.npy", frame.to_numpy(np.float32))
        names = {"input_columns": ["0", "1"], "target_columns": ["2"]}
    data = made(input_files=[f"river.{suffix}"], **names)
    np.testing.assert_allclose(data.train.x_EBNI[0].reshape(-1, 2), frame[["rain", "heat"]][:60], rtol=1e-6)
    np.testing.assert_allclose(data.train.y[0].reshape(-1, 1), frame[["level"]][:60], rtol=1e-6)
    np.testing.assert_allclose(data.validation.y[0].reshape(-1), frame["level"][60:80], rtol=1e-6)
    np.testing.assert_allclose(data.test.y[0].reshape(-1), frame["level"][80:], rtol=1e-6)
    assert (data.ends.input_names, data.ends.target_names) == (
        tuple(names["input_columns"]),
        (names["target_columns"][0],),
    )


def test_the_scaling_is_that_of_the_training_split_alone():
    frame = table()
    frame.loc[60:, "rain"] += 1000
    write(frame)
    scaling = made(input_columns=["rain"]).ends.scaling
    np.testing.assert_allclose(scaling.input_offset_I, frame["rain"][:60].mean(), rtol=1e-6)
    np.testing.assert_allclose(scaling.input_scale_I, frame["rain"][:60].std(ddof=0), rtol=1e-6)
    peak = made(scaling="peak").ends.scaling
    np.testing.assert_allclose(peak.target_scale_K, frame["level"][:60].abs().max(), rtol=1e-6)
    assert made(scaling="none").ends.scaling.is_identity


def test_a_horizon_looks_ahead_and_never_into_another_split():
    write(table())
    data = made(horizon=3, input_columns=["level"], rows=1)
    level = table()["level"].to_numpy(np.float32)
    np.testing.assert_array_equal(data.train.x_EBNI[0, 0, :, 0], level[:57])
    np.testing.assert_array_equal(data.train.y[0, 0, :, 0], level[3:60])
    np.testing.assert_array_equal(data.validation.y[0, 0, :, 0], level[63:80])
    assert (data.ends.own_inputs, data.horizon) == ((0,), 3)
    assert data.ends.scaling.input_scale_I == data.ends.scaling.target_scale_K


def test_rows_begin_early_by_the_steps_that_warm_up_so_that_every_other_step_counts_once():
    write(table())
    data = made(warmup=4, rows=4)
    level = table()["level"].to_numpy(np.float32)
    rows = data.train.y[0, ..., 0]
    assert rows.shape == (4, 18)
    np.testing.assert_array_equal(rows[:, 4:].ravel(), level[4:60])
    np.testing.assert_array_equal(rows[1:, :4], rows[:-1, -4:])


def test_every_file_is_a_row_and_shorter_ones_end_without_targets():
    for number, steps in enumerate((20, 30, 12, 11)):
        write(table(steps, number), f"{number}.csv")
    data = made(input_files=["*.csv"], rows=None, validation="2.csv", test="3.csv")
    assert data.train.y.shape == (1, 2, 30, 1)
    assert np.isnan(data.train.y[0, 0, 20:]).all()
    np.testing.assert_array_equal(data.train.y[0, 1, :, 0], table(30, 1)["level"].to_numpy(np.float32))
    assert (data.warmup, data.validation.y.shape, data.test.y.shape) == (0, (1, 1, 12, 1), (1, 1, 11, 1))


def test_missing_targets_are_masked_by_choice():
    frame = table()
    frame.loc[7, "level"] = np.nan
    write(frame)
    data = made(missing="mask", rows=1)
    assert np.isnan(data.train.y[0, 0, 7, 0])
    assert data.warmup == 0


def test_classes_are_bytes():
    frame = table()
    frame["level"] = np.arange(100) % 3
    write(frame)
    data = made(classes=3, rows=1)
    assert (data.train.y.dtype, data.train.y.shape) == (np.uint8, (1, 1, 60))
    np.testing.assert_array_equal(data.train.y[0, 0], np.arange(60) % 3)
    assert (data.ends.kind, data.ends.outputs) == ("classes", 3)


@pytest.mark.parametrize(
    ("suffix", "subtype", "dtype", "unit"),
    [
        *((suffix, "PCM_16", "int16", 2**-15) for suffix in ("wav", "flac")),
        *((suffix, "PCM_24", "float32", 1.0) for suffix in ("wav", "flac")),
        ("wav", "FLOAT", "float32", 1.0),  # flac has no floats
    ],
)
def test_a_pair_of_sounds_is_stored_as_it_came(suffix, subtype, dtype, unit):
    sound = np.random.default_rng(0).uniform(-1, 1, (2, 1000))
    for name, samples in zip(("dry", "wet"), sound, strict=True):
        soundfile.write(f"{name}.{suffix}", samples, 48_000, subtype)
    data = made(
        input_files=[f"dry.{suffix}"], target_files=[f"wet.{suffix}"], target_columns=None, scaling="none", rows=1
    )
    assert (data.ends.sample_rate, data.ends.own_inputs) == (48_000, (0,))
    assert (data.train.x_EBNI.dtype, tuple(data.units)) == (dtype, (unit, unit))
    np.testing.assert_allclose(data.train.x_EBNI[0, 0, :, 0] * unit, sound[0, :600], atol=4e-5)


def test_semicolons_and_tabs_separate_too():
    write(table(), sep=";")
    assert made().train.y.shape == (1, 2, 30, 1)


# What is refused


def cell(text, row=17, column="heat"):
    def spoil():
        frame = table().astype(object)
        frame.loc[row - 1, column] = text
        write(frame, sep=";" if "," in str(text) else ",")

    return spoil


def lines(change):
    def spoil():
        write(table())
        rows = sources.Path("river.csv").read_text().splitlines()
        sources.Path("river.csv").write_text("\n".join(change(rows)) + "\n")

    return spoil


def sounds(dry=1000, wet=1000, rates=(48_000, 48_000), channels=1, cut=0):
    def spoil():
        rng = np.random.default_rng(0)
        for name, steps, rate in zip(("dry", "wet"), (dry, wet), rates, strict=True):
            soundfile.write(f"{name}.wav", rng.uniform(-1, 1, (steps, channels)), rate, "PCM_16")
        if cut:
            content = sources.Path("wet.wav").read_bytes()
            sources.Path("wet.wav").write_bytes(content[:-cut])

    return spoil


def nan_sound():
    samples = np.random.default_rng(0).uniform(-1, 1, 1000)
    soundfile.write("wet.wav", samples, 48_000, "FLOAT")
    samples[416] = np.nan
    soundfile.write("dry.wav", samples, 48_000, "FLOAT")


def constant():
    frame = table()
    frame["heat"] = 3.5
    write(frame)


def backwards():
    frame = table()
    frame["time"] = np.arange(100)
    frame.loc[16, "time"] = 3
    write(frame)


WAV = {"input_files": ["dry.wav"], "target_files": ["wet.wav"], "target_columns": None}
BAD = {
    "not a number": (cell("NaN"), {}, "data.bad_value", ["river.csv", "row 17", "heat"]),
    "infinite": (cell("inf"), {}, "data.bad_value", ["river.csv", "row 17", "heat", "infinite"]),
    "infinite target": (cell("-inf", column="level"), {}, "data.bad_value", ["row 17", "level"]),
    "text": (cell("wet"), {}, "data.bad_value", ["river.csv", "row 17", "heat", "'wet'"]),
    "decimal comma": (cell("1,5"), {}, "data.bad_value", ["row 17", "heat", "decimal comma"]),
    "missing number": (cell(""), {}, "data.bad_value", ["row 17", "heat"]),
    "missing target": (cell("", column="level"), {}, "data.bad_value", ["row 17", "level", "task.missing=mask"]),
    "missing column": (lambda: write(table()), {"input_columns": ["wind"]}, "data.no_column", ["river.csv", "wind"]),
    "doubled column": (
        lines(lambda rows: ["rain,rain,level", *rows[1:]]),
        {},
        "data.doubled_column",
        ["row 0", "rain"],
    ),
    "longer row": (lines(lambda rows: [*rows[:17], "1,2,3,4", *rows[18:]]), {}, "data.ragged", ["river.csv", "row 17"]),
    "longer first row": (
        lines(lambda rows: [rows[0], "1,2,3,4", *rows[2:]]),
        {},
        "data.ragged",
        ["river.csv", "row 1"],
    ),
    "shorter row": (lines(lambda rows: [*rows[:17], "1,2", *rows[18:]]), {}, "data.bad_value", ["row 17", "level"]),
    "other length": (sounds(wet=900), WAV, "data.lengths", ["wet.wav", "1,000", "900"]),
    "other rate": (sounds(rates=(48_000, 44_100)), WAV, "data.sample_rate", ["wet.wav", "48,000", "44,100"]),
    "stereo": (sounds(channels=2), WAV, "data.channels", ["dry.wav", "one channel", "got 2"]),
    "cut short": (sounds(cut=100), WAV, "data.cut", ["wet.wav"]),
    "no number in a sound": (nan_sound, WAV, "data.bad_value", ["dry.wav", "sample 417", "NaN"]),
    "constant": (constant, {}, "data.constant", ["heat"]),
    "time backwards": (backwards, {"time_column": "time"}, "data.bad_value", ["river.csv", "row 17", "time"]),
    "empty": (lambda: sources.Path("river.csv").touch(), {}, "data.empty", ["river.csv"]),
    "header only": (lines(lambda rows: rows[:1]), {}, "data.empty", ["river.csv"]),
    "too few steps": (lambda: write(table(9)), {"rows": 4}, "data.too_short", ["4"]),
    "no files": (lambda: None, {}, "data.no_files", ["task.input_files"]),
    "no pair": (sounds(), WAV | {"target_files": ["*.wav"]}, "data.unpaired", ["task.target_files"]),
    "no target": (lambda: write(table()), {"target_columns": None}, "data.no_target", ["rain, heat, level"]),
    "no class": (lambda: write(table()), {"classes": 2}, "data.bad_value", ["river.csv", "level", "class from 0 to 1"]),
    "other kind": (
        lambda: sources.Path("a.txt").write_text("1"),
        {"input_files": ["a.txt"]},
        "data.unknown_kind",
        ["a.txt"],
    ),
    "no sound": (
        lambda: sources.Path("dry.wav").write_text("x"),
        {"input_files": ["dry.wav"]},
        "data.damaged",
        ["dry.wav"],
    ),
    "no table": (
        lambda: sources.Path("a.parquet").write_text("x"),
        {"input_files": ["a.parquet"]},
        "data.damaged",
        ["a"],
    ),
    "no array": (lambda: sources.Path("a.npy").write_text("x"), {"input_files": ["a.npy"]}, "data.damaged", ["a.npy"]),
}


@pytest.mark.parametrize("mistake", BAD)
def test_bad_input_is_one_sentence_with_its_place_and_nothing_is_overwritten(mistake):
    write(table(), "good.csv")
    before = made(input_files=["good.csv"]).digest
    sources.Path("good.csv").unlink()
    spoil, changes, code, values = BAD[mistake]
    spoil()
    with refused(code, *values):
        made(**changes)
    assert open_dataset(sources.Path("data")).digest == before


def test_a_changed_file_is_another_dataset():
    write(table())
    first = made().digest
    assert made().digest == first
    write(table(seed=1))
    assert made().digest != first


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "wav"])
def test_memory_stays_flat_at_fifty_million_steps(kind, folder):
    code = """
import re, sys
import numpy as np, soundfile
from pathlib import Path
from echo_rnn.tasks.series import Series, generate_series
from tests.tasks.test_series import OPTIONS, WAV
kind = sys.argv[1]
def peak_mib(steps):
    if kind == "wav":
        for name in ("dry", "wet"):
            with soundfile.SoundFile(f"{name}.wav", "w", 48_000, 1, "PCM_16") as sound:
                for start in range(0, steps, 10**6):
                    sound.write(np.random.default_rng(start).integers(-9999, 9999, min(10**6, steps - start), np.int16))
    else:
        part = "\\n".join(f"{a},{b}" for a, b in np.random.default_rng(0).integers(0, 99, (10**5, 2))) + "\\n"
        with open("river.csv", "w") as file:
            file.write("heat,level\\n")
            file.writelines([part] * (steps // 10**5))
    changes = WAV if kind == "wav" else {}
    generate_series(Series(**(OPTIONS | changes)), Path("data"), warmup=10)
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
small = peak_mib(10**6)
print(peak_mib(5 * 10**7) - small)
"""
    import os  # noqa: PLC0415

    root = os.fspath(sources.Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, "-c", code, kind]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    assert float(answer.stdout) < 40
