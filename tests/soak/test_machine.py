"""An index beside a dictionary: 500 runs of 50 steps."""

from types import ModuleType

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

RUNS, STEPS = 500, 50


def test_no_run_diverges_from_a_dictionary(machine: ModuleType) -> None:
    run_state_machine_as_test(
        machine.Machine,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    counts = machine.Machine.counts
    assert counts["runs"] >= RUNS
    print(dict(counts))  # noqa: T201
