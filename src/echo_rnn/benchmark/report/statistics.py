"""From raw samples to results: times, ratios, verdicts. Numbers and kinds only; wording is `words`.

No difference below `ONE_PROCESS` is claimed from one process. Nor is any that is not larger than what the A/A control,
the reference against itself, shows, or that comes from fewer than `FEWEST_ROUNDS`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from echo_rnn.benchmark.measure.ratios import log_ratios
from echo_rnn.benchmark.measure.records import KINDS, REFERENCE, Record, again
from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.benchmark.report.intervals import paired, step_seconds
from echo_rnn.benchmark.report.noise import FEWEST_ROUNDS, ONE_PROCESS, noise
from echo_rnn.benchmark.report.results import ONE, ContestantResult, Interval, ShapeResult, Verdict
from echo_rnn.errors import UserError

Formula = Callable[[Shape, str], int]
"""Stored activations of a shape under a strategy."""


def results(records: Sequence[Record], formula: Formula | None, seed: int = 0) -> list[ShapeResult]:
    """Derives everything from the raw samples of all processes: a result for each shape, and for each whole training.

    A shape without two whole rounds of the reference and its control is left out: they show nothing.

    Args:
        records: Of one machine and one version of the code.
        formula: Of strategies, which are compared with `REFERENCE`. `None`: beside peers all are compared with the
            fastest of ours. It is chosen with the same samples: the ratios favour it a little where ours are nearly
            equal.
        seed: Of the bootstrap.

    Raises:
        UserError: The records of a shape carry several fingerprints.
    """
    groups: dict[tuple[Shape, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.shape, record.trained), []).append(record)
    found = []
    for (shape, _), own in sorted(groups.items(), key=lambda group: group[0][0]):
        fingerprints = sorted({record.fingerprint for record in own})
        if len(fingerprints) > 1:
            raise UserError(
                f"{shape.key}: expected records of one machine and one version of the code, got the fingerprints "
                f"{', '.join(fingerprints)}; report one of them at a time",
                "benchmark.mixed_records",
            )
        timed = [record for record in own if record.samples]
        ours = _ours(timed)
        if formula and sum(len(log_ratios(record, again(REFERENCE))) for record in timed) > 1:
            found.append(_shape_result(own, timed, REFERENCE, formula, seed))
        elif ours and not formula:
            found.append(_shape_result(own, timed, _fastest(timed, ours, seed), None, seed))
    return found


def margin(control: Interval | None, processes: int) -> float:
    """What a ratio has to exceed before it is called a difference."""
    shown = max(control.high, 1 / control.low) if control else 1.0
    return max(shown, ONE_PROCESS if processes == 1 else 1.0)


def verdict_of(speedup: Interval, rounds: int, margin: float) -> Verdict:
    """What a ratio shows."""
    if rounds >= FEWEST_ROUNDS and speedup.low > margin:
        return "faster"
    return "slower" if rounds >= FEWEST_ROUNDS and speedup.high < 1 / margin else "undecided"


def break_even(extra: float, verdict: Verdict, step: float | None, reference: float | None) -> float | None:
    """Steps after which `extra` seconds of a first call have paid off: see `ContestantResult`."""
    if step is None or reference is None:
        return None
    if extra <= 0:
        return 0.0
    return 1 + extra / (reference - step) if verdict == "faster" else None


def _shape_result(
    records: Sequence[Record], timed: Sequence[Record], reference: str, formula: Formula | None, seed: int
) -> ShapeResult:
    last = timed[-1]
    twice = again(last.reference)
    slots = list(dict.fromkeys(slot for record in timed for slot in record.prepared))
    wrong = {
        slot
        for record in timed
        for slot, own in record.prepared.items()
        if slot != twice and own.largest_error is not None and not own.equal
    }
    beside = [
        slot for slot in slots if slot not in {reference, *wrong} and (slot != twice or reference == last.reference)
    ]
    ratios = {kind: paired(timed, beside, kind, seed, reference) | {reference: ONE} for kind in KINDS}
    control = ratios["train"].get(twice) or paired(timed, [twice], "train", seed, last.reference).get(twice)
    least = margin(control, len(timed))

    def verdict(label: str) -> Verdict:
        if label in wrong or label == reference:
            return "wrong" if label in wrong else "reference"
        if label not in ratios["train"]:
            return "untimed"
        rounds = sum(len(log_ratios(record, label, "train", reference)) for record in timed)
        return verdict_of(ratios["train"][label], rounds, least)

    contestants = [
        _contestant(label, verdict(label), records, reference, [ratios[kind].get(label) for kind in KINDS], formula)
        for label in slots
        if label != twice
    ]
    if not formula:
        contestants.sort(key=lambda each: each.step_seconds or np.inf)
    return ShapeResult(
        shape=last.shape,
        reference=reference,
        contestants=contestants,
        processes=len(timed),
        rounds=sum(len({sample.round for sample in record.samples}) for record in timed),
        environment=timed[0].environment,
        control=control,
        noise=noise(timed, control) if control else [],
        trained=last.trained,
    )


def _contestant(
    label: str,
    verdict: Verdict,
    records: Sequence[Record],
    reference: str,
    ratios: Sequence[Interval | None],
    formula: Formula | None,
) -> ContestantResult:
    shape, timed = records[0].shape, [record for record in records if record.samples]
    prepared = [record.prepared[label] for record in timed if label in record.prepared]
    last = prepared[-1]

    def middle(name: str, slot: str = label, loaded: Sequence[bool] = (False, True)) -> float | None:
        """Of processes that got ready alone where there were any."""
        found = [record.prepared[slot] for record in timed if slot in record.prepared]
        found = [own for own in found if own.loaded in loaded]
        return _median([getattr(own, name) for own in [own for own in found if own.alone] or found])

    def cold(name: str, slot: str = label) -> float | None:
        compiled = middle(name, slot, [False])
        return middle(name, slot) if compiled is None else compiled

    references = [step_seconds(timed, reference, kind) for kind in KINDS]
    step, forward = (
        base / ratio.estimate if base and ratio else None for base, ratio in zip(references, ratios, strict=True)
    )
    gflops = shape.step_flops / step / 1e9 if step else None
    first, peak = cold("first_call_seconds"), _median([record.peak_gflops for record in timed])
    extra = (first or 0.0) - (cold("first_call_seconds", reference) or 0.0)
    return ContestantResult(
        label=label,
        verdict=verdict,
        step_seconds=step,
        speedup=ratios[0],
        first_call_seconds=first if formula else middle("start_seconds"),
        forward_seconds=forward,
        forward_speedup=ratios[1] if references[1] else None,
        loaded_call_seconds=middle("first_call_seconds", loaded=[True]),
        trace_seconds=cold("trace_seconds"),
        compile_seconds=cold("compile_seconds"),
        graph_nodes=_whole(middle("graph_nodes")),
        graph_bytes=_whole(middle("graph_bytes")),
        time_steps_per_second=shape.window * shape.batch_size / step if step else None,
        gflops=gflops,
        share_of_peak=gflops / peak if gflops and peak else None,
        memory_bytes=_whole(_median([record.memory_bytes.get(label) for record in records])),
        formula_bytes=formula(shape, label) if formula else None,
        break_even_steps=break_even(extra, verdict, step, references[0]) if formula else None,
        largest_error=max((own.largest_error for own in prepared if own.largest_error is not None), default=None),
        is_ours=last.is_ours,
        threads=last.threads,
        version=last.version,
        trouble=last.trouble,
    )


def _ours(records: Sequence[Record]) -> list[str]:
    """The strategies with samples."""
    timed = {sample.slot for record in records for sample in record.samples}
    every = [(slot, own, again(record.reference)) for record in records for slot, own in record.prepared.items()]
    return list(dict.fromkeys(slot for slot, own, twice in every if own.is_ours and slot in timed - {twice}))


def _fastest(records: Sequence[Record], ours: Sequence[str], seed: int) -> str:
    """The one that no other of ours is ahead of; paired ratios of three may disagree, and then it is one of these."""
    best = ours[0]
    for _ in ours:
        speedups = paired(records, [name for name in ours if name != best], seed=seed, reference=best)
        ahead = {name: speedup.estimate for name, speedup in speedups.items() if speedup.estimate > 1}
        if not ahead:
            break
        best = max(ahead, key=lambda name: ahead[name])
    return best


def _median(values: Sequence[float | None]) -> float | None:
    """Of the known values."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
