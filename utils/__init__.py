"""The library shared by the scripts: eight packages, commands and small common modules. See ARCHITECTURE.md.

When installed, it is the package `lift`: `from lift import LIFTClassifier, LIFTRegressor`.
"""

from ._lazy import attach

VERSION = "0.1.0"

__version__ = VERSION

__getattr__ = attach(__name__, {"estimators": "LIFTClassifier LIFTRegressor load"})
