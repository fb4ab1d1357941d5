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


@pytest.mark.parametrize("end", ["", ".git", "/"])
@pytest.mark.parametrize(
    "start", ["https://github.com/", "https://ana:segredo@github.com/", "git@github.com:", "ssh://git@github.com/"]
)
def test_the_remotes_of_github_are_understood(start, end, readme, monkeypatch):
    monkeypatch.setattr(binder, "origin", lambda: f"{start}escola/aula-32{end}")
    assert binder.main([]) == 0
    assert set(binder.LINK.findall(readme.read_text(encoding="utf-8"))) == {"escola/aula-32"}


ELSEWHERE = ["https://ana:segredo@gitlab.com/escola/aula.git", "/srv/git/aula", "https://github.com.mau/a/b", ""]
NOT_ADDRESSES = ["aula", "a/b/c", "https://github.com/a/b", "a b/c", "/"]


@pytest.mark.parametrize(
    ("asked", "remote"), [((), url) for url in ELSEWHERE] + [((text,), "") for text in NOT_ADDRESSES]
)
def test_what_does_not_serve_is_one_sentence_that_tells_no_secret(asked, remote, readme, monkeypatch, capsys):
    monkeypatch.setattr(binder, "origin", lambda: remote)
    assert binder.main(asked) == 1
    named = "".join(asked) or "O `origin` do Git"
    said = f"{named} não serve: diga o endereço no GitHub, na forma dono/repositório.\n"
    assert capsys.readouterr().err == said and readme.read_text(encoding="utf-8") == README


def test_outside_a_clone_there_is_no_remote(tmp_path, monkeypatch):
    monkeypatch.setattr(binder.files, "ROOT", tmp_path)
    assert binder.origin() == ""
