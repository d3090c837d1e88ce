import { appendFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  logRecords,
  verifyLevelDb
} from '../../../../src/session-manager/cluster/profile-backup/leveldb.ts'
import { ownDirectory } from '../../../platform/own-directory.ts'
import { edit, logFile, table, writeLevelDb } from './fake-leveldb.ts'

t.test(
  'records of a log: whole ones, also over several blocks; a last one that was cut off counts for nothing',
  async (t) => {
    const records = [[1, 2, 3], Array.from({ length: 100_000 }, (_, at) => at % 251), [], [9]]
    const log = logFile(records)
    t.same(
      logRecords(log).map((record) => [...record]),
      records
    )
    t.same(
      logRecords(log.subarray(0, -1)).map((record) => [...record]),
      records.slice(0, -1)
    )
    t.same(
      logRecords(log.subarray(0, 50_000)).map((record) => [...record]),
      records.slice(0, 1)
    )
    t.same(
      logRecords(Buffer.concat([log, Buffer.alloc(100)])).length,
      records.length,
      'what was only reserved is no record'
    )
  }
)

t.test(
  'a database is whole when every table that counts is there to its end, and its log',
  async (t) => {
    const whole = async (): Promise<string> => {
      const directory = ownDirectory(t)
      await writeLevelDb(directory)
      return directory
    }
    await verifyLevelDb(await whole())
    const faults: [RegExp, (directory: string) => Promise<void>][] = [
      [/table 5 is missing or cut off/, (directory) => rm(join(directory, '000005.ldb'))],
      [
        /table 5 is missing or cut off/,
        (directory) => truncate(join(directory, '000005.ldb'), 299)
      ],
      [
        /table 7 is missing or cut off/,
        (directory) => appendFile(join(directory, '000007.ldb'), 'x')
      ],
      [
        /table 7 is missing or cut off/,
        (directory) => writeFile(join(directory, '000007.ldb'), Buffer.alloc(40))
      ],
      [/log 6 is missing/, (directory) => rm(join(directory, '000006.log'))],
      [/MANIFEST-000004 is not there/, (directory) => rm(join(directory, 'MANIFEST-000004'))],
      [
        /does not name its file list/,
        (directory) => writeFile(join(directory, 'CURRENT'), '../etc/passwd')
      ],
      [
        /table 11 is missing/,
        (directory) => appendFile(join(directory, 'MANIFEST-000004'), logFile([edit.added(11, 40)]))
      ],
      [
        /its file list is cut off/,
        (directory) => appendFile(join(directory, 'MANIFEST-000004'), logFile([[7, 0]]))
      ],
      [
        /an entry that is not known \(77\)/,
        (directory) => appendFile(join(directory, 'MANIFEST-000004'), logFile([[77]]))
      ]
    ]
    for (const [message, harm] of faults) {
      const directory = await whole()
      await harm(directory)
      await t.rejects(verifyLevelDb(directory), { message }, String(message))
    }
    const directory = await whole()
    await writeFile(join(directory, '000002.ldb'), table(10))
    await verifyLevelDb(directory)
    t.pass('a table that counts no more is left alone')
  }
)
