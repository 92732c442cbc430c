"""Tables and statistics from result CSVs."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {
        "summary": "ORDER WIDE by_model digest identity labels latest main_score markdown_table model_suffix "
        "not_run pivot rank show summarise write",
        "published": "PAPER_COLUMN published_rows published_score",
        "statistics": "Ranking bootstrap friedman_nemenyi paired_bootstrap win_tie_loss",
        "paired": "paired_differences",
        "contamination": "verdicts",
    },
)
