"""Experiments: a script for each question, NAME.py, and beside it what only that experiment needs, _NAME.py."""

from utils._lazy import attach

__getattr__ = attach(__name__)
