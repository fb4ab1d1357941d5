// Do desenho a um dígito como os do MNIST: os últimos passos de serving/picture.py, com os mesmos números.
// Os primeiros (achatar, separar a tinta do papel) não fazem falta: na folha da página, a opacidade já é a tinta.
const SIDE = 28;
const BOX = 20;
const FINE = 120;
const STROKE = 0.11;

/** Uint8ClampedArray (784) com 0 = papel e 255 = tinta, ou null se a folha está em branco. */
export function toDigit(paper) {
  const ink = isolate(read(paper));
  if (!ink) return null;
  const stroke = fit(thicken(fit(ink, FINE)), BOX);
  const mass = massCentre(stroke);
  const left = clamp(Math.round((SIDE - 1) / 2 - mass.x), SIDE - stroke.width);
  const top = clamp(Math.round((SIDE - 1) / 2 - mass.y), SIDE - stroke.height);
  const digit = new Uint8ClampedArray(SIDE * SIDE);
  each(stroke, (value, x, y) => (digit[(top + y) * SIDE + left + x] = Math.round(255 * value)));
  return digit;
}

const clamp = (value, limit) => Math.min(Math.max(value, 0), limit);

// Uma imagem aqui é {values, width, height}: um número de 0 (papel) a 1 (tinta) por pixel, linha a linha.
const blank = (width, height) => ({ values: new Float32Array(width * height), width, height });

const at = ({ values, width, height }, x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : values[y * width + x]);

function each({ values, width }, visit) {
  values.forEach((value, index) => visit(value, index % width, Math.floor(index / width)));
}

function make(width, height, value) {
  const image = blank(width, height);
  each(image, (_, x, y) => (image.values[y * width + x] = value(x, y)));
  return image;
}

function read(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return make(canvas.width, canvas.height, (x, y) => data[4 * (y * canvas.width + x) + 3] / 255);
}

/** Só a figura, recortada e com contraste. */
function isolate(ink) {
  let [left, top, right, bottom] = [ink.width, ink.height, -1, -1];
  each(ink, (value, x, y) => {
    if (value <= 0.5) return;
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  if (right < 0) return null;
  const margin = Math.max(1, Math.round(0.01 * Math.max(right - left + 1, bottom - top + 1)));
  [left, top] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  [right, bottom] = [Math.min(ink.width - 1, right + margin), Math.min(ink.height - 1, bottom + margin)];
  const contrast = (value) => Math.min(1, Math.max(0, (value - 0.35) / 0.6));
  return make(right - left + 1, bottom - top + 1, (x, y) => contrast(at(ink, left + x, top + y)));
}

/** Encolhe (ou amplia) até que o lado maior tenha `box` pixels. */
function fit(ink, box) {
  const scale = box / Math.max(ink.width, ink.height);
  const [width, height] = [ink.width, ink.height].map((length) => Math.max(1, Math.round(scale * length)));
  return transpose(narrow(transpose(narrow(ink, width)), height));
}

const transpose = (ink) => make(ink.height, ink.width, (x, y) => at(ink, y, x));

/** Cada coluna nova é a média das que ela cobre, pela fração coberta. */
function narrow(ink, width) {
  const step = ink.width / width;
  return make(width, ink.height, (x, y) => {
    let [sum, place, end] = [0, x * step, Math.min((x + 1) * step, ink.width)];
    while (place < end - 1e-9) {
      const next = Math.min(Math.floor(place + 1e-9) + 1, end);
      sum += (next - place) * at(ink, Math.floor(place + 1e-9), y);
      place = next;
    }
    return sum / step;
  });
}

/** Um traço fino some em 20 pixels: dilata-o até a espessura de um traço do MNIST. */
function thicken(ink) {
  const strongest = ink.values.reduce((a, b) => Math.max(a, b), 0);
  const even = make(ink.width, ink.height, (x, y) => at(ink, x, y) / strongest);
  const inner = spread(even, 1, Math.min);
  const count = (image) => image.values.reduce((total, value) => total + (value > 0.5), 0);
  const edge = count(even) - count(inner);
  const missing = Math.round((STROKE * FINE - (2 * count(even)) / Math.max(1, edge)) / 2);
  if (missing <= 0) return ink;
  const padded = make(ink.width + 2 * missing, ink.height + 2 * missing, (x, y) => at(even, x - missing, y - missing));
  return spread(padded, missing, Math.max);
}

/** O máximo (dilatação) ou o mínimo (erosão) numa janela quadrada: uma direção de cada vez. */
function spread(ink, reach, pick) {
  const line = (image) => make(image.width, image.height, (x, y) => {
    let best = at(image, x, y);
    for (let step = -reach; step <= reach; step++) best = pick(best, at(image, x + step, y));
    return best;
  });
  return transpose(line(transpose(line(ink))));
}

function massCentre(ink) {
  let [x, y, total] = [0, 0, 0];
  each(ink, (value, column, row) => {
    [x, y, total] = [x + value * column, y + value * row, total + value];
  });
  return { x: x / total, y: y / total };
}
