"""From `conf/`, `params.yaml` and the command line to one checked configuration.

Two ways lead here: the pipeline's `compose` stage composes for all stages after it (`compose`, then `read`), and a
job that Hydra started was composed by Hydra (`in_jobs`). Both end in the same check and the same sentences.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from echo_rnn.config.schema import Config
from echo_rnn.config.sentences import closest, sentence
from echo_rnn.errors import UserError
from echo_rnn.files import write_text


@dataclass(frozen=True)
class Composition:
    """A checked configuration and the plain tree it was made from."""

    config: Config
    tree: dict[str, Any]

    def write(self, path: Path) -> None:
        """Keeps the tree as YAML, atomically."""
        write_text(path, OmegaConf.to_yaml(OmegaConf.create(self.tree)))


@dataclass(frozen=True)
class _Sources:
    """Where values came from, so that an error can name the place to change."""

    conf: Path
    choices: Mapping[str, str]
    overrides: list[str] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """The place that sets `key`, or that would: the last to speak wins."""
        for override in self.overrides:
            if override.split("=")[0].lstrip("+~") == key:
                return f"the command line ({override})"
        if _holds(self.values, key):
            return f"params.yaml (values.{key})"
        group, *_ = key.split(".")
        # The groups that may speak about any key, the last to be merged first.
        for anywhere in ("local", "experiment", "runtime"):
            file = self._file(anywhere)
            if file is not None and _holds(yaml.safe_load(file.read_text()) or {}, key):
                return self._shown(file)
        file = self._file(group)
        return self._shown(file) if file is not None else f"{self.conf.name}/"

    def _file(self, group: str) -> Path | None:
        file = self.conf / group / f"{self.choices.get(group)}.yaml"
        return file if file.is_file() else None

    def _shown(self, file: Path) -> str:
        return file.relative_to(self.conf.parent).as_posix()


def compose(params: Path, conf: Path) -> Composition:
    """Composes `conf/` with the groups and values that `params.yaml` chooses.

    Raises:
        UserError: Anything in either is not as the schema wants it.
    """
    groups, values = _read_params(params)
    known = _groups(conf)
    for group in groups:
        if group not in known:
            raise UserError(
                f"groups.{group}: unknown group{closest(group, known)}, expected one of {', '.join(known)}; "
                f"change it in {params.name}"
            )
        if not isinstance(groups[group], str | None):
            raise UserError(
                f"groups.{group}: expected the name of a file in {conf.name}/{group}/ or null, got {groups[group]!r}; "
                f"change it in {params.name}"
            )
    overrides = [f"{group}={choice}" for group, choice in groups.items() if choice is not None]
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        try:
            composed = hydra_compose("config", overrides, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise UserError(composition_sentence(error, f"{params.name} or {conf.name}/")) from error
    choices = _plain(composed.hydra.runtime.choices)
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    merged = cast("DictConfig", OmegaConf.merge(composed, OmegaConf.create(values)))
    return _checked(merged, _Sources(conf, choices, values=values))


def in_jobs(composed: DictConfig, conf: Path) -> Composition:
    """The same check for what Hydra composed for one of its jobs.

    Raises:
        UserError: A value is not as the schema wants it.
    """
    runtime = HydraConfig.get()
    choices = _plain(runtime.runtime.choices)
    return _checked(composed, _Sources(conf, choices, overrides=list(runtime.overrides.task)))


def read(path: Path) -> Config:
    """Reads what the `compose` stage wrote.

    Raises:
        UserError: The file is missing, damaged, or was edited into something the schema refuses.
    """
    again = "run `dvc repro compose` to write it again"
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: expected a composed configuration, got {_first_line(error)}; {again}") from error
    if not isinstance(tree, dict):
        raise UserError(f"{path}: expected a composed configuration, got {tree!r}; {again}")
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise UserError(sentence(error, Config, lambda _: f"conf/ or params.yaml and {again}")) from error


def composition_sentence(error: Exception, place: str) -> str:
    """What Hydra or OmegaConf has to say, in one sentence; `place` is where the mistake can be."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        options = [str(option) for option in error.options]
        return (
            f"{group}: expected one of {', '.join(options)}, got {choice!r}{closest(choice, options)}; "
            f"change it in {place}"
        )
    return f"{_first_line(error)}; change it in {place}"


def _plain(node: DictConfig) -> dict[str, Any]:
    return cast("dict[str, Any]", OmegaConf.to_container(node, resolve=True))


def _checked(composed: DictConfig, sources: _Sources) -> Composition:
    try:
        tree = _plain(composed)
    except OmegaConfBaseException as error:
        raise UserError(composition_sentence(error, sources.of(f"{error.full_key!s}"))) from error
    try:
        return Composition(Config.model_validate(tree), tree)
    except ValidationError as error:
        raise UserError(sentence(error, Config, sources.of)) from error


def _read_params(params: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        content = OmegaConf.to_container(OmegaConf.load(params))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{params.name}: expected YAML with groups and values, got {_first_line(error)}") from error
    if not isinstance(content, dict) or set(content) != {"groups", "values"}:
        raise UserError(f"{params.name}: expected the two keys groups and values, got {content!r}")
    for key in ("groups", "values"):
        if not isinstance(section := content[key], dict):
            raise UserError(f"{params.name}: expected {key} to be a mapping, for example {{}}, got {section!r}")
    return content["groups"], content["values"]


def _groups(conf: Path) -> list[str]:
    """The groups of the defaults list, in its order."""
    defaults: list[Any] = yaml.safe_load((conf / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    named = [next(iter(entry)) for entry in defaults if isinstance(entry, dict)]
    return [group for group in named if " " not in group]


def _holds(tree: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True


def _first_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem!s} in line {error.problem_mark.line + 1}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".;") if lines else type(error).__name__
