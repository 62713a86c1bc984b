import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const MOST_COLORS = 256

/** The same picture with a palette: screenshots have few colours, and a third of the size will do for them. RGB and RGBA, 8 bit. */
export function smallPng(png: Uint8Array): Buffer {
  const { width, height, channels, pixels } = decode(Buffer.from(png))
  const counts = new Map<number, number>()
  const colors = new Uint32Array(width * height)
  for (let at = 0; at < colors.length; at++) {
    const color = pixels.readUIntBE(at * channels, 3)
    colors[at] = color
    counts.set(color, (counts.get(color) ?? 0) + 1)
  }
  const palette = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_COLORS)
    .map(([color]) => color)
  const places = new Map(palette.map((color, place) => [color, place]))
  const rows = Buffer.alloc(height * (width + 1))
  for (let at = 0; at < colors.length; at++) {
    const color = colors[at] ?? 0
    const place = places.get(color) ?? nearest(color, palette)
    places.set(color, place)
    rows[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = place
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3], 8)
  const table = Buffer.from(palette.flatMap((color) => [color >> 16, (color >> 8) & 255, color & 255]))
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function decode(png: Buffer) {
  const data: Buffer[] = []
  let [width, height, channels] = [0, 0, 3]
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    const type = png.toString('latin1', at + 4, at + 8)
    const body = png.subarray(at + 8, at + 8 + length)
    if (type === 'IHDR') {
      ;[width, height, channels] = [body.readUInt32BE(0), body.readUInt32BE(4), body[9] === 6 ? 4 : 3]
    } else if (type === 'IDAT') data.push(body)
    at += length + 12
  }
  const raw = inflateSync(Buffer.concat(data))
  const stride = width * channels
  const pixels = Buffer.alloc(stride * height)
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)]
    for (let at = 0; at < stride; at++) {
      const to = row * stride + at
      const left = at < channels ? 0 : (pixels[to - channels] ?? 0)
      const up = row === 0 ? 0 : (pixels[to - stride] ?? 0)
      const corner = row === 0 || at < channels ? 0 : (pixels[to - stride - channels] ?? 0)
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0
      pixels[to] = (raw[row * (stride + 1) + 1 + at] ?? 0) + guess
    }
  }
  return { width, height, channels, pixels }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}

function nearest(color: number, palette: readonly number[]): number {
  let [best, distance] = [0, Number.POSITIVE_INFINITY]
  for (const [place, other] of palette.entries()) {
    const [red, green, blue] = [16, 8, 0].map((bits) => ((color >> bits) & 255) - ((other >> bits) & 255))
    const apart = (red ?? 0) ** 2 + (green ?? 0) ** 2 + (blue ?? 0) ** 2
    if (apart < distance) [best, distance] = [place, apart]
  }
  return best
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}
