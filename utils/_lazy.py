"""Packages whose modules load when they are used, so that `--help` waits for none of them.

`from utils.tables import splits` only names the module; the first `splits.something` loads it. Public names of a
package are looked up in the module that defines them, which loads then. Code for several threads imports names, not
modules: before Python 3.11.9 and 3.12.3 two threads must not be the first to use a lazy module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module, util


def attach(package: str, names: Mapping[str, str] | None = None) -> Callable[[str], object]:
    """The `__getattr__` of a package.

    Args:
        package: its `__name__`.
        names: public names, separated by spaces, by the module of the package that defines them. A module and a name
            are never spelt alike: importing the module would hide the name.
    """
    homes = {name: module for module, text in (names or {}).items() for name in text.split()}

    def find(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{homes[name]}"), name) if name in homes else _module(package, name)
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
