"""Calibrations as files: figures and where they come from, never the labelled texts."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.errors import CalibrationError
from eval.jsonl import replace
from eval.judges.calibrate import Calibration, Estimate
from eval.stats import Interval

CALIBRATION = "calibration.json"
"""The file in a run's folder: the calibration that the run was last scored with."""

COMMITTED = Path(__file__).parent / "calibrations"
"""The calibrations that come with the product, of the proxies."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a judge was measured on: a name for people, and the sha256 of the file of labels."""

    name: str
    sha256: str

    @classmethod
    def of(cls, path: Path, name: str = "") -> "Source":
        """A file of labels, by default under its own name."""
        return cls(name or path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration with what it was measured on."""

    calibration: Calibration
    source: Source


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Estimate(_Strict):
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, found: Estimate) -> "_Estimate":
        spread = found.interval
        return cls(
            value=found.value, low=spread.low if spread else None, high=spread.high if spread else None
        )

    def estimate(self) -> Estimate:
        whole = self.low is not None and self.high is not None
        return Estimate(self.value, Interval(self.low, self.high) if whole else None)  # type: ignore[arg-type]


class _Share(_Estimate):
    value: float | None = Field(ge=0, le=1)


class _Source(_Strict):
    name: str
    sha256: str


class _File(_Strict):
    format: Literal[1]
    method: str
    source: _Source
    positives: int = Field(ge=0)
    negatives: int = Field(ge=0)
    sensitivity: _Share
    specificity: _Share
    balanced_accuracy: _Share
    kappa: _Estimate


def write(path: Path, calibrated: Calibrated) -> None:
    """Write a calibration down."""
    found, source = calibrated.calibration, calibrated.source
    file = _File(
        format=1,
        method=found.method,
        source=_Source(name=source.name, sha256=source.sha256),
        positives=found.positives,
        negatives=found.negatives,
        sensitivity=_Share.of(found.sensitivity),
        specificity=_Share.of(found.specificity),
        balanced_accuracy=_Share.of(found.balanced_accuracy),
        kappa=_Estimate.of(found.kappa),
    )
    replace(path, file.model_dump_json(indent=2) + "\n")


def read(path: Path) -> Calibrated:
    """The calibration in a file; `CalibrationError`, naming the field, where it is none."""
    try:
        file = _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CalibrationError(f"{path} could not be read: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise CalibrationError(
            f"{path} is no calibration ({wrong}): qa-eval calibrate LABELS --out makes one"
        ) from error
    calibration = Calibration(
        file.method,
        file.positives,
        file.negatives,
        file.sensitivity.estimate(),
        file.specificity.estimate(),
        file.balanced_accuracy.estimate(),
        file.kappa.estimate(),
    )
    return Calibrated(calibration, Source(file.source.name, file.source.sha256))


def read_for(path: Path, method: str) -> Calibrated:
    """The calibration in a file, which must be of that judge; raises `CalibrationError`."""
    found = read(path)
    if found.calibration.method != method:
        raise CalibrationError(
            f"{path} is a calibration of {found.calibration.method}, and the judge is {method}: "
            "calibrate that one with qa-eval calibrate, or score with the other judge"
        )
    return found


def described(calibrated: Calibrated) -> str:
    """What is known of a judge's errors, in a line."""
    found = calibrated.calibration
    return (
        f"sensitivity {_share(found.sensitivity)} over {found.positives} pairs and specificity "
        f"{_share(found.specificity)} over {found.negatives} on {calibrated.source.name}"
    )


def _share(found: Estimate) -> str:
    if found.value is None or found.interval is None:
        return "unknown"
    return f"{found.value:.3f} ({found.interval.low:.3f} to {found.interval.high:.3f})"


def known(folder: Path) -> dict[str, Calibrated]:
    """The calibrations that a run's figures can be corrected by, by the judge's method.

    The committed ones, and the one in the run's folder, which goes before.
    """
    own = folder / CALIBRATION
    found = [*_committed(), *((read(own),) if own.exists() else ())]
    return {each.calibration.method: each for each in found}


@cache
def _committed() -> tuple[Calibrated, ...]:
    return tuple(read(path) for path in sorted(COMMITTED.glob("*.json")))
