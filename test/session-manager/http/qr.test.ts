import { inflateSync } from 'node:zlib'
import t from 'tap'
import { qrDataUrl, qrPng, qrSvg, qrText } from '../../../src/session-manager/http/qr.ts'

/** As long as a real one. */
const code = `2@${'A1b2'.repeat(30)},${'x'.repeat(44)},${'y'.repeat(44)},${'z'.repeat(44)}=,1`

/** Width, height and the inflated pixels of a PNG. */
const readPng = (png: Buffer): { width: number; height: number; pixels: Buffer } => {
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  }
  return {
    width: png.readUInt32BE(16),
    height: png.readUInt32BE(20),
    pixels: inflateSync(Buffer.concat(parts))
  }
}

t.test('as PNG, black on white', async (t) => {
  const png = await qrPng(code)
  t.equal(png.subarray(1, 4).toString(), 'PNG')
  const { width, height, pixels } = readPng(png)
  t.equal(width, height)
  t.ok(width >= 360)
  t.ok(new Set(pixels).size > 1, 'there is something to see')
})

t.test('as a data URL, for an image tag', async (t) => {
  const url = await qrDataUrl(code)
  t.match(url, /^data:image\/png;base64,/)
  t.ok(readPng(Buffer.from(url.split(',')[1] as string, 'base64')).width >= 300)
})

t.test('as SVG', async (t) =>
  t.match(await qrSvg(code), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^]*<\/svg>\s*$/)
)

t.test('as text in half blocks, square when seen in a terminal', async (t) => {
  const text = await qrText(code)
  t.match(text, /^[█▀▄ \n]+\n$/)
  const lines = text.trimEnd().split('\n')
  t.ok(
    Math.abs(lines.length * 2 - (lines[0] as string).length) <= 2,
    `${lines.length} lines of ${lines[0]?.length} columns`
  )
})

t.test('every code is another drawing', async (t) =>
  t.not(await qrText(code), await qrText(`${code}2`))
)
