// O motor que mora do outro lado do cabo: envia os 784 bytes do desenho a POST predict.
export const title = "Servidor";

/** O servidor não respondeu (ou quem respondeu foi um proxy, no lugar dele). */
export class GoneError extends Error {}

export async function load() {}

/** Uint8ClampedArray (784) → `{probabilities, inferenceMs, version}`. */
export async function read(digit) {
  let response, data;
  try {
    // Endereço relativo: funciona direto, dentro do JupyterLab e atrás do proxy do Binder.
    response = await fetch("predict", {
      method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: digit,
    });
    data = await response.json();
  } catch {
    throw new GoneError();
  }
  if (!response.ok && !data?.detail) throw new GoneError();
  if (!response.ok) throw new Error(data.detail);
  const { probabilities } = data.predictions[0];
  return { probabilities, inferenceMs: data.inference_ms, version: data.model_version };
}
