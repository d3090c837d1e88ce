import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../../src/session-manager/config.ts'
import { Forwarding } from '../../../src/session-manager/cluster/forward.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { natsServer } from '../../nats/nats-server.ts'
import { goodEnv } from '../../platform/env-cases.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../journal/new-records.ts'

t.test(
  'the journal is forwarded as the environment says; that it cannot be, and that it can again, is told once each',
  async (t) => {
    const server = await natsServer(t)
    const config = readConfig({ ...goodEnv['session-manager'], NATS_URL: server.url })
    const journal = openJournal(join(ownDirectory(t), 'journal.db'), config.ACCOUNT)
    const { log, count } = logLines()
    const told = new EventEmitter()
    const faults: (string | undefined)[] = []
    const forwarding = new Forwarding({
      config,
      journal,
      log,
      fencingTerm: () => 1,
      onPurged: () => undefined,
      adopt: async () => undefined,
      onChange: () => {
        faults.push(forwarding.state().fault)
        told.emit('change')
      }
    })
    const until = async (fits: () => boolean): Promise<void> => {
      for (;;) {
        const change = once(told, 'change')
        if (fits()) return
        await change
      }
    }
    await forwarding.nats.connected
    await server.end()
    journal.append([newRecord('1'), newRecord('2')], 'live')
    await until(() => forwarding.state().fault !== undefined)
    t.match(forwarding.state(), { behind: 2, fault: /cannot be reached/ })
    await count('nats_fault', 3)
    await server.start()
    await until(() => forwarding.state().fault === undefined)
    t.equal(faults.at(-1), undefined)
    t.ok(
      faults.every((fault, index) => fault !== faults[index - 1]),
      'never the same again'
    )
    await forwarding.stop()
    await forwarding.close()
    journal.close()
    await t.rejects(
      forwarding.nats.connected.then((connection) => connection.flush()),
      'the connection is closed, too'
    )
  }
)
