import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * LevelDBs as files, written by their formats; what a real Chromium writes is in
 * test/end-to-end/profile-backup.test.ts.
 */

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
const text = (value: string): number[] => [...varint(value.length), ...Buffer.from(value)]

/** A record of the file list. */
export const edit = {
  comparator: () => [1, ...text('leveldb.BytewiseComparator')],
  log: (number: number) => [2, ...varint(number)],
  next: (number: number) => [3, ...varint(number)],
  compactPointer: () => [5, ...varint(1), ...text('key')],
  deleted: (number: number) => [6, ...varint(0), ...varint(number)],
  added: (number: number, size: number) => [
    7,
    ...varint(0),
    ...varint(number),
    ...varint(size),
    ...text('a'),
    ...text('z')
  ]
}

/**
 * Records in a log file's blocks, those that do not fit in parts; its sums are left out, for
 * nothing here reads them.
 */
export const logFile = (records: readonly (readonly number[])[]): Buffer => {
  const out: number[] = []
  for (const record of records) {
    let rest = [...record]
    for (let first = true; ; first = false) {
      const left = 32_768 - (out.length % 32_768)
      if (left < 7) out.push(...Array<number>(left).fill(0))
      const room = 32_768 - (out.length % 32_768) - 7
      const part = rest.slice(0, room)
      rest = rest.slice(room)
      const type = first ? (rest.length === 0 ? 1 : 2) : rest.length === 0 ? 4 : 3
      out.push(0, 0, 0, 0, part.length & 255, part.length >> 8, type)
      for (const byte of part) out.push(byte)
      if (rest.length === 0) break
    }
  }
  return Buffer.from(out)
}

export const table = (size: number): Buffer =>
  Buffer.concat([Buffer.alloc(size - 8, 1), Buffer.from('57fb808b247547db', 'hex')])

/** A whole one, of two tables (one of which took the place of another) and a log. */
export const writeLevelDb = async (
  directory: string,
  log = 'what was written last'
): Promise<void> => {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000004\n')
  await writeFile(
    join(directory, 'MANIFEST-000004'),
    logFile([
      [...edit.comparator(), ...edit.log(3), ...edit.next(9), ...edit.added(2, 50)],
      [
        ...edit.compactPointer(),
        ...edit.deleted(2),
        ...edit.added(5, 300),
        ...edit.added(7, 40),
        ...edit.log(6)
      ]
    ])
  )
  await writeFile(join(directory, '000005.ldb'), table(300))
  await writeFile(join(directory, '000007.ldb'), table(40))
  await writeFile(join(directory, '000006.log'), log)
  await writeFile(join(directory, 'LOCK'), '')
  await writeFile(join(directory, 'LOG'), 'notes')
}
