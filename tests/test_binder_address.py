"""O endereço do repositório nos links do Binder: um comando o troca em todos, e ele não mora em outro lugar."""

import pytest
from tree import files

from course_utils import binder
from course_utils.model import artifacts

README = binder.README.read_text(encoding="utf-8")


@pytest.fixture
def readme(tmp_path, monkeypatch):
    copy = tmp_path / "README.md"
    copy.write_text(README, encoding="utf-8")
    monkeypatch.setattr(binder, "README", copy)
    return copy


def test_every_link_changes_nothing_else_does_and_twice_is_once(readme, capsys):
    (old,) = set(binder.LINK.findall(README))
    for _ in range(2):
        assert binder.main(["escola-x/aula.32"]) == 0
        assert readme.read_text(encoding="utf-8") == README.replace(f"/gh/{old}/", "/gh/escola-x/aula.32/")
    assert f"{README.count('https://mybinder.org/v2/')} links" in capsys.readouterr().out
    assert binder.main([old]) == 0
    assert readme.read_bytes() == README.encode()


def test_no_other_file_holds_the_address():
    (address,) = set(binder.LINK.findall(README))
    holders = [str(path.relative_to(artifacts.ROOT)) for path in files() if address.encode() in path.read_bytes()]
    assert holders == ["README.md"]
    assert README.count(address) == len(binder.LINK.findall(README)) == README.count("https://mybinder.org/v2/")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/escola/aula-32.git",
        "https://github.com/escola/aula-32",
        "https://github.com/escola/aula-32/",
        "https://fulana:segredo@github.com/escola/aula-32.git",
        "git@github.com:escola/aula-32.git",
        "ssh://git@github.com/escola/aula-32.git",
    ],
)
def test_the_remotes_of_github_are_understood(url, readme, monkeypatch):
    monkeypatch.setattr(binder, "origin", lambda: url)
    assert binder.main([]) == 0
    assert set(binder.LINK.findall(readme.read_text(encoding="utf-8"))) == {"escola/aula-32"}


@pytest.mark.parametrize(
    "url", ["https://ana:segredo@gitlab.com/escola/aula.git", "/srv/git/aula", "https://github.com.mau/a/b"]
)
def test_a_remote_of_another_place_is_one_sentence_and_tells_no_secret(url, readme, monkeypatch, capsys):
    monkeypatch.setattr(binder, "origin", lambda: url)
    assert binder.main([]) == 1
    said = capsys.readouterr().err
    assert said == "O `origin` do Git não serve: diga o endereço no GitHub, na forma dono/repositório.\n"
    assert readme.read_text(encoding="utf-8") == README


@pytest.mark.parametrize("address", ["aula", "a/b/c", "https://github.com/a/b", "a b/c", "/"])
def test_what_is_not_an_address_is_one_sentence(address, readme, capsys):
    assert binder.main([address]) == 1
    assert (
        capsys.readouterr().err == f"{address} não serve: diga o endereço no GitHub, na forma dono/repositório.\n"
    )
    assert readme.read_text(encoding="utf-8") == README


def test_without_a_clone_it_asks_for_the_address(readme, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(binder.artifacts, "ROOT", tmp_path)
    assert binder.main([]) == 1 and "diga o endereço" in capsys.readouterr().err
