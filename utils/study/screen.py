"""The live table of a study on a terminal: data sets and methods, the running cases, and the time left."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.cells import set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from .. import progress
from . import display
from .board import Board, Cell, UnderWay

WIDEST_LABEL = 34  # characters of a data set with its settings
WIDEST_METHOD = 16
NAME = 20  # characters of a running case's name for which other details give way
FULL, SHORT = 9, 6  # characters of a cell, "2/3 .967" and ".967²", with the space before it
SMALL = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN = str.maketrans(
    {**dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹", "+"), **dict(zip("·…━×▸", ".~=x>", strict=True))}
)  # outside Unicode

Key = tuple[str, ...]  # of a row: the data set, then the values of the varying settings


class Screen(display.Display):
    """Redraws the board in place, below everything printed in the meantime."""

    every = 1.0

    def __init__(self, board: Board, console: Console | None = None) -> None:
        super().__init__(board)
        self.console = console or Console(file=sys.stderr)
        self._live = Live(Drawing([]), console=self.console, auto_refresh=False, transient=True)
        self._drawn = (0, Drawing([]))  # width of the terminal, and the last drawing

    def start(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="lift-output-", ignore_cleanup_errors=True)
        self.outputs = Path(self._scratch.name)
        self._printed = display.Outputs(self.outputs)
        self._live.start()
        self.look()

    def stop(self) -> None:
        self._pass_on(whole_lines=False)
        self._live.stop()
        self._scratch.cleanup()

    def look(self) -> None:
        self._pass_on()
        width, height = self.console.size
        with self.lock:
            drawing = Drawing(lines(self.board, width, height - 1, not self.console.options.ascii_only))
        self._unwrap(width)
        self._drawn = width, drawing
        self._live.update(drawing, refresh=True)

    def _pass_on(self, whole_lines: bool = True) -> None:
        if text := self._printed.new(whole_lines).rstrip("\n"):
            print(text, file=sys.stderr)

    def _unwrap(self, width: int) -> None:
        """Clears the last drawing after the terminal became narrower, which has wrapped its lines."""
        before, drawing = self._drawn
        if width < before:
            more = sum((line.cell_len - 1) // width for line in drawing.lines if line.cell_len)
            self.console.control(Control(*[(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)] * more))


class Drawing:
    """Lines that are never wrapped and never padded."""

    def __init__(self, lines: Sequence[Text]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.lines


def lines(board: Board, width: int, height: int, unicode: bool = True) -> list[Text]:
    """The board as at most `height` lines of at most `width` characters."""
    cases, left = board.under_way(), board.left()
    footer = [_bar(board, left, width), _footer(board, left)]
    n_cases = min(len(cases), max(1, (height - len(footer)) // 3))
    below = [_case(case, width) for case in cases[:n_cases]]
    if len(cases) > n_cases:
        below[-1:] = [Text(f"▸ and {len(cases) - n_cases + 1} more cases", "cyan")]
    table = _table(board, width, height - len(below) - len(footer))
    gap = [Text()] if table and len(table) + len(below) + len(footer) < height else []
    found = [*table, *gap, *below, *footer][-max(1, height) :]
    for line in found:
        line.no_wrap, line.overflow = True, "crop"
        line.truncate(width)
        if not unicode:
            line.plain = line.plain.translate(PLAIN)
    return found


def _table(board: Board, width: int, height: int) -> list[Text]:
    """Title, head and rows; empty if there is no room for a row."""
    cells = board.cells()
    if height < 3 or not cells:
        return []
    keys = list(dict.fromkeys(key for key, _ in cells))
    methods = list(dict.fromkeys(method for _, method in cells))
    shown = _rows(keys, cells, methods, height - 2)
    labels = {key: _label(key) for key in keys}
    label = min(WIDEST_LABEL, width // 3, max(len(text) for text in labels.values()))
    is_full, columns = _columns(methods, cells, width - label)
    n_seeds = max(cell.n for cell in cells.values())
    small = "" if is_full or n_seeds < 2 else f"; small: seeds so far, of {n_seeds}"
    score = f"mean {board.score or 'score'} over seeds" if n_seeds > 1 else board.score
    title = Text(": ".join(dict.fromkeys(filter(None, [board.experiment, score]))) + small, "dim")
    head = Text(set_cell_size(" ".join(board.varied()), label), "dim")
    for method, room in columns.items():
        head.append(_right(_cut(method, room - 1), room), "bold")
    hidden = len(methods) - len(columns)
    head.append(f" +{hidden}" if hidden else "", "dim")
    body = []
    for key in shown:
        line = Text(set_cell_size(_cut(labels[key], label), label))
        for method, room in columns.items():
            seeds, score, style = _cell(cells.get((key, method)), is_full)
            line.append(_right(seeds, room - len(score)), "dim").append(score, style)
        body.append(line)
    rest = [key for key in keys if key not in shown]
    if rest:
        done = sum(all(_is_over(cells[pair]) for pair in cells if pair[0] == key) for key in rest)
        body.append(Text(f"… {len(rest)} more, {done} of them done", "dim"))
    return [title, head, *body]


def _rows(keys: Sequence[Key], cells: Mapping[tuple[Key, str], Cell], methods: Sequence[str], room: int) -> list[Key]:
    """The rows that fit: first those with a running case, then unfinished ones."""
    if len(keys) <= room:
        return list(keys)
    runs = {key for (key, _), cell in cells.items() if cell.n_running}
    open_ = {key for (key, _), cell in cells.items() if not _is_over(cell)}
    ranked = sorted(keys, key=lambda key: (key not in runs, key not in open_))  # stable: ties keep their order
    chosen = set(ranked[: room - 1])
    return [key for key in keys if key in chosen]


def _columns(methods: Sequence[str], cells: Mapping[tuple[Key, str], Cell], width: int) -> tuple[bool, dict[str, int]]:
    """Whether long cells fit, and the methods that fit, with the width of each."""
    for cell, longest in ((FULL, WIDEST_METHOD), (SHORT, WIDEST_METHOD), (SHORT, 8)):
        rooms = {method: max(cell, min(longest, len(method)) + 1) for method in methods}
        if sum(rooms.values()) <= width:
            return cell == FULL, rooms
    runs = {method for (_, method), cell in cells.items() if cell.n_running}
    chosen: set[str] = set()
    for method in sorted(methods, key=lambda method: method not in runs):
        if sum(rooms[name] for name in chosen) + rooms[method] <= width - 4:  # the rest shows how many are hidden
            chosen.add(method)
    return False, {method: rooms[method] for method in methods if method in chosen}


def _cell(cell: Cell | None, is_full: bool) -> tuple[str, str, str]:
    """The text for some cases: how many seeds have finished (unless all), their mean score, and its style."""
    if cell is None:
        return "", "", ""
    n = len(cell.scores)
    if not n:
        failed = ("×", "red") if cell.n_failed else ("·", "dim")
        text, style = ("▸", "bold cyan") if cell.n_running else failed
        return "", text if is_full or cell.n == 1 else f"{text} ", style
    style = "bold cyan" if cell.n_running else "red" if cell.n_failed else ""
    mean = number(sum(cell.scores) / n)
    if is_full:
        return "" if n == cell.n else f"{n}/{cell.n} ", mean, style
    small = " " if n == cell.n else str(n).translate(SMALL)
    return "", f"{mean}{small}" if cell.n > 1 else mean, style


def _is_over(cell: Cell) -> bool:
    return len(cell.scores) + cell.n_failed >= cell.n


def number(value: float) -> str:
    """A score in four characters if possible: .967, 1.00, 31.4, 2e+05."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    for limit, digits in ((0.9995, 3), (9.995, 2), (99.95, 1), (9999.5, 0)):
        if size < limit:
            text = f"{value:.{digits}f}"
            return text.replace("0.", ".", 1) if digits == 3 else text
    return f"{value:.0e}"


def _case(case: UnderWay, width: int) -> Text:
    details = display.details(case)
    for least in ("loss", "fine-tune", "place"):
        if len("  ".join(details.values())) > width - NAME - 2:
            details.pop(least, None)
    text = "  ".join(details.values())
    return Text.assemble((_cut(f"▸ {case.plan.case}", max(NAME, width - len(text) - 2)), "cyan"), "  ", text)


def _bar(board: Board, left: float | None, width: int) -> Text:
    elapsed = board.elapsed()
    share = board.n_done / max(1, board.total) if left is None else elapsed / max(1e-9, elapsed + left)
    n = round(min(1.0, share) * width)
    return Text.assemble(("━" * n, "green"), ("━" * (width - n), "dim"))


def _footer(board: Board, left: float | None) -> Text:
    failed = f", {board.n_failed} failed" if board.n_failed else ""
    return Text.assemble(
        (f"{board.n_done} of {board.total} cases{failed}", "bold"),
        f"   {display.rest(left)}",
        (f", {progress.clock(board.elapsed())} gone", "dim"),
    )


def _label(key: Key) -> str:
    name = key[0]
    name = Path(name).name.partition(".")[0] if "/" in name else name
    return " ".join([name, *key[1:]])


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"


def _right(text: str, room: int) -> str:
    return " " * (room - len(text)) + text
