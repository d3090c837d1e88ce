/** A cost that grows with something, to be drawn. */
export interface Plot {
  name: string
  title: string
  x: string
  y: string
  /** Both axes from zero, evenly; otherwise logarithmic. */
  linear?: true
  lines: { name: string; points: [x: number, y: number][] }[]
}

/** A number with three significant digits, with separators of thousands. */
export const inShort = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return Number(value.toFixed(Math.min(digits, 4))).toLocaleString('en-US', {
    maximumFractionDigits: 4
  })
}

/**
 * A small SVG of a cost over what it may grow with; both axes are logarithmic, or both are even, so
 * that a line that stays flat is flat.
 */

const [width, height] = [640, 360]
const [left, right, top, bottom] = [64, 180, 36, 44]
const colours = [
  '#0b6e4f',
  '#c8553d',
  '#2f4b7c',
  '#a05195',
  '#d9a404',
  '#4f6d7a',
  '#7a9e00',
  '#8c564b'
]

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)

/** Whole powers of ten around the values. */
const decades = (values: readonly number[]): [low: number, high: number] => {
  const low = Math.floor(Math.log10(Math.min(...values)))
  return [low, Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))]
}

/** From zero to a round number, in some five steps. */
const evenly = (values: readonly number[]): { most: number; step: number } => {
  const most = Math.max(1, ...values)
  const rough = most / 5
  const unit = 10 ** Math.floor(Math.log10(rough))
  const step = unit * ([1, 2, 5, 10].find((times) => times * unit >= rough) ?? 10)
  return { most: Math.ceil(most / step) * step, step }
}

/** Where values lie on an axis, 0 to 1, and where it is marked. */
interface Axis {
  place: (value: number) => number
  marks: number[]
}

const axis = (values: readonly number[], linear: boolean): Axis => {
  if (linear) {
    const { most, step } = evenly(values)
    return {
      place: (value) => value / most,
      marks: Array.from({ length: Math.round(most / step) + 1 }, (_, index) => index * step)
    }
  }
  const [low, high] = decades(values)
  return {
    place: (value) => (Math.log10(value) - low) / (high - low),
    marks: Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step))
  }
}

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(words)}</text>`

export const toSvg = ({ title, x: xName, y: yName, lines, linear }: Plot): string => {
  const points = lines.flatMap((line) => line.points)
  const [xs, ys] = [
    axis(
      points.map(([x]) => x),
      linear === true
    ),
    axis(
      points.map(([, y]) => y),
      linear === true
    )
  ]
  const px = (x: number): number => left + xs.place(x) * (width - right - left)
  const py = (y: number): number => height - bottom - ys.place(y) * (height - bottom - top)

  const grid = [
    ...xs.marks.map(
      (x) =>
        `<path d="M${px(x).toFixed(1)} ${top}V${height - bottom}"/>${text(px(x), height - bottom + 16, inShort(x), 'text-anchor="middle"')}`
    ),
    ...ys.marks.map(
      (y) =>
        `<path d="M${left} ${py(y).toFixed(1)}H${width - right}"/>${text(left - 6, py(y) + 4, inShort(y), 'text-anchor="end"')}`
    )
  ]
  // names that would lie on each other are moved apart
  const ends = lines.map(({ points: of }) => py(of.at(-1)?.[1] ?? 1))
  const places = [...ends.keys()].sort((a, b) => (ends[a] as number) - (ends[b] as number))
  let free = top
  const labels = places.map((index) => {
    free = Math.max(free, ends[index] as number) + 13
    return text(
      width - right + 8,
      free - 9,
      lines[index]?.name ?? '',
      `fill="${colours[index % colours.length]}"`
    )
  })
  const drawn = lines.map(({ points: of }, index) => {
    const path = of
      .map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${px(x).toFixed(1)} ${py(y).toFixed(1)}`)
      .join('')
    return `<path d="${path}" fill="none" stroke="${colours[index % colours.length]}" stroke-width="2"/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
${text(left, 20, title, 'font-size="14" font-weight="bold"')}
<g stroke="#ddd" stroke-width="1" fill="none">${grid.map((part) => part.replace('<text ', '<text stroke="none" fill="#555" ')).join('')}</g>
${text((left + width - right) / 2, height - 8, xName, 'text-anchor="middle"')}
${text(14, (top + height - bottom) / 2, yName, `text-anchor="middle" transform="rotate(-90 14 ${(top + height - bottom) / 2})"`)}
${drawn.join('\n')}
${labels.join('\n')}
</svg>
`
}
