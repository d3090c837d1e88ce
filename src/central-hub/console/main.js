import { Account } from './account.js'
import { createAnnouncer } from './announcer.js'
import { Alarms } from './alarms.js'
import { api } from './api.js'
import { AuditList } from './audit.js'
import { Conversation } from './conversation.js'
import { ConfirmDialog } from './dialog.js'
import { byId, say, showOnly } from './dom.js'
import { Figures } from './figures.js'
import { Health } from './health.js'
import { Inbox } from './inbox.js'
import { KeyList } from './keys.js'
import { readKnown } from './known.js'
import { nameOf } from './lead.js'
import { createLive } from './live.js'
import { may, readMe } from './me.js'
import { createNamesImport } from './names-import.js'
import { Notifications } from './notifications.js'
import { hubNow, onSignedOut, signedIn } from './request.js'
import { leadAddress, route } from './route.js'
import { Sessions } from './sessions.js'
import { createShortcuts } from './shortcuts.js'
import { SignInForm, signInMark } from './sign-in.js'
import { Team } from './team.js'
import { explain, loadTexts, setLanguage, texts, writeStaticTexts } from './texts.js'
import { WebhookList } from './webhooks.js'

/** The operator page: the sign-in, the view that is shown, and which part gets which event. */

/** Messages that are older than this are not announced, ms. */
const newsMs = 60_000

await loadTexts()

const views = ['loading', 'sign-in', 'app']
let view = 'loading'
let wasIn = false
let waits = { count: 0, more: false }

const title = () => {
  document.title =
    view === 'app' && waits.count > 0
      ? `(${waits.count}${waits.more ? '+' : ''}) LeadMaster`
      : 'LeadMaster'
}
const announcer = createAnnouncer()
const inbox = new Inbox((count, more) => {
  waits = { count, more }
  title()
})
const conversation = new Conversation({
  onLead: (lead) => {
    inbox.apply(lead)
  },
  onMoved: (id) => location.replace(leadAddress(id, route().details)),
  onRemoved: (id, here) => {
    inbox.remove(id)
    announcer.say(here ? texts.removed : texts.removedElsewhere)
    location.replace('#/')
  },
  onMissing: () => announcer.say(texts.notFound),
  onCopied: (isCopied) => announcer.say(isCopied ? texts.copied : texts.notCopied),
  onUnread: () => {
    announcer.say(texts.madeUnread)
    go('#/')
  }
})
const sessions = new Sessions({
  onChange: (how) => {
    const call = byId('call')
    call.hidden = ['READY', 'UNKNOWN', 'INIT', 'AUTHENTICATED'].includes(how)
    const linking = /** @type {Record<string, string>} */ ({
      QR_REQUIRED: texts.callQr,
      PASSKEY_REQUIRED: texts.callPasskey
    })[how]
    say(call, linking ?? texts.callLost)
    call.dataset.how = linking === undefined ? 'lost' : 'qr'
    if (route().name === 'home') showRoute()
  },
  onAccounts: (names) => inbox.setAccounts(names)
})
const [health, figures, webhooks, notifications, account] = [
  new Health(),
  new Figures(),
  new WebhookList(),
  new Notifications(),
  new Account()
]
const confirmDialog = new ConfirmDialog()
const [audit, alarms] = [new AuditList(), new Alarms(confirmDialog)]
const [team, keys] = [
  new Team(confirmDialog, (operators) => audit.setOperators(operators)),
  new KeyList(confirmDialog)
]
const namesImport = createNamesImport(() => inbox.reload())

// --- which view ---

/** The heading that gets the focus in each view. */
const headings = {
  lead: 'lead-name',
  connection: 'session-title',
  figures: 'figures-title',
  team: 'team-title',
  settings: 'settings-title'
}
/** @type {import('./route.js').Route} */
let shown = { name: 'home' }
/** Whether a person moves from lead to lead by keys: that does not mark leads as read. */
let isMoving = false

/**
 * Runs `run` once no dialog is open: the browser restores the focus when a dialog closes.
 * @param {() => void} run
 */
const afterDialog = (run) => {
  const dialog = document.querySelector('dialog[open]')
  if (dialog) dialog.addEventListener('close', run, { once: true })
  else run()
}

/** The part of the page beside the list. @param {import('./route.js').Route['name']} name */
const partOf = (name) => {
  if (name === 'lead') return 'conversation'
  if (name !== 'home') return name
  // If there is room, the connection is shown beside the list while it needs a person.
  const needsSomeone = sessions.kind() !== 'READY' && sessions.kind() !== 'UNKNOWN'
  return needsSomeone ? 'connection' : 'nothing'
}

/** Reads what a page shows. @param {import('./route.js').Route['name']} name */
const loadPage = (name) => {
  if (name === 'settings') {
    account.load()
    if (may('leads.read')) alarms.load()
    if (may('webhooks')) webhooks.load()
  } else if (name === 'team') {
    team.load()
    if (may('admin')) {
      keys.load()
      audit.load()
    }
  }
}

const showRoute = () => {
  if (view !== 'app') return
  const before = shown
  shown = route()
  const { name, id, details = false } = shown
  byId('columns').dataset.view = name
  const part = partOf(name)
  showOnly(['conversation', 'connection', 'figures', 'team', 'settings', 'nothing'], part)
  for (const link of document.querySelectorAll('#nav a')) {
    if (
      link.getAttribute('href') === location.hash ||
      (link.getAttribute('href') === '#/' && (name === 'home' || name === 'lead'))
    )
      link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  health.watch(part === 'connection')
  figures.watch(part === 'figures')
  inbox.setCurrent(id)
  if (id === undefined) conversation.close()
  else {
    byId('conversation').dataset.part = details ? 'details' : 'messages'
    byId('to-details').href = leadAddress(id, true)
    byId('lead-back').href = details ? leadAddress(id) : '#/'
    byId('lead-back').setAttribute('aria-label', details ? texts.backToMessages : texts.back)
    conversation.open(id, inbox.get(id), {
      message: shown.message,
      q: shown.message === undefined ? '' : inbox.query(),
      isLook: isMoving
    })
  }
  const moved = before.name !== name || before.id !== id || (before.details ?? false) !== details
  if (!moved) return
  loadPage(name)
  afterDialog(() => {
    if (name === 'lead' && details) byId('details-title').focus({ preventScroll: true })
    else if (name !== 'home') byId(headings[name]).focus({ preventScroll: true })
    else if (before.id !== undefined) inbox.focus(before.id)
    else inbox.focusAny()
  })
}
addEventListener('hashchange', showRoute)
byId('lists').addEventListener('click', (/** @type {MouseEvent} */ { target }) => {
  const link = target instanceof Element ? target.closest('a.row[aria-current]') : null
  // The lead is open already: the address does not change, so there is no hashchange event.
  if (link) conversation.attend()
})

/** @param {string} address the part after # */
const go = (address) => {
  location.hash = address
  // Before the event comes: the caller may focus a field of that view.
  showRoute()
}
/** @param {string} field @param {string} address of the view with the field */
const toField = (field, address) => {
  if (!byId(field).checkVisibility()) go(address)
  byId(field).focus()
}
/** @param {string} field of the lead that is open */
const toLeadField = (field) => {
  const { id } = route()
  if (id !== undefined) toField(field, leadAddress(id, true))
}
/** @param {1 | -1} by */
const toNeighbour = (by) => {
  isMoving = true
  go(inbox.neighbour(by) ?? location.hash)
  isMoving = false
}
/** Marks as unread the lead whose row has the focus. */
const markFocusedUnread = async () => {
  const id = inbox.focused()
  if (id === undefined || !may('leads.write')) return
  try {
    applyLead(await api.setUnread(id))
    announcer.say(texts.madeUnread)
  } catch (error) {
    announcer.say(explain(error).words)
  }
}
const shortcuts = createShortcuts({
  '/': () => toField('q', '#/'),
  j: () => toNeighbour(1),
  k: () => toNeighbour(-1),
  r: () => byId('reply').checkVisibility() && byId('reply').click(),
  d: () => conversation.pressHandled(),
  l: () => conversation.pressLater(),
  f: () => route().id !== undefined && conversation.openSearch(),
  u: () => (route().id === undefined ? void markFocusedUnread() : conversation.pressUnread()),
  n: () => toLeadField('lead-note'),
  t: () => toLeadField('lead-tag'),
  s: () => toLeadField('lead-state'),
  Esc: () => {
    const { name, id, details } = route()
    if (name !== 'home')
      go(
        id !== undefined && details && !byId('messages').checkVisibility() ? leadAddress(id) : '#/'
      )
  }
})

// --- live ---

/**
 * The last message of each lead that was announced. The list may not have the lead.
 * @type {Map<number, string>}
 */
const announced = new Map()
/** @param {import('../../contract/lead.ts').Lead} lead */
const applyLead = (lead) => {
  const before = inbox.apply(lead)
  conversation.applyLead(lead)
  const { id, last_message: last, last_seen_at, state } = lead
  const known = last?.id === before?.last_message?.id || last?.id === announced.get(id)
  if (
    !last ||
    last.from_me ||
    known ||
    state === 'ignored' ||
    hubNow() - Date.parse(last_seen_at) > newsMs
  )
    return
  announced.set(id, last.id)
  announcer.wrote(id, nameOf(lead))
  void notifications.notify(lead)
}
/** Finds out who is signed in, and offers what that person may do. */
const learnWho = async () => {
  try {
    if (!(await readMe())) return
  } catch {
    // It is asked again once the stream of events is open.
    return
  }
  conversation.offer()
  sessions.offer()
  loadPage(route().name)
}
const live = createLive(
  {
    onOpen: () => {
      wasIn = true
      signInMark.set()
      show('app')
      say(byId('offline'), '')
      void learnWho()
      sessions.open()
      inbox.retryFailed()
      conversation.retryFailed()
    },
    onFresh: () => {
      inbox.reload()
      conversation.reload()
      // The fields also propose tags and people of leads that events bring.
      void readKnown().catch(() => {})
    },
    onLost: () => {
      sessions.lost()
      if (view === 'app') say(byId('offline'), texts.lost)
    },
    onEvent: (type, data) => {
      if (type === 'session') void sessions.apply(data)
      else if (type === 'message') conversation.applyMessage(data)
      else if (type === 'lead') applyLead(data)
      else {
        inbox.remove(data.id)
        conversation.applyRemoved(data)
      }
    }
  },
  () => askToSignIn()
)

// --- signing in and out ---

/** The element that had the focus before the sign-in was shown. @type {Element | null} */
let left = null
const focusAgain = () => {
  const { name } = route()
  if (left instanceof HTMLElement && left.isConnected && left.checkVisibility())
    left.focus({ preventScroll: true })
  else if (name === 'home') byId('lists').focus()
  else byId(headings[name]).focus({ preventScroll: true })
  left = null
}

/** @param {string} name */
const show = (name) => {
  if (view === name) return
  view = name
  const focused = document.activeElement
  if (name !== 'app' && byId('app').contains(focused)) left = focused
  showOnly(views, name)
  title()
  if (name === 'app') {
    showRoute()
    focusAgain()
  } else {
    health.watch(false)
    figures.watch(false)
  }
}
/** Shows the lists while the stream of events is still being opened, which takes longer. */
const begin = () => {
  void learnWho()
  inbox.reload()
  conversation.reload()
  void readKnown().catch(() => {})
  show('app')
  live.open()
}
const signIn = new SignInForm(() => {
  signedIn()
  begin()
})
const askToSignIn = () => {
  if (view === 'sign-in') return
  show('sign-in')
  signIn.ask(wasIn)
}
onSignedOut(() => {
  signInMark.remove()
  live.close()
  askToSignIn()
})
byId('sign-out').addEventListener('click', async () => {
  await conversation.form.flush()
  // If something is not saved, the browser asks the person first.
  const clearDrafts = () => conversation.form.drafts.clear()
  if (conversation.form.drafts.unsaved().length === 0) clearDrafts()
  else addEventListener('pagehide', clearDrafts)
  await api.signOut().catch(() => {})
  signInMark.remove()
  live.close()
  // A new page, so that no data stays in this one.
  location.replace('/')
})

// --- language and time ---

const writeAll = () => {
  writeStaticTexts()
  for (const part of [
    inbox,
    conversation,
    sessions,
    health,
    figures,
    webhooks,
    notifications,
    shortcuts,
    namesImport,
    signIn,
    account,
    team,
    keys,
    audit,
    alarms
  ])
    part.render()
  showRoute()
  title()
}
/** @param {import('./texts.js').Language} chosen */
const changeLanguage = async (chosen) => {
  let fault = ''
  try {
    await setLanguage(chosen)
  } catch (error) {
    fault = explain(error).words
  }
  writeAll()
  for (const note of document.querySelectorAll('.language-fault')) note.textContent = fault
}
for (const select of document.querySelectorAll('.language-select')) {
  select.addEventListener('change', () => {
    const { value } = /** @type {HTMLSelectElement} */ (select)
    void changeLanguage(/** @type {import('./texts.js').Language} */ (value))
  })
}
setInterval(() => inbox.tick(), 20_000)

// Without it, such as where a browser stores nothing, the page does all but open without the hub.
navigator.serviceWorker?.register('service-worker.js').catch(() => {})
writeAll()
if (signInMark.isSet()) begin()
else {
  askToSignIn()
  // The browser may have the cookie without the mark.
  live.open()
}
