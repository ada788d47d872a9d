"""An embedding from a classifier, and what it is worth elsewhere: transfer learning.

Train a network to name what it sees, take the last layer off, and keep what comes before: a vector that can
be compared. Then go on with few pictures of something new, and train all layers, the last ones, or hardly
any.

    python examples/tutorials/transfer.py
"""

# %%
import numpy as np
from learning import batches, keras, learn, vectors_of
from pairs import cosines
from pictures import digits
from showing import COLORS, SMALL, new_figure, show

from sigverify.metrics import eer
from sigverify.training.encoders import build_encoder
from sigverify.training.losses.classification import ClassificationLoss
from sigverify.training.writer_head import with_writer_head

OPTIONS = {"widths": (12, 16, 24, 32), "vector_size": 32}
STEPS, DRAWS = (10, 1) if SMALL else (60, 3)
KNOWN, NEW = "01234", "56789"

# %% [markdown]
# ## A classifier of five digits
# The digits 0 to 4 are what is known; 5 to 9 are kept for later. `with_writer_head` puts a classifier on
# an encoder: one learned direction for each class, and the cosine of the vector with each of them. Of
# signatures the classes are the writers, hence its name.


# %%
def classify(network, pictures, steps, epochs):
    """Train an encoder by naming the classes of some pictures."""
    source = batches(pictures, steps=steps, writers=5, genuine=4, output="writers")
    loss = ClassificationLoss(scale=16.0, margin=0.2)
    learn(with_writer_head(network, 5), loss, source, epochs=epochs, output="writers")


def rate(network, pictures):
    """Return the equal error rate over all pairs of some pictures."""
    return eer(*cosines(vectors_of(network, pictures), pictures.writer))


learned, held_out = digits(0, 1000), digits(1000, 1797)
keras.utils.set_random_seed(0)
network = build_encoder("cnn", OPTIONS, modality="image")
untrained = {kind: rate(network, held_out.select(kind)) for kind in (KNOWN, NEW)}
classify(network, learned.select(KNOWN), STEPS, 3)
trained = {kind: rate(network, held_out.select(kind)) for kind in (KNOWN, NEW)}
for kind in (KNOWN, NEW):
    print(f"pairs of {kind}: equal error rate {untrained[kind]:.1%} untrained, {trained[kind]:.1%} trained")
assert trained[KNOWN] < 0.15 or SMALL

# %% [markdown]
# **What to see.** The head is gone, and the vector before it tells pairs of the *five classes* apart, in
# pictures that it has never seen. For five other digits it is hardly better than a network that was never
# trained: five classes are too few to learn what matters in digits at large.
#
# **For signatures.** The number of *writers* decides. A classifier of some thousand writers gives an
# embedding for everybody; one of thirty knows these thirty.

# %% [markdown]
# ## Three pictures each of something new
# Now the digits 5 to 9 matter, and there are three pictures of each. Four ways to learn from fifteen
# pictures:
#
# - only the two dense layers of the vector, all convolutions *frozen*;
# - these and the last convolutions;
# - all layers;
# - all layers, from scratch, as if there had been no classifier.
#
# That is done with several draws of the fifteen, for fifteen pictures are a matter of luck.

# %%
LEARNING = {
    "frozen": ("vector",),
    "last layers": ("vector", "block", "conv4"),
    "all layers": ("",),
    "from scratch": ("",),
}
known = network.get_weights()
new = learned.select(NEW)


def adapt(way, draw):
    """Learn from three pictures of each new digit; return the error rate on held-out ones."""
    rows = np.concatenate([np.flatnonzero(new.writer == name)[3 * draw : 3 * draw + 3] for name in NEW])
    keras.utils.set_random_seed(draw)
    fresh = build_encoder("cnn", OPTIONS, modality="image")
    if way != "from scratch":
        fresh.set_weights(known)
    for layer in fresh.layers:
        layer.trainable = layer.trainable and layer.name.startswith(LEARNING[way])
    classify(fresh, new.take(rows), STEPS * 2 // 3, 1)
    return rate(fresh, held_out.select(NEW))


rates = {way: [adapt(way, draw) for draw in range(DRAWS)] for way in LEARNING}
for way, values in rates.items():
    print(f"{way}: {np.mean(values):.1%} (" + ", ".join(f"{value:.1%}" for value in values) + ")")
assert np.mean(rates["frozen"]) < np.mean(rates["from scratch"]) or SMALL

figure = new_figure(5.5, 2.8)
axes = figure.subplots()
names = ["before", *rates]
heights = [trained[NEW], *(np.mean(values) for values in rates.values())]
axes.bar(names, [100 * height for height in heights], color=["0.7", *COLORS[:4]], width=0.6)
for place, values in enumerate(rates.values(), start=1):
    axes.plot([place] * len(values), [100 * value for value in values], "k.", markersize=5)
axes.set(ylabel="equal error rate (%)", title="New digits, three pictures of each (dots: draws)")
show(figure, "transfer")

# %% [markdown]
# **What to see.** Whoever starts from the classifier of other digits ends with fewer errors than from
# scratch. The fewer pictures there are, the fewer layers should move: with all of them free, fifteen
# pictures are soon memorized.
#
# ## With a network from elsewhere
# The same for a large network that was trained on photographs is the encoder `backbone`: one of Keras
# Applications, of which the last `trained_layers` layers learn.

# %%
for layers in (0, 20):
    options = {"application": "MobileNetV3Small", "trained_layers": layers}
    backbone = build_encoder("backbone", options, modality="image")
    counts = [
        sum(int(np.prod(weight.shape)) for weight in weights)
        for weights in (backbone.trainable_weights, backbone.non_trainable_weights)
    ]
    print(f"the last {layers} layers and the vector: {counts[0]:,} weights learn, {counts[1]:,} stay")

# %% [markdown]
# Its weights are not here: give `"weights"` a file of yours, or `"imagenet"` where Keras may load them.
# No figure is given for it: trained here for a minute on the digits 0 to 4, its last 60 layers then
# fine-tuned, it came to an equal error rate of 14 % in one setting and 34 % in another, from scratch to
# 43 % and 26 %. In a whole run, `init_from` of the settings starts from any earlier one:
# docs/training.md, "Transfer".
#
# **The honest limit.** What is like photographs of cats need not be like ink. Compare with `from scratch`
# on people held out, as above, before a large network goes onto a small device.
