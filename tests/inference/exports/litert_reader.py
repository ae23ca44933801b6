"""Runs exported LiteRT models as a program on a device does: STEP.tflite BLOCK.tflite SIZE FOLDER BLOCKS.

Of `x.npy` in the folder it writes the outputs for blocks of several sizes, each from a zero state.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Engine:
    """Whole blocks first, then single steps; states go from one model to the other by their names."""

    def __init__(self, step, block, size):
        files = {1: step, int(size): block}
        self.runners = {steps: Interpreter(file).get_signature_runner() for steps, file in files.items()}
        self.reset()

    def reset(self):
        details = self.runners[1].get_input_details()
        self.state = {name: np.zeros(each["shape"], np.float32) for name, each in details.items() if name != "x"}

    def __call__(self, x_NI):
        parts, start = [], 0
        for steps in sorted(self.runners, reverse=True):
            while len(x_NI) - start >= steps:
                outputs = self.runners[steps](x=x_NI[np.newaxis, start : start + steps], **self.state)
                parts.append(outputs.pop("y")[0].copy())
                self.state = {name.replace("_out", "_in"): part.copy() for name, part in outputs.items()}
                start += steps
        return np.concatenate(parts)


def main(step, block, size, folder, blocks):
    engine, x_NI = Engine(step, block, size), np.load(Path(folder, "x.npy"))
    assert "tensorflow" not in sys.modules
    for each in json.loads(blocks):
        engine.reset()
        starts = range(0, min(len(x_NI), 200 * each), each)
        np.save(Path(folder, f"{each}.npy"), np.concatenate([engine(x_NI[at : at + each]) for at in starts]))
    engine.reset()
    np.save(Path(folder, "again.npy"), engine(x_NI[:5]))


if __name__ == "__main__":
    main(*sys.argv[1:])
