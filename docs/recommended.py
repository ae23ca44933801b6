"""How far what `recommend` names is from the best: `python docs/recommended.py`, in pieces with `--minutes 20`.

Shapes are drawn from the sizes that small recurrent networks have. At each, `python -m pipelines.recommend` names a
strategy for a long training; two further processes then measure all strategies again, and what counts is the time of a
training step with the one that was named over that of the fastest, both as these two measured them.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from echo_rnn.benchmark.measure.records import read
from echo_rnn.benchmark.measure.shape import stored_bytes
from echo_rnn.benchmark.report.statistics import results
from echo_rnn.stages.layout import project_root

SHAPES, SEED, JUDGES, NEAR = 40, 20, 2, 1.05
WINDOWS, EPOCHS = 100, 10_000  # a long training: first calls hardly count
SIZES = {"model.units": (4, 256), "task.batch_size": (1, 64), "trainer.window": (5, 500)}


def drawn(number: int) -> dict[str, Any]:
    """The settings of a shape; sizes are uniform on a logarithmic scale."""
    rng = np.random.default_rng(np.random.SeedSequence([SEED, number]))
    sizes = {key: round(float(np.exp(rng.uniform(*np.log(limits))))) for key, limits in SIZES.items()}
    settings = {"model": str(rng.choice(["lstm", "gru", "rnn"])), "model.layers": int(rng.integers(1, 5)), **sizes}
    length = sizes["task.batch_size"] * sizes["trainer.window"] * WINDOWS
    return {**settings, "task.series_length": length, "trainer.epochs": EPOCHS}


def recommended(settings: dict[str, Any], *options: str) -> dict[str, Any]:
    """What `recommend` answers."""
    words = [f"{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-m", "pipelines.recommend", "--json", *options, *words]
    answered: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answered


def measured(number: int) -> dict[str, Any]:
    """The row of a shape: what was named, and speed-ups over `dynamic` as the later processes measured them."""
    settings = drawn(number)
    begin = time.time()
    named = recommended(settings)["label"]
    between = time.time()
    for _ in range(JUDGES):
        key = recommended(settings, "--more")["result"]["shape"]
    folder = project_root() / "benchmarks/chosen"
    made = [path for path in folder.glob("*/*.json") if path.stat().st_mtime > between]
    (result,) = results([read(path) for path in made], stored_bytes)
    assert vars(result.shape) == key
    speed = {each.label: each.speedup.estimate for each in result.contestants if each.speedup}
    best = max(speed, key=lambda label: speed[label])
    ratio = speed[best] / speed[named]
    facts = {"shape": result.shape.key, "named": named, "best": best, "ratio": round(ratio, 3)}
    return {"number": number, **facts, "seconds": round(between - begin), "speed": speed}


def main() -> None:
    """Measures what is missing, and says how often the answer was near the best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no shape is begun later")
    parser.add_argument("--file", type=Path, default=project_root() / "benchmarks/recommended.json")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    rows = json.loads(arguments.file.read_text()) if arguments.file.exists() else []
    for number in range(SHAPES):
        if number in {row["number"] for row in rows} or time.monotonic() > end:
            continue
        rows.append(measured(number))
        print(rows[-1], flush=True)
        arguments.file.parent.mkdir(parents=True, exist_ok=True)
        arguments.file.write_text(json.dumps(rows, indent=1))
    near = [row for row in rows if row["ratio"] <= NEAR]
    print(f"within {NEAR - 1:.0%} of the best at {len(near)} of {len(rows)} shapes; {SHAPES - len(rows)} are missing")
    for row in rows:
        if row not in near:
            print(f"{row['shape']}: {row['named']} takes {row['ratio']:.2f}× of the time of {row['best']}")


if __name__ == "__main__":
    main()
