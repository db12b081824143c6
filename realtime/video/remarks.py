"""What a source or a sink has to say about a file that is otherwise done."""

from __future__ import annotations

import logging

_LOG = logging.getLogger(__name__)


class Remarks:
    """Sentences for people, in order, each once.

    Args:
        log: whether each is logged at once.
    """

    def __init__(self, *, log: bool = True) -> None:
        self._log = log
        self.notes: list[str] = []
        """What was changed, or left out because a format cannot hold it. The file is done all the same."""
        self.losses: list[str] = []
        """What was lost. The file is not whole."""

    def note(self, sentence: str) -> None:
        """Something was changed or left out on purpose."""
        self._add(self.notes, sentence)

    def loss(self, sentence: str) -> None:
        """Something was lost."""
        self._add(self.losses, sentence)

    def take(self, others: Remarks) -> None:
        """Add all that others hold."""
        for sentence in others.notes:
            self.note(sentence)
        for sentence in others.losses:
            self.loss(sentence)

    def _add(self, sentences: list[str], sentence: str) -> None:
        if sentence not in sentences:
            sentences.append(sentence)
            if self._log:
                _LOG.warning("%s", sentence)
