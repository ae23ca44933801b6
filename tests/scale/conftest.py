"""Fixtures of the tests with real daemons."""

from tests.pipelines.conftest import finished, fresh, once, unused  # noqa: F401
from tests.scale.running import _running, running  # noqa: F401
