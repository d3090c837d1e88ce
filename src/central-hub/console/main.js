import { api, hubNow, onSignedOut } from './api.js'
import { createConversation } from './conversation.js'
import { byId, say, showOnly } from './dom.js'
import { createEvents } from './events.js'
import { createHealth } from './health.js'
import { createLeads } from './leads.js'
import { createSessions } from './sessions.js'
import { explain, nameOf, setLanguage, texts, writeStaticTexts } from './texts.js'

/** The operator page: who is signed in, which view is shown, and where what the hub tells goes. */

const views = ['loading', 'sign-in', 'app']
/** @type {string} */
let view = 'loading'
let waits = { count: 0, more: false }

const title = () => {
  document.title = view === 'app' && waits.count > 0 ? `(${waits.count}${waits.more ? '+' : ''}) LeadMaster` : 'LeadMaster'
}
const leads = createLeads((count, more) => {
  waits = { count, more }
  title()
})
const conversation = createConversation({
  onLead: (lead) => {
    leads.apply(lead)
  },
  onMoved: (id) => location.replace(`#/lead/${id}`)
})
const sessions = createSessions((how) => {
  const call = byId('call')
  call.hidden = ['READY', 'UNKNOWN', 'INIT', 'AUTHENTICATED'].includes(how)
  say(call, how === 'QR_REQUIRED' ? texts.callQr : texts.callLost)
  if (route().name === 'home') showRoute()
})
const health = createHealth()

// --- which view: the part of the address after #, so that the browser's back works ---

/** @returns {{ name: 'home' | 'lead' | 'connection', id?: number }} */
const route = () => {
  const [, id] = /^#\/lead\/([1-9]\d{0,14})$/.exec(location.hash) ?? []
  if (id !== undefined) return { name: 'lead', id: Number(id) }
  return { name: location.hash === '#/connection' ? 'connection' : 'home' }
}
/** @type {ReturnType<typeof route>} */
let shown = { name: 'home' }

const showRoute = () => {
  if (view !== 'app') return
  const { name, id } = route()
  const before = shown
  shown = { name, ...(id === undefined ? {} : { id }) }
  byId('columns').dataset.view = name
  // where there is room for it, the connection stands beside the list for as long as it needs someone
  const needsSomeone = sessions.kind() !== 'READY' && sessions.kind() !== 'UNKNOWN'
  const part = name === 'lead' ? 'conversation' : name === 'connection' || needsSomeone ? 'connection' : 'nothing'
  showOnly(['conversation', 'connection', 'nothing'], part)
  health.watch(part === 'connection')
  leads.setCurrent(id)
  if (id === undefined) conversation.close()
  else conversation.open(id, leads.get(id))
  if (before.name === name && before.id === id) return
  if (name === 'lead') byId('lead-name').focus({ preventScroll: true })
  else if (name === 'connection') byId('session-title').focus({ preventScroll: true })
  else if (before.id !== undefined) leads.focus(before.id)
}
addEventListener('hashchange', showRoute)

// --- live ---

const events = createEvents({
  onOpen: () => {
    wasIn = true
    show('app')
    say(byId('offline'), '')
    sessions.open()
    leads.retryFailed()
    conversation.retryFailed()
  },
  onFresh: () => {
    leads.reload()
    conversation.reload()
  },
  onLost: () => {
    sessions.lost()
    if (view === 'app') say(byId('offline'), texts.lost)
  },
  onEvent: (type, data) => {
    if (type === 'session') return void sessions.apply(data)
    if (type === 'message') return conversation.applyMessage(data)
    const before = leads.apply(data)
    conversation.applyLead(data)
    const fresh = hubNow() - Date.parse(data.last_seen_at) < 60_000
    const news = fresh && data.waiting_since !== null && before?.last_seen_at !== data.last_seen_at
    if (news) byId('announcer').textContent = texts.newFrom(nameOf(data))
  }
})

// --- signing in and out ---

/** @param {string} name */
const show = (name) => {
  if (view === name) return
  view = name
  showOnly(views, name)
  title()
  if (name === 'app') showRoute()
  if (name === 'sign-in') {
    health.watch(false)
    byId('token').focus()
  }
}
let wasIn = false
onSignedOut(() => {
  events.close()
  say(byId('sign-in-why'), wasIn ? texts.signedOut : '')
  show('sign-in')
})
byId('sign-in-form').addEventListener('submit', async (/** @type {Event} */ event) => {
  event.preventDefault()
  const [token, error] = [byId('token'), byId('sign-in-error')]
  error.textContent = ''
  token.removeAttribute('aria-invalid')
  try {
    await api.signIn(token.value.trim())
  } catch (fault) {
    const { words, detail } = explain(fault)
    const wrong = /** @type {{ kind?: string }} */ (fault).kind === 'unauthorized'
    error.textContent = wrong ? texts.signInWrong : `${words} ${detail}`
    token.setAttribute('aria-invalid', 'true')
    token.select()
    return
  }
  token.value = ''
  events.open()
})
byId('sign-out').addEventListener('click', async () => {
  await conversation.form.flush()
  await api.signOut().catch(() => {})
  // a new page: nothing that was read stays in this one
  location.replace('/')
})

// --- language and time ---

const writeAll = () => {
  writeStaticTexts()
  leads.render()
  conversation.render()
  sessions.render()
  health.render()
  title()
}
for (const select of document.querySelectorAll('.language-select')) {
  select.addEventListener('change', () => {
    setLanguage(/** @type {'en' | 'es'} */ (/** @type {HTMLSelectElement} */ (select).value))
    writeAll()
  })
}
setInterval(() => leads.tick(), 20_000)

writeAll()
events.open()
