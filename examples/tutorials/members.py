"""From one owner to 100,000 people: unlock, a gym, the best match, a large gallery.

Each has an example of its own that shows the calls: `unlock.py`, `gate.py`, `attendance.py`, `ranking.py` and
`large_gallery.py`, one folder up. Here is what the model that ships delivers, measured.

    python examples/tutorials/members.py
"""

# %%
import time

import numpy as np
from showing import COLORS, SMALL, new_figure, show

from sigverify import Matcher, Model, Verifier
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.evaluation import SdkSystem, TrialKind, evaluate
from sigverify.metrics import eer, error_curve, fnmr_at_fmr
from sigverify.search.exact import ExactIndex

matcher = Matcher.open(Model.read("base"))

# %% [markdown]
# ## Unlock: 1:1
# One owner, one question: is it the owner? The answer depends on who else tries (somebody with another
# name, or a forger who practised) and on how many references the owner gave.

# %%
corpus = synthesize(SyntheticConfig(writers=10 if SMALL else 24, genuine=8, skilled=5, seed=31))
report = evaluate(SdkSystem(matcher), corpus, references=(1, 5), draws=2)
scores = {
    (references, kind): report.trials.scores(references=references, kind=kind)
    for references in (1, 5)
    for kind in TrialKind
}
figure = new_figure(8.5, 3)
left, right = figure.subplots(1, 2)
shown = np.linspace(0, 1, 41)
for kind, color in zip(TrialKind, (COLORS[0], COLORS[1], "0.6"), strict=True):
    left.hist(
        scores[5, kind], bins=shown, density=True, histtype="step", linewidth=1.5, color=color, label=kind
    )
left.set(title="Five references", xlabel="score", ylabel="density (log)", yscale="log")
left.legend(loc="upper center")
for kind, color in ((TrialKind.SKILLED, COLORS[1]), (TrialKind.RANDOM, "0.6")):
    for references, line in ((1, ":"), (5, "-")):
        genuine, impostor = scores[references, TrialKind.GENUINE], scores[references, kind]
        curve = error_curve(genuine, impostor)
        label = f"{kind}, R = {references}"
        right.plot(100 * curve.fmr, 100 * curve.fnmr, line, color=color, label=label)
        print(
            f"{label}: equal error rate {eer(genuine, impostor):.1%}, "
            f"owners rejected at FMR 1 %: {fnmr_at_fmr(genuine, impostor, 0.01):.1%}"
        )
right.set(title="What a stricter threshold costs", xlabel="FMR: impostors let in (%)",
          ylabel="FNMR: owners rejected (%)", xlim=(-0.5, 30), ylim=(-0.5, 40))  # fmt: skip
right.legend()
show(figure, "members-unlock")
assert eer(scores[5, TrialKind.GENUINE], scores[5, TrialKind.SKILLED]) < 0.1

# %% [markdown]
# **What to see.** Strangers are no problem; forgers are the figure to ask for. Five references instead of
# one are the cheapest improvement there is.

# %% [markdown]
# ## A gym of 20 members: 1:N among those who pay
# Nobody says a name; the gate looks for whoever signs among the members of the group "active". Five
# memberships have ended: no reference is deleted for it, and coming back needs no enrolment.

# %%
MEMBERS, ENDED, STRANGERS = 20, 5, 20 if SMALL else 60
visitors = synthesize(SyntheticConfig(writers=MEMBERS + STRANGERS, genuine=8, skilled=0, seed=32))
members, strangers = visitors.writers[:MEMBERS], visitors.writers[MEMBERS:]
active, ended = members[ENDED:], members[:ENDED]


def own(writer):
    """Return a visitor's signatures."""
    return [sample.capture for sample in visitors.genuine(writer)]


gym = Verifier.open(":memory:")
for member in members:
    gym.enroll(member, own(member)[:5], quality="record")
    if member in active:
        gym.join(member, "active")


def let_in(people, fpir):
    """Share of visits, after five signatures, at which the gate opens for the right name, and at all."""
    right, opened = [], []
    for person in people:
        for capture in own(person)[5:]:
            matches = gym.identify(capture, top_k=1, fpir=fpir, among="active")
            opened.append(bool(matches))
            right.append(opened[-1] and matches[0].user_id == person)
    return np.mean(right), np.mean(opened)


FPIRS = (0.1, 0.03, 0.01)
rates = {}
for fpir in FPIRS:
    rates[fpir] = let_in(active, fpir)[0], let_in(ended, fpir)[1], let_in(strangers, fpir)[1]
    print(
        f"asked for {fpir:.0%} of strangers: members in {rates[fpir][0]:.0%}, "
        f"former members in {rates[fpir][1]:.0%}, strangers in {rates[fpir][2]:.1%}"
    )
assert rates[0.01][0] > 0.8
assert rates[0.01][2] < 0.1

# %% [markdown]
# **What to see.** `fpir` is the share of *strangers* whom the gate may take for somebody, and the
# threshold follows the number of people searched. A former member is a stranger to the search: only the
# group is looked at.
#
# **The honest limit.** Somebody who forges a member's signature is no stranger. Where that matters, let
# `identify` find the name and `verify` decide.

# %% [markdown]
# ## The best match
# Without `fpir`, `identify` returns a ranking, for a person to look at. Once a member signs, once a
# stranger.

# %%
figure = new_figure(7.5, 2.6)
firsts = []
for axes, who, person in zip(
    figure.subplots(1, 2, sharex=True), ("a member", "a stranger"), (active[0], strangers[0]), strict=True
):
    ranking = gym.identify(own(person)[5], top_k=5)
    firsts.append(ranking[0])
    names = [f"member {members.index(match.user_id) + 1}" for match in ranking]
    print(
        f"{who} signs: "
        + ", ".join(f"{name} {match.score:.4f}" for name, match in zip(names, ranking, strict=True))
    )
    axes.barh(names[::-1], [match.score for match in ranking][::-1], color=COLORS[0])
    axes.set(title=f"{who} signs", xlabel="score", xlim=(0, 1))
show(figure, "members-ranking")
gym.close()
assert firsts[0].user_id == active[0]

# %% [markdown]
# **What to see.** Somebody is always the most alike, for a stranger too. A ranking is no decision, and
# the SDK refuses to take it for one: `if ranking:` raises an error.

# %% [markdown]
# ## 100,000 people
# At the start a device reads all vectors (`verifier.prepare()`); a question then needs one pass over
# them. To sign for 100,000 people takes a while even by program, so their vectors are drawn at random,
# spread like those of 200 invented people, who are among them too.

# %%
PEOPLE = 50 if SMALL else 200
town = synthesize(SyntheticConfig(writers=PEOPLE, genuine=4, skilled=0, seed=33))
vectors = np.stack([matcher.embed(sample.capture).vector for sample in town.samples])
vectors = vectors.reshape(PEOPLE, 4, -1)
rng = np.random.default_rng(0)
centre, spread = vectors.mean(axis=(0, 1)), np.cov(vectors.mean(axis=1).T)
sizes, took, found = [1_000, 10_000, 20_000 if SMALL else 100_000], [], []
for size in sizes:
    crowd = rng.multivariate_normal(centre, spread, size).astype(np.float32)
    crowd /= np.linalg.norm(crowd, axis=1, keepdims=True)
    crowd[:PEOPLE] = vectors[:, 0]
    index = ExactIndex(crowd.shape[1])
    index.put(np.arange(size, dtype=np.int32), crowd)
    times, right = [], 0
    for person, probe in enumerate(vectors[:, 3]):
        start = time.perf_counter()
        nearest = index.nearest(probe, 12)
        times.append(1000 * (time.perf_counter() - start))
        right += person in nearest
    took.append(np.median(times))
    found.append(100 * right / PEOPLE)
    print(f"{size:>7,} people: the right one among the nearest 12 for {found[-1]:.0f} %")

figure = new_figure(7.5, 2.8)
left, right = figure.subplots(1, 2)
left.plot(sizes, took, "o-", color=COLORS[0])
left.set(xscale="log", xlabel="people", ylabel="median search (ms)", title="Time", ylim=(0, None))
right.plot(sizes, found, "o-", color=COLORS[2])
right.set(xscale="log", xlabel="people", ylabel="right one among 12 (%)", title="Found", ylim=(0, 103))
show(figure, "members-large-gallery")

# %% [markdown]
# **What to see.** The search takes milliseconds and finds by the vector alone, by *one* reference here.
# The twelve nearest are then compared in full, half a millisecond each.
#
# **The honest limit.** Among 100,000 some are alike by accident: the share found falls with the crowd.
# docs/search.md has the figures with five references, and what `index="approximate"` gives for millions.
