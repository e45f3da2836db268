"""The errors of the evaluation suite; each message names the file and the line, or the example.

EvalError
├── DatasetError      a dataset or its corpus can't be read, or is wrong
├── RunError          a run's folder can't be read, is of another run, or lacks what is asked for
├── BadRecord         a recorded answer is not of the shape that an answer has
├── JudgeError        a judge gave no judgement that can be read, or was never asked for it
├── CalibrationError  a calibration can't be read, or is of another judge
├── TargetError       the system under test can't be reached, refuses, or answers in another shape
└── ReplayError       a recorded completion does not fit what was asked of the model
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


class BadRecord(EvalError):
    """A recorded answer is not of the shape that an answer has; the message names the field."""


class JudgeError(EvalError):
    """A judge gave no judgement that can be read, or one that was to be remembered was never made."""


class CalibrationError(EvalError):
    """A calibration can't be read, or is of another judge."""
