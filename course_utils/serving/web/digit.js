// Do desenho a um dígito como os do MNIST: caixa de 20×20, centro de massa no meio de 28×28, tinta alta.
// É a mesma preparação de serving/picture.py.
const SIDE = 28;
const BOX = 20;

/** Uint8ClampedArray (784) com 0 = papel e 255 = tinta, ou null se a folha está em branco. */
export function toDigit(paper) {
  const box = inkBox(paper);
  if (!box) return null;
  const scale = BOX / Math.max(box.width, box.height);
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  const stroke = shrink(paper, box, width, height);
  const mass = massCentre(stroke, width, height);
  const left = clamp(Math.round((SIDE - 1) / 2 - mass.x), SIDE - width);
  const top = clamp(Math.round((SIDE - 1) / 2 - mass.y), SIDE - height);
  const digit = new Uint8ClampedArray(SIDE * SIDE);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) digit[(top + y) * SIDE + left + x] = stroke[y * width + x];
  return digit;
}

const clamp = (value, limit) => Math.min(Math.max(value, 0), limit);

function ink(canvas) {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return Uint8ClampedArray.from({ length: canvas.width * canvas.height }, (_, i) => pixels[4 * i + 3]);
}

function inkBox(canvas) {
  const values = ink(canvas);
  let [left, top, right, bottom] = [canvas.width, canvas.height, -1, -1];
  values.forEach((value, index) => {
    if (value < 25) return;
    const x = index % canvas.width;
    const y = Math.floor(index / canvas.width);
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

// Reduz pela metade até chegar perto: uma redução de uma vez só perderia traços finos.
function shrink(source, box, width, height) {
  let { left, top, width: w, height: h } = box;
  let canvas = source;
  while (w > 2 * width && h > 2 * height) {
    canvas = draw(canvas, left, top, w, h, Math.ceil(w / 2), Math.ceil(h / 2));
    [left, top, w, h] = [0, 0, canvas.width, canvas.height];
  }
  return ink(draw(canvas, left, top, w, h, width, height));
}

function draw(source, left, top, w, h, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(source, left, top, w, h, 0, 0, width, height);
  return canvas;
}

function massCentre(values, width, height) {
  let [x, y, total] = [0, 0, 0];
  values.forEach((value, index) => {
    x += value * (index % width);
    y += value * Math.floor(index / width);
    total += value;
  });
  return { x: x / total, y: y / total };
}
