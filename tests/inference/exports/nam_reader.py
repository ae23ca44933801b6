"""Runs a `.nam` file with the package that defines the format, in an environment of its own: FILE X.npy Y.npy."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from nam.models import init_from_nam

if __name__ == "__main__":
    file, x, y = map(Path, sys.argv[1:])
    model = init_from_nam(json.loads(file.read_text())).eval()
    with torch.no_grad():
        np.save(y, model(torch.from_numpy(np.load(x)[:, 0]), pad_start=False).numpy())
    print(json.dumps({"sample_rate": model.sample_rate}))
