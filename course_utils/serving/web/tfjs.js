// TF.js, aqui no navegador: backend WebAssembly, uma thread, modelo feito por course_utils/serving/engines.
export const title = "TF.js";
let tf, model;

/** Baixa a biblioteca (da pasta `folder`, uma URL absoluta) e o modelo. Depois disto a rede não é mais usada. */
export async function load(folder) {
  for (const file of ["tf.min.js", "tf-backend-wasm.min.js"]) await addScript(new URL(file, folder));
  tf = window.tf;
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  tf.wasm.setWasmPaths(folder.href);
  if (!(await tf.setBackend("wasm"))) throw new Error("este navegador não aceitou o WebAssembly do TF.js");
  model = await tf.loadLayersModel(new URL("models/tfjs/model.json", document.baseURI).href);
}

/** Float32Array (784), de 0 a 1 → logits, Float32Array (10). */
export async function infer(pixels) {
  const output = tf.tidy(() => model.predict(tf.tensor4d(pixels, [1, 28, 28, 1])));
  const logits = await output.data();
  output.dispose();
  return logits;
}

function addScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url.href;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`não consegui baixar ${url.pathname.split("/").pop()}`));
    document.head.append(script);
  });
}
