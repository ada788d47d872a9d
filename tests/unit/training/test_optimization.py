"""What a network is given before the first step: `build_reports`."""

import pytest

from sigverify.training import BatchConfig, LossConfig, TrainConfig
from sigverify.training.encoders import build_encoder
from sigverify.training.optimization import build_reports, compile_network, least_outputs


@pytest.mark.parametrize("stride", [2, 32])
def test_the_means_of_two_losses_are_there_before_a_step(stride):
    """Else tensorflow traces the first step twice. They hold nothing of the losses that made them."""
    losses = (LossConfig(name="triplet"), LossConfig(name="alignment", options={"stride": stride}))
    config = TrainConfig(
        losses=losses,
        batch=BatchConfig(writers=2, genuine=2, skilled=1),
        encoder_options={"width": 8, "dilations": (1,)},
    )
    network = build_encoder(config.encoder, config.encoder_options)
    compile_network(network, config)
    assert [each.name for each in network.metrics] == ["loss"]
    build_reports(network, least_outputs(network, config))
    assert {each.name for each in network.metrics} == {"loss", "vector_loss", "sequence_loss"}
    assert all(float(each.count) == 0 for each in network.metrics)
