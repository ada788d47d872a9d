"""What takes long to make, and that nothing changes: made once for all processes that test."""

import fcntl
import os


def made_once(tmp_path_factory, name, make):
    """Return the path of that name, which `make` writes unless another process has."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    target = folder / "made_once" / name
    target.parent.mkdir(exist_ok=True)
    with target.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            make(target)
    return target
