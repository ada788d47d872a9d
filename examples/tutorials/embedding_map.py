"""A map of embeddings: where the model that ships puts the signatures of ten people.

The vector of a signature has 64 numbers. Two ways to see them on paper: PCA turns the space until the two
widest directions lie flat; t-SNE bends it so that neighbours stay neighbours.

    python examples/tutorials/embedding_map.py
"""

# %%
import numpy as np
from showing import new_figure, show
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from sigverify import Matcher, Model
from sigverify.corpora import Kind
from sigverify.corpora.synthetic import SyntheticConfig, synthesize

corpus = synthesize(SyntheticConfig(writers=10, genuine=12, skilled=4, seed=11))
matcher = Matcher.open(Model.read("base"))
vectors = np.stack([matcher.embed(sample.capture).vector for sample in corpus.samples])
writer = np.array([corpus.writers.index(sample.writer) for sample in corpus.samples])
genuine = np.array([sample.kind is Kind.GENUINE for sample in corpus.samples])
print(f"{genuine.sum()} signatures and {(~genuine).sum()} forgeries, {vectors.shape[1]} numbers each")

# %% [markdown]
# ## The map
# A colour is a writer; a cross is a forgery of that writer's signature, by somebody who practised it.

# %%
pca = PCA(2).fit(vectors)
flat = {
    f"PCA: {pca.explained_variance_ratio_.sum():.0%} of the variance": pca.transform(vectors),
    "t-SNE: neighbours only": TSNE(perplexity=15, init="pca", random_state=0).fit_transform(vectors),
}
figure = new_figure(9, 4.2)
for axes, (title, places) in zip(figure.subplots(1, 2), flat.items(), strict=True):
    for number in range(10):
        own = writer == number
        axes.scatter(*places[own & genuine].T, s=14, color=f"C{number}", label=f"writer {number + 1}")
        axes.scatter(*places[own & ~genuine].T, s=26, marker="x", color=f"C{number}", linewidth=1.2)
    axes.set(title=title, xticks=[], yticks=[])
figure.axes[0].set(xlabel="first component", ylabel="second component")
figure.axes[1].set(xlabel="no unit, no direction")
figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
show(figure, "embedding-map")


# %% [markdown]
# ## How far to trust it
# The nearest other genuine signature: is it by the same writer?


# %%
def agreeing(places):
    """Share of genuine signatures whose nearest other one is of the same writer."""
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return (writer[genuine][distances.argmin(axis=1)] == writer[genuine]).mean()


shares = {"all 64 numbers": agreeing(vectors[genuine])}
shares |= {title: agreeing(places[genuine]) for title, places in flat.items()}
for title, share in shares.items():
    print(f"{title}: {share:.1%}")
assert shares["all 64 numbers"] > 0.95

distances = np.linalg.norm(vectors[~genuine][:, None] - vectors[genuine][None], axis=2)
fooled = (writer[genuine][distances.argmin(axis=1)] == writer[~genuine]).mean()
print(f"forgeries whose nearest genuine signature is that of the imitated writer: {fooled:.0%}")

# %% [markdown]
# **What to see.** Each writer is a cluster of its own, though nobody here was in training. PCA lays some
# clusters over each other: two of 64 directions are not enough. t-SNE keeps them apart, but sizes of
# clusters and distances between them mean nothing there.
#
# **For signatures.** The vector finds *who* among many (1:N). The crosses lie at or in the cluster of the
# writer whom they imitate. Whether a signature is forged is for what is compared besides: the aligned
# strokes and the pair network, which no map shows.
#
# **The honest limit.** These writers are invented, by the same program that invented those of the
# training. Real ones vary more; docs/results.md has the figures.
