"""The errors of the evaluation suite; each message names the file and the line, or the example.

EvalError
├── DatasetError   a dataset or its corpus can't be read, or is wrong
├── RunError       a run's folder can't be read, is of another run, or lacks what is asked for
├── TargetError    the system under test can't be reached, refuses, or answers in another shape
└── ReplayError    a recorded completion does not fit what was asked of the model
"""


class EvalError(ValueError):
    """Base of every error that the suite raises on purpose."""


class DatasetError(EvalError):
    """A dataset or its corpus can't be read, or is wrong."""


class RunError(EvalError):
    """A run's folder can't be read, is of another run, or lacks what is asked for."""


class TargetError(EvalError):
    """The system under test can't be reached, refuses, or answers in another shape."""


class ReplayError(EvalError):
    """A recorded completion does not fit what was asked of the model."""
