import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { maxRawLength } from '../../../src/session-manager/journal/raw-models.ts'
import { remapSome, UpgradeRemap } from '../../../src/session-manager/journal/remap.ts'
import { Retention } from '../../../src/session-manager/journal/retention.ts'
import {
  editRecords,
  messageRecords,
  reactionRecords
} from '../../../src/session-manager/whatsapp/new-records.ts'
import { mapperVersion, type Mapping } from '../../../src/session-manager/whatsapp/message.ts'
import { remap } from '../../../src/session-manager/whatsapp/remap.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { captured } from './new-records.ts'
import { fixture, fixtures } from '../whatsapp/fixtures.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { lead, rawImage, rawText } from '../whatsapp/raw-models.ts'

const limits = { maxBytes: 10_000_000, types: ['*/*'] }
const mapping: Mapping = {
  media: limits,
  me: ['5215500000001@c.us'],
  keepRaw: true,
  broadcasts: true
}

const open = (t: Test): { journal: Journal; file: string } => {
  const file = join(ownDirectory(t), 'journal.db')
  const journal = openJournal(file, 'main')
  t.teardown(() => {
    try {
      journal.close()
    } catch {
      // The test closed it.
    }
  })
  return { journal, file }
}
const remapAll = (journal: Journal, isTrial = false) =>
  remapSome({
    journal,
    remap: (record, raw) => remap(record, raw, limits),
    version: mapperVersion,
    after: 0,
    isTrial
  })

/** As a mapper with a mistake has them. */
const spoilt = (
  newRecords: NewRecord[],
  spoil: (message: CapturedMessage) => CapturedMessage
): NewRecord[] =>
  newRecords.map((newRecord) => ({ ...newRecord, message: spoil({ ...newRecord.message }) }))

t.test('every fixture comes out of its kept model as it went in', async (t) => {
  const { journal } = open(t)
  for (const { name, raw } of fixtures)
    journal.append(
      messageRecords({ ...raw, id: { fromMe: false, remote: lead, id: name } }, mapping),
      'live'
    )
  const before = journal.lastSeq()
  t.ok(before > 40)
  const { mapped, changed } = remapAll(journal)
  t.ok(mapped > 40)
  t.equal(changed, 0)
  t.equal(journal.lastSeq(), before)
})

t.test('a field that an earlier mapper lost comes back, once', async (t) => {
  const { journal } = open(t)
  const order = messageRecords(fixture('order'), mapping)
  journal.append(
    spoilt(order, ({ order: _order, ...message }) => ({ ...message, body: '' })),
    'backfill'
  )
  t.match(remapAll(journal, true), { mapped: 1, changed: 1 }, 'a trial counts it')
  t.equal(journal.lastSeq(), 1, 'and writes nothing')

  t.match(remapAll(journal), {
    mapper_version: mapperVersion,
    examined: 1,
    changed: 1,
    next_after: 1,
    last_seq: 1
  })
  const [, update] = captured(journal.read(0, 10))
  t.match(update, {
    kind: 'update',
    source: 'backfill',
    message: { id: order[0]?.message.id, body: 'I want this', order: { id: '1000000000000001' } }
  })
  t.equal(remapAll(journal).changed, 0, 'nothing is left to do')
  t.equal(journal.lastSeq(), 2)
})

t.test('an edit is mapped again, too', async (t) => {
  const { journal } = open(t)
  const edited = rawText('A', { body: 'new', latestEditSenderTimestampMs: 1_700_000_100_000 })
  journal.append(
    [
      ...messageRecords(rawText('A'), mapping),
      ...spoilt(editRecords(edited, 'old', mapping), (message) => ({ ...message, body: '' }))
    ],
    'live'
  )
  t.equal(remapAll(journal).changed, 1)
  t.match(captured(journal.read(2, 1))[0], {
    kind: 'update',
    message: { body: 'new', edited: { previous: 'old' } }
  })
  t.equal(remapAll(journal).changed, 0)
})

t.test('how a message went on since it first came is not taken back', async (t) => {
  const { journal } = open(t)
  const own = (facts: Raw): NewRecord[] =>
    messageRecords(
      rawText('OWN', { id: { fromMe: true, remote: lead, id: 'OWN' }, ...facts }),
      mapping
    )
  const call = (facts: Raw): NewRecord[] =>
    messageRecords(rawText('CALL', { type: 'call_log', body: undefined, ...facts }), mapping)
  journal.append([...own({ ack: -1 }), ...call({})], 'live')
  journal.append([...own({ ack: 1 }), ...call({ callDuration: 12 })], 'backfill')
  const updates = captured(journal.read(2, 10)).map(({ message }) => message)
  t.match(updates, [{ unsent: undefined }, { call: { outcome: 'answered' } }])
  t.equal(remapAll(journal).changed, 0)
})

t.test('the newest status of an order or a payment is not taken back', async (t) => {
  const { journal } = open(t)
  const order = (facts: Raw): NewRecord[] =>
    messageRecords({ ...fixture('order'), ...facts }, mapping)
  const payment = (paymentStatus: number): NewRecord[] =>
    messageRecords(
      rawText('P', { type: 'payment', body: undefined, paymentStatus, paymentAmount1000: 5_000 }),
      mapping
    )
  journal.append([...order({ status: 1 }), ...payment(2)], 'live')
  journal.append([...order({ status: 2 }), ...payment(4)], 'backfill')
  t.equal(journal.lastSeq(), 4)
  t.equal(remapAll(journal).changed, 0)
  t.equal(journal.lastSeq(), 4)
  t.match(
    journal.remappable(0, 2).map(({ raw }) => raw?.text),
    [/"status":2/, /"paymentStatus":4/]
  )

  journal.append(order({ status: 1, orderId: undefined, isPartialModel: true }), 'backfill')
  t.match(
    journal.remappable(0, 1)[0]?.raw?.text,
    /"orderId"/,
    'a few fields alone do not replace the model'
  )
})

t.test('a message that was sent after all, and edited, keeps the model it came with', async (t) => {
  const { journal } = open(t)
  const own = (facts: Raw): NewRecord[] =>
    messageRecords(
      rawText('OWN', { id: { fromMe: true, remote: lead, id: 'OWN' }, body: 'old', ...facts }),
      mapping
    )
  journal.append(own({ ack: -1 }), 'live')
  journal.append(
    own({ ack: 1, body: 'new', latestEditSenderTimestampMs: 1_700_000_100_000 }),
    'backfill'
  )
  t.match(journal.remappable(0, 1)[0]?.raw?.text, /"old"/)
})

t.test('the text of a quoted message is kept with that message alone', async (t) => {
  const { journal } = open(t)
  journal.append(
    messageRecords(
      rawText('A', { quotedStanzaID: 'Q', quotedMsg: { type: 'chat', body: 'quoted words' } }),
      mapping
    ),
    'live'
  )
  const [model] = journal.remappable(0, 1)
  t.match(model?.raw?.text, /quotedStanzaID/)
  t.notMatch(model?.raw?.text, /quoted words/)
})

t.test(
  'media that were not seen as such are fetched; those that were stay as they are',
  async (t) => {
    const { journal } = open(t)
    const photo = (id: string): NewRecord[] => messageRecords(rawImage(id), mapping)
    journal.append(
      spoilt(photo('A'), ({ media: _media, ...message }) => ({ ...message, has_media: false })),
      'live'
    )
    journal.append(
      spoilt(photo('B'), (message) => ({
        ...message,
        body: '',
        media: { state: 'stored', sha256: 'x' }
      })),
      'live'
    )
    t.equal(journal.pendingMediaCount(), 0)
    remapAll(journal)
    t.equal(journal.pendingMediaCount(), 1)
    t.match(
      captured(journal.read(2, 5)).map(({ message }) => message.media?.state),
      ['pending', 'stored']
    )
  }
)

t.test(
  'a thumbnail that an earlier release took for text is taken out, though no model is kept',
  async (t) => {
    const { journal } = open(t)
    const plain: Mapping = { ...mapping, keepRaw: false }
    journal.append(
      spoilt(messageRecords(fixture('location'), plain), (message) => ({
        ...message,
        body: '/9j/AAAA'
      })),
      'live'
    )
    journal.append(messageRecords(rawText('T'), plain), 'live')
    t.match(remapAll(journal), { mapped: 1, changed: 1 })
    t.equal(captured(journal.read(2, 1))[0]?.message.body, '')
  }
)

t.test('what is kept has no picture, key or secret in it, and is bounded', async (t) => {
  const { journal, file } = open(t)
  for (const { name, raw } of fixtures)
    journal.append(
      messageRecords({ ...raw, id: { fromMe: false, remote: lead, id: name } }, mapping),
      'live'
    )
  const models = journal
    .remappable(0, 1_000)
    .flatMap(({ raw }) => (raw === undefined ? [] : [raw.text]))
  t.ok(models.length > 40)
  for (const text of models)
    t.notMatch(text, /\/9j\/|mediaKey|messageSecret|waveform|thumbnail|sidecar/i)
  const sizes = models.map((text) => text.length).sort((a, b) => a - b)
  t.comment(`kept models: median ${sizes[sizes.length >> 1]} characters, at most ${sizes.at(-1)}`)

  journal.append(
    messageRecords(rawText('LONG', { body: 'x'.repeat(maxRawLength) }), mapping),
    'live'
  )
  t.equal(journal.remappable(journal.lastSeq() - 1, 1)[0]?.raw, undefined)
  const body = 'words '.repeat(1_000)
  journal.append(messageRecords(rawText('PACKED', { body }), mapping), 'live')
  t.match(journal.remappable(journal.lastSeq() - 1, 1)[0]?.raw?.text, body)
  const db = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => db.close())
  t.ok(
    Number(db.prepare('SELECT max(length(model)) AS bytes FROM raw_models').get()?.['bytes']) <
      3_000,
    'a long one is packed'
  )
})

t.test('without KEEP_RAW nothing is kept', async (t) => {
  const [newRecord] = messageRecords(rawText('A'), { ...mapping, keepRaw: false })
  t.notOk('raw' in (newRecord ?? {}))
})

t.test('erasing takes the model with its record, to the last byte', async (t) => {
  const { journal, file } = open(t)
  const secret = 'a most private word'
  const far = messageRecords(
    rawText('A', { body: secret, description: 'only in the model' }),
    mapping
  )
  journal.append(
    [
      ...far,
      ...messageRecords(
        rawText('B', { id: { fromMe: false, remote: '5215500000009@c.us', id: 'B' } }),
        mapping
      )
    ],
    'live'
  )
  const emoji = {
    id: { fromMe: false, remote: lead, id: 'R' },
    msgId: { fromMe: false, remote: lead, id: 'A' },
    senderId: lead,
    reaction: secret,
    timestamp: 1_700_000_000
  }
  journal.append(reactionRecords(emoji, mapping), 'live')
  t.equal(journal.erase({ chatIds: [lead], messageIds: [] }), 2)
  const bytes = readFileSync(file, 'latin1')
  t.notMatch(bytes, secret)
  t.notMatch(bytes, 'only in the model')
  t.equal(
    journal.remappable(0, 10).filter(({ raw }) => raw !== undefined).length,
    1,
    'the other one is still there'
  )
  t.equal(remapAll(journal).changed, 0)
})

t.test('models go when they are older than KEEP_RAW; their records stay', async (t) => {
  const file = join(ownDirectory(t), 'journal.db')
  const clock = { now: 1_700_000_000_000 }
  const journal = openJournal(file, 'main', () => clock.now)
  t.teardown(() => journal.close())
  const some = (from: number): NewRecord[] =>
    Array.from(
      { length: 700 },
      (_, n) => messageRecords(rawText(`M${from + n}`), mapping)[0] as NewRecord
    )
  journal.append(some(0), 'live')
  clock.now += 86_400_000
  journal.append(some(1_000), 'live')
  journal.setMark('certain_until', clock.now)
  const { log } = logLines()
  const retention = new Retention({
    journal,
    directory: t.testdir(),
    keepMs: 0,
    keepRawMs: 43_200_000,
    everyMs: 5,
    log,
    now: () => clock.now
  })
  const kept = (): number =>
    journal.remappable(0, 2_000).filter(({ raw }) => raw !== undefined).length
  for (let waited = 0; kept() > 700 && waited < 5_000; waited += 5)
    await new Promise((done) => setTimeout(done, 5))
  retention.stop()
  t.equal(kept(), 700)
  t.equal(journal.lastSeq(), 1_400)
})

t.test('models expire though the clock was ahead when the first ones were kept', async (t) => {
  const clock = { now: 1_800_000_000_000 }
  const journal = openJournal(join(t.testdir(), 'journal.db'), 'main', () => clock.now)
  t.teardown(() => journal.close())
  const some = (from: number, count: number): NewRecord[] =>
    Array.from(
      { length: count },
      (_, n) => messageRecords(rawText(`M${from + n}`), mapping)[0] as NewRecord
    )
  journal.append(some(0, 600), 'live')
  clock.now = 1_700_000_000_000
  journal.append(some(600, 700), 'live')

  const deleted = [1, 2, 3].map(() => journal.expireRaw(1_700_000_000_001))

  t.same(deleted, [500, 200, 0])
  t.equal(journal.remappable(0, 600).filter(({ raw }) => raw !== undefined).length, 600)
})

t.test('models are found by their time through an index', async (t) => {
  const { file } = open(t)
  const db = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => db.close())
  const plan = db
    .prepare('EXPLAIN QUERY PLAN SELECT seq FROM raw_models WHERE at < 1 ORDER BY at LIMIT 500')
    .all()
  t.match(plan, [{ detail: /raw_models_by_time/ }])
})

t.test(
  'a call that ended, a payment that was made and a message that was sent after all are updates',
  async (t) => {
    const { journal } = open(t)
    const call = (facts: Record<string, unknown>): NewRecord[] =>
      messageRecords(rawText('C', { type: 'call_log', body: undefined, ...facts }), mapping)
    const own = (ack: number): NewRecord[] =>
      messageRecords(rawText('O', { id: { fromMe: true, remote: lead, id: 'O' }, ack }), mapping)
    journal.append([...call({ callOutcome: 'Ongoing' }), ...own(-1)], 'live')
    journal.append([...call({ callOutcome: 'Completed', callDuration: 61 }), ...own(1)], 'backfill')
    journal.append(
      [
        ...call({ callOutcome: 'Completed', callDuration: 61 }),
        ...call({ callOutcome: 'Ongoing' }),
        ...own(1)
      ],
      'backfill'
    )
    const records = captured(journal.read(0, 20))
    t.same(
      records.map(({ kind }) => kind),
      ['message', 'message', 'update', 'update']
    )
    t.same(records[2]?.message.call, { outcome: 'answered', video: false, seconds: 61 })
    t.same(
      [records[1], records[3]].map((record) => record?.message.unsent),
      [true, undefined]
    )
  }
)

/** As a start of the daemon does it. @param onPart called after each part */
const start = (
  journal: Journal,
  {
    version = mapperVersion,
    isOurs = () => true,
    onPart = () => undefined
  }: { version?: number; isOurs?: () => boolean; onPart?: () => void } = {}
) => {
  const { log, of } = logLines()
  const parts: number[] = []
  const job = new UpgradeRemap({
    journal,
    log,
    version,
    isOurs,
    remapPart: (after, limit) => {
      parts.push(after)
      const part = remapSome({
        journal,
        remap: (record, raw) => remap(record, raw, limits),
        version,
        after,
        limit,
        isTrial: false
      })
      onPart()
      return part
    }
  })
  return { job, of, parts }
}
const lost = ({ order: _order, ...message }: CapturedMessage): CapturedMessage => message
const orders = (count: number, from = 0): NewRecord[] =>
  Array.from({ length: count }, (_, n) =>
    spoilt(
      messageRecords(
        { ...fixture('order'), id: { fromMe: false, remote: lead, id: `O${from + n}` } },
        mapping
      ),
      lost
    )
  ).flat()

t.test(
  'after an upgrade the journal is mapped again by itself, once, over stops in between',
  async (t) => {
    const { journal } = open(t)
    journal.append(orders(250), 'live')
    const first = start(journal, {
      onPart: () => void (first.parts.length === 2 && first.job.stop())
    })
    await first.job.done
    t.same(first.parts, [0, 100])
    t.equal(journal.lastSeq(), 450, 'a stop leaves what was done')

    const second = start(journal)
    await second.job.done
    t.equal(second.parts[0], 200, 'it goes on where it was')
    t.equal(journal.lastSeq(), 500)
    const ids = captured(journal.read(250, 1_000)).map(({ message }) => message.id)
    t.equal(new Set(ids).size, 250, 'each message is updated once')
    t.ok(
      captured(journal.read(250, 1_000)).every(
        ({ kind, message }) => kind === 'update' && message.order !== undefined
      )
    )

    const third = start(journal)
    await third.job.done
    t.equal(journal.lastSeq(), 500)
    t.same(third.of('remapping'), [])
  }
)

t.test(
  'what a release before appends after it was put back is mapped again at the next start',
  async (t) => {
    const { journal } = open(t)
    journal.append(orders(3), 'live')
    await start(journal).job.done
    t.equal(journal.lastSeq(), 6)
    await start(journal, { version: mapperVersion - 1 }).job.done
    t.equal(journal.lastSeq(), 6, 'the release before takes nothing back')
    journal.append(orders(2, 3), 'live')
    const again = start(journal)
    await again.job.done
    t.same(again.parts, [3], 'from where the last start ended')
    t.match(again.of('remap_done'), [{ records: 2 }])
    t.equal(journal.lastSeq(), 10)
  }
)

t.test(
  'a new journal has nothing to map, and a host without the account maps nothing',
  async (t) => {
    const { journal } = open(t)
    const empty = start(journal)
    await empty.job.done
    t.same([empty.parts, empty.of('remapping')], [[], []])

    const { journal: other } = open(t)
    other.append(orders(1), 'live')
    const standby = start(other, { isOurs: () => false })
    await standby.job.stop()
    t.same(standby.parts, [])
    t.equal(other.mark('mapped_by'), undefined)
  }
)

t.test('a failure is logged, and the next start goes on', async (t) => {
  const { journal } = open(t)
  journal.append(orders(150), 'live')
  const broken = start(journal, {
    onPart: () => {
      if (broken.parts.length === 2) throw new Error('the disk is full')
    }
  })
  await broken.job.done
  t.match(broken.of('remap_failed'), [{ level: 'error', err: { message: 'the disk is full' } }])
  await start(journal).job.done
  t.equal(journal.lastSeq(), 300)
})
