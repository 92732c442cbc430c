"""Which parameters get which optimizer, and that one learning rate serves both."""

import pytest
import torch

from utils import models
from utils.errors import UserError
from utils.models import FineTuning
from utils.models.local import optimization


def named():
    shapes = {
        "wte.weight": (8, 4),
        "h.0.fc.weight": (4, 4),
        "h.0.fc.bias": (4,),
        "ln.weight": (4,),
        "lm_head.weight": (8, 4),
    }
    return {name: torch.nn.Parameter(torch.ones(shape)) for name, shape in shapes.items()}


def test_muon_takes_the_inner_matrices_alone():
    parameters = named()
    muon, adamw = optimization.build(parameters, "muon", 1e-2, 0.1)
    assert isinstance(muon, torch.optim.Muon)
    assert [id(p) for p in muon.param_groups[0]["params"]] == [id(parameters["h.0.fc.weight"])]
    assert len(adamw.param_groups[0]["params"]) == 4
    assert muon.param_groups[0]["lr"] == adamw.param_groups[0]["lr"] == 1e-2
    assert (muon.param_groups[0]["weight_decay"], adamw.param_groups[0]["weight_decay"]) == (0.1, 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_matrices_become_nearly_orthogonal_each_for_itself_and_in_their_order(dtype):
    generator = torch.Generator().manual_seed(0)
    matrices = [torch.randn(shape, generator=generator) for shape in [(8, 24), (8, 8), (24, 8), (8, 24), (6, 40)]]
    steps = optimization.orthogonal([1e3 * matrices[0], *matrices[1:]], dtype)
    assert [step.shape for step in steps] == [matrix.shape for matrix in matrices]
    for matrix, step in zip(matrices, steps, strict=True):
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        inside = left.T @ step.float() @ right.T  # diagonal where the singular vectors stay
        assert (inside - inside.diag().diag()).abs().max() < (1e-3 if dtype == torch.float32 else 0.1)
        large = values > 0.1 * values.norm()  # smaller ones need more steps
        assert inside.diag()[large].min() > 0.65
        assert inside.diag().max() < 1.3


def test_no_gradient_gives_no_step():
    assert all(step.abs().max() == 0 for step in optimization.orthogonal([torch.zeros(4, 8)], torch.float32))


def test_embeddings_may_have_a_rate_of_their_own():
    muon, adamw = optimization.build(named(), "muon", 1e-2, 0.1, embedding_rate=1e-4)
    assert (muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"]) == (1e-2, 1e-4)


def test_adamw_decays_matrices_and_nothing_else():
    (adamw,) = optimization.build(named(), "adamw", 1e-3, 0.1)
    assert [(len(g["params"]), g["weight_decay"]) for g in adamw.param_groups] == [(3, 0.1), (2, 0.0)]


def test_no_empty_optimizer_is_made():
    only = {"h.0.weight": torch.nn.Parameter(torch.ones(2, 2))}
    assert len(optimization.build(only, "muon", 1e-3, 0.0)) == 1
    assert len(optimization.build({"b": torch.nn.Parameter(torch.ones(2))}, "muon", 1e-3, 0.0)) == 1


@pytest.mark.parametrize("adapter", ["full", "lora"])
@pytest.mark.parametrize("optimizer", optimization.OPTIMIZERS)
def test_both_learn_a_small_task(optimizer, adapter):
    pairs = [(f"{x} =>", f" {int(x > 500)}") for x in range(20, 1000, 40)]
    losses = []

    def look(epoch, model, loss):
        losses.append(loss)

    model = models.load("lift-tiny", adapter=adapter, device="cpu", threads=1)
    how = FineTuning(learning_rate=2e-3, epochs=12, batch_size=8, optimizer=optimizer)
    model.fine_tune(pairs, pairs, settings=how, seed=0, on_epoch=look)
    assert losses[-1] < 0.7 * losses[0]


def test_an_unknown_one_is_refused_before_training():
    model = models.load("lift-tiny", device="cpu", threads=1)
    with pytest.raises(UserError, match="no optimizer 'sgd'; have adamw, muon"):
        model.fine_tune([("1 =>", " 0")], settings=FineTuning(optimizer="sgd"), seed=0)


def test_a_fine_tune_gives_embeddings_their_share_of_the_rate(monkeypatch):
    asked = []
    build = optimization.build

    def recorded(named, optimizer, learning_rate, weight_decay, embedding_rate):
        asked.append((optimizer, learning_rate, embedding_rate))
        return build(named, optimizer, learning_rate, weight_decay, embedding_rate)

    monkeypatch.setattr(optimization, "build", recorded)
    model = models.load("lift-tiny", device="cpu", threads=1)
    how = FineTuning(learning_rate=1e-2, epochs=1, optimizer="muon", embedding_share=0.5)
    model.fine_tune([("1 =>", " 0")], settings=how, seed=0)
    assert asked == [("muon", 1e-2, 5e-3)]
    with pytest.raises(UserError, match="embedding_share is -1"):
        model.fine_tune([("1 =>", " 0")], settings=FineTuning(embedding_share=-1), seed=0)
