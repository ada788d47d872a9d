"""Triplets from three folders: an anchor, another picture of the same, and one of something else.

The folders `anchor`, `positive` and `negative` hold pictures of any kind. Three files of one name are a
triplet; what stands before the first "-" of the name says what, or who, is on the anchor.

    python examples/tutorials/triplets.py
    SIGVERIFY_TRIPLETS=folder-with-the-three python examples/tutorials/triplets.py
"""

# %%
import os
import tempfile
from pathlib import Path

import numpy as np
from learning import batches, keras, learn, vectors_of
from pictures import signatures
from PIL import Image
from showing import COLORS, SMALL, new_figure, show

from sigverify import SignatureImage
from sigverify.corpora import split_writers
from sigverify.modality.image.image import IMAGE
from sigverify.training import TraceSet, TrainConfig
from sigverify.training.encoders import build_encoder
from sigverify.training.losses.triplet import TripletLoss

keras.utils.set_random_seed(0)
WRITERS, EPOCHS = (20, 1) if SMALL else (80, 10)
ROLES = ("anchor", "positive", "negative")

# %% [markdown]
# ## Three folders
# Without folders of your own, some are made here: signatures of invented people. The negative of every
# second triplet is another person's signature, that of the others a *forgery*: somebody practised this
# very signature.


# %%
def write_triplets(folder):
    """Write four signatures of each writer as two triplets."""
    corpus = signatures(WRITERS, genuine=4, skilled=1, seed=8)
    for place, writer in enumerate(corpus.writers):
        one, two, three, four = (sample.capture for sample in corpus.genuine(writer))
        stranger = corpus.genuine(corpus.writers[place - 1])[0].capture
        forgery = corpus.skilled(writer)[0].capture
        for number, triplet in enumerate(((one, two, stranger), (three, four, forgery))):
            for role, picture in zip(ROLES, triplet, strict=True):
                (folder / role).mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture.grey).save(folder / role / f"{writer}-{number}.png")


own = os.environ.get("SIGVERIFY_TRIPLETS")
folder = Path(own or tempfile.mkdtemp())
if own is None:
    write_triplets(folder)
names = sorted(path.name for path in (folder / "anchor").iterdir())
print(f"{len(names)} triplets, the first: {', '.join(f'{role}/{names[0]}' for role in ROLES)}")

# %% [markdown]
# ## From files to what the network sees
# `SignatureImage.read` takes any format, size and colour. Its ink is found, levelled and laid on a sheet
# of 64 × 128.

# %%
pictures = {role: [SignatureImage.read(folder / role / name) for name in names] for role in ROLES}
whole = TraceSet(
    name="folders",
    traces=np.stack([IMAGE.trace(picture) for role in ROLES for picture in pictures[role]]),
    extent=np.ones(3 * len(names)),
    writer=np.tile([name.split("-")[0] for name in names], 3),
    # A negative belongs to its anchor and is not genuine: that is how a forgery is labelled.
    genuine=np.repeat([True, True, False], len(names)),
    modality="image",
)
learned, held_out = split_writers(whole, 0.35, seed=0)
print(f"{len(learned.writers)} writers to learn from, {len(held_out.writers)} held out")

figure = new_figure(7, 2.6)
grid = figure.subplots(3, 4)
for column in range(4):
    for row, role in enumerate(ROLES):
        grid[row, column].imshow(pictures[role][column].grey, cmap="gray")
        grid[row, column].set(xticks=[], yticks=[])
        grid[row, 0].set_ylabel(role)
show(figure, "triplets-folders")

# %% [markdown]
# ## The loss
# A triplet costs nothing once the anchor is nearer to the positive than to the negative, by a margin.
# Most triplets soon cost nothing, and nothing is learned from them; so of each batch only the hardest
# count ("batch-hard"): for every anchor the farthest positive and the nearest negative of all.


# %%
def halves(network, triplets):
    """Distances `(n,)` from anchor to positive, and from anchor to negative."""
    vectors = vectors_of(network, triplets)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    anchor, positive, negative = np.split(vectors, 3)
    return np.linalg.norm(anchor - positive, axis=1), np.linalg.norm(anchor - negative, axis=1)


def found(network, triplets):
    """Share of anchors whose nearest picture, among all positives and negatives, is a positive of theirs."""
    vectors = vectors_of(network, triplets)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    count = len(vectors) // 3
    nearest = count + (vectors[:count] @ vectors[count:].T).argmax(axis=1)
    return np.mean(triplets.genuine[nearest] & (triplets.writer[nearest] == triplets.writer[:count]))


network = build_encoder("cnn", {"widths": (8, 12, 16, 24), "vector_size": 64}, modality="image")
courses = {"learned from": [found(network, learned)], "held out": [found(network, held_out)]}


def look():
    """Note for how many anchors the right picture is found."""
    courses["learned from"].append(found(network, learned))
    courses["held out"].append(found(network, held_out))


before = halves(network, held_out)
source = batches(
    learned,
    steps=15,
    writers=16,
    genuine=3,
    skilled=2,
    augmentation=TrainConfig(modality="image").augmentation,
)
learn(network, TripletLoss(margin=0.3), source, epochs=EPOCHS, after_epoch=look)
after = halves(network, held_out)
for name, course in courses.items():
    print(
        f"{name}: the nearest is a positive for {course[0]:.0%} before training, for {course[-1]:.0%} after"
    )
if own is None:
    for kind, part in (("a stranger's signature", slice(0, None, 2)), ("a forgery", slice(1, None, 2))):
        shares = [(near[part] < far[part]).mean() for near, far in (before, after)]
        print(f"the positive is nearer than {kind}: {shares[0]:.0%} before, {shares[1]:.0%} after")
lead, lead_before = (after[1] - after[0]).mean(), (before[1] - before[0]).mean()
print(
    f"the positive is nearer by {lead_before:.2f} before and by {lead:.2f} after, in the mean of all held out"
)
assert courses["held out"][-1] > courses["held out"][0] or SMALL or own

# %%
figure = new_figure(8.5, 3)
left, right = figure.subplots(1, 2)
for (name, course), color in zip(courses.items(), COLORS, strict=False):
    left.plot(
        range(EPOCHS + 1), [100 * share for share in course], "o-", markersize=3, color=color, label=name
    )
left.set(title="The nearest picture is a positive", xlabel="epoch", ylabel="anchors (%)", ylim=(0, 103))
left.legend(loc="lower right")
right.scatter(*before, s=12, color="0.6", label="before")
right.scatter(*after, s=12, color=COLORS[2], label="after")
right.plot([0, 1.5], [0, 1.5], ":", color="0.5")
right.set(title="Held-out triplets", xlabel="anchor to positive", ylabel="anchor to negative")
right.legend(loc="lower right")
show(figure, "triplets-learned")

# %% [markdown]
# **What to see.** Above the dotted line a triplet is in order. Before, all distances are much the same;
# after, the cloud has moved away from the line.
#
# **For signatures.** With folders of your own, give each person several triplets, and several people:
# whoever is in training says nothing about others.
#
# **The honest limit.** By the plain question, is the positive nearer than the one negative beside it,
# nothing is gained here: an untrained network answers it as well. So the figure on the left asks a harder
# one, among all pictures; it was chosen after the plain one had shown nothing. What stays wrong are
# forgeries: a vector of a whole picture hardly tells a good one, which was made to look the same. The SDK
# therefore aligns two signatures and looks at their parts besides.
