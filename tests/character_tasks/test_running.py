"""Models are run for real: over HTTP, through trouble, killed in the middle, without a leak."""

import importlib.util
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import polars as pl
import pytest

from workbench.character_tasks import accounting, build_items, read_answers, score, wordfreq_words
from workbench.character_tasks.errors import CharacterTaskError
from workbench.character_tasks.items import sample_items
from workbench.character_tasks.ledger import Ledger, without_secrets
from workbench.character_tasks.running import ask, estimate_run, run_model

KEY = "sk-loopback-0123456789abcdef"
MODEL = "openai-api/loopback/tiny"
QUIET = {"announce": None, "model_args": {"max_retries": 2}}

_spec = importlib.util.spec_from_file_location("chat_server", Path(__file__).with_name("server.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
ChatServer = _module.ChatServer


@pytest.fixture(scope="module")
def items():
    return build_items(wordfreq_words("en", 30_000), per_cell=5)


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPBACK_API_KEY", KEY)
    monkeypatch.setenv("INSPECT_TRACE_FILE", str(tmp_path / "trace.log"))

    def use(server):
        monkeypatch.setenv("LOOPBACK_BASE_URL", server.url)
        return server

    return use


def luck(question):
    """A number from 0 to 99 that belongs to the question."""
    return zlib.crc32(question.encode()) % 100


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_every_item_is_answered_through_every_kind_of_trouble(items, environment, tmp_path):
    def trouble(question, attempt):
        if luck(question) < 60 and attempt == 1:
            return {0: 429, 1: 500, 2: "drop", 3: 503}.get(luck(question) % 4)
        return "refuse" if luck(question) >= 95 else None

    with environment(ChatServer(lambda _: "1", trouble, delay=0.01)) as server:
        answers = run_model(items, MODEL, log_dir=tmp_path, max_connections=8, **QUIET)
    assert answers.height == items.height
    assert answers["response"].null_count() == 0
    assert max(server.answered.values()) == 1
    assert server.most_in_flight <= 8
    scored = score(items, answers)
    counts = accounting(scored, by=("model",)).row(0, named=True)
    refused = sum(luck(question) >= 95 for question in server.asked)
    assert counts["refused"] == refused > 0
    assert counts["correct"] + counts["wrong"] + refused == items.height
    # Inspect's own log tells the same answers.
    (log,) = (tmp_path / "inspect").glob("*.eval")
    told = read_answers(log).sort("question_idx")
    assert told.select("question_idx", "response").equals(
        answers.sort("question_idx").select("question_idx", "response")
    )
    assert told["refused"].sum() == refused


def test_what_cannot_be_answered_is_failed_and_asked_again_only_on_request(
    items, environment, tmp_path
):
    part = sample_items(items, 12)
    bad = {"broken": [True]}

    def trouble(question, _):
        return "broken" if bad["broken"][0] and luck(question) < 40 else None

    arguments = {"log_dir": tmp_path, "max_retries": 0, **QUIET}
    with environment(ChatServer(lambda _: "2", trouble)) as server:
        answers = run_model(part, MODEL, **arguments)
        failed = answers.filter(pl.col("response").is_null())
        assert 0 < failed.height < 12
        assert failed["error"].str.len_chars().min() > 0
        counts = accounting(score(part, answers), by=("model",))
        assert counts["failed"].to_list() == [failed.height] * 2
        before = server.asked.total()
        assert run_model(part, MODEL, **arguments).equals(answers)
        assert server.asked.total() == before, "recorded failures are not asked again"
        bad["broken"][0] = False
        mended = run_model(part, MODEL, retry_failed=True, **arguments)
        assert mended["response"].to_list() == ["2"] * 12
        assert server.asked.total() == before + failed.height


RUNNER = """
import sys
import polars as pl
from workbench.character_tasks.running import run_model
if __name__ == "__main__":
    run_model(pl.read_parquet(sys.argv[1]), "openai-api/loopback/tiny", log_dir=sys.argv[2],
              max_connections=4, announce=None)
"""


def test_a_killed_run_loses_no_answer_and_repeats_only_what_was_in_flight(
    items, environment, tmp_path
):
    items.write_parquet(tmp_path / "items.parquet")
    script = tmp_path / "runner.py"
    script.write_text(RUNNER)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, str(script), str(tmp_path / "items.parquet"), str(tmp_path / "log")]
    with environment(ChatServer(lambda _: "1", delay=0.02)) as server:
        env = {**os.environ, "PYTHONPATH": str(root)}
        runner = subprocess.Popen(command, env=env, cwd=tmp_path)
        try:
            with server.changed:
                reached = server.changed.wait_for(
                    lambda: server.answered.total() >= 40 or runner.poll() is not None, timeout=120
                )
            assert reached
            assert runner.poll() is None, "the run ended before it could be killed"
        finally:
            os.kill(runner.pid, signal.SIGKILL)
            runner.wait()
        (path,) = (tmp_path / "log").glob("*.answers.jsonl")
        with path.open("ab") as handle:
            handle.write(b'{"question_idx": 3, "respo')  # a write that the kill cut in two
        recorded = path.read_bytes().count(b'"response": "1"')
        asked_before = server.asked.copy()
        assert recorded >= 36
        answers = run_model(items, MODEL, log_dir=tmp_path / "log", max_connections=4, **QUIET)
    assert answers.height == items.height == len(server.asked)
    assert answers["response"].to_list() == ["1"] * items.height
    repeated = [q for q, times in server.asked.items() if times > 1]
    assert len(repeated) <= 4
    # Whatever was recorded before the kill was asked exactly once, in both runs together.
    assert sum(asked_before.values()) - recorded <= 4
    assert server.asked.total() == recorded + (sum(asked_before.values()) - recorded) + (
        items.height - recorded
    )


def test_keys_reach_no_file(items, environment, tmp_path, capfd):
    part = sample_items(items, 6)
    with environment(
        ChatServer(lambda _: "1", lambda q, _: 401 if luck(q) < 60 else None)
    ) as server:
        answers = run_model(part, MODEL, log_dir=tmp_path / "log", max_retries=0, **QUIET)
    assert server.keys == {f"Bearer {KEY}"}, "the key was really sent, and echoed by the server"
    assert answers["error"].str.contains("[secret]", literal=True).any()
    import zipfile

    for path in files_below(tmp_path):
        data = path.read_bytes()
        if path.suffix == ".eval":
            with zipfile.ZipFile(path) as archive:
                data += b"".join(archive.read(name) for name in archive.namelist())
        assert KEY.encode() not in data, path
    out, err = capfd.readouterr()
    assert KEY not in out + err


def test_a_ledger_of_other_items_is_refused(tmp_path):
    header = {"model": "m", "items": "a", "prompt": None, "settings": {}}
    Ledger(tmp_path / "x.jsonl", header).record(1, "3")
    again = Ledger(tmp_path / "x.jsonl", header)
    assert again.recorded(failures=True) == {1}
    with pytest.raises(CharacterTaskError, match="another run \\(other items\\)"):
        Ledger(tmp_path / "x.jsonl", {**header, "items": "b"})
    with (tmp_path / "x.jsonl").open("ab") as handle:
        handle.write(b"garbage in the middle\n")
    with pytest.raises(CharacterTaskError, match="line 3, is no JSON"):
        Ledger(tmp_path / "x.jsonl", header).read()


def test_two_runs_do_not_write_one_ledger(items, tmp_path, environment):
    from filelock import FileLock

    part = sample_items(items, 3)
    with environment(ChatServer(lambda _: "1")):
        run_model(part, MODEL, log_dir=tmp_path, **QUIET)
        (path,) = tmp_path.glob("*.answers.jsonl")
        with FileLock(f"{path}.lock"), pytest.raises(CharacterTaskError, match="Another run"):
            run_model(part, MODEL, log_dir=tmp_path, **QUIET)


def test_the_estimate_says_items_time_and_cost_before_anything_is_sent(items):
    told = estimate_run(items, max_connections=10, price=(2.5, 10.0))
    assert told.items == 140
    assert told.seconds == pytest.approx(14.0)
    assert 140 * 40 < told.input_tokens < 140 * 120
    assert told.cost == pytest.approx((told.input_tokens * 2.5 + 140 * 8 * 10) / 1e6)
    assert "140 items" in str(told)
    assert "price unknown" in str(estimate_run(items))
    many = estimate_run(pl.concat([items] * 100), max_connections=1000)
    assert many.seconds == pytest.approx(14_000 / 40), "the runner itself is a limit"


def test_the_default_is_two_thousand_items(environment, tmp_path):
    items = build_items(wordfreq_words("en", 60_000), per_cell=80)
    said = []

    def stop(text):
        said.append(text)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_model(items, MODEL, log_dir=tmp_path, announce=stop)
    assert said[0].startswith(f"{MODEL}: 2,000 items to ask: about ")


def test_one_model_one_word(environment):
    assert ask("strawberry", "r", model=lambda _: "3")["strict_outcome"][0] == "correct"
    with environment(ChatServer(lambda _: "The answer is **3**.")) as server:
        row = ask("strawberry", "r", model=MODEL, base_url=server.url).row(0, named=True)
    assert (row["strict_outcome"], row["lenient_outcome"]) == ("invalid", "correct")
    assert ask("strawberry", model=lambda _: "8")["strict_outcome"][0] == "correct"
    row = ask("strawberry", "r", task="find_last_occurrence", model=lambda _: "8")
    assert row["strict_outcome"][0] == "correct"
    with pytest.raises(CharacterTaskError, match="'z' is none of"):
        ask("strawberry", "z", model=lambda _: "0")


def test_inspects_command_line_finds_the_tasks(environment, tmp_path):
    """As `inspect eval` resolves them: by name, through the registry."""
    from inspect_ai._eval.registry import task_create

    import workbench.character_tasks.inspect_task  # noqa: F401 - what the entry point loads

    assert len(task_create("workbench/ask", word="strawberry", character="r").dataset) == 1
    task = task_create("workbench/charbench", n=28, per_cell=2)
    assert len(task.dataset) == 28
    assert task.dataset[0].input[-1].text.startswith("Answer this question only")
    assert len(task_create("workbench/cute", n=16, tasks="spell").dataset) == 16
    game = task_create("workbench/langgame", n=6, tasks="longest").dataset
    assert all(sample.target in sample.input[-1].text for sample in game)


def test_one_command_in_a_shell_asks_one_model_about_one_word(environment, tmp_path):
    with environment(ChatServer(lambda _: "3")) as server:
        command = [
            str(Path(sys.executable).with_name("inspect")), "eval", "workbench/ask", "--model",
            MODEL, "-T", "word=strawberry", "-T", "character=r", "--log-dir", "logs",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    assert len(server.asked) == 1
    (log,) = (tmp_path / "logs").glob("*.eval")
    assert read_answers(log)["response"].to_list() == ["3"]


def test_code_that_comes_with_a_model_is_never_run(items, tmp_path):
    with pytest.raises(CharacterTaskError, match="never does"):
        run_model(items, "hf/some/model", log_dir=tmp_path, model_args={"trust_remote_code": True})
    with pytest.raises(CharacterTaskError, match="never does"):
        ask("strawberry", "r", model="hf/some/model", trust_remote_code=True)
    assert not list(tmp_path.iterdir())


def test_local_transformers_run_on_a_tiny_model(items, tmp_path):
    pytest.importorskip("torch", reason="local Transformers need PyTorch, an extra of the project")
    pytest.importorskip("accelerate", reason="local Transformers need accelerate, of that extra")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    letters = {chr(c): i for i, c in enumerate(range(32, 127))} | {"\n": 95, "<e>": 96}
    backend = Tokenizer(models.WordLevel(letters, unk_token="<e>"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<e>", pad_token="<e>",
        chat_template="{% for m in messages %}{{ m['content'] }}\n{% endfor %}",
    )  # fmt: skip
    GPT2LMHeadModel(
        GPT2Config(
            vocab_size=97,
            n_embd=16,
            n_layer=1,
            n_head=1,
            n_positions=1024,
            bos_token_id=96,
            eos_token_id=96,
        )
    ).save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    part = sample_items(items, 4)
    answers = run_model(
        part, "hf/tiny", log_dir=tmp_path / "log", announce=None, max_tokens=3,
        model_args={"model_path": str(tmp_path / "tiny"), "device": "cpu"},
    )  # fmt: skip
    assert answers["error"].null_count() == 4, answers["error"].to_list()
    assert answers["response"].null_count() == 0
    assert score(part, answers).height == 4


def test_secrets_are_blotted_out(monkeypatch):
    monkeypatch.setenv("SOME_SERVICE_API_KEY", "abc123456")
    assert without_secrets("sent abc123456!") == "sent [secret]!"
