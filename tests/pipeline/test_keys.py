"""What is part of a key, and what is not."""

import dataclasses
import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from features.errors import InputError
from features.hashes import Pin
from features.tables import Row, Table
from pipeline.engine import closure
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Job, StageFailedError, cached, run_jobs
from pipeline.engine.keys import Key, digest_of_code, key_of
from pipeline.engine.stamps import CodeChangedError
from tests.helpers.project import ROOT

FILES = {
    "__init__.py": "",
    "job.py": (
        '"""A job."""\n'
        "import numpy as np\n"
        "from . import steps\n"
        "from .deep import part\n"
        "LIMIT = 3\n"
        '"""How many."""\n'
        "def compute(out):\n"
        '    """Compute it."""\n'
        "    from .lazy import late  # when it is needed\n"
        '    (out / "x").write_text(str(late() + steps.step()))\n'
    ),
    "steps.py": "from .settings import Size\ndef step():\n    return 1\n",
    "lazy.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from .typed import T\n"
        "try:\n    import zzz_not_installed\nexcept ImportError:\n    pass\n"
        "if LATE := True:\n    from importlib import import_module\n"
        'def late():\n    return import_module("toy.named").N\n'
    ),
    "named.py": "N = 1\n",
    "typed.py": "class T: ...\n",
    "settings.py": "class Size:\n    n = 1\n",
    "deep/__init__.py": "from ..above import A\n",
    "deep/part.py": 'from pathlib import Path\nNAME = "numbers.txt"\n',
    "deep/numbers.txt": "1 2 3",
    "deep/other.txt": "1 2 3",
    "above.py": "A = 1\n",
    "unused.py": "B = 1\n",
    "things.py": (
        "from features.tables import Row, Table\n"
        "import toy.typed\n"
        'THINGS = Table("toy", {"a": Row(code="toy.a:run"), "b": Row(code="toy.b:run")})\n'
        "def first():\n    return next(iter(THINGS))\n"
    ),
    "a.py": "def run(): return 1\n",
    "b.py": "def run(): return 2\n",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thing(Row):
    size: int = 1
    places: tuple[str, ...] = ()
    legend: str = dataclasses.field(default="", metadata={"words": True})


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package whose job imports in every way that there is."""
    folder = tmp_path / "toy"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    Table("toy", {"a": Thing(code="toy.a:run"), "b": Thing(code="toy.b:run")})
    closure.forget()
    yield folder
    closure.forget()
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]


def fresh(*inputs, function="toy.job:compute", **given) -> Key:
    closure.forget()
    return key_of(function, *inputs, **given)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_closure_is_all_that_may_run(toy):
    code = closure.code_of(["toy.job"])
    names = (".job", ".steps", ".deep", ".deep.part", ".lazy", ".named", ".above")
    assert set(code.modules) == {*(f"toy{name}" for name in names), "toy.deep.part/numbers.txt"}
    assert set(code.files) == {*code.modules, "toy"}  # whose __init__.py is empty
    assert set(code.libraries) == {"numpy", "zzz_not_installed"}
    assert code.libraries["numpy"].startswith("numpy ")
    assert code.libraries["zzz_not_installed"] == "none"
    assert "toy.job" not in sys.modules


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("job.py", "LIMIT = 3", "LIMIT = 4"),
        ("job.py", "LIMIT = 3", "LIMIT = 3.0"),
        ("steps.py", "return 1", "return 2"),
        ("lazy.py", "late()", "late(_=0)"),
        ("named.py", "1", "-1"),
        ("above.py", "A = 1", "A = True"),
        ("deep/numbers.txt", "3", "4"),
    ],
)
def test_a_changed_line_changes_the_key(toy, file, old, new):
    before = fresh()
    edit(toy / file, old, new)
    assert fresh() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("job.py", "A job.", "A job, explained."),
        ("job.py", "How many.", "How many there are."),
        ("job.py", "Compute it.", ""),
        ("job.py", "  # when it is needed", "  # late"),
        ("job.py", "LIMIT = 3", "LIMIT  =  (3)\n\n"),
        ("settings.py", "n = 1", "n = 2"),
        ("typed.py", "...", "pass"),
        ("unused.py", "1", "2"),
        ("deep/other.txt", "3", "4"),
    ],
)
def test_words_values_of_settings_and_what_is_not_reached_change_nothing(toy, file, old, new):
    before = fresh()
    edit(toy / file, old, new)
    (toy / "new.py").write_text("C = 1\n")
    assert fresh() == before


def test_inputs_and_the_function_are_in_the_key(toy):
    keys = [
        fresh(),
        fresh(1),
        fresh("1"),
        fresh(1, {"a": 2}),
        fresh(function="toy.job:another"),
        fresh(function="toy.steps:step"),
    ]
    assert len(set(keys)) == len(keys)
    assert fresh(1, {"b": 1, "a": 2}) == fresh(1, {"a": 2, "b": 1})


def test_versions_of_libraries_are_in_the_key(toy, monkeypatch):
    before = fresh()
    monkeypatch.setattr(closure, "_version_of", lambda name: f"{name} 99")
    assert fresh() != before


def test_only_the_rows_that_are_used_are_in_the_key(toy):
    before = fresh(rows=[("toy", "a")])
    assert before != fresh()
    assert before != fresh(rows=[("toy", "b")])
    edit(toy / "b.py", "2", "3")
    assert fresh(rows=[("toy", "a")]) == before
    edit(toy / "a.py", "1", "3")
    assert fresh(rows=[("toy", "a")]) != before


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"title": "A thing"}, False),
        ({"legend": "what a thing is"}, False),
        ({"size": 2}, True),
        ({"places": ("x",)}, True),
        ({"places": ("toy.b:run",)}, True),
    ],
)
def test_values_of_rows_count_and_their_words_do_not(toy, change, counts):
    before = fresh(rows=[("toy", "a")])
    Table("toy", {"a": Thing(code="toy.a:run", **change)})
    assert (fresh(rows=[("toy", "a")]) != before) == counts


def test_what_makes_a_table_does_not_count_and_what_uses_it_does(toy):
    job = "toy.things:first"
    before = fresh(function=job)
    assert "toy.a" not in closure.code_of(["toy.things"]).modules
    edit(toy / "things.py", '"b": Row', '"c": Row(code="toy.c:run"), "b": Row')
    edit(toy / "things.py", "import toy.typed", "import toy.typed  # and another\nimport toy.typed")
    assert fresh(function=job) == before
    edit(toy / "things.py", "next(iter", "list(iter")
    assert fresh(function=job) != before


def test_a_pin_stands_for_the_code_while_its_digest_matches(toy):
    pin = Pin(1, digest_of_code("toy.job:compute"))
    before = fresh(pin=pin)
    assert before != fresh()
    assert before != fresh(pin=Pin(2, pin.digest))
    edit(toy / "named.py", "1", "0 + 1")
    after = fresh(pin=pin)
    assert after == fresh()  # the code counts again
    renewed = Pin(1, digest_of_code("toy.job:compute"))
    assert fresh(pin=renewed) == before


def test_a_key_reaches_workers_whole(toy):
    key = fresh(rows=[("toy", "a")])
    copy = pickle.loads(pickle.dumps(key))
    assert (copy, copy.rows, copy.files) == (key, key.rows, key.files)


def run_with(files, change, out):
    """A job of the test: what it is to do is handed in."""
    change()
    (out / "x").write_text("x")


def thing(name: str, out: Path) -> None:
    from features.tables import table_of

    (out / "x").write_text(str(table_of("toy")[name]))


def run_alone(stage, job, execution):
    return run_jobs(stage, [job], execution, processes=1)


@pytest.mark.parametrize("run", [cached, run_alone])
@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("def step(): return 2\n"),
        lambda file: (file.write_text("x"), file.write_text(FILES["steps.py"])),
        lambda file: file.unlink(),
        lambda file: (file.rename(file.with_suffix(".old")), file.write_text(FILES["steps.py"])),
    ],
    ids=["edited", "and-back", "deleted", "replaced"],
)
def test_a_result_is_kept_only_if_the_code_stayed_as_it_was_read(toy, tmp_path, run, change):
    execution = ExecutionSettings(cache=str(tmp_path / "cache"))
    key = fresh()
    job = Job("a", key, partial(run_with, None, partial(change, toy / "steps.py")))
    with pytest.raises(CodeChangedError, match=r"the code changed while it ran \(toy.steps\)"):
        run("stage", job, execution)
    assert not list((tmp_path / "cache").rglob("x"))


def test_a_change_of_other_code_loses_nothing(toy, tmp_path):
    execution = ExecutionSettings(cache=str(tmp_path / "cache"))
    change = partial((toy / "unused.py").write_text, "B = 2\n")
    key = fresh()
    assert cached("stage", Job("a", key, partial(run_with, None, change)), execution).row.key == key


def test_code_that_changed_before_its_key_was_made_is_noticed(toy):
    """The module that this process has may be the older one."""
    before = fresh()
    __import__("toy.steps")
    edit(toy / "steps.py", "return 1", "return 2")
    with pytest.raises(CodeChangedError, match=r"after this process began \(toy"):
        fresh()
    with pytest.raises(CodeChangedError), before.computing():
        pass


def test_a_row_that_a_job_does_not_name_is_an_error(toy, tmp_path):
    execution = ExecutionSettings(cache=str(tmp_path / "cache"))
    key = fresh(rows=[("toy", "a")])
    assert cached("stage", Job("a", key, partial(thing, "a")), execution).row.key == key
    key = fresh("b", rows=[("toy", "a")])
    with pytest.raises(InputError, match="a job uses the toy b, which is not among its rows"):
        cached("stage", Job("b", key, partial(thing, "b")), execution)
    with pytest.raises(StageFailedError) as failed:
        run_alone("stage", Job("b", key, partial(thing, "b")), execution)
    assert "not among its rows" in failed.value.failures[0].reason


def test_keys_are_the_same_in_every_process_and_need_no_torch():
    script = (
        "import sys; from pipeline.engine.keys import key_of\n"
        "key = key_of('models.training.run:train_seed')\n"
        "assert 'torch' not in sys.modules and 'models' not in sys.modules; print(key)"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(keys) == 1


def test_the_keys_of_all_stages_take_little_time_and_no_torch():
    script = (
        "import sys, time; from pipeline.keys import stages_of; from pipeline.params import "
        "load_params\n"
        "params = load_params(); begun = time.process_time()\n"
        "lines = [list(stage.lines()) for stage in stages_of(params).values()]\n"
        "assert len(lines) > 15 and 'torch' not in sys.modules\n"
        "print(time.process_time() - begun)"
    )
    seconds = []
    for _ in range(2):  # the second one has what the first worked out of the modules
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True,
            check=True,
        )
        seconds.append(float(done.stdout))
    assert min(seconds) < 1.5
