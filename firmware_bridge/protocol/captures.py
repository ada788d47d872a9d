"""`Captures`: signatures of one client that come in pieces, as strokes or as pictures, in bounded memory."""

from collections.abc import Callable
from typing import Final

from firmware_bridge.protocol.messages import Captured, End, Image, Points
from firmware_bridge.protocol.picture import MAX_BYTES_OF_ALL, MAX_IMAGE_BYTES, PictureCapture, check_size
from firmware_bridge.protocol.strokes import MAX_SAMPLES, StrokeCapture
from sigverify.errors import Busy, FormatError, InvalidSignature, NotAllowed, ProtocolError, SigverifyError
from sigverify.modality.pen.signature import Signature
from sigverify.signed.content import Form, pack
from sigverify.signed.signed_capture import SignedCapture

MAX_CAPTURES: Final = 16
"""Captures after one hello, at once: the 12 references of the largest enrollment, and some more."""

Whole = Signature | bytes | SignedCapture
"""A capture that is whole: a signature of a pen, the file of a picture, or either with who signed it."""


class Captures:
    """The captures of one client, by number. Errors are kept until `end` raises them."""

    def __init__(
        self,
        *,
        pictures: bool = True,
        signed_only: bool = False,
        held_by_all: Callable[[], int] = lambda: 0,
    ) -> None:
        """Take strokes, and pictures where they are allowed; `held_by_all` says the bytes of all clients'.

        With `signed_only` what is signed comes as a `SignedCapture`; without, nobody looks at who signed it.
        """
        self._pictures = pictures
        self._signed_only = signed_only
        self._held_by_all = held_by_all
        self._captures: dict[int, StrokeCapture | PictureCapture] = {}
        self._samples_in_use = self._bytes_in_use = 0

    @property
    def samples(self) -> int:
        """Samples held: of all captures, ended or not, and of the signatures of requests that wait."""
        strokes = [each for each in self._captures.values() if isinstance(each, StrokeCapture)]
        return self._samples_in_use + sum(each.held for each in strokes)

    @property
    def image_bytes(self) -> int:
        """Bytes of pictures, counted the same way; of one that is coming, all that were announced."""
        return self._bytes_in_use + self.pictures_kept

    @property
    def pictures_kept(self) -> int:
        """Bytes of pictures that are coming, or were not asked about yet."""
        pictures = [each for each in self._captures.values() if isinstance(each, PictureCapture)]
        return sum(each.held for each in pictures)

    def begin(self, number: int) -> None:
        """Begin a capture of strokes; one too many is not begun, and `end` says so."""
        self._begin(number, StrokeCapture())

    def begin_image(self, number: int, size: int) -> None:
        """Begin a picture of so many bytes; `end` says whether it could be taken."""
        self.cancel(number)
        picture = PictureCapture(size)
        error = self._error_of_picture(size)
        if error is not None:
            picture.fail(error)
        self._begin(number, picture)

    def add(self, points: Points) -> None:
        """Take samples."""
        capture = self._captures.get(points.capture)
        if isinstance(capture, StrokeCapture):
            full = self.samples + len(points.x) > MAX_SAMPLES
            error = Busy("too many samples at once", expected=f"at most {MAX_SAMPLES}") if full else None
            capture.add(points.seq, points, error)
        elif capture is not None:
            capture.fail(ProtocolError("samples for a capture that was begun as a picture"))

    def add_image(self, image: Image) -> None:
        """Take a piece of a picture."""
        capture = self._captures.get(image.capture)
        if isinstance(capture, PictureCapture):
            capture.add(image.seq, image, None)
        elif capture is not None:
            capture.fail(ProtocolError("a piece of a picture for a capture that was begun without"))

    def end(self, ended: End) -> Captured:
        """Make a whole of what came.

        Raises:
            ProtocolError: no such capture, pieces were lost, or do not fit together.
            InvalidSignature: the samples are no signature.
            FormatError: a picture too large.
            NotAllowed: a picture, and none are taken.
            Busy: there was too much.
        """
        capture = self._find(ended.capture)
        try:
            captured = capture.end(ended)
            self._signed(capture)  # that it could be, shows at once
        except SigverifyError:
            self.cancel(ended.capture)
            raise
        return captured

    def cancel(self, number: int) -> None:
        """Drop a capture; there being none is fine."""
        self._captures.pop(number, None)

    def take(self, number: int) -> Whole:
        """Return an ended capture, and drop it; it counts until `release`.

        Raises:
            ProtocolError: no such capture, or it is not ended.
        """
        capture = self._find(number)
        whole = self._signed(capture) or capture.whole
        if whole is None:
            raise ProtocolError(f"capture {number} is not ended")
        self.cancel(number)
        self._count(whole, 1)
        return whole

    def release(self, whole: Whole) -> None:
        """Stop counting a capture whose request is answered."""
        self._count(whole, -1)

    def _begin(self, number: int, capture: StrokeCapture | PictureCapture) -> None:
        self._captures.pop(number, None)
        if len(self._captures) < MAX_CAPTURES:
            self._captures[number] = capture

    def _error_of_picture(self, size: int) -> SigverifyError | None:
        if not self._pictures:
            return NotAllowed("no pictures are taken here", expected="a daemon with the capability images")
        try:
            check_size(size)
        except FormatError as error:
            return error
        if self.image_bytes + size > MAX_IMAGE_BYTES:
            return Busy("too many pictures at once", expected=f"at most {MAX_IMAGE_BYTES} bytes of them")
        if self._held_by_all() + size > MAX_BYTES_OF_ALL:
            return Busy("too many pictures of all clients at once")
        return None

    def _signed(self, capture: StrokeCapture | PictureCapture) -> SignedCapture | None:
        """Return a whole capture with its signature, which nobody has checked; None: it has none."""
        if not self._signed_only or capture.whole is None or capture.ended is None:
            return None
        return _with_signature(capture.whole, capture.ended)

    def _count(self, whole: Whole, sign: int) -> None:
        size = whole.size if isinstance(whole, SignedCapture) else len(whole)
        if is_picture(whole):
            self._bytes_in_use += sign * size
        else:
            self._samples_in_use += sign * size

    def _find(self, number: int) -> StrokeCapture | PictureCapture:
        if number not in self._captures:
            raise ProtocolError(
                f"there is no capture {number}",
                hint=f"Begin it; at most {MAX_CAPTURES} at once, and asking about one drops it",
            )
        return self._captures[number]


def is_picture(whole: Whole) -> bool:
    """Whether a capture is the file of a picture."""
    return isinstance(whole, bytes) or (isinstance(whole, SignedCapture) and whole.form is Form.PICTURE)


def _with_signature(whole: Signature | bytes, ended: End) -> SignedCapture | None:
    if (ended.device, ended.counter, ended.nonce, ended.purpose, ended.mac) == (None,) * 5:
        return None
    form, content = (Form.PICTURE, whole) if isinstance(whole, bytes) else pack(whole)
    fields = {name: getattr(ended, name) for name in ("device", "counter", "nonce", "purpose", "mac")}
    try:
        return SignedCapture(form=form, content=content, **fields)
    except InvalidSignature as error:
        raise ProtocolError(f"the signature of a capture is none: {error}") from error
