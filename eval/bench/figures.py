"""What a benchmark found, as numbers, as a table, and as JSON with the machine that it was found on."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from eval.output import table
from eval.targets import versions


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the 95th percentile of some times in milliseconds, interpolated, and how many there are."""

    p50: float
    p95: float
    n: int

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> "Spread":
        """The spread of at least one time."""
        p50, p95 = np.percentile(times_ms, [50, 95]).tolist()
        return cls(round(p50, 2), round(p95, 2), len(times_ms))

    @property
    def json(self) -> dict[str, float]:
        """As JSON."""
        return {"p50_ms": self.p50, "p95_ms": self.p95, "n": self.n}


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that is held against a limit which it must not exceed."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the figure is within the limit."""
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "met" if self.is_met else "MISSED"
        return f"{self.name}: {self.value:.2f}{self.unit}, goal <= {self.limit:g}{self.unit}: {verdict}"

    @property
    def json(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "value": self.value, "limit": self.limit, "met": self.is_met}


@dataclass(frozen=True, slots=True)
class Found:
    """A benchmark's outcome: the lines to print under `title`, its goals, and all figures as JSON."""

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Mapping[str, Any]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """What is printed."""
        return [self.title, "", *table(self.header, self.rows), "", *map(str, self.goals), *self.notes]

    @property
    def json(self) -> dict[str, Any]:
        """Everything, with the machine."""
        return {
            "benchmark": self.name,
            "title": self.title,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "figures": dict(self.figures),
            "goals": [goal.json for goal in self.goals],
            "notes": [*self.notes],
        }

    def write(self, path: Path) -> None:
        """Write the JSON to a file."""
        path.write_text(json.dumps(self.json, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What figures depend on: cores, processor, load, system, and the versions of libraries."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "load_average": [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "versions": versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def ms(value: float) -> str:
    """Milliseconds as they stand in a table."""
    return f"{value:,.1f}"
