import { api } from './api.js'
import { byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dateTime, duration, figure } from './format.js'
import { may } from './me.js'
import { PasskeyLinking } from './passkey.js'
import { QrCode } from './qr.js'
import { hubNow, isProblem } from './request.js'
import { fill, texts, wordsFor } from './texts.js'

/** @typedef {import('../../contract/session.ts').Status} Status */
/** @typedef {import('../../contract/problem.ts').Problem} Problem */

/** The session of one account with WhatsApp: its state, linking a phone, and its buttons. */

/** @param {number | undefined} inMs ms until the next attempt; undefined: there is no attempt */
const nextAttempt = (inMs) => {
  if (inMs === undefined) return ''
  return inMs > 500 ? fill(texts.nextAttempt, { time: duration(inMs) }) : texts.attemptNow
}

/** @param {Status} status @returns {[string, string | undefined][]} */
const factsOf = ({ account, me, since, last_message_at, journal, backfill, outbound_blocked }) => [
  [texts.as, account],
  [texts.number, [me?.phone, me?.name].filter(Boolean).join(' · ')],
  [texts.since, dateTime(new Date(since))],
  [texts.lastMessage, last_message_at && dateTime(new Date(last_message_at))],
  [texts.captured, figure(journal.last_seq)],
  [texts.filling, backfill.running ? '…' : undefined],
  [texts.blocked, outbound_blocked === 0 ? undefined : figure(outbound_blocked)]
]

/** @param {Status | undefined} status */
const factNodes = (status) =>
  (status ? factsOf(status) : []).flatMap(([term, value]) =>
    value === undefined || value === ''
      ? []
      : [h('div', {}, h('dt', {}, term), h('dd', {}, h('bdi', {}, value)))]
  )

/** @param {Status | Problem | undefined} state @returns {string | undefined} */
const reasonOf = (state) => {
  if (isProblem(state)) return state.detail ?? state.title
  // For the stages of linking by the passkey, this page has words of its own.
  if (state === undefined || state.status === 'PASSKEY_REQUIRED') return undefined
  return [state.reason, state.limited].filter(Boolean).join('; ')
}

/** Whether a person is to link a phone. @param {string} kind */
const isToLink = (kind) => kind === 'QR_REQUIRED' || kind === 'PASSKEY_REQUIRED'

/** @param {Status | Problem | undefined} state */
const describeState = (state) => {
  if (isProblem(state)) return wordsFor(state.type.split(':').at(-1) ?? '')
  if (state === undefined) return texts.pill.UNKNOWN
  const percent =
    state.status === 'AUTHENTICATED' && state.sync_percent !== undefined
      ? ` ${Math.round(state.sync_percent)} %`
      : ''
  return texts.status[state.status] + percent
}

export class Session {
  #routes
  #onChange
  /** @type {Status | Problem | undefined} */
  #state
  /** Why the last action failed. @type {unknown} */
  #error
  #isWorking = false
  /** What the operator still has to do after the last action. */
  #remark = ''
  /** The note that is shown. */
  #noted = ''
  #ticking

  // Made once: a button keeps the focus.
  #headline = h('p', { class: 'lead-line', role: 'status' })
  #reason = h('div', {})
  #next = h('p', { class: 'muted' })
  #notYours = h('p', { class: 'note' })
  #qr
  #passkey
  #facts = h('dl', { class: 'facts' })
  #note = h('div', {})
  #connect = h('button', {
    type: 'button',
    class: 'primary',
    'data-needs': 'session',
    onclick: () => void this.#act(this.#routes.connect)
  })
  #disconnect = h('button', {
    type: 'button',
    'data-needs': 'session.end',
    onclick: () => void this.#act(() => this.#routes.disconnect(false))
  })
  #unlink = h('button', {
    type: 'button',
    class: 'danger-text',
    'data-needs': 'session.end',
    onclick: () => this.#askUnlink()
  })

  /**
   * @param {string | undefined} account undefined for the first, whose routes have no name
   * @param {() => void} onChange the state may have changed
   */
  constructor(account, onChange) {
    this.#routes = api.session(account)
    this.#onChange = onChange
    this.#qr = new QrCode(this.#routes)
    this.#passkey = new PasskeyLinking(this.#routes)
    this.box = h(
      'div',
      { class: 'session' },
      this.#headline,
      this.#reason,
      this.#next,
      this.#notYours,
      this.#qr.box,
      this.#passkey.box,
      this.#facts,
      this.#note,
      h('div', { class: 'buttons' }, this.#connect, this.#disconnect, this.#unlink)
    )
    this.#ticking = setInterval(() => this.#tick(), 1_000)
  }

  kind() {
    if (this.#state === undefined) return 'UNKNOWN'
    return isProblem(this.#state) ? 'PROBLEM' : this.#state.status
  }

  /** @param {Status | Problem} state of an event */
  apply(state) {
    this.#state = state
    this.offer()
  }

  /** Offers what this person may do now: linking a phone, or not. */
  offer() {
    const mayLink = may('session')
    this.#qr.want(mayLink && this.kind() === 'QR_REQUIRED')
    this.#passkey.want(mayLink && this.kind() === 'PASSKEY_REQUIRED')
    this.render()
  }

  end() {
    clearInterval(this.#ticking)
  }

  render() {
    say(this.#headline, describeState(this.#state))
    this.#headline.dataset['how'] = this.kind()
    this.#renderReason()
    this.#notYours.hidden = may('session') || !isToLink(this.kind())
    say(this.#notYours, texts.linkNotYours)
    this.#qr.render()
    this.#passkey.render()
    this.#facts.replaceChildren(...factNodes(this.#status()))
    this.#renderButtons()
    const note = this.#noteText()
    // A screen reader reads an alert aloud each time it is made.
    if (note !== this.#noted) this.#note.replaceChildren(...this.#noteNodes(note))
    this.#noted = note
    this.#tick()
    this.#onChange()
  }

  #renderReason() {
    const reason = reasonOf(this.#state)
    if (this.#reason.textContent === (reason ?? '')) return
    const isError = isProblem(this.#state) || this.kind() === 'ERROR'
    // session-manager and the hub speak English.
    const props = { lang: 'en', class: isError ? 'note error' : 'note' }
    this.#reason.replaceChildren(...(reason ? [h('p', props, reason)] : []))
  }

  #renderButtons() {
    const status = this.#status()
    const isOff = this.kind() === 'DISCONNECTED' || this.kind() === 'ERROR'
    this.#connect.hidden = !isOff
    // A session that was turned off on request has no next attempt: there is nothing to stop.
    this.#disconnect.hidden = !status || (isOff && status.next_attempt_at === undefined)
    this.#unlink.hidden = !status?.linked
    for (const [button, text] of /** @type {const} */ ([
      [this.#connect, texts.connect],
      [this.#disconnect, texts.disconnect],
      [this.#unlink, texts.unlink]
    ])) {
      say(button, text)
      if (this.#isWorking) button.setAttribute('aria-disabled', 'true')
      else button.removeAttribute('aria-disabled')
    }
  }

  #status() {
    return this.#state === undefined || isProblem(this.#state) ? undefined : this.#state
  }

  /** Updates what changes every second. */
  #tick() {
    this.#qr.tick()
    this.#passkey.tick()
    const { next_attempt_at, failures = 0, status } = this.#status() ?? {}
    const attempt = next_attempt_at ? Date.parse(next_attempt_at) - hubNow() : undefined
    const tries = failures > 0 && status !== 'READY' ? fill(texts.tries, { count: failures }) : ''
    say(this.#next, [nextAttempt(attempt), tries].filter(Boolean).join(' · '))
    this.#next.hidden = this.#next.textContent === ''
  }

  /** The outcome of the last action. */
  #noteText() {
    if (this.#isWorking) return texts.working
    return this.#error === undefined ? this.#remark : `${texts.failed}${String(this.#error)}`
  }

  /** @param {string} text */
  #noteNodes(text) {
    if (this.#isWorking) return [h('p', { class: 'muted', role: 'status' }, text)]
    if (this.#error !== undefined) return [errorNote(this.#error)]
    return text === '' ? [] : [h('p', { class: 'note error', role: 'alert' }, text)]
  }

  /** @param {() => Promise<unknown>} run may give a text: what the operator still has to do */
  async #act(run) {
    if (this.#isWorking) return
    this.#isWorking = true
    this.#error = undefined
    this.#remark = ''
    this.render()
    try {
      const remark = await run()
      if (typeof remark === 'string') this.#remark = remark
    } catch (error) {
      this.#error = error
    }
    this.#isWorking = false
    this.render()
  }

  #askUnlink() {
    /** @type {HTMLDialogElement} */
    const dialog = byId('unlink')
    // Only a connected page can tell WhatsApp that the device is unlinked.
    say(byId('unlink-untold'), this.kind() === 'READY' ? '' : texts.unlinkNotNow)
    dialog.returnValue = ''
    dialog.onclose = () => {
      if (dialog.returnValue === 'yes') void this.#act(() => this.#unlinkDevice())
    }
    dialog.showModal()
  }

  /** @returns what the operator still has to do */
  async #unlinkDevice() {
    const { unlinked } = await this.#routes.disconnect(true)
    return unlinked === false ? texts.unlinkUntold : undefined
  }
}
