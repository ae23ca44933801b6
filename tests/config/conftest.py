"""A copy of `conf/` to spoil, and the two ways to a configuration."""

import shutil
from pathlib import Path

import pytest
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import open_dict

from echo_rnn.config import compose, in_jobs

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def conf(tmp_path):
    return Path(shutil.copytree(CONF, tmp_path / "conf", ignore=shutil.ignore_patterns("local")))


@pytest.fixture
def write(tmp_path, conf):
    def write(files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


@pytest.fixture
def composed(tmp_path, conf):
    """What the compose stage makes of `params.yaml`."""

    def composed(groups=None, values=None):
        params = tmp_path / "params.yaml"
        params.write_text(yaml.safe_dump({"groups": groups or {}, "values": values or {}}))
        return compose(params, conf)

    return composed


@pytest.fixture
def job(conf):
    """What a job makes of the command line, after Hydra composed it."""

    def job(*overrides):
        with initialize_config_dir(str(conf), version_base="1.3"):
            whole = hydra_compose("config", list(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(whole)
        with open_dict(whole):
            del whole["hydra"]
        return in_jobs(whole, conf)

    yield job
    HydraConfig.instance().cfg = None
