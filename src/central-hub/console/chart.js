/**
 * Small charts as SVG, made by DOM calls: no library, and nothing that a CSP would have to allow.
 * The numbers stand beside them in a table.
 */

const svg = 'http://www.w3.org/2000/svg'

/**
 * @param {string} tag @param {Record<string, string | number>} attributes @param {...Node} children
 */
const s = (tag, attributes, ...children) => {
  const element = document.createElementNS(svg, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  element.append(...children)
  return element
}
/** @param {string} text @param {Record<string, string | number>} attributes */
const label = (text, attributes) => {
  const element = s('text', attributes)
  element.textContent = text
  return element
}

/** The next round number whose half is a whole one. @param {number} most */
const roundUp = (most) => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)))
  return [2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= most) ?? most
}

const width = 600,
  height = 190,
  left = 44,
  bottom = 32,
  top = 12

/**
 * Bars, one on top of the other for each day; null is a day without a value.
 * @param {{ name: string, days: string[], series: { kind: string, values: (number | null)[] }[],
 * write: (value: number) => string, round?: (most: number) => number }} chart `name`: what it
 * shows, for whom cannot see it; `kind`: the class of the bars
 */
export const barChart = ({ name, days, series, write, round = roundUp }) => {
  const sums = days.map((_, index) =>
    series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0)
  )
  const most = round(Math.max(...sums, 0))
  const room = height - top - bottom
  const step = (width - left) / days.length
  const y = (/** @type {number} */ value) => top + room * (1 - value / most)
  const bars = days.flatMap((_, index) => {
    let below = 0
    return series.flatMap(({ kind, values }) => {
      const value = values[index] ?? 0
      if (value === 0) return []
      below += value
      return [
        s('rect', {
          class: `bar ${kind}`,
          x: left + index * step + step * 0.14,
          width: step * 0.72,
          y: y(below),
          height: Math.max(1, (room * value) / most),
          rx: 1.5
        })
      ]
    })
  })
  const lines = [0, most / 2, most].map((value) =>
    s('line', { class: 'rule', x1: left, x2: width, y1: y(value), y2: y(value) })
  )
  const numbers = [most / 2, most].map((value) =>
    label(write(value), { class: 'axis', x: left - 6, y: y(value) + 4, 'text-anchor': 'end' })
  )
  const named = [0, Math.floor((days.length - 1) / 2), days.length - 1].map((index, at) =>
    label(days[index] ?? '', {
      class: 'axis',
      x: left + (index + 0.5) * step,
      y: height - 9,
      'text-anchor': ['start', 'middle', 'end'][at] ?? 'middle'
    })
  )
  return s(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': name },
    ...lines,
    ...bars,
    ...numbers,
    ...named
  )
}

/**
 * One bar made of parts. @param {{ name: string, parts: { kind: string, value: number }[] }} chart
 */
export const partsChart = ({ name, parts }) => {
  const sum = parts.reduce((all, { value }) => all + value, 0)
  let x = 0
  const shown = parts.flatMap(({ kind, value }) => {
    if (value === 0 || sum === 0) return []
    const part = s('rect', {
      class: `bar ${kind}`,
      x,
      y: 0,
      width: Math.max(2, (width * value) / sum - 2),
      height: 20,
      rx: 2
    })
    x += (width * value) / sum
    return [part]
  })
  return s(
    'svg',
    {
      class: 'chart parts',
      viewBox: `0 0 ${width} 20`,
      role: 'img',
      'aria-label': name,
      preserveAspectRatio: 'none'
    },
    ...shown
  )
}
