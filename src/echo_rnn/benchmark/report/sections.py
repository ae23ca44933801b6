"""What a page shows below its pictures: reasons for doubt, all numbers, the machine, the method."""

from collections.abc import Sequence

from echo_rnn.benchmark.measure.records import NOT_A_NUMBER
from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.grid import SIZES, describe_shape, shared, varying
from echo_rnn.benchmark.report.growth import WORK, growths
from echo_rnn.benchmark.report.page import Section, Table
from echo_rnn.benchmark.report.results import ShapeResult

_METHOD = """\
Every strategy first runs a few training steps from the same weights on the same data. One whose results differ from \
those of the reference by more than rounding is reported as wrong and not timed. The others are timed in rounds: all \
strategies right after each other, in a random order, in several fresh processes. A timed call runs as many steps as \
fill a minimum time, on inputs that are not constants, and ends when its results are there; warm-up is left out. A \
speed-up is the time of the reference over that of the strategy in the same round. Conditions are compared by the \
medians of their processes. Intervals are 95 % intervals over rounds and processes. A difference is reported only \
where the interval excludes 1 and the difference is larger than that of the A/A control, the reference measured twice. \
Peak memory is measured in a process for each strategy alone. All numbers are derived from the stored raw samples."""

_PEERS_METHOD = """\
Every contestant is a process of its own that trains the same network on the same data from the same weights, with \
Adagrad as in the article and the state carried from window to window: ours in the loop over windows that training \
uses, the others as their own users would write them. One that has other losses in its first steps is reported and not \
timed. The others are timed one at a time, in rounds, in a random order, by one clock, from the request to the answer; \
a call runs as many steps as fill a minimum time. A ratio is a contestant's time over that of our fastest in the same \
round, with a 95 % interval over rounds and starts. Our fastest is chosen with the same samples. C runs on one thread, \
all others on as many as the table shows."""


def sections(results: Sequence[ShapeResult]) -> list[Section]:
    """Of strategies against each other."""
    if not results:
        return []
    growth = Table("How time grows with each size", _growth(results))
    slope = (
        "Slope of the logarithm of a training step's time over that of the size, with its 95 % interval, beside the "
        "power with which the matrix products grow. Smaller is better."
    )
    return [
        _trust(results),
        *([Section("growth", "How time grows", [slope], tables=[growth])] if growth.rows else []),
        _numbers(results),
        *_last(results, _METHOD),
    ]


def peers_sections(results: Sequence[ShapeResult]) -> list[Section]:
    """Of ours beside others."""
    control = [_trust(results)] if all(result.control for result in results) else []
    return [*control, _numbers(results), *_last(results, _PEERS_METHOD)]


def _last(results: Sequence[ShapeResult], method: str) -> list[Section]:
    machine = words.facts([result.environment for result in results])
    return [
        Section("machine", "Machine and versions", [] if machine else ["Not recorded."], facts=machine),
        Section("method", "How it was measured", [method]),
    ]


def _trust(results: Sequence[ShapeResult]) -> Section:
    """Wrong strategies, the A/A control and the reasons for doubt."""
    fields = varying(results)

    def at(result: ShapeResult) -> str:
        return f" at {describe_shape(result.shape, fields)}" if fields else ""

    wrong = [
        f"{each.label}{at(result)} ({'not finite' if error >= NOT_A_NUMBER else f'largest error {error:.2g}'})"
        for result in results
        for each in result.contestants
        if each.verdict == "wrong" and (error := each.largest_error or 0.0) is not None
    ]
    missed = [result for result in results if not words.holds_one(result)]
    control = "A/A control: one strategy measured a second time as if it were another. "
    if len(results) == 1 and results[0].control:
        control += f"Its ratio, which should be 1: {words.interval(results[0].control)}."
    else:
        chance = 0.05 * len(results)
        control += f"Its interval holds 1 at {len(results) - len(missed)} of {len(results)} shapes; by chance alone "
        control += f"about {chance:.1f} would miss it."
    doubts = [
        f"The control misses 1{at(result)}: {words.interval(result.control)}." for result in missed if result.control
    ]
    doubts += [f"{words.noise_sentence(noise)}{at(result)}" for result in results for noise in result.noise]
    return Section(
        "trust",
        "How far to trust it",
        [control, *([] if doubts else ["No sign of a noisy machine was seen."])],
        alarm=f"Wrong, and therefore not timed: {'; '.join(wrong)}." if wrong else "",
        doubts=doubts,
    )


def _growth(results: Sequence[ShapeResult]) -> list[words.Row]:
    """The exponents of time, where shapes vary one size at a time."""
    return [
        {
            "strategy": found.label,
            "along": describe_shape(found.shape, [found.field]).partition(" ")[0],
            "at": describe_shape(found.shape, [field for field in SIZES if field != found.field]),
            "from": f"{found.values[0]}",
            "to": f"{found.values[-1]}",
            "exponent": f"{found.exponent.estimate:.2f} ({found.exponent.low:.2f} to {found.exponent.high:.2f})",
            "of the work": f"{WORK[found.field]}",
        }
        for found in growths(results)
    ]


def _numbers(results: Sequence[ShapeResult]) -> Section:
    tables = [Table("Every contestant at every shape", words.number_rows(results))]
    controls = words.control_rows(results)
    if controls:
        tables.append(Table(f"{results[0].reference} against itself", controls))
    return Section("numbers", "All numbers", [f"All shapes: {shared(results)}."], tables=tables)
