"""An index beside a dictionary, in some short runs; `make soak` has 500 long ones."""

from types import ModuleType

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test


def test_an_index_agrees_with_a_dictionary_whatever_is_done_to_it(machine: ModuleType) -> None:
    run_state_machine_as_test(
        machine.Machine,
        settings=settings(
            max_examples=3,
            stateful_step_count=15,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
