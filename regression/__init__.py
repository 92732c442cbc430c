"""Experiments: one script per question, NAME.py; code that only this experiment needs is in _NAME.py."""

from utils._lazy import attach

__getattr__ = attach(__name__)
