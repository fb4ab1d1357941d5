"""O tempo e a memória da aula, comparados com o que se prometeu a quem a dá."""

from course_utils.pace import Run, goals, table

QUICK = Run("00_a", 12.34, 400_000_000, (2.5, 9.0))
TRAINS = Run("09_b", 61.0, 1_200_000_000, (45.0, 14.5))


def marks(runs):
    return [line[0] for line in goals(runs).splitlines()]


def test_the_table_names_the_slowest_cell_and_adds_up():
    lines = table([QUICK, TRAINS]).splitlines()
    assert lines[1].split() == ["00_a", "12,3", "s", "[2]", "9,0", "s", "400", "MB"]
    assert lines[2].split() == ["09_b", "61,0", "s", "[1]", "45,0", "s", "1200", "MB"]
    assert lines[3].split() == ["total", "73,3", "s"]
    assert len(set(map(len, lines[1:3]))) == 1


def test_each_goal_can_fail_alone():
    assert marks([QUICK]) == ["✔"] * 3
    assert marks([Run(f"{number}", 59, 1, (1.0,)) for number in range(5)]) == ["✘", "✔", "✔"]
    assert marks([Run("a", 61, 1)]) == ["✔", "✘", "✔"]
    assert marks([Run("a", 1, 1_300_000_000)]) == ["✔", "✔", "✘"]
