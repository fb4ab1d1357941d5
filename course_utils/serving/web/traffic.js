// Conta o que sai desta página: o corpo de todo fetch, dela mesma e das bibliotecas que carrega.
const realFetch = window.fetch;
const watchers = [];
let total = 0;

/** Bytes de corpo enviados desde que a página abriu. */
export const sent = () => total;

/** Chama `watcher(total)` agora e a cada envio. */
export function watchTraffic(watcher) {
  watchers.push(watcher);
  watcher(total);
}

window.fetch = (resource, options) => {
  const bytes = size(options?.body);
  if (bytes) {
    total += bytes;
    watchers.forEach((watcher) => watcher(total));
  }
  return realFetch(resource, options);
};

function size(body) {
  if (body === undefined || body === null) return 0;
  return body.byteLength ?? body.size ?? new TextEncoder().encode(String(body)).length;
}
