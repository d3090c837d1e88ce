/** Reads CSV (RFC 4180) record by record. An error in a line affects that line alone. */

/** A place in the text, and the number of its line. */
interface Place {
  at: number
  line: number
}

export interface CsvRecord {
  cells: string[]
  /** Where each cell begins. The line of the first is the record's. */
  places: Place[]
}

/** Quotes that are not closed, or that are in the middle of a cell. */
export interface CsvFault {
  /** The line with the quote, from 1. */
  line: number
}

const isSpace = (char: string | undefined): boolean =>
  char === ' ' || char === '\u00a0' || char === '\t'

/** The number of line breaks. CRLF is one. */
const countBreaks = (text: string): number => text.match(/\r\n|\r|\n/g)?.length ?? 0

/**
 * Where quotes went wrong: at the first cell of more than one line, because it may contain lines of
 * other records.
 */
export const firstWrong = ({ places }: CsvRecord, wrong: Place): Place =>
  places.find((place, index) => place.line < (places[index + 1] ?? wrong).line) ?? wrong

export class CsvReader {
  readonly #text: string
  readonly #delimiter: string
  #place: Place

  constructor(text: string, delimiter: string, start: Place) {
    this.#text = text
    this.#delimiter = delimiter
    this.#place = { ...start }
  }

  /** The next record, or the error of its line; undefined at the end. */
  read(): CsvRecord | CsvFault | undefined {
    if (this.#place.at >= this.#text.length) return undefined
    const record: CsvRecord = { cells: [], places: [] }
    for (;;) {
      const place = { ...this.#place }
      const cell = this.#readCell()
      if (cell === undefined) return this.#skipLine(record, firstWrong(record, place))
      record.cells.push(cell)
      record.places.push(place)
      if (this.#text[this.#place.at] !== this.#delimiter) break
      this.#place.at += 1
    }
    this.#place = this.#afterBreak(this.#place)
    return record
  }

  /**
   * Continues with the line after the one where a cell begins, because the cell's quotes are
   * wrong.
   */
  goBackTo({ at, line }: Place): void {
    this.#place = this.#afterBreak({ at: this.#endOfLine(at), line })
  }

  /** The line of the text around a place, without regard to quotes. */
  lineOf({ at }: Place): string {
    let start = at
    while (start > 0 && this.#text[start - 1] !== '\n' && this.#text[start - 1] !== '\r') start -= 1
    return this.#text.slice(start, this.#endOfLine(at))
  }

  /**
   * Skips the line with a wrong quote. Between tabs quotes mean nothing: many programs write such
   * lines.
   */
  #skipLine({ places }: CsvRecord, wrong: Place): CsvRecord | CsvFault {
    this.goBackTo(wrong)
    if (this.#delimiter !== '\t') return { line: wrong.line }
    // The cells before the wrong one are of the same line.
    const first = places[0] ?? wrong
    const cells = this.#text.slice(first.at, this.#endOfLine(wrong.at)).split('\t')
    return { cells, places: cells.map(() => first) }
  }

  /** A cell, up to its delimiter or line break; undefined when its quotes are wrong. */
  #readCell(): string | undefined {
    const from = this.#place.at
    const quote = this.#afterSpaces(from)
    if (this.#text[quote] === '"') return this.#readQuoted(quote)
    if (this.#text.startsWith('="', quote)) return this.#readFormula(quote)
    let at = from
    while (!this.#isEndOfCell(at)) {
      if (this.#text[at] === '"') return undefined
      at += 1
    }
    this.#place.at = at
    return this.#text.slice(from, at)
  }

  /**
   * `="+34…"` without quotation marks around it. Many programs write text so that must not become a
   * number.
   */
  #readFormula(equals: number): string | undefined {
    const text = this.#readQuoted(equals + 1)
    return text === undefined ? undefined : `="${text.replaceAll('"', '""')}"`
  }

  #readQuoted(quote: number): string | undefined {
    let close = this.#text.indexOf('"', quote + 1)
    while (close !== -1 && this.#text[close + 1] === '"') close = this.#text.indexOf('"', close + 2)
    if (close === -1) return undefined
    const after = this.#afterSpaces(close + 1)
    if (!this.#isEndOfCell(after)) return undefined
    const inner = this.#text.slice(quote + 1, close)
    this.#place = { at: after, line: this.#place.line + countBreaks(inner) }
    return inner.replaceAll('""', '"')
  }

  #afterSpaces(from: number): number {
    let at = from
    while (isSpace(this.#text[at]) && this.#text[at] !== this.#delimiter) at += 1
    return at
  }

  #isEndOfCell(at: number): boolean {
    const char = this.#text[at]
    return char === undefined || char === this.#delimiter || char === '\n' || char === '\r'
  }

  #endOfLine(from: number): number {
    let at = from
    while (at < this.#text.length && this.#text[at] !== '\n' && this.#text[at] !== '\r') at += 1
    return at
  }

  /** The place after the line break here; at the end of the text the same place. */
  #afterBreak({ at, line }: Place): Place {
    if (at >= this.#text.length) return { at, line }
    const isPair = this.#text[at] === '\r' && this.#text[at + 1] === '\n'
    return { at: at + (isPair ? 2 : 1), line: line + 1 }
  }
}
