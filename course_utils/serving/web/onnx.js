// ONNX Runtime Web, aqui no navegador: WebAssembly, uma thread, o mesmo data/reference.onnx do servidor.
export const title = "ONNX Runtime Web";
let ort, session;

/** Baixa a biblioteca (da pasta `folder`, uma URL absoluta) e o modelo. Depois disto a rede não é mais usada. */
export async function load(folder) {
  ort = await import(new URL("ort.wasm.min.mjs", folder).href);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = folder.href; // absoluto: um caminho relativo não serve de nome de módulo
  const response = await fetch("models/reference.onnx");
  if (!response.ok) throw new Error("não consegui baixar o modelo ONNX");
  session = await ort.InferenceSession.create(await response.arrayBuffer(), { executionProviders: ["wasm"] });
}

/** Float32Array (784), de 0 a 1 → logits, Float32Array (10). */
export async function infer(pixels) {
  const image = new ort.Tensor("float32", pixels, [1, 1, 28, 28]);
  const outputs = await session.run({ [session.inputNames[0]]: image });
  return outputs[session.outputNames[0]].data;
}
