import { api } from './api.js'
import { byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dateTime, duration, figure } from './format.js'
import { createPasskey } from './passkey.js'
import { createQr } from './qr.js'
import { hubNow, isProblem } from './request.js'
import { texts, wordsFor } from './texts.js'

/** @typedef {import('../../contract/session.ts').Status} Status */
/** @typedef {import('../../contract/problem.ts').Problem} Problem */

/**
 * The session of one account with WhatsApp: how it stands, how to link a phone, and what can be
 * done about it.
 */

/** When the next attempt is. @param {number | undefined} inMs undefined when there is none */
const nextAttempt = (inMs) => {
  if (inMs === undefined) return ''
  return inMs > 500 ? texts.nextAttempt(duration(inMs)) : texts.attemptNow
}

/**
 * @param {string | undefined} account undefined for the first, which has its routes without a name
 * @param {() => void} onChange it stands differently, perhaps
 */
export const createSession = (account, onChange) => {
  const routes = api.session(account)
  /** @type {Status | Problem | undefined} */
  let now
  /** @type {unknown} */
  let fault
  let working = false
  let noted = ''
  let remark = ''

  // made once: a button keeps the focus
  const what = h('p', { class: 'lead-line', role: 'status' })
  const why = h('div', {})
  const next = h('p', { class: 'muted' })
  const qr = createQr(routes)
  const passkey = createPasskey(routes)
  const facts = h('dl', { class: 'facts' })
  const actionNote = h('div', {})
  const connect = h('button', {
    type: 'button',
    class: 'primary',
    onclick: () => void act(routes.connect)
  })
  const disconnect = h('button', {
    type: 'button',
    onclick: () => void act(() => routes.disconnect(false))
  })
  const unlink = h('button', { type: 'button', class: 'danger-text', onclick: () => askUnlink() })
  const box = h(
    'div',
    { class: 'session' },
    what,
    why,
    next,
    qr.box,
    passkey.box,
    facts,
    actionNote,
    h('div', { class: 'buttons' }, connect, disconnect, unlink)
  )

  /** @type {HTMLDialogElement} */
  const dialog = byId('unlink')
  const askUnlink = () => {
    // Without a page that is connected nobody can tell WhatsApp.
    say(byId('unlink-untold'), kind() === 'READY' ? '' : texts.unlinkNotNow)
    dialog.returnValue = ''
    dialog.onclose = () => {
      if (dialog.returnValue === 'yes') void act(unlinkDevice)
    }
    dialog.showModal()
  }

  /** @returns what the operator still has to do */
  const unlinkDevice = async () => {
    const { unlinked } = await routes.disconnect(true)
    return unlinked === false ? texts.unlinkUntold : undefined
  }

  /**
   * @param {() => Promise<unknown>} run gives what is to be said once it is done, if it is a text
   */
  const act = async (run) => {
    if (working) return
    ;[working, fault, remark] = [true, undefined, '']
    render()
    try {
      const said = await run()
      if (typeof said === 'string') remark = said
    } catch (error) {
      fault = error
    }
    working = false
    render()
  }

  const status = () => (now === undefined || isProblem(now) ? undefined : now)
  const kind = () => {
    if (now === undefined) return 'UNKNOWN'
    return isProblem(now) ? 'PROBLEM' : now.status
  }

  /** @param {Status} status @returns {[string, string | undefined][]} */
  const factsOf = ({
    account,
    me,
    since,
    last_message_at,
    journal,
    backfill,
    outbound_blocked
  }) => [
    [texts.as, account],
    [texts.number, [me?.phone, me?.name].filter(Boolean).join(' · ')],
    [texts.since, dateTime(new Date(since))],
    [texts.lastMessage, last_message_at && dateTime(new Date(last_message_at))],
    [texts.captured, figure(journal.last_seq)],
    [texts.filling, backfill.running ? '…' : undefined],
    [texts.blocked, outbound_blocked === 0 ? undefined : figure(outbound_blocked)]
  ]

  /** What changes by the second. */
  const tick = () => {
    qr.tick()
    passkey.tick()
    const { next_attempt_at, failures = 0, status: how } = status() ?? {}
    const attempt = next_attempt_at ? Date.parse(next_attempt_at) - hubNow() : undefined
    say(
      next,
      [nextAttempt(attempt), failures > 0 && how !== 'READY' ? texts.tries(failures) : '']
        .filter(Boolean)
        .join(' · ')
    )
    next.hidden = next.textContent === ''
  }

  /** What is said of the last action. */
  const noteText = () => {
    if (working) return texts.working
    return fault === undefined ? remark : `${texts.failed}${String(fault)}`
  }
  /** @param {string} text */
  const noteOf = (text) => {
    if (working) return [h('p', { class: 'muted', role: 'status' }, text)]
    if (fault !== undefined) return [errorNote(fault)]
    return text === '' ? [] : [h('p', { class: 'note error', role: 'alert' }, text)]
  }
  const reasonOf = () => {
    if (isProblem(now)) return now.detail ?? now.title
    // Of a stage of linking by the passkey, this page says its own words.
    if (now === undefined || now.status === 'PASSKEY_REQUIRED') return undefined
    return [now.reason, now.limited].filter(Boolean).join('; ')
  }
  const words = () => {
    if (isProblem(now)) return wordsFor(now.type.split(':').at(-1) ?? '')
    if (now === undefined) return texts.pill.UNKNOWN
    const percent =
      now.status === 'AUTHENTICATED' && now.sync_percent !== undefined
        ? ` ${Math.round(now.sync_percent)} %`
        : ''
    return texts.status[now.status] + percent
  }
  const render = () => {
    const known = status()
    const how = kind()
    say(what, words())
    what.dataset.how = how
    const reason = reasonOf()
    // session-manager and the hub speak English
    if (why.textContent !== (reason ?? ''))
      why.replaceChildren(
        ...(reason
          ? [
              h(
                'p',
                { lang: 'en', class: isProblem(now) || how === 'ERROR' ? 'note error' : 'note' },
                reason
              )
            ]
          : [])
      )
    qr.render()
    passkey.render()
    facts.replaceChildren(
      ...(known
        ? factsOf(known).flatMap(([term, value]) =>
            value === undefined || value === ''
              ? []
              : [h('div', {}, h('dt', {}, term), h('dd', {}, h('bdi', {}, value)))]
          )
        : [])
    )
    const off = how === 'DISCONNECTED' || how === 'ERROR'
    connect.hidden = !off
    // off on request has no next attempt: there is nothing to stop
    disconnect.hidden = !known || (off && known.next_attempt_at === undefined)
    unlink.hidden = !known?.linked
    for (const [button, text] of /** @type {const} */ ([
      [connect, texts.connect],
      [disconnect, texts.disconnect],
      [unlink, texts.unlink]
    ])) {
      say(button, text)
      if (working) button.setAttribute('aria-disabled', 'true')
      else button.removeAttribute('aria-disabled')
    }
    const note = noteText()
    // an alert is read aloud each time it is made
    if (note !== noted) actionNote.replaceChildren(...noteOf(note))
    noted = note
    tick()
    onChange()
  }

  const ticking = setInterval(tick, 1_000)
  return {
    box,
    kind,
    render,
    /** @param {Status | Problem} told what an event says */
    apply: (told) => {
      now = told
      qr.want(kind() === 'QR_REQUIRED')
      passkey.want(kind() === 'PASSKEY_REQUIRED')
      render()
    },
    end: () => clearInterval(ticking)
  }
}
