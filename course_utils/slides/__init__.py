"""Os slides da aula: HTML que abre com dois cliques e sem internet."""
