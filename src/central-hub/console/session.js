import { api, hubNow, isProblem } from './api.js'
import { byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dateTime, duration, texts, wordsFor } from './texts.js'

/** @typedef {import('../../contract/session.ts').Status} Status */
/** @typedef {import('../../contract/problem.ts').Problem} Problem */

/** The session of one account with WhatsApp: how it stands, the QR while one is to be scanned, and what can be done about it. */

/** How long after a code ran out the next one is asked for, should no event tell of it, ms. */
const graceMs = 2_000

/**
 * @param {string | undefined} account undefined for the first, which has its routes without a name
 * @param {() => void} onChange it stands differently, perhaps
 */
export const createSession = (account, onChange) => {
  const routes = api.session(account)
  /** @type {Status | Problem | undefined} */
  let now
  /** @type {import('../../contract/session.ts').Qr | undefined} */
  let qr
  /** @type {unknown} */
  let qrFault
  /** @type {unknown} */
  let fault
  let working = false
  let noted = ''
  let asked = 0

  // made once: the image must not flicker, and a button keeps the focus
  const what = h('p', { class: 'lead-line', role: 'status' })
  const why = h('div', {})
  const next = h('p', { class: 'muted' })
  const image = /** @type {HTMLImageElement} */ (h('img', { class: 'qr', width: '360', height: '360' }))
  const left = h('p', { class: 'muted small' })
  const qrNote = h('div', {})
  const steps = h('ol', { class: 'steps' })
  const scan = h('div', { class: 'scan' }, h('div', { class: 'frame' }, image, left, qrNote), steps)
  const facts = h('dl', { class: 'facts' })
  const actionNote = h('div', {})
  const connect = h('button', { type: 'button', class: 'primary', onclick: () => void act(routes.connect) })
  const disconnect = h('button', { type: 'button', onclick: () => void act(() => routes.disconnect(false)) })
  const unlink = h('button', { type: 'button', class: 'danger-text', onclick: () => askUnlink() })
  const box = h('div', { class: 'session' }, what, why, next, scan, facts, actionNote, h('div', { class: 'buttons' }, connect, disconnect, unlink))

  /** @type {HTMLDialogElement} */
  const dialog = byId('unlink')
  const askUnlink = () => {
    dialog.returnValue = ''
    dialog.onclose = () => {
      if (dialog.returnValue === 'yes') void act(() => routes.disconnect(true))
    }
    dialog.showModal()
  }

  /** @param {() => Promise<unknown>} run */
  const act = async (run) => {
    if (working) return
    ;[working, fault] = [true, undefined]
    render()
    try {
      await run()
    } catch (error) {
      fault = error
    }
    working = false
    render()
  }

  const askQr = async () => {
    const mine = ++asked
    try {
      const answer = await routes.qr()
      if (mine !== asked) return
      ;[qr, qrFault] = [answer, undefined]
    } catch (error) {
      if (mine !== asked) return
      ;[qr, qrFault] = [undefined, error]
    }
    render()
  }

  const kind = () => (now === undefined ? 'UNKNOWN' : isProblem(now) ? 'PROBLEM' : now.status)

  /** @param {Status} status @returns {[string, string | number | undefined][]} */
  const factsOf = ({ account, me, since, last_message_at, journal, backfill, outbound_blocked }) => [
    [texts.as, account],
    [texts.number, [me?.phone, me?.name].filter(Boolean).join(' · ')],
    [texts.since, dateTime(new Date(since))],
    [texts.lastMessage, last_message_at && dateTime(new Date(last_message_at))],
    [texts.captured, journal.last_seq],
    [texts.filling, backfill.running ? '…' : undefined],
    [texts.blocked, outbound_blocked || undefined]
  ]

  /** What changes by the second. */
  const tick = () => {
    const at = hubNow()
    const status = now === undefined || isProblem(now) ? undefined : now
    const attempt = status?.next_attempt_at ? Date.parse(status.next_attempt_at) - at : undefined
    const failures = status && status.failures > 0 && status.status !== 'READY' ? texts.tries(status.failures) : ''
    say(next, [attempt === undefined ? '' : attempt > 500 ? texts.nextAttempt(duration(attempt)) : texts.attemptNow, failures].filter(Boolean).join(' · '))
    next.hidden = next.textContent === ''
    if (status?.status !== 'QR_REQUIRED') return
    const remaining = qr?.status === 'QR_AVAILABLE' ? Date.parse(qr.expires_at) - at : undefined
    say(left, remaining === undefined || qr?.status !== 'QR_AVAILABLE' ? (qrFault === undefined ? texts.qrWaiting : '') : remaining > 0 ? texts.qrLeft(qr.attempt, duration(remaining)) : texts.qrExpired)
    image.classList.toggle('expired', remaining !== undefined && remaining <= 0)
    if (remaining !== undefined && remaining < -graceMs) {
      qr = undefined
      void askQr()
    }
  }

  const render = () => {
    const status = now === undefined || isProblem(now) ? undefined : now
    const how = kind()
    say(what, status ? texts.status[status.status] + (status.sync_percent === undefined || status.status !== 'AUTHENTICATED' ? '' : ` ${Math.round(status.sync_percent)} %`) : isProblem(now) ? wordsFor(now.type.split(':').at(-1) ?? '') : texts.pill.UNKNOWN)
    what.dataset.how = how
    const reason = isProblem(now) ? (now.detail ?? now.title) : status?.reason
    // session-manager and the hub speak English
    if (why.textContent !== (reason ?? '')) why.replaceChildren(...(reason ? [h('p', { lang: 'en', class: isProblem(now) || how === 'ERROR' ? 'note error' : 'note' }, reason)] : []))
    scan.hidden = how !== 'QR_REQUIRED'
    if (how === 'QR_REQUIRED') {
      image.hidden = qr?.status !== 'QR_AVAILABLE'
      image.alt = texts.qrAlt
      if (qr?.status === 'QR_AVAILABLE' && image.src !== qr.qr) image.src = qr.qr
      if (steps.children.length === 0 || steps.firstChild?.textContent !== texts.qrSteps[0]) steps.replaceChildren(...texts.qrSteps.map((step) => h('li', {}, step)))
      qrNote.replaceChildren(...(qrFault === undefined ? [] : [errorNote(qrFault, () => void askQr())]))
    } else image.removeAttribute('src')
    facts.replaceChildren(...(status ? factsOf(status).flatMap(([term, value]) => (value === undefined || value === '' ? [] : [h('div', {}, h('dt', {}, term), h('dd', {}, h('bdi', {}, value)))])) : []))
    const off = how === 'DISCONNECTED' || how === 'ERROR'
    connect.hidden = !off
    // off on request has no next attempt: there is nothing to stop
    disconnect.hidden = !status || (off && status.next_attempt_at === undefined)
    unlink.hidden = !status?.linked
    for (const [button, text] of /** @type {const} */ ([[connect, texts.connect], [disconnect, texts.disconnect], [unlink, texts.unlink]])) {
      say(button, text)
      if (working) button.setAttribute('aria-disabled', 'true')
      else button.removeAttribute('aria-disabled')
    }
    const note = working ? texts.working : fault === undefined ? '' : `${texts.failed}${String(fault)}`
    // an alert is read aloud each time it is made
    if (note !== noted) actionNote.replaceChildren(...(working ? [h('p', { class: 'muted', role: 'status' }, note)] : fault === undefined ? [] : [errorNote(fault)]))
    noted = note
    tick()
    onChange()
  }

  setInterval(tick, 1_000)
  return {
    box,
    /** @param {Status | Problem} told what an event told */
    apply: (told) => {
      now = told
      // each code comes with an event
      if (kind() === 'QR_REQUIRED') void askQr()
      else [qr, qrFault, asked] = [undefined, undefined, asked + 1]
      render()
    },
    kind,
    render
  }
}
