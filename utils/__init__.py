"""What the scripts share.

`from utils import tables` only names the module, which is loaded at the first `tables.something`. So scripts import at
their top whatever they use, and `--help` waits for none of it. `from utils.tables import load` loads it at once. Code
for several threads does that: before Python 3.11.9 and 3.12.3 two of them must not be the first to use a module.
"""

import sys
from importlib import util


def __getattr__(name: str):
    """A module of this package that loads when it is used (importlib.util.LazyLoader)."""
    full = f"{__name__}.{name}"
    if full not in sys.modules:
        spec = util.find_spec(full)
        if spec is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        spec.loader = util.LazyLoader(spec.loader)
        module = util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return globals().setdefault(name, sys.modules[full])
