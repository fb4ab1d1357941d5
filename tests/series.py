"""Os notebooks como o README os conta: os da aula e, à parte, os extras."""

import re

from course_utils.model import artifacts

README = (artifacts.ROOT / "README.md").read_text(encoding="utf-8")
MINUTES = {name: int(minutes) for name, minutes in re.findall(r"\(notebooks/(\w+)\.ipynb\) \| (\d+) \|", README)}
EXTRAS = {
    name: int(minutes) for name, minutes in re.findall(r"\(notebooks/(extra_\w+)\.ipynb\) \| \+ (\d+) \|", README)
}
