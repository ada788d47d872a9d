"""`Enrollment`: a conversation that ends with a good set of references, or with none.

Signatures are added one by one, and each is taken or refused with a reason, so that a person can be told
and sign again. Nothing is stored before `commit`. Which of them belong together is judged anew each time:
when the first was signed by somebody else, or slipped, and the next two agree, the first is left out.
"""

from collections.abc import Callable, Iterable
from typing import Final

from sigverify.enrollment.addition import Addition, AdditionReason
from sigverify.enrollment.candidates import Candidates
from sigverify.enrollment.enroller import Enroller, check_count
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.errors import EnrollmentError
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.search.groups import check_groups

_MOST_TRIED: Final = 4 * MAX_REFERENCES
"""Signatures that one conversation may look at: it keeps them all in memory."""


class Enrollment:
    """One person's conversation; not for several threads at once.

    >>> enrollment = verifier.enrollment("alice")                            # doctest: +SKIP
    >>> while enrollment.remaining:                                          # doctest: +SKIP
    ...     print(enrollment.add(capture()).reason)
    >>> enrollment.commit()                                                  # doctest: +SKIP
    """

    def __init__(
        self,
        enroller: Enroller,
        user_id: str,
        *,
        references: int,
        replace: bool = False,
        groups: Iterable[str] = (),
        opened: Callable[[object], object] = lambda capture: capture,
    ) -> None:
        """Ask for so many references; `Verifier.enrollment` is how to get here.

        `opened` returns a capture as it is compared, or refuses what is not signed as it has to be.

        Raises:
            EnrollmentError: fewer than 1 or more than `MAX_REFERENCES` wanted.
            AlreadyEnrolled: the user is there and `replace` is False.
            ConfigError: what cannot name a group, or too many of them.
        """
        self._user_id = enroller.check_user(user_id, replace=replace)
        check_count(references)
        self._enroller = enroller
        self._candidates = Candidates(enroller.matcher)
        self._references = references
        self._replace = replace
        self._groups = check_groups(groups)
        self._opened = opened
        self._committed = False

    @property
    def remaining(self) -> int:
        """How many signatures are still wanted."""
        return self._references - len(self._candidates.taken)

    def add(self, capture: object) -> Addition:
        """Take a signature as a reference, or say why not.

        Raises:
            EnrollmentError: no more are wanted, or far too many were tried.
            InvalidSignature: no capture of the model's modality.
            UntrustedCapture: it has to be signed, and is not as it has to be.
        """
        self._check_open()
        if not self.remaining or len(self._candidates.reasons) >= _MOST_TRIED:
            raise EnrollmentError(
                "no more signatures are wanted" if not self.remaining else "too many signatures tried",
                hint="Commit" if not self.remaining else "Begin again, with one person at a time",
            )
        self._candidates.add(self._opened(capture))
        reason = self._candidates.reasons[-1]
        return Addition(
            accepted=reason is AdditionReason.TAKEN,
            reason=reason,
            quality=self._candidates.qualities[-1],
            remaining=self.remaining,
        )

    def commit(self) -> EnrollmentReceipt:
        """Store the references: all of them, or, when anything is raised, nothing.

        Raises:
            EnrollmentError: signatures are still wanted, or this was committed before.
            AlreadyEnrolled, StoreError: as for `Verifier.enroll`.
        """
        self._check_open()
        if self.remaining:
            taken = self._references - self.remaining
            raise EnrollmentError("too few references", expected=str(self._references), received=str(taken))
        receipt = self._enroller.store_references(
            self._user_id,
            self._candidates,
            self._candidates.taken,
            replace=self._replace,
            groups=self._groups,
        )
        self._committed = True
        return receipt

    def _check_open(self) -> None:
        if self._committed:
            raise EnrollmentError("this enrollment is committed", hint="Begin another one")
