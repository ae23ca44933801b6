"""Modules of TensorFlow that are executed when they are asked for something first: a process starts with less work.

`import tensorflow` imports its whole public namespace. A few of its modules import what trainings never use and what
takes long: the Keras of TensorFlow 1 (`nn`, `train` and the feature columns do), and TensorFlow 1's own namespace.
What these import changes nothing elsewhere in TensorFlow, so that it does not matter when they run; what others import
does (`experimental.numpy` replaces functions, `lite` a name). tests/core/test_deferred_imports.py compares.
"""

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

_NAMESPACE = "tensorflow._api.v2."
_DEFERRED = {
    *("compat", "compat.v1", "compat.v1.compat", "compat.v2"),
    *("feature_column", "__internal__.feature_column", "nn", "train"),
}
_EXECUTING = threading.RLock()  # another thread waits until a module is whole


class _Namespace:
    """Finds the deferred modules (`importlib.abc.MetaPathFinder`)."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_NAMESPACE) or name.removeprefix(_NAMESPACE) not in _DEFERRED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _AtFirstUse(spec.loader.name, spec.loader.path)
        return spec


class _AtFirstUse(SourceFileLoader):
    """Executes a module when it is asked for an attribute that it does not have, or for all of them (PEP 562)."""

    def exec_module(self, module: ModuleType) -> None:
        execute, is_executing, own = super().exec_module, False, {*vars(module)}

        def get(name: str) -> Any:
            nonlocal is_executing
            with _EXECUTING:
                if is_executing:  # it asks itself, as where it imports a module below it
                    raise AttributeError(f"module {module.__name__!r} has no attribute {name!r} yet")
                if vars(module).get("__getattr__") is get:
                    given = {name: value for name, value in vars(module).items() if name not in {*own, *hooks}}
                    is_executing = True
                    try:
                        execute(module)
                    finally:
                        is_executing = False
                    vars(module).update(given)  # what somebody has set meanwhile stays
                    _unhook(_placed(module), hooks)
                    _unhook(module, hooks)
            return getattr(sys.modules[module.__name__], name)

        def names() -> list[str]:
            with _EXECUTING:
                if not is_executing:
                    get("__name__")
            return sorted(vars(sys.modules[module.__name__]))

        hooks = {"__getattr__": get, "__dir__": names}
        vars(module).update(hooks)


def _placed(module: ModuleType) -> ModuleType:
    """What an executed module has put in its place, if anything; its parent has that, too, as after any import."""
    placed = sys.modules[module.__name__]
    parent, _, name = module.__name__.rpartition(".")
    if parent:
        setattr(sys.modules[parent], name, placed)
    return placed


def _unhook(module: ModuleType, hooks: dict[str, Any]) -> None:
    for name, hook in hooks.items():
        if vars(module).get(name) is hook:
            del vars(module)[name]


def defer_imports() -> None:
    """From now on these modules are executed when they are used; those that were stay so."""
    if _Namespace not in sys.meta_path:
        sys.meta_path.insert(0, _Namespace)
