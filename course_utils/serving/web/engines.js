// Os três motores atrás de uma só função: read(nome, desenho) → resposta com o que ela custou.
import * as onnx from "./onnx.js";
import * as server from "./server.js";
import * as tfjs from "./tfjs.js";
import { sent } from "./traffic.js";

export const ENGINES = { servidor: server, tfjs, onnx };
const loads = {}; // nome → promessa de { megabytes, seconds }
const loaded = new Set(["servidor"]);
let versions;

/** Os motores do navegador que o servidor tem: `{tfjs: "4.22.0", onnx: "1.30.0"}`, ou `{}` se ele falha. */
export function installed() {
  versions ??= fetch("engines/manifest.json").then((response) => (response.ok ? response.json() : {})).catch(() => ({}));
  return versions;
}

/** O motor já está inteiro na memória da página? */
export const isLoaded = (name) => loaded.has(name);

/** Baixa e aquece um motor, uma vez só; devolve `{megabytes, seconds}`. Se falhar, a próxima chamada tenta de novo. */
export function load(name) {
  loads[name] ??= fetchAndWarm(name).catch((error) => {
    delete loads[name];
    throw error;
  });
  return loads[name];
}

async function fetchAndWarm(name) {
  const start = performance.now();
  const { [name]: version } = await installed();
  if (name !== "servidor") {
    if (!version) throw new Error("não está instalado");
    await ENGINES[name].load(new URL(`engines/${name}-${version}/`, document.baseURI));
    await ENGINES[name].infer(new Float32Array(784)); // aquecimento: a primeira inferência é a mais lenta
    loaded.add(name);
  }
  return { megabytes: downloaded(name) / 1e6, seconds: (performance.now() - start) / 1000 };
}

function downloaded(name) {
  const mine = { tfjs: /\/(engines|models)\/tfjs/, onnx: /\/engines\/onnx|\/reference\.onnx$/ }[name];
  const entries = performance.getEntriesByType("resource").filter((entry) => mine?.test(entry.name));
  return entries.reduce((sum, entry) => sum + entry.encodedBodySize, 0);
}

/**
 * Uint8ClampedArray (784), 255 = tinta → `{name, digit, probabilities (10), ms, inferenceMs, bytes, version}`.
 * `ms`: o que a página esperou; `bytes`: corpo enviado. Rejeita com GoneError se o servidor não responde.
 */
export async function read(name, image) {
  await load(name);
  const engine = ENGINES[name];
  const [before, start] = [sent(), performance.now()];
  const answer = engine.read ? await engine.read(image) : { probabilities: softmax(await engine.infer(toPixels(image))) };
  const ms = performance.now() - start;
  const digit = answer.probabilities.indexOf(Math.max(...answer.probabilities));
  return { inferenceMs: ms, ...answer, name, digit, ms, bytes: sent() - before };
}

/** Pixels de 0 a 255 → Float32Array de 0 a 1, a faixa em que a rede foi treinada. */
export const toPixels = (image) => Float32Array.from(image, (value) => value / 255);

function softmax(logits) {
  const top = Math.max(...logits);
  const exponentials = Array.from(logits, (value) => Math.exp(value - top));
  const total = exponentials.reduce((sum, value) => sum + value);
  return exponentials.map((value) => value / total);
}
