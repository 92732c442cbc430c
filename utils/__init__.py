"""What the scripts share: eight packages, and beside them commands and small common things. See ARCHITECTURE.md."""

from ._lazy import attach

VERSION = "0.1.0"

__getattr__ = attach(__name__)
