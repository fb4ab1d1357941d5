"""Um cliente que repete o que falha: o que as provas do cluster Ray perguntam enquanto algo cai."""

import collections

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from course_utils.model import digits


class Patient:
    """Conta, em `count`, o que teve: "ok", "lost" e "retries"."""

    def __init__(self, url):
        self.url, self.session, self.count = url, requests.Session(), collections.Counter()
        options = {"status_forcelist": [500, 503, 504], "allowed_methods": None, "raise_on_status": False}
        again = Retry(total=20, backoff_factor=0.2, backoff_max=2, **options)
        self.session.mount("http://", HTTPAdapter(max_retries=again))
        self.image = digits.load("test")[0][:1].tobytes()

    def insist(self, until):
        """Pergunta até `until()` valer; devolve `count`."""
        headers = {"Content-Type": "application/octet-stream"}
        while not until():
            response = self.session.post(f"{self.url}predict", self.image, headers=headers, timeout=30)
            self.count["ok" if response.ok else "lost"] += 1
            self.count["retries"] += len(response.raw.retries.history)
        return self.count
