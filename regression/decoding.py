"""Decoding: how should a number be decoded from a language model, and what does each way cost? (paper §2)

python -m regression.decoding                                                # lift-tiny on a CPU, minutes
python -m regression.decoding --datasets functions diabetes --samples 100
python -m regression.decoding --model EleutherAI/gpt-j-6b --adapter lora --decodings greedy "one sample"
"""

from dataclasses import dataclass, replace

from utils import plots, study
from utils.errors import UnknownName

DECODINGS = {  # decoding of LIFT and number of sampled answers, in the order of the figure
    "greedy": ("greedy", 0),  # the likeliest text, as the paper decodes GPT-3
    "one sample": ("mean", 1),  # at temperature 1, as for GPT-J
    "sampled mean": ("mean", None),  # None: --samples of them
    "sampled median": ("median", None),
    "exact mean": ("mean", 0),  # from the likelihoods of all levels; only with --numbers scaled
    "exact median": ("median", 0),
}


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "cosine")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("xgboost", "lift")  # classical learners have one way only
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    decodings: tuple[str, ...] = tuple(DECODINGS)  # one fine-tune each, its epoch chosen with this decoding
    samples: int = 20  # answers sampled per row for a sampled mean or median


def cases(config):
    unknown = [name for name in config.decodings if name not in DECODINGS]
    if unknown:
        raise UnknownName(f"no decoding {unknown[0]!r}; have {', '.join(map(repr, DECODINGS))}")
    return study.grid(config, "regression", decoding=study.of_lift(config.decodings, "–"))


def build(case, config):
    decoding, samples = DECODINGS.get(case.settings["decoding"], ("", 0))
    samples = config.samples if samples is None else samples
    return study.trial(case, replace(config, decoding=decoding, samples=samples), "regression")


def figure(results):
    order = {name: index for index, name in enumerate(DECODINGS)}
    ways = results.assign(way=results["decoding"].where(results["method"] == "lift", results["method"]))
    ways = ways.sort_values("decoding", key=lambda names: names.map(order).fillna(-1), kind="stable")
    title = "Error and cost of each decoding"
    return plots.costs(ways, "way", title, "RAE on test rows, unfiltered")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
