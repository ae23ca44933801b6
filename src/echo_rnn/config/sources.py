"""Where values and choices come from, so that an error can name the place to change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml


class Places(Protocol):
    """What a sentence asks about keys, which are dotted."""

    def of(self, key: str) -> str:
        """The place that sets `key`, or that would."""

    def rank(self, key: str) -> int:
        """How late that place speaks: the more, the more likely it is what a person has just changed."""

    def choice_of(self, group: str) -> str:
        """The place that says which option of `group` is taken."""


@dataclass(frozen=True)
class Anywhere:
    """One place for every key."""

    place: str

    def of(self, key: str) -> str:
        """See `Places`."""
        return self.place

    def rank(self, key: str) -> int:
        """See `Places`."""
        return 0

    def choice_of(self, group: str) -> str:
        """See `Places`."""
        return self.place


# The groups whose files may speak about any key, the last to be merged first.
_GLOBAL = ("local@_global_", "experiment", "runtime")


@dataclass(frozen=True)
class Sources:
    """The places of one composition.

    Attributes:
        conf: The folder.
        choices: The option taken of each group.
        overrides: The command line.
        groups: What `params.yaml` chooses.
        values: What `params.yaml` sets.
    """

    conf: Path
    choices: Mapping[str, str | None]
    overrides: list[str] = field(default_factory=list)
    groups: Mapping[str, str | None] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """See `Places`."""
        return self._found(key)[1]

    def rank(self, key: str) -> int:
        """See `Places`."""
        return self._found(key)[0]

    def choice_of(self, group: str) -> str:
        """See `Places`."""
        for override in reversed(self.overrides):
            if override.split("=", maxsplit=1)[0].lstrip("+~") == group:
                return f"the command line ({override})"
        if self.groups.get(group) is not None:
            return f"params.yaml (groups.{group})"
        for everywhere in _GLOBAL:
            for file, tree in self._files(everywhere):
                entries = [entry for entry in tree.get("defaults") or [] if isinstance(entry, Mapping)]
                if any(f"{word}/{group}" in entry for entry in entries for word in ("override ", "")):
                    return self._shown(file)
        return f"{self.conf.name}/config.yaml"

    def _found(self, key: str) -> tuple[int, str]:
        for override in reversed(self.overrides):
            name, _, value = override.partition("=")
            name = name.lstrip("+~")
            is_choice = name in self.choices and not value.startswith("{")
            if name == key or (not is_choice and key.startswith(f"{name}.")):
                return 3, f"the command line ({override})"
        if _holds(self.values, key):
            return 2, f"params.yaml (values.{key})"
        for group in _GLOBAL:
            for file, tree in self._files(group):
                if _holds(tree, key):
                    return 0 if group == "runtime" else 1, self._shown(file)
        # A key that no file holds belongs where its siblings are.
        group = "runtime" if key == "seed" else key.split(".", maxsplit=1)[0]
        for file, _ in self._files(group):
            return 0, self._shown(file)
        return 0, f"{self.conf.name}/config.yaml"

    def _files(self, group: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The chosen file of a group with its content, then those that its defaults list builds on."""
        waiting = [f"{self.choices.get(group)}"]
        seen = set()
        while waiting:
            file = self.conf / group.split("@", maxsplit=1)[0] / f"{waiting.pop()}.yaml"
            if file in seen or not file.is_file():
                continue
            seen.add(file)
            try:
                tree = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (UnicodeDecodeError, yaml.YAMLError):
                continue
            # OmegaConf reads a lone word as a key.
            mapping = tree if isinstance(tree, Mapping) else {tree: None} if isinstance(tree, str) else {}
            yield file, mapping
            waiting += [entry for entry in mapping.get("defaults") or [] if isinstance(entry, str)]

    def _shown(self, file: Path) -> str:
        return file.relative_to(self.conf.parent).as_posix()


def _holds(tree: Any, key: str) -> bool:
    if not isinstance(tree, Mapping):
        return False
    named = {str(name): value for name, value in tree.items()}
    head, _, rest = key.partition(".")
    return key in named or (rest != "" and _holds(named.get(head), rest))
