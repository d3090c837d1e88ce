import { findLinks } from './links.js'

/**
 * A message's text as WhatsApp shows it: *bold*, _italic_, ~strike~, `code`, ```monospace```,
 * quotes, lists and links. It reads text and makes no element. What it gives holds every character
 * of the text: `textOf` puts it together again.
 *
 * The rules, https://faq.whatsapp.com/539178204879377: a mark opens before a character that is no
 * space, and not inside a word; it closes after one that is no space, and not before a letter or
 * digit. Both are in the same line. Only monospace may go over several lines. Nothing is formatted
 * inside of code and links.
 */

/** @typedef {{ kind: 'text', text: string }} Plain */
/**
 * @typedef {{ kind: 'link', text: string, href: string, host?: string }} Link `host`: where it
 * leads, if the text may deceive
 */
/** @typedef {{ kind: 'code', mark: string, text: string }} Code */
/** @typedef {{ kind: 'bold' | 'italic' | 'strike', mark: string, children: Inline[] }} Styled */
/** @typedef {Plain | Link | Code | Styled} Inline */
/**
 * @typedef {{ mark: string, value?: number, children: Inline[] }} Line `mark`: what makes it a
 * quote or an item of a list
 */
/** @typedef {{ kind: 'lines' | 'quote' | 'bullets' | 'numbers', lines: Line[] }} Block */
/**
 * @typedef {{ start: number, end: number, node: Link | Code }} Atom a part of the text in which no
 * mark counts
 */

const kinds = /** @type {Record<string, Styled['kind']>} */ ({
  '*': 'bold',
  _: 'italic',
  '~': 'strike'
})
const wordly = /[\p{L}\p{N}]/u
const space = /\s/u

/**
 * The character that ends before `at`, which may be of two code units. @param {string} text @param
 * {number} at
 */
const before = (text, at) => {
  const unit = text.charCodeAt(at - 1)
  return text.slice(at - (unit >= 0xdc00 && unit <= 0xdfff ? 2 : 1), at)
}
/** @param {string} text @param {number} at */
const after = (text, at) => {
  const point = text.codePointAt(at)
  return point === undefined ? '' : String.fromCodePoint(point)
}

/** @param {string} text @returns {Atom[]} in their order, none inside of another */
const findAtoms = (text) => {
  const code = [...text.matchAll(/```(?!`)((?:[^`]|`(?!``))+)```|`([^`\n]+)`/gu)].flatMap(
    (match) => {
      const mark = match[1] === undefined ? '`' : '```'
      const inside = match[1] ?? match[2] ?? ''
      if (inside.trim() === '') return []
      return [
        {
          start: match.index,
          end: match.index + match[0].length,
          node: /** @type {Code} */ ({ kind: 'code', mark, text: inside })
        }
      ]
    }
  )
  /** @type {Atom[]} */
  const atoms = []
  let next = 0
  for (const { start, end, node } of findLinks(text)) {
    while (next < code.length && /** @type {Atom} */ (code[next]).start < start)
      atoms.push(/** @type {Atom} */ (code[next++]))
    const last = atoms.at(-1)
    const overlaps =
      (last !== undefined && last.end > start) ||
      (next < code.length && /** @type {Atom} */ (code[next]).start < end)
    if (!overlaps) atoms.push({ start, end, node })
  }
  return [...atoms, ...code.slice(next)]
}

/** Reads one text; each line is read for itself. */
class Reader {
  #text
  #atoms
  /** The first atom that does not end before the line that is read. */
  #atom = 0

  /** @param {string} text */
  constructor(text) {
    this.#text = text
    this.#atoms = findAtoms(text)
  }

  /** @returns {Block[]} */
  read() {
    /** @type {Block[]} */
    const blocks = []
    for (const { start, end } of this.#lines()) {
      const [kind, mark, value] = this.#kindOf(start, end)
      const children = this.#inline(start + mark.length, end)
      const line = value === undefined ? { mark, children } : { mark, value, children }
      const last = blocks.at(-1)
      if (last?.kind === kind) last.lines.push(line)
      else blocks.push({ kind, lines: [line] })
    }
    return blocks
  }

  /** Where lines begin and end: a line feed inside of monospace ends none. */
  *#lines() {
    let start = 0
    let atom = 0
    for (let at = this.#text.indexOf('\n'); at !== -1; at = this.#text.indexOf('\n', at + 1)) {
      while (atom < this.#atoms.length && this.#at(atom).end <= at) atom += 1
      if (atom < this.#atoms.length && this.#at(atom).start < at) continue
      yield { start, end: at }
      start = at + 1
    }
    yield { start, end: this.#text.length }
  }

  /** @param {number} index @returns {Atom} */
  #at(index) {
    return /** @type {Atom} */ (this.#atoms[index])
  }

  /** @param {number} start @param {number} end @returns {[Block['kind'], string, number?]} */
  #kindOf(start, end) {
    const head = this.#text.slice(start, Math.min(end, start + 6))
    const [, quote, bullet, number, digits] =
      /^(?:(> )|([-*] )|((\d{1,3})\. ))(?=\S)/u.exec(head) ?? []
    if (quote !== undefined) return ['quote', quote]
    if (bullet !== undefined) return ['bullets', bullet]
    return number === undefined ? ['lines', ''] : ['numbers', number, Number(digits)]
  }

  /** @param {number} start @param {number} end @returns {Inline[]} */
  #inline(start, end) {
    while (this.#atom < this.#atoms.length && this.#at(this.#atom).end <= start) this.#atom += 1
    const atoms = []
    for (
      let index = this.#atom;
      index < this.#atoms.length && this.#at(index).start < end;
      index += 1
    )
      atoms.push(this.#at(index))
    return new LineReader(this.#text, start, end, atoms).read()
  }
}

/** Reads one line of a text. */
class LineReader {
  #text
  #start
  #end
  #atoms
  /** Where each mark may close, from left to right. @type {Map<string, number[]>} */
  #closings = new Map()

  /**
   * @param {string} text @param {number} start @param {number} end @param {Atom[]} atoms those in
   * the line
   */
  constructor(text, start, end, atoms) {
    this.#text = text
    this.#start = start
    this.#end = end
    this.#atoms = atoms
  }

  /** @returns {Inline[]} */
  read() {
    this.#findClosings()
    return this.#read(this.#start, this.#end, '')
  }

  #findClosings() {
    let atom = 0
    for (let at = this.#start; at < this.#end; at += 1) {
      while (atom < this.#atoms.length && /** @type {Atom} */ (this.#atoms[atom]).end <= at)
        atom += 1
      const inside = this.#atoms[atom]
      if (inside !== undefined && inside.start <= at) {
        at = inside.end - 1
        continue
      }
      const mark = this.#text[at] ?? ''
      if (!(mark in kinds) || at === this.#start) continue
      if (
        space.test(before(this.#text, at)) ||
        wordly.test(at + 1 < this.#end ? after(this.#text, at + 1) : '')
      )
        continue
      const known = this.#closings.get(mark)
      if (known === undefined) this.#closings.set(mark, [at])
      else known.push(at)
    }
  }

  /**
   * Where the mark that opens at `at` closes, before `end`. @param {number} at @param {number} end
   */
  #closingOf(at, end) {
    const mark = this.#text[at] ?? ''
    if (at > this.#start && wordly.test(before(this.#text, at))) return undefined
    const next = after(this.#text, at + 1)
    if (next === '' || next === mark || space.test(next)) return undefined
    const closings = this.#closings.get(mark) ?? []
    let [low, high] = [0, closings.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (/** @type {number} */ (closings[middle]) > at + 1) high = middle
      else low = middle + 1
    }
    const closing = closings[low]
    return closing !== undefined && closing < end ? closing : undefined
  }

  /**
   * @param {number} start @param {number} end @param {string} open marks that are open around it
   * @returns {Inline[]}
   */
  #read(start, end, open) {
    /** @type {Inline[]} */
    const nodes = []
    let plain = start
    const flush = (/** @type {number} */ to) => {
      if (to > plain) nodes.push({ kind: 'text', text: this.#text.slice(plain, to) })
    }
    let atom = this.#atoms.findIndex((each) => each.end > start)
    if (atom === -1) atom = this.#atoms.length
    for (let at = start; at < end; at += 1) {
      const here = this.#atoms[atom]
      if (here !== undefined && here.start === at) {
        flush(at)
        nodes.push(here.node)
        plain = here.end
        at = here.end - 1
        atom += 1
        continue
      }
      const mark = this.#text[at] ?? ''
      const kind = kinds[mark]
      if (kind === undefined || open.includes(mark)) continue
      const closing = this.#closingOf(at, end)
      if (closing === undefined) continue
      flush(at)
      nodes.push({ kind, mark, children: this.#read(at + 1, closing, open + mark) })
      while (atom < this.#atoms.length && /** @type {Atom} */ (this.#atoms[atom]).start < closing)
        atom += 1
      plain = closing + 1
      at = closing
    }
    flush(end)
    return nodes
  }
}

/** @param {string} text @returns {Block[]} */
export const readRichText = (text) => new Reader(text).read()

/**
 * @param {readonly Inline[]} nodes @param {boolean} marks whether the marks are wanted @returns
 * {string}
 */
const joinInline = (nodes, marks) =>
  nodes
    .map((node) => {
      const mark = marks && 'mark' in node ? node.mark : ''
      return mark + ('children' in node ? joinInline(node.children, marks) : node.text) + mark
    })
    .join('')

/**
 * The text again, with its marks, or as it reads without them. @param {readonly Block[]} blocks
 * @param {{ marks: boolean }} options
 */
export const textOf = (blocks, { marks }) =>
  blocks
    .flatMap(({ lines }) =>
      lines.map(({ mark, children }) => (marks ? mark : '') + joinInline(children, marks))
    )
    .join('\n')

/** How a text reads in one line, without marks. @param {string} text */
export const plainText = (text) => textOf(readRichText(text), { marks: false })
