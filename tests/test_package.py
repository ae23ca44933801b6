"""What is built for others installs by itself: TensorFlow, Keras and NumPy are all that the layer needs."""

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
USED = """
import sys
import numpy as np
model.fit(np.zeros((4, 100, 8), np.float32), np.zeros((4, 1)), verbose=0)
model.save("model.keras")
x = np.ones((2, 100, 8), np.float32)
assert np.array_equal(keras.models.load_model("model.keras").predict(x, verbose=0), model.predict(x, verbose=0))
import echo_rnn
print(echo_rnn.__version__, echo_rnn.__file__, sys.prefix)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the source archive, made as `make dist` makes them, in a copy of what git tracks."""
    folder = tmp_path_factory.mktemp("dist")
    files = subprocess.run(["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True).stdout.split()
    for file in files:
        if (ROOT / file).is_file():
            (folder / "copy" / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / "copy" / file).write_bytes((ROOT / file).read_bytes())
    makefile = (ROOT / "Makefile").read_text()
    command = re.search(r"^dist:.*\n\t@\S+/python (.+)$", makefile, flags=re.MULTILINE)[1]
    subprocess.run([sys.executable, *command.split()], cwd=folder / "copy", check=True, capture_output=True)
    (wheel,) = (folder / "copy/dist").glob("*.whl")
    (archive,) = (folder / "copy/dist").glob("*.tar.gz")
    return wheel, archive


@pytest.mark.slow
def test_the_wheel_holds_all_of_the_package_and_the_licence(built):
    held = zipfile.ZipFile(built[0]).namelist()
    assert {file.relative_to(ROOT / "src").as_posix() for file in package_files()} <= set(held)
    assert any(name.endswith("licenses/LICENSE") for name in held)


@pytest.mark.slow
def test_the_archive_holds_what_a_packager_reads(built):
    with tarfile.open(built[1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "docs/unrolling.md"}
    assert wanted | {file.relative_to(ROOT).as_posix() for file in package_files()} <= held


def package_files():
    files = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / file for file in files.split() if (ROOT / file).is_file()]


def needed(wheel):
    """The distributions that pip would install for the wheel without extras."""
    (metadata,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    wanted = [(Requirement(line), "") for line in re.findall(r"^Requires-Dist: (.+)$", text, flags=re.MULTILINE)]
    found = {}
    while wanted:
        requirement, extra = wanted.pop()
        key = requirement.name.lower()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        if key not in found:
            found[key] = distribution(requirement.name)
            extras = requirement.extras or {""}
            wanted += [(Requirement(line), each) for line in found[key].requires or () for each in extras]
    return found


@pytest.mark.slow
def test_the_wheel_alone_runs_the_readme(built, tmp_path):
    # What pip would install is linked from this environment, so that the test needs no network.
    venv.create(tmp_path / "clean", with_pip=False, symlinks=True)
    (packages,) = (tmp_path / "clean").glob("lib/python*/site-packages")
    for found in needed(built[0]).values():
        for top in {file.parts[0] for file in found.files if file.parts[0] not in ("..", "__pycache__")}:
            if not (packages / top).exists():
                (packages / top).symlink_to(found.locate_file(top))
    zipfile.ZipFile(built[0]).extractall(packages)
    (snippet,) = re.findall(r"```python\n(import keras\n.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "used.py").write_text(snippet + USED)
    run = [tmp_path / "clean/bin/python", "-I", "used.py"]
    answer = subprocess.run(run, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stderr
    _, file, prefix = answer.stdout.split()[-3:]
    assert Path(file).is_relative_to(tmp_path)
    assert Path(prefix) == tmp_path / "clean"
    missing = [run[0], "-I", "-c", "import mlflow"]
    assert subprocess.run(missing, check=False, capture_output=True).returncode == 1
