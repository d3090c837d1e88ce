import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createClient } from '../../../src/client/index.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { run, startHub } from './terminal.ts'

const phone = '+5215512345678'
const message = (n: number) => ({
  id: `false_5215512345678@c.us_${n}`,
  phone,
  from_me: false,
  timestamp: 1_700_000_000 + n,
  body: `message ${n}`
})

t.test('import sends a file in parts, and says what became of it', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  const hub = createClient({
    baseUrl: env['LEADMASTER_URL'] as string,
    token: env['LEADMASTER_TOKEN'] as string
  })
  for (let tries = 0; (await hub.listAccounts()).accounts.length === 0; tries += 1) {
    if (tries > 200) throw new Error('no account is followed')
    await new Promise((done) => setTimeout(done, 25))
  }
  const lines: unknown[] = [
    { phone, name: 'Ana', tags: ['vip'] },
    ...Array.from({ length: 2_500 }, (_, n) => message(n)),
    { ...message(1), timestamp: 'noon' }
  ]
  const file = join(ownDirectory(t), 'all.jsonl')
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

  const trial = await run(t, ['import', file, '--account', 'main', '--dry-run'], env)
  t.match(trial, { code: 1, err: 'line 2502, /timestamp: expected a whole number' })
  t.match(trial.out, 'Leads: 1 would be made, 0 would be changed, 0 are as they were.')
  t.match(trial.out, 'Messages: 2500 would be made, 0 are there already.\nLines refused: 1.')
  t.same((await hub.listLeads()).leads, [])

  const done = await run(t, ['import', file, '--account', 'main'], env)
  t.match(done.out, 'Leads: 1 were made, 0 were changed, 0 are as they were.')
  t.match(done.out, 'Messages: 2500 were made, 0 are there already.')
  t.match((await hub.listLeads()).leads, [{ name: 'Ana', tags: ['vip'], waiting_since: null }])
  t.equal((await hub.listLeadMessages({ id: 1, limit: 1 })).messages[0]?.body, 'message 2499')

  writeFileSync(file, `${JSON.stringify(message(1))}\n`)
  const again = await run(t, ['import', file], env)
  t.match(again, { code: 0, err: '' })
  t.match(again.out, 'Messages: 0 were made, 1 are there already.')
})

t.test('import takes a chat that WhatsApp exported, up to what was captured', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  const hub = createClient({
    baseUrl: env['LEADMASTER_URL'] as string,
    token: env['LEADMASTER_TOKEN'] as string
  })
  const captured = new Date(2024, 1, 13, 10, 2).getTime() / 1_000
  upstream.journal.append([newRecord('c', { timestamp: captured, phone })], 'live')
  for (let tries = 0; (await hub.listLeads()).leads.length === 0; tries += 1) {
    if (tries > 200) throw new Error('the message is not followed')
    await new Promise((done) => setTimeout(done, 25))
  }
  const file = join(ownDirectory(t), 'chat.txt')
  const lines = [
    '13/2/24, 10:00 - Los mensajes están cifrados.',
    '13/2/24, 10:00 - Ana: ¿Cuánto cuesta?',
    '13/2/24, 10:01 - Tienda: Cien',
    '13/2/24, 10:02 - Ana: message c'
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const args = ['import', file, '--whatsapp-chat', '--phone', phone, '--me', 'Tienda']
  const done = await run(t, args, env)
  t.match(done, {
    code: 0,
    err: /1 lines of WhatsApp itself, and 1 messages since/,
    out: /Messages: 2 were made, 0 are there already/
  })
  const { messages } = await hub.listLeadMessages({ id: 1 })
  t.same(
    messages.map(({ from_me, body }) => [from_me, body]),
    [
      [false, 'message c'],
      [true, 'Cien'],
      [false, '¿Cuánto cuesta?']
    ]
  )
  const again = await run(t, args, env)
  t.match(again.out, /Messages: 0 were made/)
  t.match(await run(t, args.slice(0, 3), env), { code: 2, err: /say --phone NUMBER/ })
  t.match(await run(t, [...args, '--dates', 'ymd'], env), { code: 2, err: /expected dmy or mdy/ })
})

t.test('import says what is wrong with its call', async (t) => {
  const env = { LEADMASTER_URL: 'http://127.0.0.1:9', LEADMASTER_TOKEN: 'x' }
  t.match(await run(t, ['import', '/nowhere.jsonl'], env), {
    code: 1,
    err: /cannot read \/nowhere.jsonl: ENOENT/
  })
  t.match(await run(t, ['import'], env), { code: 2, err: /say FILE/ })
  const help = await run(t, ['import', '--help'], env)
  t.match(help, { code: 0, out: /JSON Lines/ })
})
