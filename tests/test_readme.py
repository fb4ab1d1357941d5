"""O README não promete o que não existe."""

import re
import tomllib

from packaging.licenses import canonicalize_license_expression

from course_utils import __main__ as commands
from course_utils import lesson
from course_utils.model import artifacts

README = (artifacts.ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (artifacts.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_command_it_names_exists_and_every_command_is_named():
    named = set(re.findall(r"`python -m course_utils ?(\w*)", README))
    assert named == {"", *commands.COMMANDS}
    assert "English abstract" in README
    blocks = re.findall(r"^```\n(.*?)\n```", README, flags=re.S | re.M)
    assert blocks == ["python -m course_utils", "python -m course_utils test"]


def test_its_links_lead_somewhere_and_its_pictures_are_small_and_described():
    for text in (README, CONTRIBUTING):
        for target in re.findall(r"\]\(([^):#]+)(?:#[^):]*)?\)", text):
            assert (artifacts.ROOT / target).exists(), target
    for description, target in re.findall(r"!\[([^\]]*)\]\((notebooks/[^)]+)\)", README):
        assert len(description) > 60 and (artifacts.ROOT / target).stat().st_size <= 150_000, target


def test_one_binder_link_for_each_notebook_that_fits_there_opens_a_file_of_this_repository():
    links = re.findall(r"https://mybinder\.org/v2/gh/([\w-]+/[\w-]+)/HEAD\?urlpath=lab/tree/([^)\s]+)", README)
    notebooks = {f"notebooks/{lesson.name_of(path)}.ipynb" for path in lesson.find_notebooks([""])}
    assert {path for _, path in links} == notebooks - set(commands.EXTRA_NOTEBOOKS.values())  # os extras não vão


def test_the_house_in_contributing_is_the_house_that_stands():
    drawn = re.findall(r"^(?:  )?(\.?[\w.]+/?)(?= )", CONTRIBUTING.split("```")[1], flags=re.M)
    for name in drawn:
        places = (
            artifacts.ROOT / name,
            artifacts.ROOT / "course_utils" / name,
            artifacts.ROOT / "notebooks" / name,
        )
        assert name == "artifacts/" or any(place.exists() for place in places), name
    wings = {path.name for path in (artifacts.ROOT / "course_utils").iterdir() if path.name != "__pycache__"}
    assert wings - {"__init__.py"} <= {name.rstrip("/") for name in drawn}


def test_each_license_has_its_file_and_the_readme_leads_to_it():
    project = tomllib.loads((artifacts.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert canonicalize_license_expression(project["license"]) == "MIT AND CC-BY-4.0 AND CC-BY-SA-3.0"
    texts = {name: (artifacts.ROOT / name).read_text(encoding="utf-8") for name in project["license-files"]}
    assert texts["LICENSE"].startswith("MIT License")
    assert "licenses/by/4.0/legalcode" in texts["LICENSE-CONTEUDO"] and "CC BY-SA 3.0" in texts["LICENSE-CONTEUDO"]
    for name, text in texts.items():
        assert f"]({name})" in README and "os mantenedores da Aula 32" in text
