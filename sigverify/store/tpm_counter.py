"""`TpmCounter`: a store's counter in a TPM 2.0, which nobody can turn back, root included.

It is an index of the TPM's own memory, of the kind that can only be incremented. Whoever may clear the TPM
can delete it; one that is made anew begins above all that any index of this TPM ever counted to. Who may use
the TPM may increment it, and then the store is refused: nothing more.

That memory wears out: makers of TPMs name some hundred thousand writes of a place. Each failed try and each
enrollment is one; 200 a day are 73,000 a year.

Source: TPM 2.0 Library, Part 1, "NV Counters"; Part 3, TPM2_NV_Increment.
"""

from typing import Any, Final

from sigverify.errors import ConfigError, MissingExtra, StoreError

INDEX: Final = 0x0180_5167
"""In the range that the TCG leaves to a machine's owner."""

_OWNERS: Final = range(0x0180_0000, 0x01C0_0000)
_BYTES: Final = 8


class TpmCounter:
    """See the top of this file. Implements `Counter`."""

    def __init__(self, index: int = INDEX, *, tcti: str | None = None) -> None:
        """Take the index; the TPM is reached when it is first asked.

        Args:
            index: of the counter. Each store needs one of its own.
            tcti: how to reach the TPM, as tpm2-tss has it ("device:/dev/tpmrm0"); None: as it finds it.

        Raises:
            MissingExtra: tpm2-pytss is not installed.
        """
        self._tss = _import_tss()
        self._index = index
        self._tcti = tcti

    def bind(self, secret: bytes, store: str) -> None:
        """Do nothing: nobody can write a number of their own."""

    def read(self) -> int:
        """Return the number; 0: there is no such index.

        Raises:
            StoreError: the TPM does not answer, or the index is another's.
        """
        return int(self._ask(self._read))

    def begin(self) -> int:
        """Make the index, and return its first number: above all that this TPM counted to."""
        return int(self._ask(self._begin))

    def advance(self, to: int) -> None:
        """Increment until it is there.

        Raises:
            StoreError: the TPM does not answer or has worn out.
        """

        def step(tpm: Any) -> None:
            number, found = self._read(tpm), self._found(tpm)
            while found is not None and number < to:
                tpm.nv_increment(found)
                number += 1

        self._ask(step)

    def close(self) -> None:
        """Do nothing: the TPM is let go after each use."""

    def _read(self, tpm: Any) -> int:
        found = self._found(tpm)
        if found is None:
            return 0
        public, _ = tpm.nv_read_public(found)
        if not public.nvPublic.attributes & self._tss.TPMA_NV.WRITTEN:
            return 0
        return int.from_bytes(bytes(tpm.nv_read(found, _BYTES)), "big")

    def _begin(self, tpm: Any) -> int:
        if self._found(tpm) is None:
            kinds, nv = self._tss, self._tss.TPMA_NV
            public = kinds.TPM2B_NV_PUBLIC(
                nvPublic=kinds.TPMS_NV_PUBLIC(
                    nvIndex=self._index,
                    nameAlg=kinds.TPM2_ALG.SHA256,
                    attributes=nv.AUTHWRITE
                    | nv.AUTHREAD
                    | nv.OWNERREAD
                    | nv.NO_DA
                    | (kinds.TPM2_NT.COUNTER << nv.TPM2_NT_SHIFT),
                    dataSize=_BYTES,
                )
            )
            tpm.nv_define_space(None, public)
        found = self._found(tpm)
        tpm.nv_increment(found)  # before that it has no number
        return self._read(tpm)

    def _found(self, tpm: Any) -> Any:
        """Return the index; None: there is none."""
        _, known = tpm.get_capability(self._tss.TPM2_CAP.HANDLES, self._index, 1)
        handles = known.data.handles
        if handles.count == 0 or int(handles.handle[0]) != self._index:
            return None
        return tpm.tr_from_tpmpublic(self._index)

    def _ask(self, what: Any) -> Any:
        try:
            with self._tss.ESAPI(self._tcti) as tpm:
                return what(tpm)
        except (self._tss.TSS2_Exception, OSError, RuntimeError) as error:
            raise StoreError(
                "the TPM's counter cannot be used",
                expected=f"a TPM 2.0, and index {self._index:#x} of this store's own",
                received=str(error),
                hint="Check that this user may use the TPM (group tss, TPM2TOOLS_TCTI)",
            ) from error


def parse_index(text: str) -> int:
    """Read the index that an option names; "": the usual one.

    >>> hex(parse_index("")), hex(parse_index("0x1800001"))
    ('0x1805167', '0x1800001')
    """
    try:
        index = int(text, 0) if text else INDEX
    except ValueError:
        index = -1
    if index not in _OWNERS:
        raise ConfigError(
            "no index of a TPM's counter", expected="0x1800000 to 0x1bfffff", received=text[:40]
        )
    return index


def _import_tss() -> Any:
    try:
        import tpm2_pytss
    # It looks for the C library as it is imported.
    except (ImportError, NotImplementedError, OSError, RuntimeError) as error:
        raise MissingExtra(
            "a counter in a TPM needs tpm2-pytss",
            hint="Install tpm2-tss of the system (Debian: libtss2-dev), and: pip install 'sigverify[tpm]'",
        ) from error
    return tpm2_pytss
