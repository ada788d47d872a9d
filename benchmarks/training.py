"""Print how fast training is: each loss under each backend that is installed, and what feeds it.

    python benchmarks/training.py [--backend jax] [--steps 10] [--epochs 3] [--json]

Decides which loss is worth its time, what a run needs of a machine, and what to make faster next. A batch
is that of the defaults: 32 writers with four genuine signatures and four forgeries each. Every row is a
process of its own, so that memory is that of one loss. Its steps are those of `sigverify train`:

- compile: seconds of the first step; step: median milliseconds of a step after the first epoch;
- network, loss: of that, the network forwards, and the loss with its gradient, each compiled alone as the
  backend does in training; the rest is the network backwards and the optimizer;
- memory: what the process holds at the end of the first epoch, of the second, and of the last, and the most
  it ever held. It is flat if the last two are equal.

Times are of all cores, and CPU times are given beside them: others on the machine make the first longer,
hardly the second. `dsdtw` is the alignment loss with the distance of DsDTW in its place: soft-DTW on squared
Euclidean costs over the whole table, as its authors write it, left to the backend to differentiate.

Source: J. Jiang et al., "DsDTW", IEEE TIFS 2022; M. Cuturi, M. Blondel, "Soft-DTW", ICML 2017, equation 1.
"""

import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from sigverify.cli.output import report, titled
from sigverify.corpora.processes import usable_cores
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.training.config import BatchConfig, LossConfig, TrainConfig
from sigverify.training.data.trace_set import TraceSet

BACKENDS = ("tensorflow", "jax", "torch")
LOSSES = {"contrastive": "contrastive", "triplet": "triplet", "alignment": "alignment", "dsdtw": "alignment"}
"""Rows, and the loss that each is a form of."""
GAMMA = 5.0
"""Of DsDTW's released code."""
UNREACHABLE = -1e9
WRITERS = 64
"""Invented, to train on."""
FEED_WRITERS = 100
"""Invented, to time the generator: with ten genuine signatures and ten forgeries of each."""
REPEATS = 5


def main(
    *,
    backend: Annotated[list[str] | None, typer.Option("--backend", help="Repeat; all without it.")] = None,
    loss: Annotated[list[str] | None, typer.Option("--loss", help="Repeat; all without it.")] = None,
    steps: Annotated[int, typer.Option("--steps", min=2, help="Batches in an epoch.")] = 10,
    epochs: Annotated[int, typer.Option("--epochs", min=3)] = 3,
    row: Annotated[str, typer.Option("--row", hidden=True, help="Measure one loss under this backend.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure what there is, each row in a process of its own, and print the tables."""
    if row:
        sys.stdout.write(json.dumps(measured(row, steps, epochs)) + "\n")
        return
    there = [name for name in BACKENDS if importlib.util.find_spec(name)]
    rows = []
    for name in backend or there:
        for each in loss or LOSSES:
            typer.echo(f"{name}, {each}", err=True)
            rows.append({"backend": name, "loss": each} | _in_process(name, each, steps, epochs))
    typer.echo("generator and features", err=True)
    content = {"cores": usable_cores(), "steps": steps, "epochs": epochs, "losses": rows, "feed": feed()}
    report(content, as_json=as_json, render=lambda: _tables(content))


def _in_process(backend: str, loss: str, steps: int, epochs: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--row", loss, "--steps", str(steps), "--epochs", str(epochs)]
    env = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measured(row: str, steps: int, epochs: int) -> dict[str, Any]:
    """Train by one loss for some epochs, and take a step of it apart."""
    from sigverify.training.backend import keras
    from sigverify.training.data.batches import WriterBatches
    from sigverify.training.encoders import build_encoder
    from sigverify.training.losses import build_loss, output_of
    from sigverify.training.losses.alignment import AlignmentLoss
    from sigverify.training.optimization import compile_network

    name = LOSSES[row]
    if row == "dsdtw":
        AlignmentLoss.distance = lambda _, a, b: soft_dtw(a, b)
    output = output_of(name)
    config = TrainConfig(losses=(LossConfig(name=name),), epochs=epochs, steps_per_epoch=steps)
    shape = BatchConfig()
    whole = build_encoder(config.encoder, {}, modality="pen")
    network = keras.Model(whole.input, {output: whole.output[output]})
    compile_network(network, config)
    traces = TraceSet.from_corpus(synthesize(SyntheticConfig(writers=WRITERS, genuine=4, skilled=4, seed=1)))
    batches = WriterBatches(
        traces, outputs=(output,), writers=shape.writers, genuine=shape.genuine, skilled=shape.skilled,
        steps=steps, seed=0, augmentation=config.augmentation, workers=shape.workers,
    )  # fmt: skip
    clock = _clock()
    network.fit(batches, epochs=epochs, callbacks=[clock], verbose=0, shuffle=False)
    inputs, labels = batches.make(0, 0)
    batches.close()
    call = build_loss(name, {}, genuine=shape.genuine, skilled=shape.skilled).call
    forwards, sloped = _parts(network, output, partial(call, labels[output]), inputs)
    wall, cpu = np.array(clock.steps).T
    after = slice(steps, None)
    return {
        "compile_s": wall[0],
        "step_ms": 1000 * float(np.median(wall[after])),
        "step_cpu_ms": 1000 * float(np.median(cpu[after])),
        "steps_per_second": 1 / float(np.median(wall[after])),
        "network_cpu_ms": _cpu_ms(forwards),
        "loss_cpu_ms": _cpu_ms(sloped),
        "memory_mb": clock.memory,
        "most_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def soft_dtw(a: Any, b: Any) -> Any:
    """Soft-DTW of sequences `(d, t, m)` with squared Euclidean costs, divided by the length: `(m,)`."""
    from sigverify.training.backend import ops

    frames = a.shape[1]
    a, b = ops.transpose(a, (2, 1, 0)), ops.transpose(b, (2, 1, 0))
    square = ops.sum(a * a, axis=2)[:, :, None] + ops.sum(b * b, axis=2)[:, None, :]
    gains = (2 * ops.matmul(a, ops.transpose(b, (0, 2, 1))) - square) / GAMMA
    # Row i is moved right by i, so that columns are anti-diagonals: (m, t, 2 t - 1).
    wide = ops.pad(gains, [[0, 0], [0, 0], [0, frames]], constant_values=UNREACHABLE)
    flat = ops.reshape(wide, (-1, 2 * frames * frames))[:, : -frames or None]
    diagonals = ops.transpose(ops.reshape(flat, (-1, frames, 2 * frames - 1)), (2, 0, 1))

    def down(cells: Any) -> Any:
        return ops.pad(cells, [[0, 0], [1, 0]], constant_values=UNREACHABLE)[:, :-1]

    def step(carry: tuple[Any, Any], gain: Any) -> tuple[Any, Any]:
        before, last = carry
        return last, gain + ops.logsumexp(ops.stack([last, down(last), down(before)]), axis=0)

    start = ops.full_like(diagonals[0], UNREACHABLE), diagonals[0]
    _, last = _fold(step, start, diagonals[1:], 2 * frames - 2)
    return last[:, -1] * (-GAMMA / frames)


def _fold(step: Callable[..., Any], carry: tuple[Any, Any], items: Any, count: int) -> tuple[Any, Any]:
    """Run `step` over the first axis of `items`, in the form that each backend can differentiate."""
    from sigverify.training.backend import backend_name, ops

    if backend_name() == "jax":
        return ops.scan(lambda state, item: (step(state, item), None), carry, items)[0]
    if backend_name() == "torch":
        for item in ops.unstack(items, count, axis=0):
            carry = step(carry, item)
        return carry

    def body(index: Any, before: Any, last: Any) -> tuple[Any, Any, Any]:
        return index + 1, *step((before, last), ops.take(items, index, axis=0))

    _, *ended = ops.while_loop(lambda index, *_: index < count, body, (0, *carry), maximum_iterations=count)
    return ended[0], ended[1]


def _parts(network: Any, output: str, loss: Callable[[Any], Any], inputs: Any) -> tuple[Any, Any]:
    """Return what computes the network forwards, and what the loss with its gradient by the outputs."""
    from sigverify.training.backend import backend_name, ops

    if backend_name() == "jax":
        import jax

        state = (
            [v.value for v in network.trainable_variables],
            [v.value for v in network.non_trainable_variables],
        )
        run = jax.jit(lambda x: network.stateless_call(*state, x, training=True)[0][output])
        slope, outputs = jax.jit(jax.value_and_grad(loss)), run(inputs)
        return lambda: jax.block_until_ready(run(inputs)), lambda: jax.block_until_ready(slope(outputs))
    if backend_name() == "torch":
        found = network(inputs, training=True)[output].detach()

        def backwards() -> Any:
            leaf = found.clone().requires_grad_(requires_grad=True)
            return loss(leaf).backward()

        return lambda: network(inputs, training=True), backwards
    import tensorflow as tf

    run = tf.function(lambda x: network(x, training=True)[output])

    @tf.function
    def sloped(outputs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = loss(outputs)
        return tape.gradient(value, outputs)

    inputs = ops.convert_to_tensor(inputs)
    outputs = run(inputs)
    return lambda: run(inputs).numpy(), lambda: sloped(outputs).numpy()


def _cpu_ms(function: Callable[[], Any]) -> float:
    """Return the median CPU time of a call, after a first one."""
    function()
    took = []
    for _ in range(REPEATS):
        begun = time.process_time()
        function()
        took.append(time.process_time() - begun)
    return 1000 * float(np.median(took))


def _clock() -> Any:
    """Make a callback that keeps the time of each step, and the memory after each epoch."""
    from sigverify.training.backend import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.steps: list[tuple[float, float]] = []
            self.memory: list[float] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del batch, logs
            self.begun = time.perf_counter(), time.process_time()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            del batch
            float(np.asarray(next(iter(logs.values()))))  # waits for what was begun
            self.steps.append((time.perf_counter() - self.begun[0], time.process_time() - self.begun[1]))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            del epoch, logs
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.memory.append(pages * resource.getpagesize() / 2**20)

    return Clock()


def feed() -> list[dict[str, Any]]:
    """Time the generator and the features of training, on one core and on all."""
    rows = []
    for workers in dict.fromkeys((1, usable_cores())):
        begun = _spent()
        corpus = synthesize(SyntheticConfig(writers=FEED_WRITERS, seed=3, device="mixed"), workers=workers)
        invented = _spent()
        TraceSet.from_corpus(corpus, workers=workers)
        traced = _spent()
        count = len(corpus)
        parts = {"generator": (begun, invented), "features": (invented, traced), "both": (begun, traced)}
        for name, ((wall, cpu), (wall_end, cpu_end)) in parts.items():
            rate, each = count / (wall_end - wall), 1000 * (cpu_end - cpu) / count
            rows.append({"what": name, "processes": workers, "per_second": rate, "cpu_ms_each": each})
    return rows


def _spent() -> tuple[float, float]:
    """Return the time, and the CPU time of this process and of those that it has waited for."""
    its = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in its)


def _tables(content: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    losses = Table("backend", "loss")
    for head in ("compile s", "step ms", "steps/s", "CPU ms", "network", "loss", "rest", "MB", "most MB"):
        losses.add_column(head, justify="right")
    for row in content["losses"]:
        rest = max(0.0, row["step_cpu_ms"] - row["network_cpu_ms"] - row["loss_cpu_ms"])
        memory = row["memory_mb"]
        losses.add_row(
            row["backend"], row["loss"], f"{row['compile_s']:.1f}", f"{row['step_ms']:.0f}",
            f"{row['steps_per_second']:.2f}", f"{row['step_cpu_ms']:.0f}", f"{row['network_cpu_ms']:.0f}",
            f"{row['loss_cpu_ms']:.0f}", f"{rest:.0f}",
            " / ".join(f"{memory[number]:.0f}" for number in (0, 1, -1)), f"{row['most_memory_mb']:.0f}",
        )  # fmt: skip
    fed = Table("what", "processes", "signatures/s", "CPU ms each")
    for row in content["feed"]:
        fed.add_row(
            row["what"], str(row["processes"]), f"{row['per_second']:.0f}", f"{row['cpu_ms_each']:.2f}"
        )
    title = f"Training on {content['cores']} cores, {content['epochs']} epochs of {content['steps']} steps"
    return Group(titled(title, losses), titled("Signatures to train on", fed))


if __name__ == "__main__":
    typer.run(main)
