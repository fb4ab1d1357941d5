"""O PSI contra a conta feita à mão, as estatísticas contra a definição, e a linha de base que não executa nada."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.measure import drift
from course_utils.model import digits

IMAGES, LABELS = digits.load("validation")
pairs = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 500), min_size=bins, max_size=bins)] * 2)
)


def kl(p, q):
    """A divergência de Kullback-Leibler, somada à mão."""
    return math.fsum(a * math.log(a / b) for a, b in zip(p, q))


@given(pairs)
def test_it_is_the_two_divergences_added_symmetric_and_never_negative(counts):
    p, q = map(drift.shares, counts)
    assert drift.psi(p, q) == pytest.approx(kl(p, q) + kl(q, p), abs=1e-12)
    assert drift.psi(p, q) == pytest.approx(drift.psi(q, p)) and drift.psi(p, q) >= 0
    assert drift.psi(p, p) == 0
    assert p.sum() == pytest.approx(1) and (p > 0).all()


def test_without_drift_it_is_on_average_what_chance_alone_gives():
    random, chances = np.random.default_rng(32), np.full(8, 1 / 8)
    now, before = random.multinomial(300, chances, 2000), random.multinomial(700, chances, 2000)
    found = [drift.psi(drift.shares(p), drift.shares(q)) for p, q in zip(now, before)]
    assert np.mean(found) == pytest.approx(drift.noise(300, 700, 8), rel=0.05)


def test_the_statistics_are_what_their_names_say():
    found = dict(zip(drift.STATISTICS, drift.statistics(drift.sums(IMAGES[:40])).T))
    places = np.arange(28) - 13.5
    for i, image in enumerate(IMAGES[:40] / 255):
        row = (image.sum(axis=1) @ places) / image.sum()
        column = (image.sum(axis=0) @ places) / image.sum()
        rows, columns = np.repeat(places, 28), np.tile(places, 28)
        covariance = np.cov(np.stack([rows, columns]), aweights=image.ravel(), bias=True)
        spread = math.sqrt(np.trace(covariance))
        slant = covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1])
        wanted = (image.mean(), row, column, spread, slant, image.std())
        assert [found[name][i] for name in drift.STATISTICS] == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    for value in (0, 255):  # em branco e toda pintada, também são números
        assert np.isfinite(drift.statistics(drift.sums(np.full((2, 28, 28), value, np.uint8)))).all()


def test_a_baseline_compared_with_itself_is_zero_and_inverted_ink_is_seen(tmp_path):
    baseline = drift.load_baseline(drift.make_baseline(IMAGES, LABELS).save(tmp_path / "b.json"))
    same = baseline.compare(drift.sums(IMAGES), LABELS)
    assert list(same) == [*drift.STATISTICS, "digit"] and max(same.values()) < 1e-9
    inverted = baseline.compare(drift.sums(255 - IMAGES), LABELS)
    assert inverted["ink"] > drift.ALARM and inverted["contrast"] < drift.WATCH and inverted["digit"] == 0
    assert baseline.shares["digit"] == pytest.approx([0.1] * 10)
    # Uma estatística constante dá menos faixas, e não um erro.
    blank = np.zeros((50, 28, 28), np.uint8)
    file = drift.make_baseline(blank, np.zeros(50, int)).save(tmp_path / "b.json")
    assert drift.load_baseline(file).compare(drift.sums(blank), np.zeros(50))["ink"] < 1e-9


def test_a_file_that_is_no_baseline_is_one_sentence(tmp_path):
    file, good = tmp_path / "base.json", drift.make_baseline(IMAGES, LABELS)
    texts = [None, "", "[]", "{}", "7", '{"n": 9, "edges": {}, "shares": {}}', "[" * 10**5]
    for part, value in (("shares", [0.5, 0.6, 0.1, 0.1, -0.3]), ("shares", [0.5] * 4), ("edges", [4, 3, 2, 1])):
        spoiled = asdict(good)
        spoiled[part]["ink"] = value
        texts.append(json.dumps(spoiled))
    for text in texts:
        if text is not None:
            file.write_text(text, encoding="utf-8")
        with pytest.raises(drift.BaselineError, match="base.json não é uma linha de base .* Para refazê-la"):
            drift.load_baseline(file)
