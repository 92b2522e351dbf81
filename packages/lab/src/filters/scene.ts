/** The built-in picture, drawn by this file: edges of all directions, smooth shades, fine stripes, small dots. */

const SIDE = 256;

export function drawScene(): OffscreenCanvas {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const c = canvas.getContext("2d");
  if (!c) return canvas;
  const sky = c.createLinearGradient(0, 0, 0, 170);
  sky.addColorStop(0, "#3d6fb4");
  sky.addColorStop(1, "#f3d9b1");
  c.fillStyle = sky;
  c.fillRect(0, 0, SIDE, SIDE);
  const disc = (x: number, y: number, r: number, fill: string): void => {
    c.fillStyle = fill;
    c.beginPath();
    c.arc(x, y, r, 0, 2 * Math.PI);
    c.fill();
  };
  const shape = (fill: string, ...points: readonly (readonly [number, number])[]): void => {
    c.fillStyle = fill;
    c.beginPath();
    points.forEach(([x, y], i) => (i === 0 ? c.moveTo(x, y) : c.lineTo(x, y)));
    c.fill();
  };
  disc(198, 52, 22, "#ffe9a8");
  shape("#6f86a8", [0, 150], [48, 88], [84, 128], [122, 76], [180, 150]);
  shape("#4f6a86", [90, 152], [168, 96], [256, 152]);
  c.fillStyle = "#7a9a55";
  c.fillRect(0, 150, SIDE, 106);
  // A hall with a curved roof, pillars and a lattice.
  c.fillStyle = "#a8392f";
  for (const x of [58, 88, 118, 148]) c.fillRect(x, 150, 7, 52);
  c.fillStyle = "#efe3cb";
  c.fillRect(66, 152, 81, 48);
  c.strokeStyle = "#5b4636";
  c.lineWidth = 1;
  for (let x = 70; x < 146; x += 5) {
    c.beginPath();
    c.moveTo(x, 160);
    c.lineTo(x, 196);
    c.stroke();
  }
  for (let y = 160; y < 198; y += 6) {
    c.beginPath();
    c.moveTo(68, y);
    c.lineTo(145, y);
    c.stroke();
  }
  c.fillStyle = "#33404d";
  c.beginPath();
  c.moveTo(34, 150);
  c.quadraticCurveTo(70, 146, 84, 116);
  c.lineTo(130, 116);
  c.quadraticCurveTo(144, 146, 180, 150);
  c.lineTo(174, 156);
  c.lineTo(40, 156);
  c.fill();
  c.fillStyle = "#8d8a84";
  c.fillRect(48, 202, 118, 8);
  c.fillRect(40, 210, 134, 8);
  // A tree, a path of stones, a striped board.
  c.fillStyle = "#5b4636";
  c.fillRect(211, 160, 9, 56);
  for (const [x, y, r] of [
    [215, 142, 25],
    [199, 158, 17],
    [232, 159, 18],
  ])
    disc(x, y, r, "#2f6b3c");
  for (let i = 0; i < 26; i++)
    disc(197 + ((i * 37) % 40), 132 + ((i * 23) % 38), 2.2, i % 3 === 0 ? "#f08fb0" : "#ffd7e4");
  for (let i = 0; i < 7; i++)
    disc(107 + 6 * Math.sin(i * 1.7), 224 + i * 5, 7 - i * 0.3, i % 2 === 0 ? "#c9c3b6" : "#b3ac9d");
  for (let i = 0; i < 12; i++) {
    c.fillStyle = i % 2 === 0 ? "#1d1d22" : "#f4f4f0";
    c.fillRect(8 + i * 3, 214, 3, 34);
  }
  return canvas;
}
