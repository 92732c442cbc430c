"""Columns of dates: which they are, and their order in time."""

from __future__ import annotations

import re

import pandas as pd

from ..errors import BadTable

DATES = {
    "%Y-%m-%d": r"\d{4}-\d{1,2}-\d{1,2}",
    "%Y/%m/%d": r"\d{4}/\d{1,2}/\d{1,2}",
    "%d.%m.%Y": r"\d{1,2}\.\d{1,2}\.\d{4}",
    "%d/%m/%Y": r"\d{1,2}/\d{1,2}/\d{4}",
    "%m/%d/%Y": r"\d{1,2}/\d{1,2}/\d{4}",
    "%d-%m-%Y": r"\d{1,2}-\d{1,2}-\d{4}",
    "%d %b %Y": r"\d{1,2} [A-Za-z]{3} \d{4}",
}
MONTH_FIRST = "%m/%d/%Y"  # the only form whose cells may all fit another form as well
TIME = re.compile(r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm]|Z|[+-]\d{2}:?\d{2})?")


def date_format(column: pd.Series) -> str | None:
    """The format in which all cells of a column are dates, with or without a time; None for other columns."""
    cells = column.dropna().astype(str).unique()
    if pd.api.types.is_numeric_dtype(column) or not len(cells):
        return None
    days = _days(pd.Series(cells))
    return next((form for form in DATES if _fits(days, form)), None)


def moments(column: pd.Series) -> pd.Series | None:
    """The cells as timestamps (UTC where they name no zone), in the order of the column; None if some are not dates.

    Raises:
        BadTable: dates whose day and month could be in either order.
    """
    form = date_format(column)
    if form is None or column.isna().any():
        return None
    cells = column.astype(str)
    days = _days(cells)
    if form == "%d/%m/%Y" and _fits(days, MONTH_FIRST) and (_parsed(days, form) != _parsed(days, MONTH_FIRST)).any():
        raise BadTable(
            f"the dates in {column.name!r}, such as {cells.iloc[0]!r}, may begin with the day or with the month; write "
            "them as YYYY-MM-DD"
        )
    times = cells.str.extract(f"({TIME.pattern})", expand=False).fillna("").str.lstrip("T ")
    iso = _parsed(days, form).dt.strftime("%Y-%m-%d")
    return pd.to_datetime((iso + " " + times).str.strip(), format="mixed", utc=True)


def _days(cells: pd.Series) -> pd.Series:
    return cells.map(lambda cell: TIME.sub("", cell.strip()))


def _fits(days: pd.Series, form: str) -> bool:
    return bool(days.str.fullmatch(DATES[form]).all() and _parsed(days, form).notna().all())


def _parsed(days: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(days, format=form, errors="coerce")
