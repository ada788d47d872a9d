"""The rest of libsigverify's interface from Python, to test it: what the SDK itself does in Python.

Templates go in and out as `Template`, so that what one side enrolls the other verifies.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from sigverify.decision import Decision, Outcome, Reason
from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.enroller import Screening
from sigverify.errors import EnrollmentError, RuntimeUnavailable, SigverifyError
from sigverify.matching.aspect import Aspect
from sigverify.matching.embedding import Embedding
from sigverify.matching.scoring import Impostor
from sigverify.modality.pen.features import DETAIL_CHANNELS, DETAIL_FRAMES, FRAMES, SERIES_CHANNELS
from sigverify.modality.pen.pen import PEN
from sigverify.modality.quality import Flaw
from sigverify.runtime.native.embedder import litert_library
from sigverify.runtime.pair_network import pair_shape
from sigverify.search import Match
from sigverify.template import Template, check_user_id

OUTCOMES = {1: Outcome.ACCEPT, 0: Outcome.REJECT, 2: Outcome.REFER}
REASONS = tuple(Reason)
ADDITIONS = (
    AdditionReason.TAKEN,
    AdditionReason.TOO_SHORT,
    AdditionReason.TOO_SIMPLE,
    AdditionReason.BAD_CAPTURE,
    AdditionReason.COPY,
    AdditionReason.UNLIKE,
    AdditionReason.IN_SECONDS,
    AdditionReason.IN_MICROSECONDS,
    AdditionReason.IN_NANOSECONDS,
    AdditionReason.NO_TIME,
)
FLAWS = (None, *(Flaw(each.value) if each.value in set(Flaw) else None for each in ADDITIONS[1:]))
IMPOSTORS = (Impostor.SKILLED, Impostor.RANDOM)
SCREENINGS = (Screening.ENFORCE, Screening.RECORD)


class NativeModel:
    """A model file, read by the C core."""

    def __init__(self, library, data):
        self._library = library
        self.handle = library.open("sv_model", library.ffi.from_buffer(data), len(data))

    def describe(self):
        info = self._library.ffi.new("sv_model_info *")
        self._library.call("sv_model_describe", self.handle, info)
        return info

    def threshold(self, fmr, *, impostor=Impostor.SKILLED, references=5):
        value = self._library.ffi.new("double *")
        which = IMPOSTORS.index(impostor)
        self._library.call("sv_model_threshold", self.handle, fmr, which, references, value)
        return value[0]

    def quantize(self, values):
        stored = self._library.ffi.new("uint8_t[]", self.describe().input_bytes)
        self._library.call("sv_quantize_input", self.handle, self._library.floats(values), stored)
        return bytes(stored)

    def score(self, distances, spread):
        """Score `(r, k)` distances to references whose own are `(r, r, k)`, as `Scoring.score`."""
        value = self._library.ffi.new("double *")
        near, apart = (
            self._library.floats(np.ascontiguousarray(each, np.float32)) for each in (distances, spread)
        )
        self._library.call("sv_score_distances", self.handle, near, apart, len(distances), value)
        return value[0]


class NativeVerifier:
    """Enrolls, verifies and identifies by the C core; one thread at a time. It keeps no store."""

    def __init__(self, library, model, network=None, judge=None):
        """Run `network`: a function of bytes, or LiteRT's library by its path; None: that of its wheel.

        Beside a function, `judge` is the one that runs the pair network.
        """
        self._library = library
        self._model = NativeModel(library, model.to_bytes())
        self._failure = None
        network = litert_library() if network is None else network
        if isinstance(network, Path):
            self._litert = library.open("sv_litert", str(network).encode(), self._model.handle)
            its = library.functions.sv_litert_network(self._litert)
        else:
            its = self._wrapped(network, judge)
        self._handle = library.open("sv_verifier", self._model.handle, its)

    def enroll(self, user_id, signatures, *, created, quality=Screening.ENFORCE):
        """Make a template; nothing is stored."""
        check_user_id(user_id)  # C ends it at a NUL
        ffi = self._library.ffi
        views = [self._library.view(each) for each in signatures]
        given = ffi.new("sv_signature[]", [view[0] for view in views] or 1)
        additions = ffi.new("sv_addition[]", max(len(views), 1))
        its = ffi.new("sv_template **")
        when = round(created.timestamp() * 1000)
        which = SCREENINGS.index(quality)
        try:
            self._call("sv_enroll", user_id.encode(), when, given, len(views), which, additions, its)
        except EnrollmentError as error:
            reasons = [f"{number} is {ADDITIONS[a]}" for number, a in enumerate(additions, start=1) if a]
            raise EnrollmentError(f"{error}; received {'; '.join(reasons)}") from None
        template = ffi.gc(its[0], self._library.functions.sv_template_close)
        return Template.from_bytes(exported(self._library, template))

    def verify(self, template, signature, *, fmr=0.01, impostor=Impostor.SKILLED, refer_fmr=None):
        """Decide, without lock-out or memory of earlier tries."""
        ffi = self._library.ffi
        policy = ffi.new("sv_policy *", [fmr, refer_fmr or 0.0, IMPOSTORS.index(impostor)])
        decision = ffi.new("sv_decision *")
        its = imported(self._library, template.to_bytes())
        self._call("sv_verify", its, self._library.view(signature), policy, decision)
        assert decision.accepted == (OUTCOMES[decision.outcome] is Outcome.ACCEPT)
        return Decision(
            outcome=OUTCOMES[decision.outcome],
            reason=REASONS[decision.reason],
            score=known(decision.score),
            threshold=known(decision.threshold),
            confidence=known(decision.confidence),
            missing=(Aspect.PRESSURE,) if decision.without_pressure else (),
            flaw=FLAWS[decision.flaw],
        )

    def expected_strangers(self, template, *, fmr=0.01, impostor=Impostor.RANDOM):
        """Return the share of strangers expected by the threshold of all people, and if that is too large."""
        policy = self._library.ffi.new("sv_policy *", [fmr, 0.0, IMPOSTORS.index(impostor)])
        said = self._library.ffi.new("sv_strangers *")
        its = imported(self._library, template.to_bytes())
        self._library.call("sv_expected_strangers", self._model.handle, its, policy, said)
        return known(said.share), bool(said.too_many)

    def score(self, template, signature):
        value = self._library.ffi.new("double *")
        its = imported(self._library, template.to_bytes())
        self._call("sv_score", its, self._library.view(signature), value)
        return value[0]

    def identify(self, signature, templates, *, top_k=5, fpir=None):
        """Find the people most like it, best first, comparing with everybody in full."""
        ffi = self._library.ffi
        handles = [imported(self._library, each.to_bytes()) for each in templates]
        matches, found = ffi.new("sv_match[]", max(top_k, 1)), ffi.new("size_t *")
        everybody = ffi.new("sv_template *[]", handles or 1)
        view = self._library.view(signature)
        self._call("sv_identify", everybody, len(handles), view, fpir or 0.0, matches, top_k, found)
        return [Match(templates[its.index].user_id, its.score) for its in matches[0 : found[0]]]

    def embed(self, signature):
        """Embed one signature."""
        its = self._blank()
        view = self._embedding(its)
        self._call("sv_embed", self._library.view(signature), view)
        return replace(its, extent=float(view.extent))

    def compare(self, probe, reference):
        """Return the distances of one embedding from another, `(k,)`."""
        out = np.full(self._library.functions.sv_model_cues(self._model.handle), np.nan, np.float32)
        views = [self._embedding(each) for each in (probe, reference)]
        self._call("sv_compare", *views, self._library.floats(out))
        return out

    def _blank(self):
        info = self._model.describe()
        return Embedding(
            series=np.zeros((FRAMES, SERIES_CHANNELS), np.int8),
            detail=np.zeros((DETAIL_FRAMES, DETAIL_CHANNELS), np.int8),
            sequence=np.zeros((info.steps, info.depth), np.int8),
            vector=np.zeros(info.vector_size, np.float32),
            extent=0.0,
        )

    def _embedding(self, its):
        return embedding_view(self._library, its)

    def _call(self, name, *arguments):
        """Call a function of this verifier; what the network raised comes first."""
        try:
            self._library.call(name, self._handle, *arguments)
        except SigverifyError:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure from None
            raise

    def _wrapped(self, network, judge):
        ffi, info = self._library.ffi, self._model.describe()

        def run(function, stored, stored_size, outputs):
            try:
                said = function(bytes(ffi.buffer(stored, stored_size)))
                sizes = tuple(size for _, size in outputs)
                if tuple(map(len, said)) != sizes:
                    raise RuntimeUnavailable("a network of other outputs", expected=f"{sizes} bytes")
            except Exception as error:  # noqa: BLE001  # nothing may unwind through C
                self._failure = error
                return RuntimeUnavailable.status
            for (memory, size), content in zip(outputs, said, strict=True):
                if size:
                    ffi.memmove(memory, content, size)
            return 0

        def invoke(_, stored, vector, sequence):
            sizes = ((vector, info.vector_bytes), (sequence, info.sequence_bytes))
            return run(network, stored, info.input_bytes, sizes)

        def judged(_, stored, output):
            return run(
                lambda its: (judge(its),), stored, info.pair_input_bytes, ((output, info.pair_output_bytes),)
            )

        # C holds them.
        self._invoke = ffi.callback("int(void *, const void *, void *, void *)", invoke)
        self._judge = ffi.callback("int(void *, const void *, void *)", judged) if judge else ffi.NULL
        return ffi.new("sv_network *", [self._invoke, self._judge, ffi.NULL])[0]


def embedding_view(library, its):
    """Point to the arrays of an embedding, which must outlive the view."""
    view = library.ffi.new("sv_embedding *")
    view.series, view.detail, view.sequence = map(library.bytes, (its.series, its.detail, its.sequence))
    view.vector, view.extent = library.floats(its.vector), its.extent
    return view


def pair_inputs(library, probe, reference):
    """Return what C gives a pair network of two embeddings: `(steps, depth)`."""
    out = np.full(pair_shape(PEN), np.nan, np.float32)
    views = [embedding_view(library, each) for each in (probe, reference)]
    library.call("sv_pair_inputs", *views, library.floats(out))
    return out


def imported(library, data):
    """Return a template on the C side, closed when it is collected."""
    handle = library.ffi.new("sv_template **")
    library.call("sv_template_import", data, len(data), handle)
    return library.ffi.gc(handle[0], library.functions.sv_template_close)


def exported(library, its):
    """Return the bytes of a template on the C side."""
    size = library.ffi.new("size_t *")
    library.call("sv_template_export", its, library.ffi.NULL, 0, size)
    data = library.ffi.new("uint8_t[]", size[0])
    library.call("sv_template_export", its, data, size[0], size)
    return bytes(data)


def known(value):
    return None if math.isnan(value) else value
