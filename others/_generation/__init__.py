"""Generated rows: generators, measures of realism, and pictures (paper §4.3)."""

from utils._lazy import attach

__getattr__ = attach(__name__)
