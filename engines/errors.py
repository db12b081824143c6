"""The project's exceptions. Each message says what was got, what was expected and what to do.

UnveilError
├── UsageError          the command or call itself is wrong (exit status 2)
├── MissingExtra        an optional dependency is not installed (`engines.installation`)
├── UnknownModel        no model or engine of that name or path
├── EngineError         an engine folder cannot be used
│   ├── EngineDamaged   files missing, unreadable or not the ones that were built
│   └── EngineMismatch  a sound engine that does not fit this machine or this request
├── BuildError          a network could not be compiled
├── SourceError         an input cannot be opened or decoded
├── SinkError           an output cannot be written
└── DataError           training data or a checkpoint is not what it should be
"""

from __future__ import annotations


class UnveilError(Exception):
    """Base of every error that a user can meet."""


class UsageError(UnveilError):
    """The command or call itself is wrong."""


class UnknownModel(UnveilError):
    """No model or engine of that name or path."""


class EngineError(UnveilError):
    """An engine folder cannot be used."""


class EngineDamaged(EngineError):
    """Files are missing, unreadable or not the ones that were built."""


class EngineMismatch(EngineError):
    """A sound engine that does not fit this machine or this request."""


class BuildError(UnveilError):
    """A network could not be compiled."""


class SourceError(UnveilError):
    """An input cannot be opened or decoded."""


class SinkError(UnveilError):
    """An output cannot be written."""


class DataError(UnveilError):
    """Training data or a checkpoint is not what it should be."""
