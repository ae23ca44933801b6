"""From `conf/`, `params.yaml` and the command line to one checked configuration.

Two ways lead here: the pipeline's `compose` stage composes for all stages after it (`compose`, then `read`), and a
job that Hydra started was composed by Hydra (`in_jobs`). Both end in the same check and the same sentences.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from echo_rnn.config.schema import Config
from echo_rnn.config.sentences import closest, refused, sentence, shortened, shown, unknown_key, unknown_option
from echo_rnn.config.sources import Anywhere, Sources
from echo_rnn.errors import UserError
from echo_rnn.files import write_text


class _Dumper(yaml.SafeDumper):
    """Quotes every text with unusual characters: PyYAML does not read all of them back from its plain style."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"'
    ),
)


_SEAL = "# Composed: change conf/ or params.yaml instead. SHA-256 of what follows: "
# `${a.b}` is another value, `${name:...}` calls a function.
_REFERENCE = re.compile(r"\$\{[^${}:]*\}")
_CALL = re.compile(r"\$\{[^{}]*:")


@dataclass(frozen=True)
class Composition:
    """A checked configuration and the plain tree it was made from."""

    config: Config
    tree: dict[str, Any]

    def write(self, path: Path) -> None:
        """Keeps the tree as YAML, atomically, below a line with the checksum of the rest."""
        text = yaml.dump(self.tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        write_text(path, f"{_SEAL}{_checksum(text)}\n{text}")


def compose(params: Path, conf: Path) -> Composition:
    """Composes `conf/` with the groups and values that `params.yaml` chooses.

    Raises:
        UserError: Anything in either is not as the schema wants it.
    """
    chosen, values = _read_params(params)
    defaults = _defaults(conf)
    _check_groups(chosen, list(defaults), params, conf)
    groups = {group: choice for group, choice in chosen.items() if choice is not None}
    overrides = [f"{group}={choice}" for group, choice in groups.items()]
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        try:
            composed = hydra_compose("config", overrides, return_hydra_config=True)
        # A damaged file makes Hydra raise nearly anything.
        except Exception as error:
            sources = Sources(conf, {**defaults, "local@_global_": "default", **groups}, groups=groups)
            raise composition_error(error, _place(error, sources), conf.resolve().parent) from error
    choices = OmegaConf.to_container(composed.hydra.runtime.choices)
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    sources = Sources(conf, cast("dict[str, str | None]", choices), groups=groups, values=values)
    return _checked(OmegaConf.create(_merged(OmegaConf.to_container(composed), values)), sources)


def in_jobs(composed: DictConfig, conf: Path) -> Composition:
    """The same check for what Hydra composed for one of its jobs.

    Raises:
        UserError: A value is not as the schema wants it.
    """
    runtime = HydraConfig.get()
    choices = cast("dict[str, str | None]", OmegaConf.to_container(runtime.runtime.choices))
    # Plain, since an interpolation in an override means something elsewhere only.
    overrides = cast("list[str]", OmegaConf.to_container(runtime.overrides.task))
    return _checked(composed, Sources(conf, choices, overrides=overrides))


def read(path: Path) -> Config:
    """Reads what the `compose` stage wrote.

    Raises:
        UserError: The file is missing, damaged or edited, or another version of the program composed it.
    """
    again = "change conf/ or params.yaml, and `dvc repro compose` writes it again"
    try:
        seal, _, text = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: expected a composed configuration, got {_reason(error)}; {again}", "config.unreadable"
        ) from error
    if seal != f"{_SEAL}{_checksum(text)}":
        raise UserError(
            f"{path}: expected a composed configuration as it was written, got a damaged or edited one; {again}",
            "config.damaged",
        )
    try:
        return Config.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        place = f"conf/ or params.yaml, not in {path}: `dvc repro compose` writes it again"
        raise sentence(error, Config, Anywhere(place)) from error


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def composition_error(error: Exception, place: str, root: Path | None = None) -> UserError:
    """An error of Hydra or OmegaConf in one sentence.

    Args:
        error: What was raised.
        place: Where the mistake can be.
        root: The folder that a file's path is shown from; without one, the current folder.
    """
    reason = _reason(error)
    if isinstance(error, MissingConfigException) and error.options:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return unknown_option(group, map(str, error.options), choice, place)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None and error.problem_mark.name:
        place = _relative(Path(error.problem_mark.name), root or Path.cwd())
    # Hydra's words for a key on the command line that no file has.
    if found := re.match(r"Could not (?:override|delete from config\.) '([\w.]+)'", str(error)):
        return unknown_key(found[1].split("."), Config, place)
    return refused(place, "what can be composed", shortened(reason), place)


def _place(error: Exception, sources: Sources) -> str:
    """Where a person would mend what keeps Hydra from composing."""
    conf = sources.conf
    if isinstance(error, MissingConfigException) and error.options:
        return sources.choice_of(str(error.missing_cfg_file).rpartition("/")[0])
    if found := re.match(r"In '([^']+)'", str(error)):
        return f"{conf.name}/{found[1]}.yaml"
    if found := re.match(r"Multiple values for ([\w/]+)", str(error)):
        return sources.choice_of(found[1])
    damaged = (file for file in sorted(conf.rglob("*.yaml")) if not _is_whole(file))
    return _relative(next(damaged, conf), conf.parent)


def _checked(composed: DictConfig, sources: Sources) -> Composition:
    for key, text in _texts(OmegaConf.to_container(composed)):
        if _calls(text):
            # A value that called something would also differ between the machines that compose it.
            raise refused(key, "a value, or ${another.key}", f"{shown(text)}, which calls a function", sources.of(key))
    try:
        tree = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        key = re.sub(r"\[\d+\]", "", f"{error.full_key!s}")
        came = f"{shown(_raw(composed, key))} ({_reason(error)})"
        raise refused(key, "a value", came, sources.of(key)) from error
    try:
        return Composition(Config.model_validate(tree), tree)
    except ValidationError as error:
        raise sentence(error, Config, sources) from error


def _texts(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a tree with its dotted key; those in a list have the list's."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from _texts(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list):
        for value in tree:
            yield from _texts(value, path)


def _calls(text: str) -> bool:
    while (inner := _REFERENCE.sub("_", text)) != text:
        text = inner
    return _CALL.search(text) is not None


def _raw(composed: DictConfig, key: str) -> Any:
    """What was written at a key, with its interpolations."""
    tree: Any = OmegaConf.to_container(composed)
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _merged(below: Any, above: Any) -> Any:
    """Nested mappings merged; anything else in `above` replaces what is below, so that the schema can refuse it."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def _read_params(params: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    name = params.name
    try:
        content: Any = OmegaConf.to_container(OmegaConf.load(params), throw_on_missing=True)
    except Exception as error:
        key = f"{getattr(error, 'full_key', None) or name}"
        raise refused(key, "YAML with the keys groups and values", _reason(error), name) from error
    if not isinstance(content, dict) or set(content) != {"groups", "values"}:
        keys = f"{', '.join(map(str, content))}" if content else "nothing"
        raise refused(name, "the two keys groups and values", keys, name)
    for key in ("groups", "values"):
        if not isinstance(section := content[key], dict):
            raise refused(key, "a group of keys, for example {}", shown(section), name)
    return content["groups"], content["values"]


def _check_groups(groups: Mapping[str, Any], known: list[str], params: Path, conf: Path) -> None:
    """Finds here what Hydra would tell in its own words."""
    for group, choice in groups.items():
        key = f"groups.{group}"
        if group not in known:
            hint = closest(str(group), known)
            raise refused(key, f"one of {', '.join(known)}", f"an unknown group{hint}", params.name)
        options = sorted(file.stem for file in (conf / group).glob("*.yaml"))
        if not isinstance(choice, str | None):
            raise refused(key, f"one of {', '.join(options)}, or null", shown(choice), params.name)
        if choice is not None and choice not in options:
            raise unknown_option(key, options, choice, params.name)


def _defaults(conf: Path) -> dict[str, str | None]:
    """The groups of the defaults list with their options, in its order."""
    file = conf / "config.yaml"
    shown_file = f"{conf.name}/{file.name}"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise refused(shown_file, "a defaults list", _reason(error), shown_file) from error
    entries = content.get("defaults") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise refused(shown_file, "a defaults list", shown(content), shown_file)
    named = [next(iter(entry.items())) for entry in entries if isinstance(entry, dict) and entry]
    return {group: option for group, option in named if " " not in group}


def _is_whole(file: Path) -> bool:
    try:
        OmegaConf.load(file)
    except Exception:
        return False
    return True


def _relative(file: Path, root: Path) -> str:
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def _reason(error: Exception) -> str:
    """The heart of what another library says, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"a mistake in line {error.problem_mark.line + 1} ({error.problem!s})"
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are not UTF-8"
    if isinstance(error, RecursionError):
        return "something that contains itself"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    # Hydra hides OmegaConf's words behind its own.
    inner = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        return lines[1]
    return lines[0].rstrip(".;") if lines else type(error).__name__
