// Conta o que sai desta página e chega a um servidor: o corpo de todo fetch, dela mesma e das bibliotecas que carrega.
const realFetch = window.fetch;
const watchers = [];
let total = 0;

/** Bytes de corpo entregues desde que a página abriu. */
export const sent = () => total;

/** Chama `watcher(total)` agora e a cada envio. */
export function watchTraffic(watcher) {
  watchers.push(watcher);
  watcher(total);
}

window.fetch = async (resource, options) => {
  const bytes = size(options?.body);
  const response = await realFetch(resource, options);
  if (bytes && response.status < 500) { // sem resposta, ou com a de um proxy por um servidor que se foi, nada chegou
    total += bytes;
    watchers.forEach((watcher) => watcher(total));
  }
  return response;
};

function size(body) {
  if (body === undefined || body === null) return 0;
  return body.byteLength ?? body.size ?? new TextEncoder().encode(String(body)).length;
}
