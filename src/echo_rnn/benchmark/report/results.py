"""What the samples of a shape show: the numbers and kinds that the answer, tables and pictures are made of."""

from dataclasses import dataclass, field
from typing import Literal

from echo_rnn.benchmark.measure.shape import Shape

Verdict = Literal["reference", "faster", "slower", "undecided", "wrong", "untimed", "missing"]
"""`undecided`: no difference from the reference is shown. `untimed`: it could not be started, or failed. `missing`: it
was not measured at a shape; only in tables over several shapes."""

NoiseKind = Literal[
    "control differs",  # value: the A/A control's ratio
    "control wide",  # value: upper over lower bound of the A/A control
    "control unequal",  # value: the largest error of the reference against itself
    "few rounds",  # value: rounds
    "one process",  # value: the smallest ratio that is claimed
    "speed changed",  # value: by which factor the same steps took longer; process and seconds tell when
    "processes differ",  # value: the slowest process's time over the fastest's
    "calls spread",  # value: width of the middle half of one contestant's calls
    "busy",  # value: the load average
]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @property
    def inverse(self) -> "Interval":
        """The interval of one over the quantity."""
        return Interval(1 / self.estimate, 1 / self.high, 1 / self.low)


ONE = Interval(1.0, 1.0, 1.0)
"""The reference against itself by definition."""


@dataclass(frozen=True)
class Noise:
    """A reason not to trust small differences.

    Attributes:
        kind: Decides what `value` is.
        value: The number that was seen.
        process: In which process, from 1; 0 where the reason concerns all.
        seconds: When, in seconds from the start of the process's measurement.
    """

    kind: NoiseKind
    value: float
    process: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class ContestantResult:
    """One contestant at one shape: a strategy of ours, another library, or a C program.

    Attributes:
        label: The strategy, or the name of the peer.
        verdict: How its training step compares with the reference's.
        step_seconds: Time of a training step: the reference's median over `speedup`, so that a machine that changes
            its speed affects no comparison of times; `None` where it was not timed.
        speedup: Time of the reference over its own, of training steps, paired within rounds; above 1 is faster.
        first_call_seconds: Until its first step was done, tracing and compiling included; of processes that compiled
            where there were any.
        loaded_call_seconds: The same where the compiled program was loaded, as a later process of a training does.
        forward_seconds: Time of a forward pass, as `step_seconds`.
        forward_speedup: As `speedup`, of forward passes.
        trace_seconds: Median over processes.
        compile_seconds: Likewise.
        graph_nodes: See `Prepared`.
        graph_bytes: See `Prepared`.
        time_steps_per_second: T·B over `step_seconds`.
        gflops: `Shape.step_flops` over `step_seconds`, in 10⁹ per second.
        share_of_peak: `gflops` over the machine's measured matrix-product peak.
        memory_bytes: Measured peak of a process of its own above its start.
        formula_bytes: Stored activations by formula.
        break_even_steps: Training steps after which a longer first call has paid off against the reference; 0 where
            it is not longer, `None` where it never does or is not shown to.
        largest_error: See `Prepared`.
        is_ours: Whether it is a strategy of this package.
        threads: How many it could use, where contestants differ in that.
        version: Its library, where that is not ours.
        trouble: Why it was not timed, or not to the end.
    """

    label: str
    verdict: Verdict
    step_seconds: float | None
    speedup: Interval | None
    first_call_seconds: float | None
    forward_seconds: float | None = None
    forward_speedup: Interval | None = None
    loaded_call_seconds: float | None = None
    trace_seconds: float | None = None
    compile_seconds: float | None = None
    graph_nodes: int | None = None
    graph_bytes: int | None = None
    time_steps_per_second: float | None = None
    gflops: float | None = None
    share_of_peak: float | None = None
    memory_bytes: int | None = None
    formula_bytes: int | None = None
    break_even_steps: float | None = None
    largest_error: float | None = None
    is_ours: bool = True
    threads: int | None = None
    version: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class ShapeResult:
    """All contestants at one shape.

    Attributes:
        shape: The shape.
        reference: The contestant that all others are compared with.
        contestants: Strategies in the order in which they were asked for; beside peers the fastest first.
        processes: How many processes, or starts of all contestants, measured.
        rounds: How many rounds they ran in all.
        environment: Facts of the machine and the libraries.
        control: The A/A control: the reference against itself; its interval should hold 1. `None` where it was not
            measured.
        noise: Reasons not to trust small differences; empty on a quiet machine.
        trained: What whole processes trained; empty where training steps were timed.
    """

    shape: Shape
    reference: str
    contestants: list[ContestantResult]
    processes: int
    rounds: int
    environment: dict[str, str]
    control: Interval | None = None
    noise: list[Noise] = field(default_factory=list)
    trained: str = ""

    def of(self, label: str) -> ContestantResult | None:
        """One contestant, where it was measured."""
        return next((result for result in self.contestants if result.label == label), None)
