import t from 'tap'

/** The worker of all tabs, with a hub that answers when the test says so. */

class FakeEventSource extends EventTarget {
  static CONNECTING = 0
  static OPEN = 1
  static CLOSED = 2
  static opened: FakeEventSource[] = []
  readyState = FakeEventSource.CONNECTING
  onopen = (): void => undefined
  onerror = (): void => undefined
  constructor() {
    super()
    FakeEventSource.opened.push(this)
  }
  close(): void {
    this.readyState = FakeEventSource.CLOSED
  }
  accept(): void {
    if (this.readyState === FakeEventSource.CLOSED) return
    this.readyState = FakeEventSource.OPEN
    this.onopen()
  }
  refuse(): void {
    this.close()
    this.onerror()
  }
}

interface Tab {
  told: string[]
  onmessage: (event: { data: string }) => void
  postMessage(news: unknown[]): void
}

t.test(
  'a refusal of what was asked before somebody signed in does not sign them out again',
  async (t) => {
    const scope: { onconnect?: (event: { ports: Tab[] }) => void } = {}
    const asked: PromiseWithResolvers<Response>[] = []
    t.intercept(globalThis, 'self' as keyof typeof globalThis, { value: scope })
    t.intercept(globalThis, 'EventSource' as keyof typeof globalThis, { value: FakeEventSource })
    t.intercept(globalThis, 'fetch', {
      value: () => {
        asked.push(Promise.withResolvers<Response>())
        return asked.at(-1)?.promise
      }
    })
    const refused = (): Response =>
      Response.json(
        { type: 'urn:leadmaster:problem:unauthorized', title: 'Unauthorized', status: 401 },
        { status: 401 }
      )
    const worker = new URL('../../../src/central-hub/console/events-worker.js', import.meta.url)
      .href
    await import(worker)
    const open = (): Tab => {
      const tab: Tab = {
        told: [],
        onmessage: () => undefined,
        postMessage: ([what]) => void tab.told.push(String(what))
      }
      scope.onconnect?.({ ports: [tab] })
      tab.onmessage({ data: 'open' })
      return tab
    }
    const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const sources = FakeEventSource.opened

    // two tabs that nobody is signed in to: the stream is refused, and so is what is asked about it
    const [first, second] = [open(), open()]
    sources.at(-1)?.refuse()
    asked.shift()?.resolve(refused())
    await settled()
    for (const tab of [first, second])
      t.equal(tab.told.at(-1), 'closed', 'it is to ask for the token')

    // another tab, and before the hub has said no to it the first signs in
    const third = open()
    sources.at(-1)?.refuse()
    const late = asked.shift()
    first.onmessage({ data: 'open' })
    const stream = sources.at(-1)
    late?.resolve(refused())
    await settled()
    stream?.accept()
    for (const tab of [first, second, third]) t.equal(tab.told.at(-2), 'open', 'all of them are in')

    // signed out elsewhere: now it counts
    stream?.refuse()
    asked.shift()?.resolve(refused())
    await settled()
    for (const tab of [first, second, third])
      t.equal(tab.told.at(-1), 'closed', 'it asks for the token again')
  }
)
