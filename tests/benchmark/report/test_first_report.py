"""What the pipeline's own benchmark shows: large differences on an idle machine, and nothing wrong on any.

The machines are simulated, with the rounds of `benchmark=brief` and as many processes as it would measure.
"""

from pathlib import Path

import pytest
import yaml

from echo_rnn.benchmark.measure.ratios import agree
from echo_rnn.benchmark.measure.records import KINDS, TRAINING
from echo_rnn.benchmark.report import words
from echo_rnn.benchmark.report.answer import answer
from echo_rnn.benchmark.report.statistics import results
from tests.benchmark.synthetic import Machine, processes

BRIEF = yaml.safe_load((Path(__file__).parents[3] / "conf/benchmark/brief.yaml").read_text())
# The ratios of `static` as a graph and under XLA and of `wavefront_deferred`, two smaller ones, and none.
TRUTH = {"graph": 2.0, "xla": 0.12, "wavefront_deferred": 1.77, "deferred": 1.2, "wavefront": 0.95, "block": 1.0}
LARGE = {"graph": "faster", "xla": "slower", "wavefront_deferred": "faster"}
TRIALS = 50
IDLE = {
    "quiet": Machine(noise=0.03, offset=0.02, correlation=0.3),
    "as seen": Machine(noise=0.14, offset=0.05, correlation=0.5),
}
BUSY = {
    "one more program": Machine(noise=0.3, offset=0.1, correlation=0.6),
    "many programs": Machine(noise=0.6, offset=0.3, correlation=0.7, speed=lambda share: 2.0 if share > 0.6 else 1.0),
}


def reported(machine, **values):
    """The answers of many first reports, each of as many processes as it is measured in."""
    least, most = BRIEF["processes"], BRIEF["processes"] + BRIEF["more_processes"]
    how = {"rounds": BRIEF["rounds"], "kinds": KINDS if BRIEF["forward"] else TRAINING, **values}
    for trial in range(TRIALS):
        every = processes(most, TRUTH, machine, seed=trial, **how)
        count = next((count for count in range(least, most) if agree(every[:count])), most)
        records = every[:count]
        yield answer("Which?", results(records, lambda *_: 0), records)


def wrong(result):
    """The verdicts that say the opposite of the truth, or a difference where none is."""
    verdicts = {label: result.of(label).verdict for label in TRUTH}
    opposite = {label: {"faster"} if ratio < 1 else {"slower"} for label, ratio in TRUTH.items()}
    opposite["block"] = {"faster", "slower"}
    return [label for label, verdict in verdicts.items() if verdict in opposite[label]]


@pytest.mark.parametrize("machine", IDLE.values(), ids=IDLE)
def test_on_an_idle_machine_large_differences_are_shown_and_nothing_that_is_not_there(machine):
    shown, differs, held = 0, 0, 0
    for found in reported(machine):
        (result,) = found.results
        assert not wrong(result)
        shown += all(result.of(label).verdict == verdict for label, verdict in LARGE.items())
        differs += any(noise.kind == "control differs" for noise in result.noise)
        own = {label: result.of(label).speedup for label in TRUTH}
        held += sum(own[label].low <= ratio <= own[label].high for label, ratio in TRUTH.items())
    assert shown >= 0.95 * TRIALS  # so that nine of ten are right under both ways to compile
    assert differs <= 0.02 * TRIALS
    assert held >= 0.93 * TRIALS * len(TRUTH)


def test_a_third_process_is_measured_where_two_do_not_agree_and_intervals_stay_honest():
    held, counts = 0, set()
    for found in reported(Machine(noise=0.05, offset=0.05)):
        (result,) = found.results
        counts.add(result.processes)
        own = {label: result.of(label).speedup for label in TRUTH}
        held += sum(own[label].low <= ratio <= own[label].high for label, ratio in TRUTH.items())
    assert counts >= {2, 3}
    assert held >= 0.93 * TRIALS * len(TRUTH)


@pytest.mark.parametrize("machine", BUSY.values(), ids=BUSY)
def test_on_a_busy_machine_the_answer_says_so_and_nothing_wrong(machine):
    for found in reported(machine, load=(3.1, 2.8)):
        (result,) = found.results
        assert not wrong(result)
        (busy,) = (noise.value for noise in result.noise if noise.kind == "busy")
        assert f"{busy:.1f}" in words.sentences(found)[-1]
