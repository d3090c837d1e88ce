import t from 'tap'
import {
  phoneIds,
  probe,
  refreshQr,
  reportSync,
  unlink
} from '../../../src/session-manager/whatsapp/page.ts'
import { inPage, type InPage } from './in-page.ts'

/**
 * A Wid or a message key: its text is what `toString` gives, whatever its private field is called.
 */
const idOf = (text: string) => ({ $1: text, toString: () => text })

/** A page that has these modules. */
const pageWith = (
  modules: Record<string, unknown>,
  globals: Record<string, unknown> = {}
): InPage =>
  inPage({
    ...globals,
    require: (name: string) => {
      if (!(name in modules)) throw new Error(`Requiring unknown module "${name}"`)
      return modules[name]
    }
  })

t.test('a probe tells the socket, the sync and the guard', async (t) => {
  const Socket = {
    state: 'CONNECTED' as string | undefined,
    hasSynced: true as boolean | undefined
  }
  const { page, world } = pageWith({ WAWebSocketModel: { Socket } })
  t.same(
    await probe(page),
    { socket: 'CONNECTED', synced: true, newest: [] },
    'without a guard, and without chats'
  )
  let looked = 0
  Object.defineProperty(world, Symbol.for('leadmaster.guard'), {
    value: { arm: () => ((looked += 1), { blocked: 2, armed: 9, open: 0 }) }
  })
  Object.assign(Socket, { state: undefined, hasSynced: undefined })
  t.same(await probe(page), {
    socket: null,
    synced: false,
    guard: { blocked: 2, armed: 9, open: 0 },
    newest: []
  })
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

t.test(
  'a new code is asked for by whichever function the page has; none at all is an error',
  async (t) => {
    const calls: string[] = []
    const LaunchSocketUtils = { refreshQR: () => void calls.push('LaunchSocketUtils') }
    const BackendEventBus = { triggerRefreshQR: () => void calls.push('BackendEventBus') }
    const Cmd = { refreshQR: () => void calls.push('Cmd') }

    await refreshQr(
      pageWith({
        WAWebLaunchSocketUtils: LaunchSocketUtils,
        WAWebBackendEventBus: { BackendEventBus },
        WAWebCmd: { Cmd }
      }).page
    )
    await refreshQr(
      pageWith({ WAWebLaunchSocketUtils: {}, WAWebBackendEventBus: { BackendEventBus } }).page
    )
    await refreshQr(
      pageWith({ WAWebBackendEventBus: { BackendEventBus: {} }, WAWebCmd: { Cmd } }).page
    )

    t.same(calls, ['LaunchSocketUtils', 'BackendEventBus', 'Cmd'])
    await t.rejects(refreshQr(pageWith({ WAWebCmd: { Cmd: {} } }).page), {
      message: /no function that refreshes the QR/
    })
  }
)

t.test('unlinking is asked of WhatsApp Web itself', async (t) => {
  const calls: string[] = []
  await unlink(
    pageWith({ WAWebSocketModel: { Socket: { logout: async () => void calls.push('logout') } } })
      .page
  )
  t.same(calls, ['logout'])
})

t.test('the phone number of each LID, or null, in order', async (t) => {
  const known: Record<string, string> = { '1@lid': '5215500000001@c.us' }
  const { page } = pageWith({
    WAWebWidFactory: { createWid: idOf },
    WAWebApiContact: {
      getPhoneNumber: (wid: unknown) =>
        known[String(wid)] ? idOf(known[String(wid)] as string) : undefined
    }
  })
  t.same(await phoneIds(page, ['2@lid', '1@lid']), [null, '5215500000001@c.us'])
  t.same(await phoneIds(page, []), [])
})

t.test('the phone number of a LID that was replaced is that of the latest one', async (t) => {
  const { page } = pageWith({
    WAWebWidFactory: { createWid: idOf },
    WAWebApiContact: {
      getPhoneNumber: (wid: unknown) =>
        String(wid) === '2@lid' ? idOf('5215500000002@c.us') : undefined,
      isDeprecatedLid: (wid: unknown) => ['1@lid', '3@lid'].includes(String(wid)),
      getDeprecatedLidLatestLid: (wid: unknown) =>
        String(wid) === '1@lid' ? idOf('2@lid') : undefined
    }
  })
  t.same(await phoneIds(page, ['1@lid', '2@lid', '3@lid', '4@lid']), [
    '5215500000002@c.us',
    '5215500000002@c.us',
    null,
    null
  ])
})

t.test(
  'a probe shows the newest messages of the newest chats, by id and time alone, however many there are',
  async (t) => {
    const message = (name: string, at: number, facts: object = {}) => ({
      id: idOf(name),
      t: at,
      type: 'chat',
      body: 'secret',
      isNewMsg: true,
      ...facts
    })
    const chat = (id: string, at: number | undefined, messages: object[]) => ({
      id: idOf(id),
      t: at,
      msgs: { getModelsArray: () => messages }
    })
    const chats = Array.from({ length: 10_000 }, (_, index) =>
      chat(`${index}@c.us`, (index * 7_919) % 10_000, [
        message(`m${(index * 7_919) % 10_000}`, index)
      ])
    )
    const pageOf = (all: object[]): InPage =>
      pageWith({
        WAWebSocketModel: { Socket: {} },
        WAWebCollections: { Chat: { getModelsArray: () => all } }
      })
    t.same(
      (await probe(pageOf(chats).page)).newest.map(({ id }) => id),
      ['m9999', 'm9998', 'm9997', 'm9996', 'm9995']
    )

    const kinds = chat('1@c.us', 9, [
      message('too old', 1),
      message('A', 2, { type: 'gp2' }),
      message('B', 3, { isNewMsg: false }),
      message('C', 4)
    ])
    const others = [
      chat('status@broadcast', 10, [message('D', 5)]),
      chat('2@c.us', undefined, [message('E', 6, { t: undefined }), { id: {} }]),
      kinds
    ]
    t.same((await probe(pageOf(others).page)).newest, [
      { id: 'A', t: 2, isNew: false },
      { id: 'B', t: 3, isNew: false },
      { id: 'C', t: 4, isNew: true },
      { id: 'E', t: 0, isNew: true }
    ])
  }
)

t.test(
  'one chat or message that throws makes the look blind for no other; a message without a model is marked',
  async (t) => {
    const thrower = (what: string) => () => {
      throw new Error(what)
    }
    const message = (id: string, more: object = {}) => ({
      id: idOf(`false_a@c.us_${id}`),
      t: 7,
      type: 'chat',
      isNewMsg: true,
      ...more
    })
    const broken = Object.defineProperty(message('B'), 'id', { get: thrower('no id') })
    const chats = [
      {
        id: idOf('a@c.us'),
        t: 9,
        msgs: { getModelsArray: () => [message('A'), broken, message('C', { isOdd: true })] }
      },
      Object.defineProperty(
        { id: idOf('b@c.us'), msgs: { getModelsArray: () => [message('D')] } },
        't',
        { get: thrower('no time') }
      ),
      { id: idOf('c@c.us'), t: 8, msgs: { getModelsArray: thrower('no list') } },
      Object.defineProperty({ t: 6, msgs: { getModelsArray: () => [message('E')] } }, 'id', {
        get: thrower('no id')
      })
    ]
    const getMessageModel = ({ isOdd }: { isOdd?: boolean }): object => {
      if (isOdd === true) throw new Error('serialize')
      return {}
    }
    const modules = {
      WAWebSocketModel: { Socket: {} },
      WAWebCollections: { Chat: { getModelsArray: () => chats } }
    }
    const { newest } = await probe(pageWith(modules, { WWebJS: { getMessageModel } }).page)
    t.same(
      newest.map(({ id, isUnreadable = false }) => `${id.slice(-1)} ${isUnreadable}`),
      ['A false', 'C true', 'D false']
    )
  }
)
