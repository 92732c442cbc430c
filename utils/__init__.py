"""What the scripts share: eight packages, and beside them commands and small common things. See ARCHITECTURE.md.

Installed, this is the package `lift`: `from lift import LIFTClassifier, LIFTRegressor`.
"""

from ._lazy import attach

VERSION = "0.1.0"

__version__ = VERSION

__getattr__ = attach(__name__, {"estimators": "LIFTClassifier LIFTRegressor load"})
