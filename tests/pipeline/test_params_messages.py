import copy
import datetime
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, get_args

import pytest
from pydantic import Field, Strict, ValidationError, create_model, model_validator
from pydantic_core.core_schema import ErrorType
from ruamel.yaml import YAML

from features.errors import InputError
from features.settings import Settings
from pipeline.engine.messages import WORDS, sentences
from pipeline.engine.yaml_file import parse_yaml
from pipeline.params import load_params

OWN = Path(__file__).parents[2] / "params.yaml"
YAML_OF_OWN = YAML(typ="safe", pure=True).load(OWN)


@pytest.fixture
def load(tmp_path):
    """Load a params.yaml of this text."""

    def load(text):
        file = tmp_path / "params.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_params(file)

    return load


@pytest.fixture
def change(tmp_path):
    """Load the repository's params.yaml with one key set to another value."""

    def change(key, value):
        content = copy.deepcopy(YAML_OF_OWN)
        *sections, last = key.split(".")
        section = content
        for name in sections:
            section = section[name]
        section[last] = value
        with (tmp_path / "params.yaml").open("w") as file:
            YAML(typ="safe", pure=True).dump(content, file)
        return load_params(tmp_path / "params.yaml")

    return change


WRONG = [
    # unknown keys
    ("faces.marign", 0.2, "faces.marign is not a known key"),
    ("train.network.dims", 64, "train.network.dims is not a known key"),
    ("models.frame_zero.ablation.q", 0.5, "models.frame_zero.ablation.q is not a known key"),
    ("everything", 1, "everything is not a known key"),
    # wrong types
    ("train.learning_rate", "1e-4", "train.learning_rate is '1e-4', must be a number"),
    ("train.epochs", 3.5, "train.epochs is 3.5, must be a whole number"),
    ("train.epochs", 3.0, "train.epochs is 3.0, must be a whole number without a point"),
    ("train.epochs", True, "train.epochs is true, must be a whole number"),
    ("streams.fc6.rectify", "yes", "streams.fc6.rectify is 'yes', must be true or false"),
    ("train.seeds", 0, "train.seeds is 0, must be a list"),
    ("corpus.exclude", ["clip"], r"corpus.exclude is \['clip'\], must be keys with values"),
    ("corpus.exclude", {"clip": None}, "corpus.exclude.clip is empty, must be text"),
    ("faces", None, "faces is empty, must be keys with values"),
    ("faces", [], "faces is empty, must be keys with values"),
    # impossible values
    (
        "models.frame_zero.ablation.p",
        1.5,
        "models.frame_zero.ablation.p is 1.5, must be at most 1 ",
    ),
    (
        "models.frame_zero.ablation.p",
        -0.1,
        "models.frame_zero.ablation.p is -0.1, must be at least 0 ",
    ),
    (
        "models.frame_zero.ablation.p",
        float("nan"),
        "models.frame_zero.ablation.p is nan, must be a finite",
    ),
    (
        "evaluate.conditions",
        [{"strategy": "clip_zero", "p": [0.5, 2]}],
        "evaluate.conditions.0.p.1 is 2, must be at most 1 ",
    ),
    ("train.learning_rate", float("inf"), "train.learning_rate is inf, must be a finite number"),
    ("train.learning_rate", 0, "train.learning_rate is 0, must be above 0 "),
    ("train.heldout", 1, "train.heldout is 1, must be above 0 and below 1"),
    ("train.seeds", [0, 1, 0], r"train: seeds \[0, 1, 0\] name one seed twice"),
    ("train.seeds", [-1], "train.seeds.0 is -1, must be at least 0"),
    ("train.seeds", [], "train.seeds is empty, must have 1 or more entries"),
    ("evaluate.seed", -1, "evaluate.seed is -1, must be at least 0"),
    ("corpus.split.seed", -1, "corpus.split.seed is -1, must be at least 0"),
    ("train.network.dim", 66, "train.network: dim 66 is not a multiple of heads 4"),
    ("streams.lld.context_seconds", 0.01, "streams.lld: context_seconds is 0.01: write 0 for"),
    ("streams.lld.context_seconds", -1, "streams.lld.context_seconds is -1, must be at least 0 "),
    ("windows.clip_frames", 0, "windows.clip_frames is 0, must be above 1"),
    (
        "corpus.name",
        "affwild3",
        "corpus.name: there is no corpus 'affwild3': did you mean affwild2.? Choose demo, folder, ",
    ),
    ("corpus.split", {"validation": 0.5, "test": 0.5}, "corpus.split: .* no train speaker"),
    ("corpus.demo.clips", 4, "corpus.demo: 4 clips cannot give each of 64 speakers one"),
    ("corpus", {"name": "folder"}, "corpus: root must name the folder"),
    ("streams.fc6.weights", "vggface.h5", "streams.fc6: sha256 of the weights file is missing"),
    (
        "streams.fc6.sha256",
        "abc",
        "streams.fc6.sha256 is 'abc', must be the 64 digits that sha256sum prints",
    ),
    ("models", {}, "models is empty, must have 1 or more entries"),
    ("models.a b", {}, "models has the name 'a b', must be at most 100 letters"),
    (
        "models.baseline.network",
        "lstm",
        "models.baseline.network: there is no network 'lstm': choose crossmodal, ",
    ),
    ("models.baseline.sees", ["lld"], "models.baseline: network crossmodal takes 2"),
    ("models.baseline.sees", ["lld", "lld"], "models.baseline: network crossmodal"),
    ("models.video_only.sees", ["lld", "fc6"], "models.video_only: network unimodal"),
    ("models.baseline.sees", [], "models.baseline.sees is empty, must have 1 or more entries"),
    (
        "models.baseline.sees",
        ["lld", "fc7"],
        r"models.baseline: sees has fc7, which is not one of the streams .*did you mean fc6\?",
    ),
    (
        "streams.fc6.extractor",
        "vgface",
        r"streams.fc6.extractor: there is no extractor 'vgface': did you mean vggface\? Choose",
    ),
    ("streams.fc6.weigths", "random", r"streams.fc6.weigths is not .* did you mean weights\?"),
    ("streams.fc6.modality", "text", "streams.fc6.modality is 'text', must be 'video'"),
    ("streams.2021", {}, "streams has the name '2021', must not be a number"),
    (
        "models.video_only.ablation",
        {"strategy": "frame_zero", "modality": "audio"},
        "models.video_only: ablation takes audio away, which the model does not see",
    ),
    (
        "models.audio_only.ablation",
        {"strategy": "frame_zero", "modality": "both"},
        "models.audio_only: ablation takes video away, which the model does not see",
    ),
    (
        "models.video_only.ablation",
        {"strategy": "mixed"},
        "models.video_only: ablation takes audio",
    ),
    (
        "models.baseline.preset",
        "vaswani",
        "models.baseline.preset: there is no preset 'vaswani': choose parth",
    ),
    (
        "models.video_only.preset",
        "chumachenko2022",
        "models.video_only: preset chumachenko2022 has no network unimodal, it has fusion, "
        "picture_fusion",
    ),
    ("models.baseline.size", {"dims": 8}, "models.baseline.size.dims is not a known key"),
    ("models.baseline.size", {"dim": 30}, "models.baseline.size: dim 30 is not a multiple of"),
    ("models.baseline.options", {"kind": "ia"}, "models.baseline.options.kind is not a known key"),
    (
        "models.baseline.options",
        {"alone": "no"},
        "models.baseline.options.alone is 'no', must be 'fused'",
    ),
    ("models.baseline.train", {"epoch": 3}, "models.baseline.train.epoch is not a known key"),
    ("models.baseline.train", {"epochs": 0}, "models.baseline.train.epochs is 0, must be above 0"),
    ("models.baseline.train", {"seeds": [1]}, "models.baseline.train: seeds is set in the section"),
    ("models.baseline.train", {"network": {}}, "models.baseline.train: network is set in size"),
    (
        "models.baseline.train",
        {"decay": "plateau", "patience": 6},
        "models.baseline.train: patience 6 ends training before decay_epochs 5",
    ),
    ("execution.workers", 0, "execution.workers is 0, must be above 0"),
    ("execution.device", "tpu", "execution.device is 'tpu', must be 'auto', 'cpu' or 'cuda'"),
]


OLD = """\
# Before there were streams.
fc6: {weights: random}
lld: {set: IS13}
windows:
  context_seconds: 2.0
  context: causal
models:
  baseline: {network: crossmodal, modalities: [audio, video]}
"""


def test_a_file_of_the_past_is_told_the_new_keys(load):
    with pytest.raises(InputError) as caught:
        load(OLD)
    advice = [re.sub(r" \(.*(line \d)\)", r" (\1)", one) for one in caught.value.reason.split("; ")]
    assert advice == [
        "fc6 is not a known key (line 2): describe it under streams, "
        "as fc6: {modality: video, extractor: vggface, ...}",
        "lld is not a known key (line 3): describe it under streams, "
        "as lld: {modality: audio, extractor: opensmile, ...}",
        "windows.context_seconds is not a known key (line 5): write it under streams, "
        "as context_seconds of the sound stream",
        "windows.context is not a known key (line 6): write it under streams, "
        "as context of the sound stream",
        "models.baseline.modalities is not a known key (line 8): write sees, "
        "a list of names of streams, such as [lld, fc6]",
    ]


@pytest.mark.parametrize(("key", "value", "message"), WRONG)
def test_a_mistake_is_one_sentence_that_names_the_key(change, tmp_path, key, value, message):
    with pytest.raises(InputError, match=f"^{message}") as caught:
        change(key, value)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    assert "should" not in sentence
    assert re.search(r"\(.*params\.yaml line \d+\)", sentence)
    assert len(sentence.replace(str(tmp_path), "")) < 420


def test_a_mistake_that_a_presets_value_makes_is_named(change):
    """Eight heads would divide the shared size, and do not divide the preset's."""
    with pytest.raises(InputError, match=r"^models\.baseline\.size: dim 130 is not a multiple of"):
        change("models.baseline", {"preset": "goncalves2022", "size": {"heads": 8}})


def test_mistakes_of_several_models_are_all_named(load):
    with pytest.raises(InputError) as caught:
        load("models: {a: {size: {dim: 3}}, b: {}, c: {options: {no: 1}, train: {no: 1}}}")
    for key in ("models.a.size: dim 3", "models.c.options.no is", "models.c.train.no is"):
        assert key in caught.value.reason
    assert "models.b" not in caught.value.reason


def test_several_mistakes_are_all_named(load):
    with pytest.raises(InputError) as caught:
        load("models: {m: {}}\ntrain: {epochs: 0, heldout: 2}\nface: {}")
    for key in ("train.epochs", "train.heldout", "face is not a known key"):
        assert key in caught.value.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty, must be keys with values"),
        ("# only a comment\n", "the file is empty, must be keys with values"),
        ("- corpus\n- faces\n", "the file is .'corpus', 'faces'., must be keys with values"),
        ("corpus", "the file is 'corpus', must be keys with values"),
        ("{}", "models is missing"),
        ("models: {1: {}}", "models has the name 1, must be text"),
        ("models: {m: {}}\ncorpus: {name: [}", "line 2 is not valid YAML: "),
        ("models: {m: {}}\nmodels: {}", 'line 2 is not valid YAML: found duplicate key "models"'),
        ("models: {m: {}}\n\tfaces: {}", "line 2 is not valid YAML: "),
        ("models: !!python/object:os.system {}", "line 1 is not valid YAML: "),
        ("models: *nothing", "line 1 is not valid YAML: found undefined alias"),
        (b"a: 1\nmodels: \xe9", "line 2 is not text in UTF-8"),
        (b"\x00\x01", "is not valid YAML: "),
    ],
)
def test_broken_files(load, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load(text)
    assert "\n" not in str(caught.value)


# The fix for each of these is in the file, so each is a sentence that names it, not a traceback.
TRAPS = [
    ("a: " + "[" * 1500 + "]" * 1500, "has too many levels"),
    ("a: " + "{a: " * 5000 + "}" * 5000, "has too many levels"),
    ("\n".join(" " * level + "a:" for level in range(5000)), "has too many levels"),
    ("a: " + "[" * 5000 + "]" * 5000, "has too many levels"),
    ("a: " + "9" * 5000, "line 1: a number has 5000 digits"),
    ("a: 1\nb: 0x" + "f" * 5000, "line 2: a number has 5002 digits"),
    ("a: 1\nb: &b [*b]", "line 2: an alias stands within its anchor"),
    ("a: 2020-13-45", "has an impossible value: month must be in 1..12"),
    ("a: !!int x", "has an impossible value: invalid literal"),
    ("a: !!bool x", "has an impossible value: 'x'"),
    ("--- a\n--- b", "line 2 is not valid YAML: but found another document"),
    ("{a: b}: c", "line 1 is not valid YAML: found unhashable key"),
    ("models: {null: {}}", "models has the name null, must be text"),
    ("models: {true: {}}", "models has the name true, must be text"),
    ("models: {2021-01-01: {}}", r"models has the name 2021-01-01 \(a date, unless in quotes\)"),
    ("models: {[a]: {}}", r"models has the name \('a',\), must be text"),
    ("models: {'2021': {}}", "models has the name '2021', must not be a number"),
    ("models: {nan: {}}", "models has the name 'nan', must not be a number"),
    ("models: {.nan: {}}", "models has the name nan, must be text"),
    ("models: {a/b: {}}", "models has the name 'a/b', must be at most 100 letters"),
    *(
        (
            f"{section}: {{'{name}': {{}}}}",
            f"{section} has the name .*, must be at most 100 letters",
        )
        for section in ("models", "streams")
        for name in ("x;touch PWNED;", "x$(touch${IFS}PWNED)", "x`touch PWNED`", "a b", "../a")
    ),
    ("corpus: {name: 'x;touch PWNED;'}", "corpus.name"),
    ("corpus: {name: 'x$(touch${IFS}PWNED)'}", "corpus.name"),
    ("corpus: {name: 'extensions.x$(touch PWNED):read'}", "corpus"),
    *(
        (f"{key.format(2**63)}", "must be below 9223372036854775808")
        for key in (
            "train: {{seeds: [{}]}}",
            "evaluate: {{seed: {}}}",
            "corpus: {{demo: {{seed: {}}}}}",
        )
    ),
    ("models: {-a: {}}", "models has the name '-a', must be at most 100 letters"),
    ("models: {é: {}}", "models has the name 'é', must be at most 100 letters"),
    ('models: {"a\\n": {}}', r"models has the name 'a\\n', must be at most 100 letters"),
]


@pytest.mark.parametrize(("text", "message"), TRAPS)
def test_what_would_end_in_a_traceback_is_a_sentence(load, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load(text)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"there is no .*params\.yaml here; run from the top"):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load_params(tmp_path)


def test_an_unknown_key_gets_a_guess_or_the_keys_there_are_and_its_line(load):
    with pytest.raises(InputError) as caught:
        load("models:\n  m:\n    netwrok: unimodal\nfaces:\n  zoom: 2\n")
    guessed, listed = caught.value.reason.split("; ")
    assert guessed.startswith("models.m.netwrok is not a known key (")
    assert guessed.endswith("params.yaml line 3): did you mean network?")
    assert "params.yaml line 5): the keys there are detector, models, " in listed


def test_the_line_is_of_the_nearest_key_that_the_file_has(load):
    text = "models:\n  m: {}\n\n  n: # size\n    preset: goncalves2022\n    network: recurrent\n"
    with pytest.raises(InputError, match=r"models\.n: preset .*params\.yaml line 4"):
        load(text)
    text = "faces: &x {epochs: 0}\nmodels:\n  m: {}\ntrain:\n  <<: *x\n"
    with pytest.raises(InputError, match=r"train\.epochs is 0, .*params\.yaml line 1\)"):
        load(text)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Settings):
    size: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _is_odd(self):
        if not self.size % 2:
            raise ValueError("size is even")
        return self


class Outer(Settings):
    inner: Inner = Inner()
    inners: dict[str, Inner] = Field(default={})
    either: int | str | Inner = 0
    now: int = 0


def say(text, moved=None):
    file = parse_yaml(text, Path("a.yaml"))
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(file.content)
    return sentences(caught.value, file, moved)


def test_keys_of_the_past_are_told_where_they_went():
    moved = {"old": "write now", "inners.*.old": "write size"}
    text = "old: 1\ninners:\n  a: {old: 1}\ninner: {old: 1}"
    assert say(text, moved) == [
        "old is not a known key (a.yaml line 1): write now",
        "inners.a.old is not a known key (a.yaml line 3): write size",
        "inner.old is not a known key (a.yaml line 4): the keys there are size",
    ]


def test_other_mistakes_beside_an_unknown_key_are_kept():
    assert say("inner: {sise: 2, size: 0}\ninners: {a: {size: 2}}\nnow: x\nmore: 1") == [
        "inner.size is 0, must be at least 1 (a.yaml line 1)",
        "inner.sise is not a known key (a.yaml line 1): did you mean size?",
        "inners.a: size is even (a.yaml line 2)",
        "now is 'x', must be a whole number without a point (a.yaml line 3)",
        "more is not a known key (a.yaml line 4): the keys there are inner, inners, either, now",
    ]


def test_a_union_is_one_sentence():
    assert say("either: 1.5") == [
        "either is 1.5, must be a whole number without a point or text (in quotes) "
        "or keys with values (a.yaml line 1)"
    ]
    assert say("either: {size: 0}") == [
        "either is {'size': 0}, must be a whole number without a point or text (in quotes) "
        "(a.yaml line 1)",
        "either.size is 0, must be at least 1 (a.yaml line 1)",
    ]


KINDS = [
    (Annotated[int, Field(gt=1)], 1, "must be above 1"),
    (Annotated[int, Field(lt=1)], 1, "must be below 1"),
    (Annotated[float, Field(le=0.5)], 1.0, "must be at most 0.5"),
    (Annotated[int, Field(multiple_of=2)], 1, "must be a multiple of 2"),
    (Annotated[str, Field(min_length=2)], "a", "must have at least 2 characters"),
    (Annotated[str, Field(max_length=2)], "abc", "must have at most 2 characters"),
    (Annotated[str, Field(pattern="^a$")], "b", "must be of the form ^a$"),
    (Annotated[list[int], Field(min_length=2)], [1], "must have 2 or more entries"),
    (Annotated[list[int], Field(max_length=1)], [1, 2], "must have 1 or fewer entries"),
    (tuple[int, ...], 1, "must be a list, such as [1, 2]"),
    (set[int], 1, "must be a list, such as [1, 2]"),
    (frozenset[int], 1, "must be a list, such as [1, 2]"),
    (Mapping[str, int], 1, "must be keys with values"),
    (Literal["a", "b"], "c", "must be 'a' or 'b'"),
    (None, 1, "must be null"),
    (Annotated[Color, Strict(False)], 1, "must be 'red' or 'blue'"),
    (datetime.date, "x", "must be a valid date"),
    (Path, 1, "must be an instance of Path"),
    (bytes, 1, "must be a valid bytes"),
    (bool, 1, "must be true or false"),
]


@pytest.mark.parametrize(("kind", "value", "must"), KINDS)
def test_what_pydantic_says_is_said_in_plain_words(kind, value, must):
    section = create_model("Section", __base__=Settings, key=(kind, ...))
    with pytest.raises(ValidationError) as caught:
        section.model_validate({"key": value})
    (sentence,) = sentences(caught.value, parse_yaml("key: 1", Path("a.yaml")))
    assert re.fullmatch(rf"key is .*, {re.escape(must)} \(a\.yaml line 1\)", sentence)


def test_no_kind_of_error_is_left_in_pydantics_words():
    """Every kind that settings can raise has words; the others are of types that no section has."""
    plain = {"missing", "extra_forbidden", "value_error"}  # said otherwise
    of_other_types = re.compile(
        "(json|bytes|url|uuid|date|time|timezone|decimal|fraction|complex|is_|callable|frozen_(?!set)"
        "|arguments|.*_argument|multiple_argument|needs_|no_such|get_attribute|named_tuple|deque"
        "|ordered_dict|counter|iteration|assertion|default_factory|ellipsis|missing_sentinel|set_item"
        "|invalid_key|recursion_depth)"
    )
    kinds = {kind for kind in get_args(ErrorType) if not of_other_types.match(kind)}
    assert kinds - plain - WORDS.keys() == set()
    assert WORDS.keys() - set(get_args(ErrorType)) == set()
