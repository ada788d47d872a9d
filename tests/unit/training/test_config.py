import sys
import types
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.training import (
    Augmentation,
    BatchConfig,
    LossConfig,
    PairConfig,
    ScheduleConfig,
    TrainConfig,
    ValidationConfig,
)


def test_defaults_survive_toml():
    config = TrainConfig()
    assert TrainConfig.from_toml(config.to_toml()) == config


@given(
    epochs=st.integers(1, 10**6),
    rate=st.floats(1e-9, 10),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    shares=st.dictionaries(st.text('ab c."\\', min_size=1, max_size=5), st.floats(0, 0.3), max_size=3),
)
def test_any_values_survive_toml(epochs, rate, text, shares):
    config = TrainConfig(
        epochs=epochs,
        init_from=text,
        schedule=ScheduleConfig(learning_rate=rate),
        batch=BatchConfig(shares=shares),
        losses=(LossConfig(name="alignment", options={"form": text, "stride": 4}),),
        encoder_options={"dilations": [1, 2], "width": 8},
    )
    assert TrainConfig.from_toml(config.to_toml()) == config


def test_partial_toml_keeps_defaults():
    config = TrainConfig.from_toml("epochs = 2\n[batch]\nwriters = 5\n[[losses]]\nname = 'triplet'\n")
    assert config.batch == BatchConfig(writers=5)
    assert config.losses == (LossConfig(name="triplet"),)
    assert config.augmentation == Augmentation()


def test_settings_of_the_pair_network_survive_toml():
    config = TrainConfig(pair=PairConfig(epochs=7, dilations=(1, 8), sensor_drop=0.0))
    assert TrainConfig.from_toml(config.to_toml()) == config
    assert TrainConfig.from_toml("[pair]\nepochs = 3\ndilations = [1, 2]").pair == PairConfig(
        epochs=3, dilations=(1, 2)
    )
    assert TrainConfig().pair.epochs == 0


def test_integer_is_taken_as_float():
    assert TrainConfig.from_toml("[schedule]\nlearning_rate = 1").schedule.learning_rate == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epoch = 3", "no such key.*received epoch"),
        ("[batch]\nwriter = 3", r"\[batch\] has no such key"),
        ("[[losses]]\nnam = 'triplet'", "losses"),
        ("losses = 3", "list of tables"),
        ("batch = 3", "must be a table"),
        ("encoder_options = 3", "encoder_options must be a table"),
        ("epochs = 'three'", "epochs has another type; expected int"),
        ("[schedule]\nema = 1.0", "ema must lie from 0 to below 1"),
        ("epochs = true", "epochs has another type"),
        ("epochs = 0", "at least 1"),
        ("seed = -1", "negative"),
        ("losses = []", "at least one loss"),
        ("[[losses]]\nname='triplet'\n[[losses]]\nname='triplet'", "twice"),
        ("epochs = ", "not TOML"),
        ("[pair]\nwidht = 3", r"\[pair\] has no such key"),
        ("pair = 3", "must be a table"),
        ("[pair]\nwriters = 1", "at least 2 writers"),
        ("seed = 4294967296", "at most 4294967295; received 4294967296"),
        ("[batch.shares]\nx = 'y'", "shares must be numbers.*received {'x': 'y'}"),
        ("[batch.shares]\nx = true", "shares must be numbers"),
        ("[batch]\nworkers = 100000", "at most 64; received 100000"),
        (f"x = {'[' * 9000}", "not TOML"),
        ("[pair]\ndilations = 3", "dilations must be a list of whole numbers; received 3"),
        ("[pair]\ndilations = 'abc'", "dilations must be a list of whole numbers; received 'abc'"),
        ("[pair]\ndilations = ['a']", "dilations must be a list of whole numbers"),
        ("[pair]\ndilations = [1.5]", "dilations must be a list of whole numbers"),
        ("losses = [{weight = 1.0}]", r"\[losses\] lacks a key; expected name; received weight"),
        ("losses = [{}]", r"\[losses\] lacks a key; expected name; received none"),
        (f"[schedule]\nlearning_rate = 1{'0' * 400}", "schedule.learning_rate is too large"),
        ("[schedule]\nlearning_rate = inf", "above 0 and finite; received inf"),
        ("[schedule]\nweight_decay = inf", "weight_decay must be finite and not negative; received inf"),
        ("[schedule]\nclip_norm = inf", "clip_norm must be finite and not negative"),
        ("[pair]\nlearning_rate = inf", "above 0 and finite"),
        ("[pair]\nweight_decay = inf", "weight_decay must be finite and not negative"),
        ("[pair]\nnoise = inf", "noise must be finite and not negative"),
        ("losses = [{name = 'triplet', weight = inf}]", "above 0 and finite; received inf"),
    ],
)
def test_bad_toml_is_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        TrainConfig.from_toml(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LossConfig(name="triplet", weight=0),
        lambda: BatchConfig(writers=1),
        lambda: BatchConfig(genuine=1),
        lambda: BatchConfig(skilled=-1),
        lambda: BatchConfig(workers=-1),
        lambda: BatchConfig(workers=65),
        lambda: BatchConfig(genuine=1001),
        lambda: BatchConfig(skilled=1001),
        lambda: BatchConfig(shares={"a": 0.7, "b": 0.7}),
        lambda: ScheduleConfig(learning_rate=0),
        lambda: ScheduleConfig(decay="linear"),
        lambda: ScheduleConfig(warmup=1),
        lambda: ValidationConfig(fraction=1),
        lambda: ValidationConfig(genuine=4, references=4),
        lambda: ValidationConfig(monitor="accuracy"),
        lambda: PairConfig(epochs=-1),
        lambda: PairConfig(steps_per_epoch=0),
        lambda: PairConfig(width=0),
        lambda: PairConfig(held_out=0),
        lambda: PairConfig(dilations=()),
        lambda: PairConfig(dilations=(1, 0)),
        lambda: PairConfig(writers=1),
        lambda: PairConfig(learning_rate=0),
        lambda: PairConfig(weight_decay=-0.1),
        lambda: PairConfig(noise=-0.1),
        lambda: PairConfig(dropout=1),
        lambda: PairConfig(ema=1),
        lambda: PairConfig(channel_drop=-0.1),
        lambda: PairConfig(sensor_drop=1),
        lambda: PairConfig(learning_rate=float("nan")),
    ],
)
def test_values_out_of_range_are_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_read_says_what_is_wrong(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        TrainConfig.read(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        TrainConfig.read(tmp_path / "binary.toml")


def test_the_largest_seed_is_taken():
    assert TrainConfig(seed=2**32 - 1).seed == 2**32 - 1


def test_sizes():
    assert BatchConfig(writers=3, genuine=4, skilled=2).size == 18
    assert TrainConfig(epochs=3, steps_per_epoch=7).total_steps == 21


def test_an_encoder_left_alone_is_that_of_the_start():
    facts = {"config": {"encoder": "bromley1993", "encoder_options": {"maps": [2, 3]}}}
    fitted = TrainConfig().fitted_to(facts)
    assert (fitted.encoder, fitted.encoder_options) == ("bromley1993", {"maps": [2, 3]})
    chosen = TrainConfig(encoder_options={"width": 8})
    assert chosen.fitted_to(facts) == chosen
    assert TrainConfig().fitted_to({}) == TrainConfig()


@pytest.fixture
def smell(monkeypatch):
    """Another modality, with an augmentation of its own."""
    from sigverify.training import distortion

    monkeypatch.setattr(
        distortion, "AUGMENTATIONS", distortion.AUGMENTATIONS | {"smell": (__name__, "Dilution")}
    )
    monkeypatch.setitem(sys.modules, __name__, types.SimpleNamespace(Dilution=Dilution))


@dataclass(frozen=True)
class Dilution:
    strength: float = 0.5

    def apply(self, traces, _groups, _rng):
        return traces


def test_a_modality_without_distortions_is_refused():
    with pytest.raises(
        ConfigError, match="no augmentation for this modality; expected pen or image; received smell"
    ):
        TrainConfig(modality="smell")


@pytest.mark.usefixtures("smell")
def test_the_augmentation_is_that_of_the_modality():
    config = TrainConfig(modality="smell")
    assert config.augmentation == Dilution()
    assert TrainConfig.from_toml(config.to_toml()) == config
    assert TrainConfig.from_toml(
        'modality = "smell"\n[augmentation]\nstrength = 0.25'
    ).augmentation == Dilution(0.25)
    with pytest.raises(ConfigError, match="no such key"):
        TrainConfig.from_toml('modality = "smell"\n[augmentation]\nwarp = 0.1')
    with pytest.raises(ConfigError, match="must be that of modality smell"):
        TrainConfig(modality="smell", augmentation=Augmentation())


@pytest.mark.usefixtures("smell")
def test_another_modality_than_the_encoders_the_corpus_or_the_start_is_refused(traces):
    from sigverify.training.data.training_data import prepare
    from sigverify.training.encoders import build_encoder

    config = TrainConfig(modality="smell")
    with pytest.raises(ConfigError, match="the tdnn encoder is for another modality"):
        build_encoder("tdnn", modality="smell")
    with pytest.raises(ConfigError, match="corpus toy is of another modality; expected smell; received pen"):
        prepare(config, [traces], None)
    with pytest.raises(ConfigError, match="to start from is of another modality"):
        config.fitted_to({"config": {"encoder": "tdnn"}})
