"""Running ``cue``, reading what it says, and reading its language."""

from vela_realtime.cue.messages import Place, Problem, answer, answers, failure, findings, problems
from vela_realtime.cue.program import TIMEOUT, run

__all__ = ["TIMEOUT", "Place", "Problem", "answer", "answers", "failure", "findings", "problems", "run"]
