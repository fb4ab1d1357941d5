-- O leitor de CEP chamado de dentro do BigQuery: um modelo remoto sobre o endpoint da Vertex AI.
-- Fonte: docs.cloud.google.com/bigquery, "The CREATE MODEL statement for remote models over custom models".
-- Troque projeto, conexão e o número do endpoint. A conta de serviço da conexão precisa do papel "Vertex AI User".

-- Cada linha vira {"b64": "…"} em "instances", que o contêiner aceita; a resposta tem os campos de OUTPUT.
CREATE OR REPLACE MODEL `projeto.correios.leitor_de_cep`
INPUT (b64 STRING)
OUTPUT (digit INT64, probabilities ARRAY<FLOAT64>)
REMOTE WITH CONNECTION `projeto.us-central1.vertex`
OPTIONS (
  ENDPOINT = 'https://us-central1-aiplatform.googleapis.com/v1/projects/projeto/locations/us-central1/endpoints/123'
);

-- As imagens (784 bytes cada, na coluna pixels) lidas no próprio banco: quantas por dígito, e as duvidosas.
-- O contêiner recusa (422) requisições com mais de 32 imagens: antes de uma tabela grande, teste com LIMIT.
SELECT
  digit,
  COUNT(*) AS images,
  COUNTIF((SELECT MAX(p) FROM UNNEST(probabilities) AS p) < 0.9) AS doubtful
FROM ML.PREDICT(
  MODEL `projeto.correios.leitor_de_cep`,
  (SELECT id, TO_BASE64(pixels) AS b64 FROM `projeto.correios.envelopes` LIMIT 32)
)
GROUP BY digit
ORDER BY digit;
