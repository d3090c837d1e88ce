import t from 'tap'
import { phoneIds, probe, refreshQr, reportSync, unlink } from '../../../src/session-manager/whatsapp/page.ts'
import { inPage, type InPage } from './in-page.ts'

/** A page that has these modules. */
const pageWith = (modules: Record<string, unknown>, globals: Record<string, unknown> = {}): InPage =>
  inPage({
    ...globals,
    require: (name: string) => {
      if (!(name in modules)) throw new Error(`Requiring unknown module "${name}"`)
      return modules[name]
    }
  })

t.test('a probe tells the socket, the sync and the guard', async (t) => {
  const Socket = { state: 'CONNECTED' as string | undefined, hasSynced: true as boolean | undefined }
  const { page, world } = pageWith({ WAWebSocketModel: { Socket } })
  t.same(await probe(page), { socket: 'CONNECTED', synced: true, guard: { blocked: 0, armed: 0, open: 0 }, newest: [] }, 'without a guard, and without chats')
  let looked = 0
  Object.defineProperty(world, Symbol.for('leadmaster.guard'), { value: { arm: () => ((looked += 1), { blocked: 2, armed: 9, open: 0 }) } })
  Object.assign(Socket, { state: undefined, hasSynced: undefined })
  t.same(await probe(page), { socket: null, synced: false, guard: { blocked: 2, armed: 9, open: 0 }, newest: [] })
  t.equal(looked, 1, 'each probe arms the guard anew')
})

t.test('a page that is not WhatsApp Web, or another one, fails the probe', async (t) => {
  await t.rejects(probe(inPage().page))
  await t.rejects(probe(pageWith({}).page), { message: /WAWebSocketModel/ })
})

t.test('reporting a sync calls what whatsapp-web.js left for it', async (t) => {
  let calls = 0
  await reportSync(inPage({ onAppStateHasSyncedEvent: () => (calls += 1) }).page)
  t.equal(calls, 1)
})

t.test('a new code, and unlinking, are asked of WhatsApp Web itself', async (t) => {
  const calls: string[] = []
  const { page } = pageWith({
    WAWebCmd: { Cmd: { refreshQR: () => void calls.push('refreshQR') } },
    WAWebSocketModel: { Socket: { logout: async () => void calls.push('logout') } }
  })
  await refreshQr(page)
  await unlink(page)
  t.same(calls, ['refreshQR', 'logout'])
})

t.test('the phone number of each LID, or null, in order', async (t) => {
  const known: Record<string, string> = { '1@lid': '5215500000001@c.us' }
  const { page } = pageWith({
    WAWebWidFactory: { createWid: (id: string) => ({ _serialized: id }) },
    WAWebApiContact: { getPhoneNumber: ({ _serialized }: { _serialized: string }) => (known[_serialized] ? { _serialized: known[_serialized] } : undefined) }
  })
  t.same(await phoneIds(page, ['2@lid', '1@lid']), [null, '5215500000001@c.us'])
  t.same(await phoneIds(page, []), [])
})
