"""Settings for language models without their own recipe: what follows from a model's size, and why.

The rate and the length suit smollm2 (135 million parameters, width 576, 30 layers; the runs are in LOG.md). Narrower
networks get no higher rate, and full fine-tuning a tenth: random networks of three widths need both
(`benchmarks/rate_by_width`). That the rate falls with greater widths and the upper third of the layers are rules of
thumb that no search has confirmed yet. `--recipe paper` ignores all of this and tunes every model as the paper tuned
GPT-J.
"""

from __future__ import annotations

from .. import models

WIDTH = 576  # at which RATE was found
RATE = 3e-3  # of an adapter, up to that width
FULL_SHARE = 0.1  # of that rate, for full fine-tuning
TUNED_SHARE = 1 / 3  # of the layers

RECIPE: dict[str, object] = {
    "wording": "compact",
    "numbers": "scaled",
    "levels": 100,
    "jitter": 0.02,
    "versions": 4,
    "adapter": "lora",
    "batch_size": 4,
    "updates": 300,
    "min_epochs": 3,
    "max_epochs": 30,
    "patience": 5,
    "classification": {"min_delta": 1e-3, "beat_majority": True},
    "regression": {"decoding": "median"},
}
# Without tuning: a model that knows words may know what a blood pressure of 120 means, but not level 37 of a column.
UNTUNED: dict[str, object] = {"wording": "compact", "numbers": "significant"}
WHY = {
    "wording": "the fewest tokens",
    "levels": "numbers as levels of the column's range, one or two digits instead of the paper's four decimals",
    "jitter": "noise, as a share of the range, teaches that neighbouring numbers mean nearly the same",
    "versions": "of the noise, in turn; their states below the tuned layers are computed once each",
    "adapter": "the base stays unchanged, so that several rates share it",
    "tuned_layers": "the upper third; the output of the {frozen} below is computed once per row",
    "learning_rate": "{rate:g} up to width {found}, beyond it scaled as 1/width (here {width}){share}",
    "batch_size": "small tables need many updates",
    "updates": "at least {min_epochs} and at most {max_epochs} epochs",
    "patience": "evaluations without a better score, after which tuning ends",
    "min_delta": "of the validation accuracy, for a score to count as better",
    "beat_majority": "patience starts when the validation accuracy is above the most common class's share",
    "decoding": "of the answer's exact distribution over the levels",
}
UNTUNED_WHY = {
    "wording": WHY["wording"],
    "numbers": "as they are, since an untuned model does not know the levels of a column",
}


def recipe(name: str, given: dict[str, object]) -> dict[str, object]:
    """The settings for a model.

    Args:
        name: of a local model.
        given: the user's settings; its adapter decides the learning rate, and with 0 epochs nothing is tuned.
    """
    if given.get("epochs") == 0:
        return dict(UNTUNED)
    width, n_layers = models.shape(name)
    adapter = str(given.get("adapter") or RECIPE["adapter"])
    share = FULL_SHARE if _is_full(adapter) else 1.0
    rate = share * RATE * min(1.0, WIDTH / (width or WIDTH))
    settings = {**RECIPE, "learning_rate": float(f"{rate:.1e}")}
    if n_layers and ":" not in adapter:  # full:lower and the like already define which weights change
        settings["tuned_layers"] = max(1, round(TUNED_SHARE * n_layers))
    return settings


def reasons(name: str, task: str, settings: dict[str, object]) -> list[str]:
    """What the recipe decided, one line per setting: its value, and why.

    Args:
        name: of a local model.
        task: "classification" or "regression".
        settings: as used; those that the user has set differently get no line.
    """
    proposed = recipe(name, settings)
    sections = {section: proposed.pop(section, {}) for section in ("classification", "regression")}
    proposed |= sections[task]
    width, n_layers = models.shape(name)
    facts = {
        "frozen": n_layers - int(proposed.get("tuned_layers", 0)),
        "rate": RATE,
        "found": WIDTH,
        "width": width or f"unknown, so {WIDTH} is assumed",
        "share": "; a tenth of that for full fine-tuning" if _is_full(str(settings["adapter"])) else "",
        **proposed,
    }
    known = UNTUNED_WHY if settings.get("epochs") == 0 else WHY
    used = [option for option in known if option in proposed and settings.get(option) == proposed[option]]
    return [f"{option} {settings[option]}: {known[option].format(**facts)}" for option in used]


def _is_full(adapter: str) -> bool:
    return adapter.partition(":")[0] == "full"
