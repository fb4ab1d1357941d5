"""Servir o modelo: um contrato HTTP e, sobre ele, adaptadores finos para cada servidor."""
