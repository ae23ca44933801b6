"""A diode clipper: an RC low-pass with two antiparallel diodes across the capacitor, driven at audio rate.

dv/dt = (u - v) / (R C) - (2 Is / C) sinh(v / (n Vt))        u: drive · input in volts, v: volts across the diodes

The input, within ±1, is a performance of plucked strings (Karplus-Strong: a burst of noise in a lossy delay line) of
random pitch and loudness, and some noise. The equation is stiff. The trapezoidal rule solves it for all rows of a
series at once, at a multiple of the sample rate with the input linear in between; a whole series is held in memory.
Each step is implicit: with one of the two diodes its solution is SciPy's Wright omega function, from which one step of
Newton's method adds the other diode. A test compares the result with SciPy's LSODA, which takes far longer.

Sources: Yeh, Abel and Smith 2007, "Simulation of the diode limiter in guitar distortion circuits by numerical solution
of ordinary differential equations", with its component values; Karplus and Strong 1983, "Digital synthesis of
plucked-string and drum timbres"; D'Angelo, Gabrielli and Turchet 2019, "Fast approximation of the Lambert W function
for virtual analog modelling", for diodes and the Wright omega function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.signal import lfilter
from scipy.special import wrightomega

from echo_rnn.tasks.ends import Ends
from echo_rnn.tasks.scaling import Scaling
from echo_rnn.tasks.task import Block

SAMPLE_RATE = 44_100
_RESISTANCE, _CAPACITY = 2.2e3, 10e-9
_SATURATION = 2.52e-9  # A, of a diode
_PITCHES = 82.0, 660.0  # Hz, of a guitar's strings
_PAUSES = 0.08, 0.4  # seconds from note to note
_LOSS = 0.996
_NOISE = 0.003
_OVERSAMPLING = 8  # 56 dB below the signal is what it leaves of the error
# By the time of a sample: 1 / (R C), and 2 Is / C.
LEAK = 1 / (SAMPLE_RATE * _RESISTANCE * _CAPACITY)
DIODES = 2 * _SATURATION / (SAMPLE_RATE * _CAPACITY)
SLOPE = 1.752 * 25.83e-3  # of a diode: n Vt in V


@dataclass(frozen=True)
class Clipper:
    """Each row is a performance of its own, from silence on; the same ones in every epoch."""

    name: ClassVar[str] = "clipper"
    fresh: ClassVar[bool] = False
    gaps: ClassVar[bool] = False
    x_dtype: ClassVar[DTypeLike] = np.float32
    y_dtype: ClassVar[DTypeLike] = np.float32

    drive: float
    rows: int

    @property
    def ends(self) -> Ends:
        """Sound in, sound out."""
        return Ends("real", 1, 1, Scaling.identity(1, 1), ("input",), ("output",), (0,), sample_rate=SAMPLE_RATE)

    @property
    def chance(self) -> None:
        """It depends on the performance."""
        return

    def blocks(self, seed: np.random.SeedSequence, length: int) -> Iterator[Block]:
        """See `Task`."""
        row_steps = length // self.rows
        x_BN = np.stack([performance(np.random.default_rng(each), row_steps) for each in seed.spawn(self.rows)])
        for x_N, y_N in zip(x_BN, clipped(self.drive * x_BN), strict=True):
            yield x_N.astype(np.float32), y_N[:, np.newaxis]

    def accuracy_ceiling(self, y: NDArray[Any]) -> None:
        """Volts are no classes."""
        return


def performance(generator: np.random.Generator, steps: int) -> NDArray[np.float64]:
    """Plucked strings and some noise, within ±1."""
    sound_N = _NOISE * generator.standard_normal(steps)
    start = 0
    while start < steps:
        period = round(SAMPLE_RATE / np.exp(generator.uniform(*np.log(_PITCHES))))
        burst_N = np.zeros(steps - start)
        pluck = generator.uniform(-1, 1, period)[: len(burst_N)]
        burst_N[: len(pluck)] = generator.uniform(0.1, 1) * pluck
        string = [1.0, *np.zeros(period - 1), -_LOSS / 2, -_LOSS / 2]
        sound_N[start:] += lfilter([1.0], string, burst_N)
        start += round(SAMPLE_RATE * generator.uniform(*_PAUSES))
    limited: NDArray[np.float64] = np.tanh(sound_N)
    return limited


def clipped(u_BN: NDArray[np.float64]) -> NDArray[np.float32]:
    """The voltage across the diodes for the driven input of each row, from 0 V on.

    dv/dt = LEAK (u - v) - DIODES sinh(v / SLOPE), time in samples; sample n has seen the input until then.
    """
    rows, steps = u_BN.shape
    v_BN = np.zeros((rows, steps), np.float32)
    u_NB, v_B = np.ascontiguousarray(u_BN.T), np.zeros(rows)
    half = 0.5 / _OVERSAMPLING
    # Of the implicit equation: linear · v + diodes · sinh(v / SLOPE) = known
    linear, diodes = 1 + half * LEAK, half * DIODES
    offset = np.log(diodes / (2 * SLOPE * linear))
    slope_B = LEAK * u_NB[0]
    for step in range(1, steps):
        for part in range(1, _OVERSAMPLING + 1):
            u_B = u_NB[step - 1] + part / _OVERSAMPLING * (u_NB[step] - u_NB[step - 1])
            known_B = v_B + half * (slope_B + LEAK * u_B)
            size_B = np.abs(known_B) / (SLOPE * linear)
            v_B = SLOPE * np.copysign(size_B - wrightomega(size_B + offset).real, known_B)
            up_B = np.exp(v_B / SLOPE)
            error_B = linear * v_B + diodes / 2 * (up_B - 1 / up_B) - known_B
            v_B = v_B - error_B / (linear + diodes / (2 * SLOPE) * (up_B + 1 / up_B))  # Newton, once
            # The slope at the end of the step, from the rule itself.
            slope_B = LEAK * (u_B - v_B) - DIODES * np.sinh(v_B / SLOPE)
        v_BN[:, step] = v_B
    return v_BN
