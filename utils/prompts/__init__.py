"""Rows to text and back: template, wordings, numbers, answer parsing, rows shown in a prompt."""

from .._lazy import attach

__getattr__ = attach(__name__, {"template": "Template"})
