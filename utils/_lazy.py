"""Packages whose modules are loaded on first use, so that `--help` is fast.

`from utils.tables import splits` does not load the module; the first `splits.something` does. Public names of a package
are looked up in the module that defines them, which is loaded then. Multi-threaded code imports names, not modules:
before Python 3.11.9 and 3.12.3, the first use of a lazy module must not happen in two threads at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module, util


def attach(package: str, names: Mapping[str, str] | None = None) -> Callable[[str], object]:
    """The `__getattr__` of a package.

    Args:
        package: its `__name__`.
        names: module → the public names it defines, separated by spaces. A module and a name must not be equal, because
            importing the module would hide the name.
    """
    owners = {name: module for module, text in (names or {}).items() for name in text.split()}

    def find(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{owners[name]}"), name) if name in owners else _module(package, name)
        return vars(sys.modules[package]).setdefault(name, found)

    return find


def _module(package: str, name: str) -> object:
    full = f"{package}.{name}"
    if full not in sys.modules:
        spec = util.find_spec(full)
        if spec is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        spec.loader = util.LazyLoader(spec.loader)
        module = util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]
