"""Training and export, with PyTorch (an extra): on tiny recipes, killed and resumed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch, the extra lab")
pytest.importorskip("onnx", reason="training needs onnx, the extra lab")

from workbench import laboratory as lab  # noqa: E402 - only where PyTorch is
from workbench.laboratory import design  # noqa: E402
from workbench.laboratory.export import save_reader, save_writer  # noqa: E402
from workbench.laboratory.models import Reader, Writer  # noqa: E402
from workbench.laboratory.network import QuestionNet, WordNet, count_parameters  # noqa: E402
from workbench.laboratory.reading import word_ids  # noqa: E402
from workbench.laboratory.training import ReaderRun, train_reader, train_writer  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "train_laboratory.py"
torch.set_num_threads(1)  # as the script does: two tests at a time share two cores
TINY = design.Recipe(
    "tiny", seeds=(0,), width=16, layers=1, heads=2, words_per_step=32, rates=(3e-3, 1e-2),
    tuning_steps=6, check_every=10, patience=1, most_steps=20, cooldown=5, variants=2,
    writer_steps=20,
)  # fmt: skip
FEW = design.Halves(lab.halves().train[:400], lab.halves().check[:100], lab.halves().test[:100])


@pytest.fixture
def folder(tmp_path):
    """The shipped vocabularies, where models of a test can be written beside them."""
    for name in design.VOCABULARIES:
        (tmp_path / f"{name}.json").write_bytes(
            (lab.laboratory_dir() / f"{name}.json").read_bytes()
        )
    return tmp_path


ABOUT = {"kind": "reader", "arm": "bpe-4k", "seed": "0", "vocabulary": "bpe-4k"}


def test_a_file_answers_as_the_network_does(folder):
    net = QuestionNet(4096, 64, 2, 4)
    save_reader(net, folder / "bpe-4k-0.onnx", ABOUT)
    model = Reader("bpe-4k", 0, folder / "bpe-4k-0.onnx")
    words = list(FEW.test)
    tasks = ["find_last_occurrence"] * len(words)
    letters = [word[1] for word in words]
    found = model.probabilities(words, tasks, letters)
    asked = torch.full((len(words), 1), design.TASKS.index("find_last_occurrence"))
    numbers = torch.tensor([[ord(letter) - 97] for letter in letters])
    ids = torch.from_numpy(word_ids(words, model.tokenizer))
    wanted = net(ids, asked, numbers)[:, 0].softmax(-1).detach().numpy()
    assert np.abs(found - wanted).max() < 5e-3  # half precision
    assert (folder / "bpe-4k-0.onnx").stat().st_size < 800_000


def test_a_question_does_not_see_another_and_room_behind_a_word_is_not_read():
    net = QuestionNet(50, 16, 2, 2)
    words = torch.tensor([[3, 4, 50, 50]])
    tasks, letters = torch.tensor([[0, 1, 2]]), torch.tensor([[5, 26, 7]])
    together = net(words, tasks, letters)
    for i in range(3):
        alone = net(words[:, :2], tasks[:, i : i + 1], letters[:, i : i + 1])
        assert torch.allclose(alone[0, 0], together[0, i], atol=1e-5)


def test_a_word_model_does_not_see_what_comes(folder):
    net = WordNet(4096, 32, 2, 2)
    vectors = torch.randn(1, 5, 32)
    changed = vectors.clone()
    changed[0, 3:] += 1
    assert torch.allclose(net.hidden(vectors)[0, :3], net.hidden(changed)[0, :3], atol=1e-5)
    path = folder / "writer-bpe-4k-0.onnx"
    save_writer(net, path, ABOUT | {"kind": "writer"})
    writer = Writer("bpe-4k", 0, path)
    assert writer.embeddings.shape == (4097, 32)
    bits = writer.bits(list(FEW.test[:20]))
    nats = []
    for word in FEW.test[:20]:
        ids = torch.tensor([4096, *writer.tokenizer.encode(word), 4096])
        scores = net.hidden(net.tokens(ids[None, :-1]))[0] @ net.tokens.weight.T
        nats.append(
            float(torch.nn.functional.cross_entropy(scores, ids[1:], reduction="sum").detach())
        )
    assert bits == pytest.approx(np.array(nats) / np.log(2), rel=5e-3)


def test_only_the_table_differs_between_vocabularies():
    rest = {count_parameters(QuestionNet(size, 64, 2, 4))[1] for size in (26, 1024, 4096)}
    assert len(rest) == 1


def test_arms_of_a_seed_get_the_same_words_and_questions():
    runs = [ReaderRun(design.get_arm(name), TINY, 0, FEW) for name in
            ("characters", "bpe-4k", "bpe-4k-split-0.6")]  # fmt: skip
    batches = [next(run.start()[1]) for run in runs]
    for words, *asked in batches[1:]:
        assert len(words) == TINY.words_per_step
        for mine, theirs in zip(asked, batches[0][1:], strict=True):
            assert torch.equal(mine, theirs)
    assert runs[0].facts["inflation"] == runs[1].facts["inflation"] == 1
    assert runs[2].facts["inflation"] > 1.2
    assert runs[2].facts["words_split"] > 0.5


def test_a_seed_gives_the_same_model_again():
    run = ReaderRun(design.get_arm("bpe-1k"), TINY, 3, FEW)
    first, again = (train_reader(run, say=lambda _: None) for _ in range(2))
    assert first.facts["tried"] == again.facts["tried"]
    assert torch.allclose(first.net.tokens.weight, again.net.tokens.weight, atol=1e-5)
    assert set(first.facts["tried"]) == {"0.003", "0.01"}
    assert first.curve["task"].unique(maintain_order=True).to_list() == list(design.TASKS)
    assert first.facts["steps"] <= TINY.most_steps + TINY.cooldown


def test_training_learns():
    recipe = dataclasses.replace(
        TINY, rates=(1e-2,), most_steps=60, check_every=20, patience=9, cooldown=10,
    )  # fmt: skip
    trained = train_reader(ReaderRun(design.get_arm("characters"), recipe, 0, FEW), lambda _: None)
    assert not trained.facts["plateau"]
    looks = trained.curve.group_by("step", maintain_order=True).agg(pl.col("value").mean())
    assert looks["value"][-1] > looks["value"][0]
    more = dataclasses.replace(FEW, train=lab.halves().train[:6000])
    recipe = dataclasses.replace(recipe, most_steps=40)
    writer = train_writer("bpe-1k", recipe, 0, more, say=lambda _: None)
    bits = writer.curve["value"]
    assert writer.curve["task"].unique().to_list() == ["bits_per_byte"]
    assert bits[-1] < bits[0]


DRIVER = """
import dataclasses, sys
sys.path.insert(0, {scripts!r})
import train_laboratory as script
from workbench.laboratory import design
tiny = design.Recipe(**{recipe!r})
few = design.Halves(*(tuple(part[:300]) for part in
                      (design.halves().train, design.halves().check, design.halves().test)))
script.halves = lambda: few
script.ORDERS = ()
script.RECIPES = {{"tiny": tiny}}
sys.argv = ["train_laboratory.py", "--recipe", "tiny", "--output", sys.argv[1], "--jobs", "1"]
if __name__ == "__main__":
    sys.exit(script.main())
"""


def run_script(folder, driver):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", driver, folder], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_a_training_that_is_killed_goes_on_where_it_was(tmp_path):
    driver, folder = tmp_path / "driver.py", tmp_path / "models"
    recipe = dataclasses.asdict(TINY)
    driver.write_text(DRIVER.format(scripts=str(SCRIPT.parent), recipe=recipe))
    first = run_script(folder, driver)
    parts = folder / "parts"
    # A model that is written is told; a run that ends before it tells nothing more.
    assert any(" steps in " in line for line in first.stdout), first.communicate()
    first.send_signal(signal.SIGKILL)
    first.communicate()  # its worker ends too, or this would wait for the pipe
    there = [path.name for path in parts.glob("*.json")]
    models = {name: (folder / name.replace(".json", ".onnx")).read_bytes() for name in there}
    done = run_script(folder, driver)
    out, errors = done.communicate()
    assert done.returncode == 0, out + errors
    assert not parts.exists()  # what they held is in the tables
    for name in there:
        assert (folder / name.replace(".json", ".onnx")).read_bytes() == models[name]
        assert f"{Path(name).stem}: is there already" in out
    assert [m.arm for m in lab.load_models(folder)] == [arm.name for arm in design.ARMS]
    assert [w.arm for w in lab.load_writers(folder)] == [design.WRITER]
    facts = lab.training_facts(folder)
    assert facts["recipe"]["name"] == "tiny"
    assert len(facts["models"]) == len(design.ARMS) + 1
    assert set(lab.learning_curves(folder)["model"]) >= {arm.name + "-0" for arm in design.ARMS}
    # A folder of one's own is as good as the shipped one.
    scored = lab.ask_all(lab.unseen_items(1), lab.load_models(folder))
    assert scored["model"].n_unique() == len(design.ARMS)
    assert str(ROOT) not in json.dumps(facts)
    # And a folder that is whole is taken up as it is: nothing is trained, no record is lost.
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = run_script(folder, driver)
    out, errors = again.communicate()
    assert again.returncode == 0, out + errors
    assert out.count("is there already") == len(design.ARMS) + 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_pytorch_the_script_says_what_to_do(tmp_path):
    code = (
        "import importlib.util, sys; sys.argv = ['x']; import train_laboratory as s; "
        "find = importlib.util.find_spec; "
        "s.importlib.util.find_spec = lambda n: None if n == 'torch' else find(n); "
        "sys.exit(s.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(SCRIPT.parent)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "make lab-train" in done.stderr
    assert "Traceback" not in done.stderr
