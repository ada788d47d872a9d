"""`in_threads`: the same work in several threads at once."""

import threading


def in_threads(count, work):
    """Call `work` with each number below `count`, each in a thread of its own; fail where one fails."""
    errors = []

    def run(number):
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001, whatever it is: the test fails
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
