"""What the garbage collector looks at once a service is ready; in processes of their own, since it is the process's."""

import subprocess
import sys


def _printed(code: str) -> str:
    command = [sys.executable, "-c", f"import gc\nfrom qa_service.serving.garbage import settle\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_what_is_loaded_is_not_looked_through_again() -> None:
    loaded, left = _printed("""
loaded = [[] for _ in range(100_000)]
before = len(gc.get_objects())
settle()
print(before, len(gc.get_objects()))
""").split()

    assert int(loaded) > 100_000
    assert int(left) < 1_000


def test_cycles_that_are_made_later_are_still_freed_by_themselves() -> None:
    freed = _printed("""
freed = 0
class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        global freed
        freed += 1
settle()
for _ in range(100_000):
    Cycle()
print(freed)
""")

    assert int(freed) > 90_000
