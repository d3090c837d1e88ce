import { join } from 'node:path'
import t from 'tap'
import { Eraser } from '../../../src/session-manager/journal/eraser.ts'
import { Forwarder } from '../../../src/session-manager/cluster/forwarder.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { logLines } from '../../platform/log-lines.ts'
import { managerOf, streamed } from '../../nats/records.ts'
import { natsFor, natsServer } from '../../nats/nats-server.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from './new-records.ts'

t.test('a request that is made once more goes on with the purge that it had begun', async (t) => {
  const directory = ownDirectory(t)
  const journal = openJournal(join(directory, 'journal.db'), 'main')
  t.teardown(() => journal.close())
  const chat = newRecord('1').message.chat_id
  journal.append([newRecord('1'), newRecord('2')], 'live')
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

  journal.append([newRecord('3')], 'live')
  await t.rejects(eraser.erase([chat], [], false))
  await t.rejects(eraser.erase(['5215599999999@c.us'], [], false))
  t.same(asked.slice(2), [false, false], 'what has come since, and another person')

  isLate = false
  await eraser.erase(['5215599999999@c.us'], [], false)
  await eraser.erase(['5215599999999@c.us'], [], false)
  t.same(asked.slice(4), [true, false], 'after it is done, it is a new one')
})

t.test(
  'people who are erased one after the other go from NATS, the last of its records first',
  async (t) => {
    const server = await natsServer(t)
    const directory = ownDirectory(t)
    const journal = openJournal(join(directory, 'journal.db'), 'main')
    t.teardown(() => journal.close())
    const chats = ['5215511111111@c.us', '5215522222222@c.us']
    for (const chat of chats) {
      journal.append(
        [1, 2, 3].map((n) =>
          newRecord(`${n}`, {
            id: `false_${chat}_${n}`,
            chat_id: chat,
            from: chat,
            phone: `+${chat.slice(0, 13)}`
          })
        ),
        'live'
      )
    }
    const nats = natsFor(t, server.url)
    let changed: () => void = () => undefined
    const forwarder = new Forwarder({
      journal,
      account: 'main',
      nats,
      replicas: 1,
      keepMs: 3_600_000,
      log: logLines().log,
      onChange: () => changed()
    })
    t.teardown(() => forwarder.stop())
    await new Promise<void>((resolve) => {
      changed = () => {
        if (forwarder.state().behind === 0) resolve()
      }
      changed()
    })
    const eraser = new Eraser({
      journal,
      directory,
      purge: (again, waitedMs) => forwarder.purge(again, waitedMs),
      log: logLines().log
    })

    for (const chat of chats.toReversed()) await eraser.erase([chat], [], false)

    t.same(await streamed(await managerOf(t, server)), [])
  }
)
