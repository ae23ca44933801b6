"""What the samples of a shape say: the numbers that tables, words and pictures are made of."""

from dataclasses import dataclass
from typing import Literal

from echo_rnn.benchmark.measure.shape import Shape

Verdict = Literal["faster", "slower", "no difference shown", "wrong", "reference"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class StrategyResult:
    """One strategy at one shape.

    Attributes:
        label: The strategy.
        verdict: How its training step compares with the reference; `wrong` where it computed something else.
        step_seconds: Time of a training step: the reference's median over `speedup`, so that a machine that changes
            its speed tilts no comparison of times; `None` where it is wrong.
        forward_seconds: Time of a forward pass; likewise.
        speedup: Time of the reference over its own, of training steps, paired within rounds; above 1 is faster.
        forward_speedup: The same of forward passes.
        trace_seconds: Median over processes.
        compile_seconds: Likewise.
        first_call_seconds: Likewise.
        graph_nodes: See `Prepared`.
        graph_bytes: See `Prepared`.
        time_steps_per_second: T·B over `step_seconds`.
        gflops: `Shape.step_flops` over `step_seconds`, in 10⁹ per second.
        share_of_peak: `gflops` over the machine's measured matrix-product peak.
        memory_bytes: Measured peak of a process of its own above its start; `None` where not measured.
        formula_bytes: Stored activations by formula.
        break_even_steps: Training steps after which a longer first call has paid off against the reference; 0 where
            it is not longer, `None` where it never does or is not shown to.
        largest_error: See `Prepared`.
    """

    label: str
    verdict: Verdict
    step_seconds: float | None
    forward_seconds: float | None
    speedup: Interval | None
    forward_speedup: Interval | None
    trace_seconds: float
    compile_seconds: float
    first_call_seconds: float
    graph_nodes: int
    graph_bytes: int
    time_steps_per_second: float | None
    gflops: float | None
    share_of_peak: float | None
    memory_bytes: int | None
    formula_bytes: int
    break_even_steps: float | None
    largest_error: float


@dataclass(frozen=True)
class ShapeResult:
    """All strategies at one shape.

    Attributes:
        shape: The shape.
        strategies: In the order in which they were asked for.
        control: The A/A control: the reference against itself; its interval should hold 1.
        noise: Reasons not to trust small differences, one sentence each; empty on a quiet machine.
        processes: How many processes measured.
        rounds: How many rounds they ran in all.
        environment: Facts of the machine and the libraries.
    """

    shape: Shape
    strategies: list[StrategyResult]
    control: Interval
    noise: list[str]
    processes: int
    rounds: int
    environment: dict[str, str]

    def of(self, label: str) -> StrategyResult | None:
        """One strategy, where it was measured."""
        return next((result for result in self.strategies if result.label == label), None)
