"""Two pictures, one network: a Siamese network on pairs of digits.

A Siamese network puts two pictures through the same layers and compares what comes out. It does not learn
what a 3 is; it learns when two pictures show the same thing. Signatures are verified like that: the people
who will use a device are unknown when its network is trained.

    python examples/tutorials/digit_pairs.py
"""

# %%
from learning import batches, keras, learn, vectors_of
from pairs import cosines
from pictures import digits
from showing import COLORS, SMALL, new_figure, show

from sigverify.metrics import eer, error_curve
from sigverify.training.encoders import build_encoder
from sigverify.training.losses.contrastive import ContrastiveLoss

keras.utils.set_random_seed(0)
EPOCHS = 2 if SMALL else 16

# %% [markdown]
# ## The pictures
# 1,797 digits of 8 × 8 pixels, which scikit-learn brings. The first 1,000 are learned from. The others
# are held out: no figure below is worth anything on pictures that the network has seen.

# %%
learned, held_out = digits(0, 1000), digits(1000, 1797)
print(f"{len(learned)} to learn from, {len(held_out)} held out")
figure = new_figure(6, 1.1)
for number, axes in enumerate(figure.subplots(1, 10)):
    axes.imshow(learned.traces[number], cmap="gray_r", aspect=2)
    axes.set(xticks=[], yticks=[], title=learned.writer[number])
show(figure, "digits")

# %% [markdown]
# ## The network and its loss
# `cnn` is the SDK's own encoder of pictures, made narrower here. It turns a picture into 16 numbers, a
# *vector*.
#
# The contrastive loss pulls the vectors of one digit together and pushes those of two digits apart, until
# they are a margin away from each other. Each batch holds four pictures of every digit, and all pairs of
# them count.


# %%
def make():
    """Return a fresh network."""
    return build_encoder("cnn", {"widths": (8, 12, 16, 24), "vector_size": 16}, modality="image")


def train(pictures, epochs, steps=15):
    """Train a fresh network on some of the pictures."""
    network = make()
    checked = batches(held_out, steps=5, seed=1)
    history = learn(
        network, ContrastiveLoss(), batches(pictures, steps=steps), held_out=checked, epochs=epochs
    )
    return network, history


network, history = train(learned, EPOCHS)
print(f"loss {history[0]['loss']:.2f} at first, {history[-1]['loss']:.2f} at last")

# %% [markdown]
# ## Is it the same digit?
# Every pair of held-out pictures gets a number: the cosine of its two vectors, 1 for the same direction.
# Whoever wants a yes or no needs a *threshold*. Two things can go wrong: a pair of two digits is accepted
# (false match, its rate is the FMR), or a pair of one digit is rejected (false non-match, FNMR). Accuracy
# here counts both kinds of pairs as equally frequent.

# %%
same, different = cosines(vectors_of(network, held_out), held_out.writer)
curve = error_curve(same, different)
accuracy = 1 - (curve.fmr + curve.fnmr) / 2
best = accuracy.argmax()
print(f"accuracy {accuracy[best]:.3f} at the threshold {curve.thresholds[best]:.2f}")
print(f"equal error rate {eer(same, different):.1%}")
assert accuracy[best] > (0.6 if SMALL else 0.9)

figure = new_figure(9, 2.9)
left, middle, right = figure.subplots(1, 3)
left.hist([different, same], bins=40, density=True, histtype="stepfilled", alpha=0.6,
          color=[COLORS[1], COLORS[0]], label=["two digits", "the same digit"])  # fmt: skip
left.set(title="How alike pairs are", xlabel="cosine", ylabel="density", yticks=[])
left.legend(loc="upper left")
middle.plot(curve.thresholds, accuracy, color=COLORS[2], label="accuracy")
middle.plot(curve.thresholds, curve.fmr, color=COLORS[1], label="FMR")
middle.plot(curve.thresholds, curve.fnmr, color=COLORS[0], label="FNMR")
middle.set(title="Errors by threshold", xlabel="threshold", ylabel="rate", xlim=(curve.thresholds.min(), 1))
middle.legend(loc="lower left")
right.plot(curve.fmr, 1 - curve.fnmr, color=COLORS[0])
right.plot([0, 1], [0, 1], color="0.7", linestyle=":", label="guessing")
right.set(title="ROC", xlabel="FMR", ylabel="1 - FNMR")
right.legend(loc="lower right")
show(figure, "digit-pairs-rates")

# %% [markdown]
# **What to see.** The two distributions overlap a little; the best threshold lies where they cross. A
# lower one lets more impostors in, a higher one keeps more owners out. There is no "accuracy of the
# network" without a threshold.
#
# **For signatures.** A till wants few false matches, a gate few false non-matches. So the SDK is asked by
# rate, `verify(…, fmr=0.01)`, and looks the threshold up.

# %% [markdown]
# ## Too little and too much
# The same network three times: stopped at once; trained for long; and trained for long on three pictures
# of each digit.

# %%
few = digits(0, 30)
runs = {
    "underfitting: 1 epoch": train(learned, 1, steps=5),
    f"{EPOCHS} epochs": (network, history),
    "overfitting: 30 pictures": train(few, EPOCHS),
}
figure = new_figure(9, 2.8)
rates = {}
for axes, (title, (fitted, rows)) in zip(figure.subplots(1, 3, sharey=True), runs.items(), strict=True):
    epochs = [row["epoch"] for row in rows]
    axes.plot(
        epochs, [row["loss"] for row in rows], "o-", markersize=3, color=COLORS[0], label="learned from"
    )
    axes.plot(
        epochs, [row["val_loss"] for row in rows], "o--", markersize=3, color=COLORS[1], label="held out"
    )
    axes.set(title=title, xlabel="epoch", xlim=(0, EPOCHS + 1))
    rates[title] = eer(*cosines(vectors_of(fitted, held_out), held_out.writer))
    print(f"{title}: equal error rate {rates[title]:.1%} on held-out digits")
figure.axes[0].set(ylabel="contrastive loss", ylim=(0, None))
figure.axes[2].legend(loc="center right")
show(figure, "digit-pairs-fitting")
under, right_fit, over = rates.values()
assert right_fit < min(under, over) or SMALL

# %% [markdown]
# **What to see.** On the left both losses are high: nothing is learned yet. On the right the loss of what
# is learned from falls to nothing, and that of held-out pictures turns and rises: the network has
# memorized 30 pictures and knows no digit. Only the second curve tells the two apart.
#
# **For signatures.** "30 pictures" means few *writers*: a thousand signatures of ten people are ten
# people.
#
# **The honest limit.** All ten digits were there in training. New *people* are a harder question than new
# pictures: see `leaking_split.py` for what the difference does to a figure, and `one_shot.py` for writers
# never seen.
