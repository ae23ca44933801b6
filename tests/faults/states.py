"""The files of a project at one moment, from which commands go on."""

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

# In MLflow's store: where the artifacts are.
_PLACES = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"))
_TICK_SECONDS = 0.005
"""The times of files are no finer."""


@dataclass(frozen=True)
class State:
    """What was in the folder `made_in`, in the folder `folder`."""

    folder: Path
    made_in: Path

    def copied(self, folder):
        """Makes `folder` such a project, with the places of its artifacts in it."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        if (folder / "mlflow.db").exists():
            with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
                for table, column in _PLACES:
                    places = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
                    with suppress(sqlite3.OperationalError):  # it has no tables
                        store.execute(places, [str(self.made_in), str(folder)])
        return State(folder, folder)


class States:
    """The states of a folder, one after the other; they share the files in which they do not differ."""

    def __init__(self, source, place):
        self._source, self._place = source, place
        self._folders, self._files = [], {}
        self.all = []

    def add(self):
        """Adds the state of now, which is the last one where nothing has changed."""
        folders, files = _contents(self._source)
        if not self.all or (folders, files) != (self._folders, self._files):
            new = self._place / str(len(self.all))
            for folder in ("", *folders):
                (new / folder).mkdir(parents=True)
            for name, facts in files.items():
                if self._files.get(name) == facts:
                    os.link(self.all[-1].folder / name, new / name, follow_symlinks=False)
                else:
                    shutil.copy2(self._source / name, new / name, follow_symlinks=False)
            self.all.append(State(new, self._source))
            self._folders, self._files = folders, files
            time.sleep(_TICK_SECONDS)
        else:
            self.all.append(self.all[-1])


def _contents(source):
    folders, files = [], {}
    for root, below, names in os.walk(source):
        here = Path(root).relative_to(source)
        folders += [here / name for name in sorted(below)]
        for name in names:
            facts = os.lstat(os.path.join(root, name))  # noqa: PTH118 (many)
            files[here / name] = (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    return sorted(folders), files
