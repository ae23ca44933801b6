"""Modules that are executed when they are asked for something first, so that a process starts in half the time.

`tensorflow` imports its whole public namespace, of which a training needs a small part: the rest (feature columns, the
Keras of TensorFlow 1, TensorFlow 1's own namespace, TensorFlow Lite, …) is more than half of what its import takes. The
modules of that namespace hold imports only, so that it does not matter when they run.
"""

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

_NAMESPACE = "tensorflow._api.v2."
_EXECUTING = threading.RLock()  # another thread waits until a module is whole


class _Namespace:
    """Finds the modules of TensorFlow's namespace (`importlib.abc.MetaPathFinder`)."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_NAMESPACE):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _AtFirstUse(spec.loader.name, spec.loader.path)
        return spec


class _AtFirstUse(SourceFileLoader):
    """Executes a module when it is asked for an attribute that it does not have (PEP 562)."""

    def exec_module(self, module: ModuleType) -> None:
        execute, is_executing = super().exec_module, False

        def get(name: str) -> Any:
            nonlocal is_executing
            with _EXECUTING:
                if is_executing:  # it asks itself, as where it imports a module below it
                    raise AttributeError(f"module {module.__name__!r} has no attribute {name!r} yet")
                if vars(module).get("__getattr__") is get:
                    is_executing = True
                    try:
                        execute(module)
                    finally:
                        is_executing = False
                    del module.__getattr__
            return getattr(module, name)

        module.__getattr__ = get  # type: ignore[method-assign]


def defer_namespace() -> None:
    """From now on, the modules of TensorFlow's namespace are executed when they are used; those that were stay so."""
    if _Namespace not in sys.meta_path:
        sys.meta_path.insert(0, _Namespace)
