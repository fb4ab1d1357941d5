"""Uma página do servidor dentro do notebook: o quadro pergunta se há alguém antes de abri-la."""

from html import unescape
from types import SimpleNamespace

import nbformat

from course_utils import lesson
from course_utils.classroom import pages


def test_the_frame_asks_before_it_opens_and_is_stored_as_a_sentence(monkeypatch):
    outputs = []
    monkeypatch.setattr(pages, "display", lambda data, raw: outputs.append(data))
    pages.show(SimpleNamespace(page_url="http://127.0.0.1:1234/"), "docs", height=300, title='A "página"')
    frame = outputs[0]["text/html"]
    assert (
        frame.startswith('<p><a href="http://127.0.0.1:1234/docs" target="_blank"')
        and 'title="A &quot;página&quot;"' in frame
        and "height: 300px" in frame
    )
    door = unescape(frame.split('srcdoc="')[1].split('"')[0])
    assert 'fetch("http://127.0.0.1:1234/docs"' in door and "Rode de novo a célula que o inicia" in door
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", outputs[0])])
    (stored,) = lesson.normalise(nbformat.v4.new_notebook(cells=[cell])).cells
    assert stored.outputs[0].data == {"text/plain": lesson.LIVE_PAGE}
