"""Figures, drawn from result CSVs alone."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {"plots": "COLOURS GREY LIFT_COLOUR MARKERS SPREAD legend lines method_colours panel_grid regions scores steps"},
)
