"""O ambiente do curso e o JupyterLab, só com a biblioteca padrão: roda antes de haver qualquer pacote."""
