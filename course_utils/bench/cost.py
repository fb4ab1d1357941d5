"""A conta por milhão de requisições: o endpoint FastAPI do curso, num núcleo só, com dois modelos."""

from course_utils.classroom import servers
from course_utils.measure import load, prices
from course_utils.model import digits
from course_utils.model.predictor import MODEL

PRICE, CORES, UTILISATION = "vertex_n1_standard_2", 2, 0.3  # um x86, como a máquina em que se mede


def compare(small, tuning_s):
    """Requisições por segundo de CPU com o original e com `small`, o preço do milhão e o que custaram os
    `tuning_s` de treino, num núcleo. É a conta do notebook 09."""
    image = digits.load("test")[0][:1].tobytes()
    with servers.start(model=MODEL) as big, servers.start(model=small) as lean:
        pinned = big.pin() and lean.pin()
        named = {"original": big, "pequeno": lean}
        urls = {name: (f"{item.url}predict", image, load.BYTES, item.pids()) for name, item in named.items()}
        loads = load.compare(urls, concurrency=8, rounds=5, seconds=2)
    rates = {name: item.requests_per_core_second for name, item in loads.items()}
    price = prices.load(warn=lambda message: None)[PRICE]
    million = {name: prices.per_million(price.price, CORES * rate, UTILISATION) for name, rate in rates.items()}
    tuning = price.price / CORES * tuning_s / 3600
    return {
        "saving_percent": 100 * (1 - rates["original"] / rates["pequeno"]),
        "requests_per_second": {name: item.requests_per_second for name, item in loads.items()},
        "requests_per_core_second": rates,
        "errors": {name: item.failed for name, item in loads.items()},
        "one_core": pinned,
        "usd_per_million": million,
        "price": {
            "item": price.item,
            "usd_per_hour": price.price,
            "date": str(price.date),
            "source": price.source,
        },
        "utilisation": UTILISATION,
        "tuning_seconds": tuning_s,
        "tuning_usd": tuning,
        "requests_that_pay_it": 1e6 * tuning / (million["original"] - million["pequeno"]),
        "table": load.report(loads),
    }
