"""An example of a table: the level of a simulated river, hour by hour, with the rain and the heat that move it.

    python -m pipelines.river series/river.csv

Rain wets the soil; the soil dries in the heat and feeds a slow and a fast store of water, whose sum is the level.
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys
from pathlib import Path

import numpy as np

from echo_rnn.errors import UserError, one_sentence
from echo_rnn.files import write_table

_HOURS = 20_000
_SEED = 0


def river(hours: int = _HOURS, seed: int = _SEED) -> list[tuple[str, float, float, float]]:
    """Time, rain in mm, heat in °C and level in cm of each hour."""
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    hour = np.arange(hours)
    season, day = np.sin(2 * np.pi * hour / 8766), np.sin(2 * np.pi * (hour % 24 - 9) / 24)
    heat = 11 - 9 * season + 4 * day + np.convolve(generator.normal(0, 1, hours), np.full(48, 0.4), "same")
    storms = generator.random(hours) < 0.012
    rain = np.convolve(storms * generator.gamma(2, 4, hours), np.exp(-np.arange(12) / 4) / 4)[:hours]
    soil = slow = fast = 0.0
    level = np.empty(hours)
    for step in range(hours):
        soil = min(soil + rain[step], 60.0)
        runoff = rain[step] * (soil / 60) ** 2 + 0.004 * soil
        soil -= 0.002 * max(heat[step], 0) * soil / 60 + 0.004 * soil
        fast += runoff - fast / 9
        slow += 0.3 * runoff - slow / 180
        level[step] = 40 + 3 * fast + slow
    start = np.datetime64("2020-01-01T00:00")
    times = (start + hour.astype("timedelta64[h]")).astype(str)
    return list(zip(times.tolist(), *(column.round(3).tolist() for column in (rain, heat, level)), strict=True))


if __name__ == "__main__":
    with one_sentence():
        if len(sys.argv) != 2:
            raise UserError("river: expected the path of the table to write, got none", "river.arguments")
        write_table(Path(sys.argv[1]), ("time", "rain", "heat", "level"), river())
