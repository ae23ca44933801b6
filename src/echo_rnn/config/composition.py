"""From `conf/`, `params.yaml` and the command line to one checked configuration.

Two ways lead here: the pipeline's `compose` stage composes for all stages after it (`compose`, then `read`), and a
job that Hydra started was composed by Hydra (`in_jobs`). Both end in the same check and the same sentences.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from echo_rnn.config.fields import Section
from echo_rnn.config.schema import Config
from echo_rnn.config.sentences import refused, sentence, shortened, shown, unknown_key, unknown_option
from echo_rnn.config.sources import Sources, content, listing, require_one_meaning, require_plain, shown_path
from echo_rnn.errors import UserError
from echo_rnn.files import write_text

_FIRST_LINE = "# Composed: change conf/ or params.yaml instead. SHA-256 of what follows: "
# `${a.b}` is another value, `${name:...}` calls a function.
_REFERENCE = re.compile(r"\$\{[^${}:]*\}")
_CALL = re.compile(r"\$\{[^{}]*:")


@dataclass(frozen=True)
class Composition:
    """A checked configuration.

    Attributes:
        config: The values.
        tree: The plain tree that they were made from.
        choices: The option taken of each group, where it was composed in this process.
    """

    config: Config
    tree: dict[str, Any]
    choices: Mapping[str, str | None] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, tree: dict[str, Any]) -> "Composition":
        """That of a tree that was checked before, in another process."""
        return cls(Config.model_validate(tree), tree)

    def write(self, path: Path) -> None:
        """Keeps the tree as YAML, atomically, below a line with the checksum of the rest."""
        # Characters outside of ASCII are escaped: PyYAML does not read all of them back from a plain text.
        text = yaml.safe_dump(self.tree, sort_keys=False, width=120)
        write_text(path, f"{_FIRST_LINE}{_checksum(text)}\n{text}")


def compose(params: Path, conf: Path) -> Composition:
    """Composes `conf/` with the groups and values that `params.yaml` chooses.

    Raises:
        UserError: Anything in either is not as the schema wants it.
    """
    chosen = _read_params(params)
    groups = {group: choice for group, choice in chosen.groups.items() if choice is not None}
    known = sorted({file.parent.name for file in conf.glob("*/*.yaml")} - {"local"})
    for group, choice in groups.items():
        # Hydra would refuse it in words of its own, without the key.
        options = sorted(file.stem for file in (conf / group).glob("*.yaml")) if group in known else []
        if choice not in options:
            wrong, right = (choice, options) if options else (group, known)
            raise unknown_option(f"groups.{group}", right, wrong, params.name)
    composed, choices = _composed(conf, [f"{group}={choice}" for group, choice in groups.items()], conf.name)
    sources = Sources(conf, choices, groups=groups, values=chosen.values)
    return _checked(OmegaConf.create(_merged(OmegaConf.to_container(composed), chosen.values)), sources)


def compose_trial(overrides: Sequence[str], conf: Path, place: str) -> Composition:
    """Composes `conf/` with overrides as a command line has them.

    Args:
        overrides: They are.
        conf: The folder.
        place: Where they come from, for messages.

    Raises:
        UserError: They do not fit `conf/`, or a value is not as the schema wants it.
    """
    composed, choices = _composed(conf, overrides, place)
    return _checked(composed, Sources(conf, choices, overrides=list(overrides), typed=place))


def as_params(composition: Composition, conf: Path) -> str:
    """The `params.yaml` that `compose` makes this configuration of, besides its search: groups, and values that differ.

    Args:
        composition: One that was composed in this process.
        conf: The folder.
    """
    folders = {folder.name for folder in conf.iterdir() if folder.is_dir()} - {"hydra", "local"}
    groups = {group: choice for group, choice in composition.choices.items() if choice and group in folders}
    alone = compose_trial([f"{group}={choice}" for group, choice in groups.items()], conf, conf.name)
    values = _differing(composition.tree, alone.tree)
    content = {"groups": groups, "values": {name: value for name, value in values.items() if name != "search"}}
    return yaml.safe_dump(content, sort_keys=False, width=120)


def in_jobs(composed: DictConfig, conf: Path) -> Composition:
    """The same check for what Hydra composed for one of its jobs.

    Raises:
        UserError: A value is not as the schema wants it.
    """
    runtime = HydraConfig.get()
    choices = cast("dict[str, str | None]", OmegaConf.to_container(runtime.runtime.choices))
    # Plain, since an interpolation in an override means something elsewhere only.
    overrides = cast("list[str]", OmegaConf.to_container(runtime.overrides.task))
    for override in overrides:
        # Of a list Hydra composes all options over each other, and the last one counts.
        group, _, options = override.partition("=")
        if (conf / group).is_dir() and options.startswith("["):
            raise refused(group, "one option, or with -m several, separated by commas", options, override)
    return _checked(composed, Sources(conf, choices, overrides=overrides))


def read(path: Path) -> Config:
    """Reads what the `compose` stage wrote.

    Raises:
        UserError: The file is missing, damaged or edited, or another version of the program composed it.
    """
    again = "change conf/ or params.yaml, and `dvc repro compose` writes it again"
    expected = f"{path}: expected a composed configuration"
    try:
        first, _, text = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError) as error:
        raise UserError(f"{expected}, got {_reason(error)}; {again}", "config.unreadable") from error
    if first != f"{_FIRST_LINE}{_checksum(text)}":
        raise UserError(f"{expected} as it was written, got a damaged or edited one; {again}", "config.damaged")
    try:
        require_plain(text)
        return Config.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        place = f"conf/ or params.yaml, not in {path}: `dvc repro compose` writes it again"
        raise sentence(error, lambda key, choice: (0, place)) from error
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{expected}, got {_reason(error)}; {again}", "config.damaged") from error


@contextmanager
def _loader(conf: Path) -> Iterator[None]:
    """Inside the block Hydra composes `conf`; a program that it runs has begun so."""
    if GlobalHydra.instance().is_initialized():
        yield
    else:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            yield


def _composed(conf: Path, overrides: Sequence[str], place: str) -> tuple[DictConfig, dict[str, str | None]]:
    """What Hydra composes, and the option it took of each group."""
    with _loader(conf):
        try:
            composed = hydra_compose("config", list(overrides), return_hydra_config=True)
        # A damaged file makes Hydra raise nearly anything.
        except Exception as error:
            raise composition_error(error, conf, place) from error
    choices = OmegaConf.to_container(composed.hydra.runtime.choices)
    OmegaConf.set_struct(composed, False)
    del composed["hydra"]
    return composed, cast("dict[str, str | None]", choices)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def composition_error(error: Exception, conf: Path, place: str) -> UserError:
    """An error of Hydra or OmegaConf in one sentence.

    Args:
        error: What was raised.
        conf: The folder.
        place: Where the mistake can be, if it is in none of the files of `conf`.
    """
    said = str(error)
    if isinstance(error, MissingConfigException) and error.options:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        file = listing(conf, option, group, f"/{group}", f"override /{group}")
        return unknown_option(group, map(str, error.options), option, file or place)
    # Hydra's words for a key on the command line that no file has.
    if found := re.match(r"Could not (?:override|delete from config\.) '([\w.]+)'", said):
        return unknown_key(found[1].split("."), place)
    if found := re.match(r"In '([^']+)'", said):
        place = f"{conf.name}/{found[1]}.yaml"
    elif found := re.match(r"Ambiguous value for argument '([\w.@/]+)=(.*)'", said):
        return refused(found[1], "one value, or the option -m, with which each of several is a job", found[2], place)
    elif found := re.match(r"LexerNoViableAltException: ([^=]+)=(.*)", said):
        return refused(found[1], "a value in Hydra's grammar: in quotes, within those of the shell", found[2], place)
    elif found := re.match(r"Multiple values for ([\w/]+)", said):
        place = listing(conf, None, f"/{found[1]}") or place
    else:
        damaged = (shown_path(conf, file) for file in sorted(conf.rglob("*.yaml")) if content(file) is None)
        place = next(damaged, place)
    return refused(place, "what can be composed", shortened(_reason(error)), place)


def _checked(composed: DictConfig, sources: Sources) -> Composition:
    texts = dict(_texts(OmegaConf.to_container(composed)))
    for key, text in texts.items():
        if _calls(text):
            # A value that called something would also differ between the machines that compose it.
            got = f"{shown(text)}, which calls a function"
            raise _refused_value(key, "a value, or ${another.key}", got, sources)
    try:
        tree = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        key = f"{error.full_key!s}"
        raise _refused_value(key, "a value", f"{shown(texts.get(key))} ({_reason(error)})", sources) from error
    try:
        return Composition(Config.model_validate(tree), tree, sources.choices)
    except ValidationError as error:
        raise sentence(error, sources.find) from error


def _refused_value(key: str, expected: str, got: str, sources: Sources) -> UserError:
    key = re.sub(r"\[\d+\]", "", key)
    return refused(key, expected, got, sources.find(key)[1])


def _texts(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a tree with its key as OmegaConf writes it, such as `a.b[0]`."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from _texts(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list):
        for position, value in enumerate(tree):
            yield from _texts(value, f"{path}[{position}]")


def _calls(text: str) -> bool:
    while (inner := _REFERENCE.sub("_", text)) != text:
        text = inner
    return _CALL.search(text) is not None


def _merged(below: Any, above: Any) -> Any:
    """Nested mappings merged; anything else in `above` replaces what is below, so that the schema can refuse it."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def _differing(tree: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """What `_merged` with `below` makes `tree` again."""
    changed = {key: value for key, value in tree.items() if key not in below or below[key] != value}
    nested = [
        key for key, value in changed.items() if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
    ]
    return changed | {key: _differing(changed[key], below[key]) for key in nested}


class _Params(Section):
    """What stands in `params.yaml`."""

    groups: dict[Any, Any]
    values: dict[Any, Any]


def _read_params(params: Path) -> _Params:
    name = params.name
    try:
        text = params.read_text(encoding="utf-8")
        require_plain(text)
        require_one_meaning(text)
        return _Params.model_validate(OmegaConf.to_container(OmegaConf.load(params), throw_on_missing=True))
    except ValidationError as error:
        raise sentence(error, lambda key, choice: (0, name)) from error
    except Exception as error:
        key = f"{getattr(error, 'full_key', None) or name}"
        raise refused(key, "YAML with the keys groups and values", _reason(error), name) from error


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
