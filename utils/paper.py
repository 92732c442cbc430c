"""The paper's tables and figures in its order, our numbers next to those of 2022, and a verdict on each claim.

python -m utils.paper --quick                     # from the numbers shipped with the repository
python -m utils.paper --results-dir results       # from your own runs

Nothing is run; missing numbers are listed with the command that computes them.
"""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import command_line, paths, reporting
from .errors import UserError
from .paths import RESULTS, ROOT
from .results import Results
from .storage import write_text

if TYPE_CHECKING:
    import pandas as pd

    from .reporting.paper import Claim, Section

MINUTE = 60
CELLS = "Cells are 2022 / today. † marks numbers recalled from memory and unverified."


@dataclass(frozen=True)
class Config:
    quick: bool = False  # use the summaries shipped with the repository if --results-dir has no rows
    results_dir: Path = RESULTS  # where the results are
    out: Path | None = None  # folder for paper.md, paper.tex and paper.html; default paper/ in the results


def main(config: Config) -> Path:
    """Writes the three files and returns their folder.

    Raises:
        UserError: no finished rows at all.
    """
    from .reporting import paper

    names = dict.fromkeys(name for item in paper.ITEMS for name in (*item.fallbacks, item.ours))
    summaries = {name: found for name in names if (found := _summary(name, config)) is not None}
    if not summaries:
        raise UserError(
            f"no finished rows under {config.results_dir}; run bash classification/accuracy.sh, or use the numbers "
            "shipped with the repository: --quick"
        )
    sections = [paper.section(item, summaries) for item in paper.ITEMS]
    claims = paper.claims(sections)
    out = config.out or config.results_dir / "paper"
    write_text(out / "paper.md", markdown(sections, claims))
    write_text(out / "paper.tex", latex(sections, claims))
    write_text(out / "paper.html", html(sections, claims))
    covered, published = (
        sum(section.n_covered for section in sections),
        sum(section.n_published for section in sections),
    )
    for claim in claims:
        print(f"{claim.verdict:15} {claim.place}: {claim.text} {claim.reason}")
    print(f"numbers  {covered:,} of {published:,} published ones are compared; the others are listed with the reason")
    print(f"paper    {out}/paper.md, paper.tex, paper.html")
    return out


def _summary(name: str, config: Config) -> pd.DataFrame | None:
    """The means of an experiment's finished cases; with --quick, the shipped ones if there are none."""
    import pandas as pd

    area, experiment = name.split("/")
    frame = Results(config.results_dir, area, experiment).frame()
    if len(frame):
        return reporting.summarise(frame)
    kept = ROOT / area / "summaries" / f"{experiment}_summary.csv"
    return pd.read_csv(kept) if config.quick and kept.is_file() else None


def took(name: str) -> str:
    """How long an experiment took when it was last run for the manual; empty if unknown."""
    file = paths.ROOT / "benchmarks" / "remake.json"
    record = json.loads(file.read_text("utf-8")).get(name) if file.is_file() else None
    if not record:
        return ""
    return f" (its own tables took {max(1, round(record['seconds'] / MINUTE))} min on {record['processor']})"


def _made(section: Section) -> str:
    """The text above a table."""
    covered = f"{section.n_covered} of {section.n_published} published numbers have ours beside them"
    models = f"; LIFT is {', '.join(section.models)} today" if section.models else ""
    missing = (
        f". {section.missing}{took(section.item.ours) if 'to be run' in section.missing else ''}"
        if section.missing
        else ""
    )
    return f"{covered}{models}{missing}."


def _title(section: Section) -> str:
    return f"{section.item.place}: {section.item.title}"


def markdown(sections: list[Section], claims: list[Claim]) -> str:
    """The page in Markdown."""
    from .reporting import paper

    parts = ["# The paper's numbers, and ours", f"{CELLS} {paper.RULE}", "## Claims"]
    parts += [f"- **{claim.verdict}** ({claim.place}): {claim.text} {claim.reason}" for claim in claims]
    for section in sections:
        parts += [f"## {_title(section)}", _made(section)]
        if len(section.table):
            parts.append(reporting.markdown_table(section.table))
    return "\n\n".join(parts) + "\n"


def latex(sections: list[Section], claims: list[Claim]) -> str:
    """The tables with booktabs, after a list of the claims; a document can include them."""
    from .reporting.latex import escape

    lines = [r"\begin{itemize}"]
    lines += [
        rf"\item \textbf{{{escape(item.verdict)}}} ({_math(item.place)}): {_math(item.text)} {_math(item.reason)}"
        for item in claims
    ]
    lines.append(r"\end{itemize}")
    for item in (item for item in sections if len(item.table)):
        width = item.table.shape[1]
        lines += [r"\begin{table}", r"\centering", rf"\caption{{{_math(_title(item))}. {_math(_made(item))}}}"]
        lines += [rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}", r"\toprule"]
        rows = [list(item.table.columns), *item.table.to_numpy().tolist()]
        written = [" & ".join(map(_math, row)) + r" \\" for row in rows]
        lines += [written[0], r"\midrule", *written[1:], r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _math(text: object) -> str:
    from .reporting.latex import escape

    return (
        escape(text)
        .replace("±", r"$\pm$")
        .replace("–", "--")
        .replace("§", r"\S{}")
        .replace("†", r"\dag{}")
        .replace("√", r"$\surd$")
    )


def html(sections: list[Section], claims: list[Claim]) -> str:
    """The page as one file."""
    import jinja2

    from .reporting import paper

    folder = importlib.resources.files(f"{__package__}.reporting")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((folder / "paper.html.j2").read_text("utf-8"))
    return template.render(
        css=(folder / "report.css").read_text("utf-8"),
        rule=f"{CELLS} {paper.RULE}",
        claims=claims,
        sections=[
            (_title(item), _made(item), list(item.table.columns), item.table.to_numpy().tolist()) for item in sections
        ],
    )


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
