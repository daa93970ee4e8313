"""Becomes another program: tied to its parent's life, and as root under an unprivileged user.

Run as a program of its own (`python -I -S launch.py PLAN PROGRAM ARGUMENT…`), because work between fork and
exec is unsafe in a process with threads. Only the standard library, only Linux system calls. It keeps its
process id, so that the parent waits for and signals the program itself.

PLAN is JSON: `{"parent": pid, "death_signal": n, "uid"?: n, "gid"?: n, "keep_access"?: bool}`.
"""

import ctypes
import json
import os
import sys

FAILED = 126  # as a shell says "found, but could not be executed"

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _prctl(option: int, first: int = 0, second: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_ulong(value) for value in (first, second, 0, 0))
    if libc.prctl(option, *arguments) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _permitted() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    sets = (_Sets * 2)()
    if libc.capget(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), ctypes.byref(sets)) != 0:
        raise OSError(ctypes.get_errno(), f"capget: {os.strerror(ctypes.get_errno())}")
    return int(sets[0].permitted)


def _set_capabilities(wanted: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    sets = (_Sets * 2)()
    sets[0] = _Sets(wanted, wanted, wanted)
    if libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), ctypes.byref(sets)) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def become(uid: int, gid: int, *, keep_access: bool) -> None:
    """Turn this root process into user `uid`, group `gid`, for good; OSError where the kernel refuses.

    With `keep_access` the user may still pass directories that only root can enter, and nothing else of
    root's: without it, a server below /root could not even find its own binary.
    """
    wanted = 0
    if keep_access:
        # Without this bit access(2) ignores capabilities of a user who is not root, and PostgreSQL asks
        # access(2) whether it may execute its own binary.
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
        wanted = _permitted() & (1 << _CAP_DAC_OVERRIDE | 1 << _CAP_DAC_READ_SEARCH)
        if not wanted & 1 << _CAP_DAC_OVERRIDE:
            raise PermissionError(1, "this root has no CAP_DAC_OVERRIDE to pass on")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if keep_access:
        _set_capabilities(wanted)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if wanted & 1 << capability:
                _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def main(arguments: list[str]) -> None:
    """Read the plan, carry it out, become the program; ends with `FAILED` and a line on stderr if it cannot."""
    plan = json.loads(arguments[0])
    program = arguments[1:]
    try:
        if sys.platform == "linux":
            if "uid" in plan:
                become(plan["uid"], plan["gid"], keep_access=plan["keep_access"])
            # After the change of user, which clears it. Then the parent may already be gone.
            _prctl(_PR_SET_PDEATHSIG, plan["death_signal"])
            if os.getppid() != plan["parent"]:
                sys.exit(0)
        os.execv(program[0], program)  # noqa: S606 - becoming the program is the point
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]}: {error}\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    main(sys.argv[1:])
