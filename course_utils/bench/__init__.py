"""Os bancos de prova: cada um mede, e `report` junta tudo num relatório só, em artifacts/bench/.

Um banco é um módulo com `run()`, que devolve um dicionário pronto para o JSON (com o que `goals.judge` lhe dá), e
`text(resultado)`, as tabelas dele. As metas, e a ordem em que os bancos rodam, estão em `goals`.
"""
