"""O modelo: dígitos, rede, treino, integridade dos arquivos e preditor. Não conhece HTTP nem notebooks."""
