"""Os notebooks como o README os conta: os da aula e os laboratórios, com os seus minutos."""

import re

from course_utils.model import artifacts

README = (artifacts.ROOT / "README.md").read_text(encoding="utf-8")
MINUTES = {name: int(minutes) for name, minutes in re.findall(r"\(notebooks/(\w+)\.ipynb\) \| (\d+) \|", README)}
LABS = {
    name: int(minutes)
    for name, minutes in re.findall(r"\(notebooks/(laboratorios/\w+)\.ipynb\) \| (\d+) \|", README)
}
