"""Where values and choices come from, so that an error can name the place to change."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

Find = Callable[[str, bool], tuple[int, str]]
"""See `Sources.find`."""

_MOST_CHARACTERS = 1_000_000
# Plain words that YAML 1.1 and 1.2 read differently: octal, binary, with colons or underscores, and truth values.
_TWO_WAYS = re.compile(
    r"[-+]?(0[0-9_]+|0o[0-7]+|0b[01_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|(?=[0-9.]*_)[0-9][0-9_.]*)"
    r"|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
)

# The groups whose files may speak about any key, the last to be merged first.
_GLOBAL = ("local@_global_", "debug", "experiment", "runtime")


@dataclass(frozen=True)
class Sources:
    """The places of one composition.

    Attributes:
        conf: The folder.
        choices: The option taken of each group.
        overrides: The command line, or what is like one.
        typed: Where these stand.
        groups: What `params.yaml` chooses.
        values: What `params.yaml` sets.
    """

    conf: Path
    choices: Mapping[str, str | None]
    overrides: list[str] = field(default_factory=list)
    groups: Mapping[str, str | None] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    typed: str = "the command line"

    def find(self, key: str, choice: bool = False) -> tuple[int, str]:
        """The place that sets a key, or that would.

        Args:
            key: It is dotted.
            choice: Whether to find what chooses the option of the key's group instead.

        Returns:
            How late the place speaks (the more, the more likely it is what a person has just changed), and the place.
        """
        group = key.split(".", maxsplit=1)[0]
        for override in reversed(self.overrides):
            name, _, value = override.partition("=")
            name = name.lstrip("+~")
            chooses = name in self.choices and not value.startswith("{")
            if name == (group if choice else key) or (not chooses and key.startswith(f"{name}.")):
                return 3, f"{self.typed} ({override})"
        if choice and self.groups.get(group) is not None:
            return 2, f"params.yaml (groups.{group})"
        if not choice and _holds(self.values, key):
            return 2, f"params.yaml (values.{key})"
        for everywhere in _GLOBAL:
            for file, tree in self._files(everywhere):
                if _lists(tree, f"override /{group}", f"/{group}") if choice else _holds(tree, key):
                    return 0 if everywhere == "runtime" else 1, shown_path(self.conf, file)
        # A key that no file holds belongs where its siblings are.
        siblings = () if choice else self._files("runtime" if key in ("seed", "export") else group)
        file = next((file for file, _ in siblings), self.conf / "config.yaml")
        return 0, shown_path(self.conf, file)

    def _files(self, group: str) -> Iterator[tuple[Path, Any]]:
        """The chosen file of a group with its content, then those that its defaults list builds on."""
        waiting = [f"{self.choices.get(group)}"]
        while waiting:
            file = self.conf / group.split("@", maxsplit=1)[0] / f"{waiting.pop()}.yaml"
            if file.is_file():
                tree = content(file)
                yield file, tree
                waiting += [entry for entry in _defaults(tree) if isinstance(entry, str)]


def listing(conf: Path, option: str | None, *entries: str) -> str | None:
    """The first file of `conf/` of which the defaults list has one of `entries`, with an option if one is given."""
    found = (file for file in sorted(conf.rglob("*.yaml")) if _lists(content(file), *entries, option=option))
    return next((shown_path(conf, file) for file in found), None)


def shown_path(conf: Path, file: Path) -> str:
    """The path of a file in `conf/` as a person in the project's folder sees it."""
    return file.relative_to(conf.parent).as_posix()


def content(file: Path) -> Any:
    """What stands in a file; `None` if it is damaged."""
    try:
        return OmegaConf.to_container(OmegaConf.load(file))
    except Exception:
        return None


def require_plain(text: str) -> None:
    """Refuses YAML that is long, or that stands for more than it says: each alias is a copy.

    Raises:
        ValueError: It is.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{len(text):,} characters, more than {_MOST_CHARACTERS:,}")
    if "*" in text and any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
        raise ValueError("an alias, which stands for a copy of something else; write it out")


def require_one_meaning(text: str) -> None:
    """Refuses words that mean two things: Hydra reads YAML 1.1 (`010` is 8, `1:30` is 90, `no` is false), DVC 1.2.

    Raises:
        ValueError: There is one.
    """
    for token in yaml.scan(text):
        if isinstance(token, yaml.ScalarToken) and token.plain and _TWO_WAYS.fullmatch(token.value):
            raise ValueError(
                f"{token.value} in line {token.start_mark.line + 1}, which Hydra and DVC read differently; write a "
                "plain number, true or false, or put it in quotes"
            )


def _defaults(tree: Any) -> list[Any]:
    found = tree.get("defaults") if isinstance(tree, Mapping) else None
    return found if isinstance(found, list) else []


def _lists(tree: Any, *entries: str, option: str | None = None) -> bool:
    """Whether the defaults list of a file has one of `entries`, with an option if one is given."""
    listed = [entry for entry in _defaults(tree) if isinstance(entry, Mapping)]
    return any(name in entry and option in (None, entry[name]) for entry in listed for name in entries)


def _holds(tree: Any, key: str) -> bool:
    if not isinstance(tree, Mapping):
        return False
    named = {str(name): value for name, value in tree.items()}
    head, _, rest = key.partition(".")
    return key in named or (rest != "" and _holds(named.get(head), rest))
