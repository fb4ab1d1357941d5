"""Os bancos de prova: cada um mede numa só rodada, escreve artifacts/bench/NOME.json e imprime o resultado."""
