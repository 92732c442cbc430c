"""Figures, drawn from result CSVs only. Each function returns a matplotlib figure that needs no display."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {
        "style": "ARMS COLOURS GREY LIFT_COLOUR LIFT_LINE MARKERS "
        "finished method_colours panel_grid panel_table wrapped",
        "points": "arm_costs arm_points changes costs reliability scores zones",
        "curves": "arm_lines lines score_lines steps",
        "maps": "heat_map regions",
    },
)
