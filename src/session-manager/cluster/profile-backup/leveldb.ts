import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A look at a LevelDB that is not open, by its documented formats (doc/log_format.md, doc/impl.md
 * and doc/table_format.md of github.com/google/leveldb): enough to know that it would open with
 * everything in it.
 */

const blockSize = 32_768
const headerSize = 7
const tableEnd = Buffer.from('57fb808b247547db', 'hex')

/**
 * The records of a log file, to the last whole one: a writer that died leaves part of one, which
 * counts for nothing.
 */
export const logRecords = (log: Buffer): Buffer[] => {
  const records: Buffer[] = []
  let parts: Buffer[] = []
  for (let at = 0; at + headerSize <= log.length; ) {
    const left = blockSize - (at % blockSize)
    if (left < headerSize) {
      at += left
      continue
    }
    const length = log.readUInt16LE(at + 4)
    const type = log[at + 6]
    const end = at + headerSize + length
    if (type === 0 || end > log.length) break
    if (type === 1 || type === 2) parts = []
    parts.push(log.subarray(at + headerSize, end))
    if (type === 1 || type === 4) records.push(Buffer.concat(parts))
    at = end
  }
  return records
}

interface Files {
  /** Tables by number, with their sizes. */
  tables: Map<number, number>
  log: number
}

/** What a record of the file list changes: github.com/google/leveldb db/version_edit.cc. */
const applyEdit = (files: Files, edit: Buffer): void => {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = edit[at++]
      if (byte === undefined) throw new Error('its file list is cut off')
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  const skipText = (): void => {
    const length = number()
    at += length
  }
  while (at < edit.length) {
    const tag = number()
    if (tag === 1) skipText()
    else if (tag === 2) files.log = number()
    else if (tag === 3 || tag === 4 || tag === 9) number()
    else if (tag === 5) {
      number()
      skipText()
    } else if (tag === 6) {
      number()
      files.tables.delete(number())
    } else if (tag === 7) {
      number()
      files.tables.set(number(), number())
      skipText()
      skipText()
    } else throw new Error(`its file list has an entry that is not known (${tag})`)
  }
}

const isWholeTable = async (path: string, size: number): Promise<boolean> => {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return false
  try {
    if ((await file.stat()).size !== size) return false
    const { buffer } = await file.read(
      Buffer.alloc(tableEnd.length),
      0,
      tableEnd.length,
      size - tableEnd.length
    )
    return buffer.equals(tableEnd)
  } finally {
    await file.close()
  }
}

/** @throws when the database in that directory lacks a file, or has one that is not whole */
export const verifyLevelDb = async (directory: string): Promise<void> => {
  const fail = (why: string): Error => new Error(`a database of the profile is not whole: ${why}`)
  const current = (await readFile(join(directory, 'CURRENT'), 'utf8')).trim()
  if (!/^MANIFEST-\d+$/.test(current)) throw fail('it does not name its file list')
  const files: Files = { tables: new Map(), log: 0 }
  const records = logRecords(await readFile(join(directory, current)).catch(() => Buffer.alloc(0)))
  if (records.length === 0) throw fail(`${current} is not there`)
  for (const record of records) applyEdit(files, record)
  const name = (number: number): string => join(directory, String(number).padStart(6, '0'))
  for (const [number, size] of files.tables) {
    if (!(await isWholeTable(`${name(number)}.ldb`, size)))
      throw fail(`table ${number} is missing or cut off`)
  }
  if (files.log > 0 && !(await stat(`${name(files.log)}.log`).catch(() => undefined)))
    throw fail(`log ${files.log} is missing`)
}
