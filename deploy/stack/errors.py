"""The failures of the embedded stack that a person at the command line can act on."""


class StackError(Exception):
    """Something foreseeable went wrong; the message says what, and what to do about it."""


class WrongUsage(StackError):
    """What was asked for makes no sense, whatever the system is like: exit code 2."""


class NotRunning(StackError):
    """No running system was found where it was looked for."""


class StartCancelled(StackError):
    """A start was given up because a stop was asked for meanwhile."""


def said(error: BaseException) -> str:
    """What an error says, in one line; some, such as a time that ran out, say nothing but their name."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__
