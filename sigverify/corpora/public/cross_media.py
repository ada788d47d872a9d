"""Cross-media signatures: 100 people wrote the same ten Chinese names on paper, a tablet and, twice, a phone.

Source: Luo, Pu, Yin, Liu, Tan, Zhang & Hu, "Is there a difference between paper and electronic Chinese
signatures?", Advanced Intelligent Systems 5, 2300439, 2023, doi 10.1002/aisy.202300439.
Files are named `{person}/{medium}_{name}.png`, with paper (scanned), ipad, phone_hand and phone_table, and
`control/{person}/paper_{name}_{number}.png` by eleven others, who wrote each name twice on paper.

Nobody wrote their own name, and nobody forged. What is somebody's here is how they write one of the names:
a "writer" of the corpus, "007-03", is person 7 with name 3. Genuine are the person's four media. Skilled
forgeries are the same name in another hand: all that somebody achieves who knows the text and no more.

So that no picture stands under two writers, and none on both sides of a split, people take turns: with even
names those of even numbers are writers and those of odd numbers forge, with odd names the other way round.
That makes 500 writers of four genuine signatures and four forgeries, each forgery by another person on
another medium: the medium does not tell the truth. The eleven others, "c01-03", are writers with two genuine
signatures on paper, and no forgeries.

Splits by writer do not separate people: person 7 is a writer with five names, and forges five.
People 34 and 36 are left-handed; the authors' own analysis leaves out 51, 68, 79, 93, 94, 95 and 100, whose
pictures are read here. Two pictures were never there, `94/phone_table_07.png` and `100/phone_table_03.png`;
the twelve of `MISNAMED` are left out.
"""

import re

from sigverify.corpora.corpus import Kind
from sigverify.corpora.public.layouts import Truth

PEOPLE = 100
MEDIA = ("paper", "ipad", "phone_hand", "phone_table")
"""Number n of a genuine signature is on the nth of these."""
STEM = rf"(?:.*/)?(?:(\d{{1,3}})/({'|'.join(MEDIA)})_(\d\d)|control/(\d{{1,2}})/paper_(\d\d)_(\d))"
"""What the name of a picture is like, without its ending."""
MISNAMED = frozenset(
    [(50, "ipad", name) for name in (2, 3)]
    + [(62, "phone_table", name) for name in (2, 3, 4, 5, 6)]
    + [(64, "phone_table", name) for name in (4, 5, 6)]
    + [(79, "phone_table", name) for name in (5, 6)]
)
"""Person, medium and number of pictures that show another name than their number says: one was left out or
written twice, and those after it moved up."""
LICENCE_NOTE = (
    "Cross-media Signatures by J. Luo et al. (doi 10.1002/aisy.202300439, "
    "https://github.com/dishangti/Cross-media-Signatures): MIT licence"
)
FORGER_STEP = 10
"""The number of a forgery is the forging person × this + the number of the medium."""
STRIDE = 12
"""Forgers of one writer are so many apart on the list: about a quarter of it, one for each medium."""


def truth(match: re.Match[str]) -> Truth | None:
    """Tell who wrote a picture, and as whom; None where it shows another name than its own says."""
    if match[4]:
        return f"c{int(match[4]):02d}-{match[5]}", Kind.GENUINE, int(match[6])
    person, medium, name = int(match[1]), 1 + MEDIA.index(match[2].lower()), int(match[3])
    if (person, match[2].lower(), name) in MISNAMED:
        return None
    if (person + name) % 2 == 0:
        return f"{person:03d}-{match[3]}", Kind.GENUINE, medium
    forged = forged_person(person, medium, name)
    return f"{forged:03d}-{match[3]}", Kind.SKILLED, person * FORGER_STEP + medium


def forged_person(person: int, medium: int, name: int) -> int:
    """Return whom a person forges with a name on a medium; of one medium, each forges another.

    >>> [forged_person(person, 1, 2) for person in (1, 3, 97, 99)]
    [26, 28, 22, 24]
    """
    place = ((person - 1) // 2 + STRIDE * medium) % (PEOPLE // 2)
    return 2 * place + (2 if name % 2 == 0 else 1)
