import { createEvents } from './events.js'
import { onSignedOut, signedIn } from './request.js'

/**
 * One stream of events for all tabs of a browser (a SharedWorker): over HTTP/1.1 a browser opens
 * six connections to one host at most, and each tab's own stream would hold one. A tab says `open`,
 * `leave` or `close` (signed out); it is told `[what, type, data]`.
 */

/** @type {Set<MessagePort>} */
const tabs = new Set()
/**
 * What was told last of each account: a tab that comes later needs it. @type {Map<string, unknown>}
 */
const sessions = new Map()
let state = 'closed'

/** @param {...unknown} news */
const tell = (...news) => {
  for (const tab of tabs) tab.postMessage(news)
}
const events = createEvents({
  onOpen: () => {
    state = 'open'
    sessions.clear()
    tell('open')
  },
  onFresh: () => tell('fresh'),
  onLost: () => {
    state = 'lost'
    tell('lost')
  },
  onEvent: (type, data) => {
    if (type === 'session') sessions.set(data.account ?? '', data)
    tell('event', type, data)
  }
})
const close = () => {
  events.close()
  state = 'closed'
  tell('closed')
}
onSignedOut(close)

/** @param {MessagePort} tab */
const welcome = (tab) => {
  tabs.add(tab)
  tab.postMessage(['welcome'])
  if (state === 'lost') tab.postMessage(['lost'])
  if (state !== 'open') {
    // a tab that was asked to sign in comes back when that is done
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
