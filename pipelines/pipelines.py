"""Stands in for the package where one of its files is run by its path, as an editor does: `python pipelines/train.py`.

Python then looks for `pipelines` beside that file and finds this one. It makes the package found, and the project the
current folder, as it is for everybody who types a command.
"""

import os
import sys

_PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 (for any Python)
sys.path.insert(0, _PROJECT)
os.chdir(_PROJECT)
del sys.modules["pipelines"]
import pipelines  # noqa: E402, F401
