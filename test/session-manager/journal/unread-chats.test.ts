import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { UnreadChats } from '../../../src/session-manager/journal/unread-chats.ts'
import { logLines } from '../../platform/log-lines.ts'

const [minute, hour] = [60_000, 3_600_000]
const start = 1_700_000_000_000
const chat = '5215512345678@c.us'

const rig = (t: Test, file = join(t.testdir(), 'journal.db')) => {
  const journal = openJournal(file, 'main')
  const logged = logLines()
  const clock = { now: start }
  const unread = new UnreadChats({
    journal,
    log: logged.log,
    now: () => clock.now,
    random: () => 1
  })
  let isClosed = false
  const close = (): void => {
    if (!isClosed) journal.close()
    isClosed = true
  }
  t.teardown(close)
  return { file, journal, logged, clock, unread, close }
}
const failure = (why = 'it did not answer', isBusy = false) => ({ chat, why, isBusy })

t.test('a chat that fails keeps the earliest time since when it is to be read', async (t) => {
  const { unread } = rig(t)

  unread.failed(failure(), start - hour)
  unread.failed(failure(), start)
  unread.failed(failure(), Infinity)

  t.strictSame(unread.all(), new Map([[chat, (start - hour) / 1_000]]))
  unread.wasRead(chat)
  t.equal(unread.count, 0)
})

t.test('a restart keeps the chat and its time, and tries it at once', async (t) => {
  const first = rig(t)
  first.unread.failed(failure(), start - hour)
  first.close()

  const second = rig(t, first.file)

  t.strictSame(second.unread.due(), new Map([[chat, (start - hour) / 1_000]]))
})

t.test(
  'each failure doubles the wait, up to an hour; another page tries again at once',
  async (t) => {
    const { unread, clock } = rig(t)
    const waits: number[] = []
    for (let failures = 0; failures < 8; failures += 1) {
      unread.failed(failure(), start)
      waits.push(((unread.nextDue() ?? 0) - clock.now) / minute)
    }
    t.same(waits, [1, 2, 4, 8, 16, 32, 60, 60])
    t.equal(unread.due().size, 0)

    unread.retryAll()
    t.equal(unread.due().size, 1)
  }
)

t.test(
  'a busy chat is tried again within seconds, and reported only when it stays busy',
  async (t) => {
    const { unread, clock } = rig(t)
    unread.failed(failure('WhatsApp Web is still loading it', true), start)
    t.equal((unread.nextDue() ?? 0) - clock.now, 10_000)
    t.equal(unread.reason(), undefined)

    for (let failures = 0; failures < 3; failures += 1)
      unread.failed(failure('WhatsApp Web is still loading it', true), start)
    t.match(unread.reason(), /1 chat cannot be read back/)
  }
)

t.test('the reason tells how many and why, and nobody; each change is logged once', async (t) => {
  const { unread, logged } = rig(t)
  unread.report()
  unread.failed(failure(), start)
  unread.failed(
    { chat: '123@lid', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false },
    start
  )
  unread.report()
  unread.report()

  t.equal(
    unread.reason(),
    '2 chats cannot be read back (1: it did not answer; 1: WhatsApp Web raised an error (TypeError)); messages that were missed there may lack'
  )
  t.match(logged.of('backfill_unread'), [{ level: 'warn', chats: 2 }])
  t.equal(logged.of('backfill_unread').length, 1)
  t.notMatch(JSON.stringify(logged.lines), /5215512345678|123@lid/)

  unread.wasRead(chat)
  unread.wasRead('123@lid')
  unread.report()
  t.equal(unread.reason(), undefined)
  t.equal(logged.of('backfill_unread_over').length, 1)
})

t.test('an erased chat is not kept among those to read', async (t) => {
  const { unread, journal } = rig(t)
  unread.failed(failure(), start)
  journal.erase({ chatIds: [chat], messageIds: [] })
  t.equal(unread.count, 0)
  t.equal(unread.reason(), undefined)
})

t.test(
  'an erased chat that still cannot be read is tried again, and no byte of its id is written',
  async (t) => {
    const first = rig(t)
    first.unread.failed(failure(), start)
    first.journal.erase({ chatIds: [chat], messageIds: [] })
    first.journal.setMark('complete_until', start)
    first.unread.failed(failure(), start - hour)
    t.strictSame(first.unread.all(), new Map([[chat, (start - hour) / 1_000]]))
    t.equal(first.journal.completeUntil(), start - hour)
    const bytes = ['', '-wal'].map((end) => readFileSync(first.file + end, 'latin1')).join('')
    t.notOk(bytes.includes('5215512345678'), 'neither in the file nor in its log')
    first.close()

    const second = rig(t, first.file)
    second.unread.failed(failure(), start)
    t.equal(second.unread.count, 1)
    second.close()
    t.notOk(
      readFileSync(first.file, 'latin1').includes('5215512345678'),
      'a later process knows that it was erased'
    )
  }
)

t.test(
  'what is known to be complete for another host goes back to the chat that lacks most',
  async (t) => {
    const { unread, journal } = rig(t)
    t.equal(journal.completeUntil(), undefined)
    journal.setMark('complete_until', start)
    t.equal(journal.completeUntil(), start)
    unread.failed(failure(), start - hour)
    t.equal(journal.completeUntil(), start - hour)
    t.equal(journal.mark('complete_until'), start)
  }
)
