import { HubEvents } from './events.js'
import { onSignedOut, signedIn } from './request.js'

/**
 * One stream of events for all tabs of a browser (a SharedWorker): over HTTP/1.1 a browser opens
 * six connections to one host at most, and each tab's own stream would hold one. A tab says `open`,
 * `leave` or `close` (signed out), and receives `[news, type, data]`.
 */

/** @type {Set<MessagePort>} */
const tabs = new Set()
/**
 * The last session of each account: a tab that opens later needs it. @type {Map<string, unknown>}
 */
const sessions = new Map()
let state = 'closed'

/** @param {...unknown} news */
const notify = (...news) => {
  for (const tab of tabs) tab.postMessage(news)
}
const events = new HubEvents({
  onOpen: () => {
    state = 'open'
    sessions.clear()
    notify('open')
  },
  onFresh: () => notify('fresh'),
  onLost: () => {
    state = 'lost'
    notify('lost')
  },
  onEvent: (type, data) => {
    if (type === 'session') sessions.set(data.account ?? '', data)
    notify('event', type, data)
  }
})
const close = () => {
  events.close()
  state = 'closed'
  notify('closed')
}
onSignedOut(close)

/** @param {MessagePort} tab */
const welcome = (tab) => {
  tabs.add(tab)
  tab.postMessage(['welcome'])
  if (state === 'lost') tab.postMessage(['lost'])
  if (state !== 'open') {
    // A tab that had to sign in opens the stream again afterwards.
    signedIn()
    return events.open()
  }
  tab.postMessage(['open'])
  tab.postMessage(['fresh'])
  for (const data of sessions.values()) tab.postMessage(['event', 'session', data])
}

const scope = /** @type {{ onconnect: (event: MessageEvent) => void }} */ (
  /** @type {unknown} */ (self)
)
scope.onconnect = (/** @type {MessageEvent} */ event) => {
  const [tab] = event.ports
  if (!tab) return
  tab.onmessage = (/** @type {MessageEvent} */ { data }) => {
    if (data === 'open') welcome(tab)
    else if (data === 'leave') tabs.delete(tab)
    else if (data === 'close') close()
  }
}
