"""As medidas do curso: os notebooks são o banco de prova, e a manchete (poda + int8) se prova em três sementes."""
