"""A first look: what a notebook shows of signatures, decisions and searches.

No training, no data: two invented people, and the model that ships. As a script it says less, for what a
cell shows is its last line.

    python examples/tutorials/first_look.py
"""

# %%
import tempfile
from pathlib import Path

from showing import COLORS, new_figure, show

from sigverify import Policy, SignatureImage, Verifier, read_signature, similarity
from sigverify.experiments.samples import write_samples

folder = Path(tempfile.mkdtemp())
names = [path.stem for path in write_samples(folder) if path.suffix == ".csv"]  # as `sigverify samples` does
signatures = {name: read_signature(folder / f"{name}.csv") for name in names}
print(*names, sep=", ")

# %% [markdown]
# ## Strokes and pictures
# A signature shows its ink, thicker where the pen pressed harder. Nobody is called Alice here: she is
# invented. **Ink is personal**, and a notebook keeps what it shows: with real signatures, clear the outputs
# before you hand it on.

# %%
signatures["alice-1"]

# %%
signatures["forged-alice-1"]

# %%
SignatureImage.read(folder / "alice-1.png")

# %% [markdown]
# ## One person
# Five signatures are enrolled, and the sixth is shown.

# %%
verifier = Verifier.open(folder / "store.db", model="base")
for person in ("alice", "bob"):
    verifier.enroll(person, [signatures[f"{person}-{number}"] for number in range(1, 6)])
decision = verifier.verify("alice", signatures["alice-6"])
print("accepted" if decision else "rejected")
decision

# %% [markdown]
# The same once more is a copy: nobody signs twice the same.

# %%
verifier.verify("alice", signatures["alice-6"])

# %% [markdown]
# Somebody who practiced this signature:

# %%
verifier.verify("alice", signatures["forged-alice-1"])

# %% [markdown]
# ## Among several, and without a store

# %%
verifier.identify(signatures["bob-6"])

# %%
similarity(folder / "alice-1.png", folder / "alice-2.png")

# %% [markdown]
# ## Tables and figures
# `to_dict` is one row; `pandas.DataFrame(rows)` takes them, where pandas is installed. The rule against
# copies is off here, and so is waiting after failed tries: the figure is about scores.

# %%
probes = [name for name in names if name not in {f"alice-{number}" for number in range(1, 6)}]
measuring = Verifier.open(folder / "store.db", model="base", policy=Policy.unguarded())
rows = [{"probe": name, **measuring.verify("alice", signatures[name]).to_dict()} for name in probes]
for row in rows:
    print(f"{row['probe']:16} {row['outcome']:8} {row['score']:.3f}  {', '.join(row['unlike'])}")

figure = new_figure(6, 2.6)
axes = figure.subplots()
shades = [COLORS[2] if row["accepted"] else COLORS[1] for row in rows]
axes.barh([row["probe"] for row in rows], [row["score"] for row in rows], color=shades)
axes.axvline(rows[0]["threshold"], color="0.3", linestyle=":")
axes.set(xlabel="score against alice's five references; dotted: the threshold", xlim=(0, 1))
axes.invert_yaxis()
show(figure, "first-look-scores")

# %%
verifier.close()
measuring.close()

# %% [markdown]
# **What to see.** Only `alice-6` reaches the threshold. These samples were chosen so that the model is right
# about all of them; how often it is wrong is in `docs/results.md`, and `sigverify demo` counts it.
