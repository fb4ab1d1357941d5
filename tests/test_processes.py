"""Uma função do notebook em outro processo: o que ela imprime volta, e o erro dela também."""

import os
import sys

import pytest

from course_utils.classroom import processes


def test_a_function_runs_in_another_process_and_only_what_it_prints_comes_back():
    def greet(name, other):
        import os
        import sys

        print("aviso", file=sys.stderr)
        print(f"{os.getpid()} olá, {name} e {other} ×")

    pid, text = processes.run_function(greet, "João d'Água", 3).split(" ", 1)
    assert int(pid) != os.getpid() and text == "olá, João d'Água e 3 ×\n"


def test_an_error_brings_its_last_lines():
    def broken():
        raise ValueError("faltou o sal")

    with pytest.raises(processes.ProcessError, match="faltou o sal"):
        processes.run_function(broken)


def test_a_command_that_fails_says_its_code():
    with pytest.raises(processes.ProcessError, match="código 3"):
        processes.run([sys.executable, "-c", "raise SystemExit(3)"])
