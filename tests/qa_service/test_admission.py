import threading
import time

from qa_service.serving.admission import Admission


def test_requests_take_the_places_then_the_queue_and_are_then_turned_away() -> None:
    admission = Admission[str](places=2, queue=1)
    assert [admission.enter(who) for who in "abcd"] == ["in", "in", "waiting", "full"]


def test_a_place_that_is_given_back_goes_to_whoever_has_waited_longest() -> None:
    admission = Admission[str](places=1, queue=2)
    for who in "abc":
        admission.enter(who)
    assert [admission.leave(), admission.leave(), admission.leave()] == ["b", "c", None]
    assert [admission.enter(who) for who in "defg"] == ["in", "waiting", "waiting", "full"]


def test_whoever_comes_back_to_a_full_house_is_let_in_and_nobody_new_until_it_has_room_again() -> None:
    admission = Admission[str](places=1, queue=2)
    admission.enter("slow")
    assert admission.leave() is None  # for a while
    assert admission.enter("other") == "in"
    admission.come_back()
    assert admission.enter("third") == "waiting"
    assert admission.leave() is None
    assert admission.leave() == "third"


def test_no_place_is_lost_or_doubled_where_threads_come_and_go_at_once() -> None:
    admission = Admission[int](places=4, queue=8)
    inside, most, served, lock = 0, 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most, served
        for at in range(500):
            if admission.enter(at) != "in":
                continue
            while True:
                with lock:
                    served += 1
                    inside += 1
                    most = max(most, inside)
                time.sleep(0)  # others get their turn
                with lock:
                    inside -= 1
                if admission.leave() is None:
                    break

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served >= 500
    assert most <= 4
    assert [admission.enter(at) for at in range(13)] == ["in"] * 4 + ["waiting"] * 8 + ["full"]
