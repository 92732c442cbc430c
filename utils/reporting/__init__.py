"""From result CSVs to tables and statistics."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {
        "summary": "ORDER WIDE identity labels latest main_score markdown_table not_run pivot rank show summarise "
        "write",
        "published": "PAPER_COLUMN published_rows published_score",
        "paired": "paired_differences",
    },
)
