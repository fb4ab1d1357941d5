"""Conferência do exercício do cluster: certas, erradas, hostis; e a regra do próprio Ray."""

from math import ceil
from types import SimpleNamespace

import pytest
from hostile import Explosive
from needs import need

from course_utils.classroom import exercises
from course_utils.classroom.exercises.extras import REPLICAS as CASES


def feedback(capsys, answer):
    exercises.check("cluster_replicas_desejadas", answer)
    return capsys.readouterr().out


def desired(ongoing, target, low, high):
    return max(low, min(high, ceil(ongoing / target)))


def test_the_right_rule_passes(capsys):
    assert feedback(capsys, desired) == "✔ Certo!\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda ongoing, target, low, high: max(low, min(high, round(ongoing / target))), "arredonde para cima"),
        (lambda ongoing, target, low, high: max(low, min(high, ongoing // target + 1)), "não pede uma a mais"),
        (lambda ongoing, target, low, high: max(low, ceil(ongoing / target)), "nunca passe do máximo"),
        (lambda ongoing, target, low, high: min(high, ceil(ongoing / target)), "fica o mínimo"),
        (lambda ongoing, target, low, high: max(1, low, min(high, ceil(ongoing / target))), "pode ser zero"),
        (lambda ongoing, target, low, high: max(low, min(high, -(-ongoing // int(target)))), "fracionário"),
        (lambda *arguments: True, "recebi True"),
        (lambda *arguments: None, "recebi None"),
        (lambda ongoing: 3, "TypeError"),
        (lambda *arguments: Explosive(), "recebi <"),
        (3, "uma função"),
    ],
)
def test_each_wrong_rule_says_what_it_lacks(capsys, answer, words):
    text = feedback(capsys, answer)
    assert text.startswith("✘ Ainda não.") and words in text


@pytest.mark.slow
def test_ray_itself_decides_the_same():
    need("ray")
    from ray.serve import autoscaling_policy
    from ray.serve.config import AutoscalingConfig

    for (ongoing, target, low, high), (expected, _) in CASES.items():
        config = AutoscalingConfig(target_ongoing_requests=target, min_replicas=low, max_replicas=high)
        seen = SimpleNamespace(config=config, current_num_replicas=1, total_num_requests=ongoing)
        wanted, _ = autoscaling_policy._core_replica_queue_length_policy(seen)
        assert max(low, min(high, ceil(wanted))) == expected
