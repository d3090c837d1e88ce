import { join } from 'node:path'
import t from 'tap'
import { Eraser } from '../../src/session-manager/eraser.ts'
import { openJournal } from '../../src/session-manager/journal.ts'
import { logLines } from '../platform/log-lines.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { draft } from './drafts.ts'

t.test('a request that is made once more goes on with the purge that it had begun', async (t) => {
  const directory = ownDirectory(t)
  const journal = openJournal(join(directory, 'journal.db'), 'main')
  t.teardown(() => journal.close())
  const chat = draft('1').message.chat_id
  journal.append([draft('1'), draft('2')], 'live')
  const asked: boolean[] = []
  let isLate = true
  const purge = async (again: boolean, waitedMs: number): Promise<void> => {
    t.ok(waitedMs > 0)
    asked.push(again)
    if (isLate) throw new Error('NATS may still have records of it')
  }
  const eraser = new Eraser({ journal, directory, purge, log: logLines().log })

  await t.rejects(eraser.erase([chat], [], false))
  await t.rejects(eraser.erase([chat], [], false))
  t.same(asked, [false, true], 'the same')

  journal.append([draft('3')], 'live')
  await t.rejects(eraser.erase([chat], [], false))
  await t.rejects(eraser.erase(['5215599999999@c.us'], [], false))
  t.same(asked.slice(2), [false, false], 'what has come since, and another person')

  isLate = false
  await eraser.erase(['5215599999999@c.us'], [], false)
  await eraser.erase(['5215599999999@c.us'], [], false)
  t.same(asked.slice(4), [true, false], 'after it is done, it is a new one')
})
