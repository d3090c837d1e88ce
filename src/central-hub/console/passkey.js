import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration } from './format.js'
import { hubNow } from './request.js'
import { texts } from './texts.js'

/**
 * Linking by the account's passkey: a script for the operator's own browser, its answer, and the
 * code to compare.
 */

/** @typedef {import('../../contract/session.ts').Passkey} Passkey */
/** @typedef {Extract<Passkey, { status: 'PASSKEY_REQUIRED' }>} Open */

/** How often the stage is asked for beside the events, ms. */
const everyMs = 5_000

let made = 0

/** @param {ReturnType<typeof import('./api.js').api.session>} routes */
export const createPasskey = (routes) => {
  /** @type {Open | undefined} */
  let open
  /** @type {unknown} */
  let fault
  let working = false
  let wanted = false
  let asked = 0
  let askedAt = 0
  made += 1
  const ids = { script: `passkey-script-${made}`, answer: `passkey-answer-${made}` }

  /** @param {() => void} run @param {string} [kind] */
  const button = (run, kind = '') => h('button', { type: 'button', class: kind, onclick: run })

  // Made once, so that what is typed and the focus stay.
  const intro = h('p', {})
  const first = h('p', {})
  const second = h('label', { for: ids.script })
  const script = /** @type {HTMLTextAreaElement} */ (
    h('textarea', {
      id: ids.script,
      rows: '3',
      readonly: true,
      class: 'secret',
      spellcheck: 'false'
    })
  )
  const copy = button(() => void copyScript())
  const copied = h('span', { role: 'status', class: 'muted small' })
  const third = h('label', { for: ids.answer })
  const answer = /** @type {HTMLTextAreaElement} */ (
    h('textarea', {
      id: ids.answer,
      rows: '3',
      class: 'secret',
      spellcheck: 'false',
      autocomplete: 'off'
    })
  )
  const send = button(() => void sendAnswer(), 'primary')
  const steps = h(
    'ol',
    { class: 'steps' },
    h('li', {}, first),
    h('li', {}, second, script, h('div', { class: 'buttons' }, copy, copied)),
    h('li', {}, third, answer, h('div', { class: 'buttons' }, send))
  )
  const code = h('p', { class: 'code' })
  const same = button(() => void order('confirm'), 'primary')
  const comparison = h('div', {}, code, h('div', { class: 'buttons' }, same))
  const left = h('p', { class: 'muted small' })
  const reason = h('p', { class: 'note error', lang: 'en', role: 'alert' })
  const note = h('div', {})
  const restart = button(() => void order('restart'))
  const cancel = button(() => void order('cancel'))
  const box = h(
    'div',
    { class: 'linking passkey' },
    intro,
    reason,
    steps,
    comparison,
    left,
    note,
    h('div', { class: 'buttons' }, restart, cancel)
  )

  /** @param {number} remaining ms */
  const timeLeft = (remaining) =>
    remaining > 0 ? texts.passkeyLeft(duration(remaining)) : texts.passkeyExpired
  /** What changes by the second. */
  const tick = () => {
    if (!wanted) return
    const remaining =
      open?.expires_at === undefined ? undefined : Date.parse(open.expires_at) - hubNow()
    const isCounted =
      remaining !== undefined && open?.stage !== 'failed' && open?.stage !== 'starting'
    say(left, isCounted ? timeLeft(remaining) : '')
    left.hidden = left.textContent === ''
    if (Date.now() - askedAt > everyMs) void ask()
  }
  const render = () => {
    box.hidden = !wanted
    if (!wanted) return
    const stage = open?.stage ?? 'starting'
    say(intro, texts.passkeyStage[stage])
    say(first, texts.passkeySteps[0] ?? '')
    say(second, texts.passkeySteps[1] ?? '')
    say(third, texts.passkeySteps[2] ?? '')
    steps.hidden = stage !== 'challenge'
    if (script.value !== (open?.script ?? '')) {
      script.value = open?.script ?? ''
      answer.value = ''
      say(copied, '')
    }
    say(copy, texts.passkeyCopy)
    comparison.hidden = stage !== 'code'
    say(code, open?.code ?? '')
    say(same, texts.passkeySame)
    say(reason, open?.reason ?? '')
    reason.hidden = stage !== 'failed' || reason.textContent === ''
    say(send, texts.passkeySend)
    say(restart, stage === 'code' ? texts.passkeyOther : texts.passkeyRestart)
    restart.hidden = stage === 'starting' || stage === 'finishing'
    say(cancel, texts.passkeyCancel)
    for (const each of [send, same, restart, cancel]) {
      if (working) each.setAttribute('aria-disabled', 'true')
      else each.removeAttribute('aria-disabled')
    }
    tick()
  }
  /** @param {unknown} error */
  const showFault = (error) => {
    fault = error
    note.replaceChildren(...(fault === undefined ? [] : [errorNote(fault)]))
  }
  /** @param {Passkey} told */
  const take = (told) => {
    open = told.status === 'PASSKEY_REQUIRED' ? told : undefined
    render()
  }
  const ask = async () => {
    asked += 1
    const mine = asked
    askedAt = Date.now()
    try {
      const told = await routes.passkey()
      if (mine === asked && wanted) take(told)
    } catch (error) {
      if (mine === asked && wanted) showFault(error)
    }
  }
  /** @param {() => Promise<Passkey>} run */
  const act = async (run) => {
    if (working) return
    working = true
    showFault(undefined)
    render()
    try {
      take(await run())
    } catch (error) {
      showFault(error)
    }
    working = false
    render()
  }
  /** @param {'confirm' | 'restart' | 'cancel'} which */
  const order = (which) => act(() => routes.passkeyOrder(which))
  const sendAnswer = () => {
    let value
    try {
      value = JSON.parse(answer.value)
    } catch {
      // Not whole: the browser there has the rest of it.
      note.replaceChildren(h('p', { class: 'note error', role: 'alert' }, texts.passkeyNotWhole))
      return answer.focus()
    }
    return act(() => routes.answerPasskey(value))
  }
  const copyScript = async () => {
    script.select()
    try {
      await navigator.clipboard.writeText(script.value)
      say(copied, texts.passkeyCopied)
    } catch {
      // The text is selected: a person copies it by the keyboard.
      say(copied, texts.passkeySelected)
    }
  }
  return {
    box,
    tick,
    render,
    /**
     * @param {boolean} now whether WhatsApp asks for the passkey; each stage comes with an event
     * that says so
     */
    want: (now) => {
      if (!now && wanted) {
        open = undefined
        answer.value = ''
        script.value = ''
        showFault(undefined)
      }
      wanted = now
      if (now) void ask()
      else asked += 1
    }
  }
}
