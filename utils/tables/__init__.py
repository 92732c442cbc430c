"""Names to rows: bundled tables, files, OpenML, synthetic sets, images; their splits and perturbations."""

from .._lazy import attach

__getattr__ = attach(__name__, {"tables": "AnyTable TASKS Table expand is_own load published_name"})
