"""O endereço do repositório nos links do Binder: um comando o troca em todos, e ele não mora em outro lugar."""

import pytest
from tree import files

from course_utils import binder
from course_utils.model import artifacts

README = binder.README.read_text(encoding="utf-8")
(ADDRESS,) = set(binder.LINK.findall(README))


@pytest.fixture
def readme(tmp_path, monkeypatch):
    copy = tmp_path / "README.md"
    copy.write_text(README, encoding="utf-8")
    monkeypatch.setattr(binder, "README", copy)
    return copy


def test_every_link_changes_nothing_else_does_and_twice_is_once(readme, capsys):
    for _ in range(2):
        assert binder.main(["escola-x/aula.32"]) == 0
        assert readme.read_text(encoding="utf-8") == README.replace(f"/gh/{ADDRESS}/", "/gh/escola-x/aula.32/")
    assert f"{README.count('https://mybinder.org/v2/')} links" in capsys.readouterr().out
    assert binder.main([ADDRESS]) == 0 and readme.read_bytes() == README.encode()


def test_no_other_file_holds_the_address():
    holders = [str(path.relative_to(artifacts.ROOT)) for path in files() if ADDRESS.encode() in path.read_bytes()]
    assert holders == ["README.md"]
    assert README.count(ADDRESS) == len(binder.LINK.findall(README)) == README.count("https://mybinder.org/v2/")


OURS = ("https://github.com/a/b.1", "https://ana:segredo@github.com/a/b.1.git", "git@github.com:a/b.1.git",
        "ssh://git@github.com/a/b.1/")  # fmt: skip
ELSEWHERE = ("https://ana:segredo@gitlab.com/escola/aula.git", "/srv/git/aula", "https://github.com.mau/a/b", "")


@pytest.mark.parametrize(
    ("asked", "remote", "served"),
    [
        *((None, remote, True) for remote in OURS),
        *((None, remote, False) for remote in ELSEWHERE),
        *((asked, OURS[0], False) for asked in ("aula", "a/b/c", "https://github.com/a/b", "a b/c", "/")),
    ],
)
def test_only_an_address_of_github_serves_and_a_refusal_is_one_sentence_that_tells_no_secret(
    asked, remote, served, readme, monkeypatch, capsys
):
    monkeypatch.setattr(binder, "origin", lambda: remote)
    assert binder.main([asked] if asked else []) == (not served)
    said = f"{asked or 'O `origin` do Git'} não serve: diga o endereço no GitHub, na forma dono/repositório.\n"
    assert capsys.readouterr().err == ("" if served else said)
    assert readme.read_text(encoding="utf-8") == (README.replace(ADDRESS, "a/b.1") if served else README)


def test_outside_a_clone_there_is_no_remote(tmp_path, monkeypatch):
    monkeypatch.setattr(binder.files, "ROOT", tmp_path)
    assert binder.origin() == ""
