"""The threads of calls and of the compiler, when a signal interrupts a call and when a process forks."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lossreg.kernels.compiler.specialize import with_lock
from lossreg.kernels.drivers.threads import run_in_threads

PATIENCE = 120
"""Seconds after which a process hangs."""

EVERY_INSTRUCTION = """
import sys, threading
from lossreg.kernels.drivers import threads

def square(x):
    return x * x

class Interrupt:
    '''Interrupts the calls of threads.py at their instruction `at`.'''

    def __init__(self, at):
        self.left = at

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename != threads.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
        return self

interrupted = 0
while True:
    interrupt = Interrupt(interrupted + 1)
    sys.settrace(interrupt)
    try:
        results = threads.run_in_threads(square, [(1,), (2,), (3,)])
    except KeyboardInterrupt:
        results = None
    finally:
        sys.settrace(None)
    assert results in (None, [1, 4, 9]), results
    assert threads.run_in_threads(square, [(4,), (5,), (6,)]) == [16, 25, 36]
    if interrupt.left > 0:
        break
    interrupted += 1
print(interrupted, sum(each.name == "lossreg" for each in threading.enumerate()))
"""


def test_an_interrupt_at_any_instruction_leaves_no_thread_behind():
    command = [sys.executable, "-c", EVERY_INSTRUCTION]
    output = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    interrupted, threads = map(int, output.split())
    assert interrupted > 100
    assert threads <= 3  # two, and one that an interrupt between its start and its entry in the list costs


def test_an_interrupted_call_waits_for_the_threads_that_write_to_its_arrays():
    began, ended = threading.Event(), []

    def write():
        began.set()
        time.sleep(0.3)
        ended.append("write")

    def be_interrupted():
        began.wait()  # this thread would compute a part that no other has begun
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_in_threads(lambda part: part(), [(write,), (be_interrupted,)])
        assert ended == ["write"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_calls_of_several_threads_at_once_share_the_work():
    results = {}

    def call(number):
        for _ in range(50):
            results[number] = run_in_threads(pow, [(number, power) for power in range(4)])

    callers = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == {number: [number**power for power in range(4)] for number in range(6)}


def test_an_error_in_any_part_of_a_call_is_raised_after_all_have_ended():
    for calls in ([(1, 0), (1, 1)], [(1, 1), (1, 0)]):
        with pytest.raises(ZeroDivisionError):
            run_in_threads(lambda x, y: x / y, calls)


FORKED = """
import os, sys, threading, time
import numpy as np
import lossreg
import lossreg.kernels.compiler.specialize  # as the thread that compiles does
from numba.core.compiler_lock import global_compiler_lock

def compile_something():
    with global_compiler_lock:
        compiling.set()
        time.sleep(0.5)

compiling = threading.Event()
threading.Thread(target=compile_something).start()
compiling.wait()
child = os.fork()
if not child:
    print(lossreg.create("mse")(np.ones(3), np.zeros(3)), flush=True)
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.slow  # 3 s of processor time
def test_a_child_that_is_forked_while_a_thread_compiles_can_compile(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, output) == (0, "1.0\n")


def test_a_child_does_not_keep_the_lock_of_what_its_parent_compiled(tmp_path):
    end, wait = os.pipe()

    def fork(_):
        child = os.fork()
        if not child:
            os.close(wait)
            os.read(end, 1)
            os._exit(0)
        return child

    child = with_lock(fork, tmp_path / "x.lock")(())
    try:
        with (tmp_path / "x.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(wait)
        os.waitpid(child, 0)
        os.close(end)
