"""A série de notebooks como o README a conta."""

import re

from course_utils.model import artifacts

README = (artifacts.ROOT / "README.md").read_text(encoding="utf-8")
MINUTES = {name: int(minutes) for name, minutes in re.findall(r"\(notebooks/(\w+)\.ipynb\) \| (\d+) \|", README)}
