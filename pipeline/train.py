"""Stage train@MODEL: train one model of params.yaml, its seeds side by side.

Finished seeds and the state of an unfinished one are kept in the item cache, so a killed run goes
on where it was. A model that comes from a saved one (`from`) is published as it is, untrained.
"""

import argparse
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from features.corpora.listing import MODELS
from features.extractors.given import shows_media
from features.extractors.joined import parts_of
from features.files import Files
from features.stores.assembling import link_or_copy
from models import recogniser
from models.evaluation.registry import metrics_of
from models.training.checks import check_settings
from models.training.plan import FACTS, Plan
from models.training.speakers import parts, training_items
from models.training.state_folder import Checkpoints
from models.training.stores import Inputs, open_stores, read_inputs
from models.transfer import check_fits, differences, read_saved
from pipeline.engine.console import say
from pipeline.engine.entries.result import Result
from pipeline.engine.entries.states import TRAINING
from pipeline.engine.jobs import Call, Job, Needs, run_jobs, stage_errors
from pipeline.engine.keys import key_of
from pipeline.keys import check
from pipeline.params import Params, load_params

TRAIN_SEED = "models.training.run:train_seed"
"""By name: where every seed is cached, nothing that computes is imported."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)  # refuses a name that is not there
        check(params, "train", name)
        inputs = read_inputs(name)
        check_settings(params, inputs.task, gives_features=inputs.gives_features)
        if params.model(name).saved is not None:
            publish_saved(params, name, inputs)
            return
        plans = [plan_of(params, name, seed, inputs) for seed in params.train.seeds]
        jobs = [training_job(params, name, plan, inputs) for plan in plans]
        run_jobs("train", jobs, params.execution, unit="epochs")


def plan_of(params: Params, name: str, seed: int, inputs: Inputs) -> Plan:
    """How one seed of a model is trained.

    Raises:
        InputError: it is to begin from a saved one that does not fit.
    """
    init = params.model(name).init
    begins = None if init is None else _fitting(params, name, init, seed, inputs)[0]
    resolved = params.resolved(name)
    items = training_items(inputs.listed(), resolved.train.heldout)
    learning, heldout = parts(items, resolved.train.heldout, seed)
    metric, *_ = metrics_of(inputs.task)
    speakers = {item.item: item.speaker for item in items}
    return Plan(params.model(name), resolved, learning, heldout, metric, seed, speakers, begins)


def publish_saved(params: Params, name: str, inputs: Inputs) -> None:
    """Copy a saved recogniser to where trained ones are, for every seed, and say what differs.

    Raises:
        InputError: it does not fit the corpus or the streams.
    """
    model = params.model(name)
    assert model.saved is not None
    for seed in params.train.seeds:
        folder, card = _fitting(params, name, model.saved, seed, inputs)
        seen = params.seen(name)
        target = _emptied(name, seed)
        shutil.copyfile(folder / recogniser.WEIGHTS, target / recogniser.WEIGHTS)
        published = card.model.model_copy(update={"sees": [seen[m] for m in card.streams]})
        update = {"name": name, "seed": seed, "model": published}
        recogniser.write_card(target, card.model_copy(update=update))


def _fitting(
    params: Params, name: str, saved: str, seed: int, inputs: Inputs
) -> tuple[Path, recogniser.Card]:
    """A saved recogniser that fits the corpus and the streams; what differs is said once."""
    folder, card = read_saved(saved, seed)
    seen = params.seen(name)
    streams = open_stores(params.model(name).sees).streams
    widths = {modality: reader.width for modality, reader in streams.items()}
    check_fits(card, name, inputs.task, seen, widths)
    if seed == params.train.seeds[0]:
        for difference in differences(card, seen, params.parts(name)):
            say(f"models.{name} was trained on other streams: {difference}")
    return folder, card


def _emptied(name: str, seed: int) -> Path:
    """The folder of a seed, with nothing in it."""
    target = MODELS / name / f"seed-{seed}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return target


def training_job(
    params: Params,
    name: str,
    plan: Plan,
    inputs: Inputs,
    then: Callable[[], Iterable[Job]] = tuple,
) -> Job:
    """The training of one seed, which is published when it is done.

    Args:
        params: the settings.
        name: of the model.
        plan: of the seed.
        inputs: of the model.
        then: gives the jobs that come after it.
    """
    items = sorted([*plan.learning, *plan.heldout])
    key = key_of(TRAIN_SEED, plan.values(), inputs.for_training(items), rows=plan.rows())
    checkpoints = Checkpoints(params.execution.cache_folder / TRAINING, key, key.check, say)
    device, train = params.execution.torch_device, plan.resolved.train
    compute = Call.of(
        TRAIN_SEED,
        plan=plan,
        device=device,
        checkpoints=checkpoints,
        preload_bytes=params.execution.preload_bytes,
    )

    def publish(result: Result) -> Iterable[Job]:
        publish_seed(result, params, name, plan.seed, inputs)
        checkpoints.forget()
        return then()

    epochs = train.epochs * (3 if train.teacher else 1) + train.refit
    return Job(
        f"{name}, seed {plan.seed}",
        key,
        compute,
        size=epochs,
        needs=Needs(train.threads, gpu=device == "cuda"),
        stage="train",
        steps=epochs,
        then=publish,
    )


def publish_seed(result: Files, params: Params, name: str, seed: int, inputs: Inputs) -> None:
    """Link a seed's files from the item cache to where DVC tracks them, with the model's name."""
    target, model = _emptied(name, seed), params.model(name)
    for file in (recogniser.WEIGHTS, recogniser.HISTORY):
        link_or_copy(result / file, target / file)
    facts = json.loads((result / FACTS).read_text())
    stores, resolved = open_stores(params.model(name).sees), params.resolved(name)
    seen = params.seen(name)
    described = {
        part: params.streams[part]
        for stream in seen.values()
        for part in parts_of(stream, params.streams)
    }
    card = recogniser.Card(
        name=name,
        seed=seed,
        synthetic_corpus=params.corpus.is_synthetic,
        given_features=inputs.gives_features,
        task=inputs.task,
        model=model.model_copy(update={"init": None}),
        corpora=corpora_of(params, model.init, seed),
        train=resolved.train.model_copy(update={"seeds": [seed]}),
        options=resolved.options.model_dump(),
        faces=params.faces if shows_media(described) else None,
        streams=recogniser.streams_seen(seen, params.streams, stores),
        windows=params.windows,
        **facts,
    )
    recogniser.write_card(target, card)


def corpora_of(params: Params, init: str | None, seed: int) -> list[str]:
    """The corpora that a model has learnt from, those of the one that it began from before this."""
    before = [] if init is None else read_saved(init, seed)[1].corpora
    return list(dict.fromkeys([*before, params.corpus.title]))


if __name__ == "__main__":
    main()
