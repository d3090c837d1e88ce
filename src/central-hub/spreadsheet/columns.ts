import type { ImportFileCode } from '../../contract/lead.ts'

/** Finds the columns of the phone number and the name in a table. */

/** Headings, as {@link plain} writes them. If a table has several, the first in this list wins. */
const phoneHeadings = [
  'phone',
  'whatsapp',
  'whatsapp number',
  'numero de whatsapp',
  'telefono whatsapp',
  'telefone whatsapp',
  'wa',
  'zap',
  'celular',
  'movil',
  'mobile',
  'cell',
  'cellphone',
  'cell phone',
  'mobile phone',
  'mobile number',
  'cell number',
  'telemovel',
  'telefono movil',
  'telefono celular',
  'telefone celular',
  'numero de celular',
  'numero celular',
  'numero de movil',
  'no de celular',
  'n de celular',
  'no celular',
  'n celular',
  'phone number',
  'phonenumber',
  'phone no',
  'telephone',
  'telephone number',
  'tel',
  'telefono',
  'telefone',
  'fone',
  'fono',
  'tfno',
  'tlf',
  'tlfno',
  'telf',
  'telef',
  'numero de telefono',
  'numero telefono',
  'numero telefonico',
  'no de telefono',
  'n de telefono',
  'no telefono',
  'n telefono',
  'numero de telefone',
  'numero de telemovel',
  'phone 1 value',
  'phone1 value',
  'primary phone',
  'msisdn'
]
/** Headings with several meanings: of a phone number only if numbers are below. */
const numberHeadings = [
  'number',
  'numero',
  'num',
  'nro',
  'contact number',
  'numero de contacto',
  'numero de contato',
  'n',
  'no'
]
const nameHeadings = [
  'name',
  'nombre',
  'nome',
  'full name',
  'fullname',
  'nombre completo',
  'nome completo',
  'nombre y apellidos',
  'nombre y apellido',
  'nombres',
  'nombres y apellidos',
  'nome e sobrenome',
  'contact name',
  'nombre del contacto',
  'nombre de contacto',
  'nome do contato',
  'nome do contacto',
  'nombre del cliente',
  'nombre cliente',
  'nome do cliente',
  'customer name',
  'client name',
  'lead name',
  'display name',
  'first name',
  'given name',
  'primer nombre',
  'primeiro nome',
  'contact',
  'contacto',
  'contato',
  'customer',
  'client',
  'cliente',
  'lead'
]

/** A heading without case, accents and punctuation. */
export const plain = (heading: string): string =>
  heading
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

export interface Columns {
  /** Of the phone number. If the first column is empty, the next one counts. */
  phones: number[]
  name: number
  /** Headings of columns that are not imported. */
  ignored: string[]
  /** The file is our own export. */
  isExport: boolean
}

export type ColumnFault = Extract<ImportFileCode, `heading-${string}`>

/** The columns whose heading is one of these, the first heading first. */
const columnsOf = (headings: readonly string[], known: readonly string[]): number[] =>
  known.flatMap((heading) => headings.flatMap((found, index) => (found === heading ? [index] : [])))

const hasDouble = (headings: readonly string[], known: readonly string[]): boolean => {
  const first = known.find((heading) => headings.includes(heading))
  return headings.filter((heading) => heading === first).length > 1
}

/**
 * Finds the columns by their headings.
 * @param hasNumbers whether there are phone numbers below a heading
 */
export const byHeading = (
  cells: readonly string[],
  hasNumbers: (column: number) => boolean
): Columns | { faults: ColumnFault[] } => {
  const headings = cells.map(plain)
  const sure = columnsOf(headings, phoneHeadings)
  const phones = sure.length > 0 ? sure : columnsOf(headings, numberHeadings).filter(hasNumbers)
  const [name] = columnsOf(headings, nameHeadings)
  const faults: ColumnFault[] = []
  if (phones.length === 0) faults.push('heading-phone')
  if (hasDouble(headings, phoneHeadings)) faults.push('heading-phone-twice')
  if (name === undefined) faults.push('heading-name')
  if (hasDouble(headings, nameHeadings)) faults.push('heading-name-twice')
  if (name === undefined || faults.length > 0) return { faults }
  const isTaken = (index: number): boolean => index === name || phones.includes(index)
  return {
    phones,
    name,
    ignored: cells
      .map((cell) => cell.trim())
      .filter((cell, index) => cell !== '' && !isTaken(index)),
    isExport: headings.includes('chat id') && headings.includes('whatsapp name')
  }
}

/**
 * Finds the columns of a table without headings, by its first rows.
 * @param isPhone whether a cell is a phone number
 */
export const byContent = (
  rows: readonly string[][],
  isPhone: (cell: string) => boolean
): Columns | undefined => {
  const first = rows[0]
  if (first === undefined || !first.some(isPhone)) return undefined
  const count = (column: number, is: (cell: string) => boolean): number =>
    rows.filter((row) => is(row[column] ?? '')).length
  const best = (is: (cell: string) => boolean, without?: number): number | undefined => {
    const counts = first.map((_, column) => (column === without ? 0 : count(column, is)))
    const most = Math.max(0, ...counts)
    return most === 0 ? undefined : counts.indexOf(most)
  }
  const phone = best(isPhone)
  if (phone === undefined) return undefined
  const name = best((cell) => /\p{L}/u.test(cell) && !isPhone(cell), phone)
  return name === undefined ? undefined : { phones: [phone], name, ignored: [], isExport: false }
}
