import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration } from './format.js'
import { hubNow } from './request.js'
import { fill, texts } from './texts.js'

/**
 * Linking by the account's passkey: a script for the operator's own browser, its answer, and the
 * code to compare.
 */

/** @typedef {import('../../contract/session.ts').Passkey} Passkey */
/** @typedef {Extract<Passkey, { status: 'PASSKEY_REQUIRED' }>} Open */
/** @typedef {'confirm' | 'restart' | 'cancel'} Order */

/** How often the stage is read, in addition to the events, ms. */
const everyMs = 5_000

/** The number of forms so far: each field needs an id of its own. */
let made = 0

/** @param {() => void} run @param {string} [kind] */
const button = (run, kind = '') => h('button', { type: 'button', class: kind, onclick: run })

/** @param {string} id @param {Record<string, unknown>} props */
const secretField = (id, props) =>
  /** @type {HTMLTextAreaElement} */ (
    h('textarea', { id, rows: '3', class: 'secret', spellcheck: 'false', ...props })
  )

/** @param {number} remaining ms */
const timeLeft = (remaining) =>
  remaining > 0 ? fill(texts.passkeyLeft, { time: duration(remaining) }) : texts.passkeyExpired

/** The elements of the form. They are made once, so that typed text and the focus stay. */
class Form {
  intro = h('p', {})
  first = h('p', {})
  second = h('label', {})
  script
  copied = h('span', { role: 'status', class: 'muted small' })
  third = h('label', {})
  answer
  code = h('p', { class: 'code' })
  left = h('p', { class: 'muted small' })
  reason = h('p', { class: 'note error', lang: 'en', role: 'alert' })
  note = h('div', {})

  /**
   * @param {{ copy: () => void, send: () => void, order: (which: Order) => void }} actions of the
   * buttons
   */
  constructor({ copy, send, order }) {
    made += 1
    const ids = { script: `passkey-script-${made}`, answer: `passkey-answer-${made}` }
    this.second.setAttribute('for', ids.script)
    this.script = secretField(ids.script, { readonly: true })
    this.third.setAttribute('for', ids.answer)
    this.answer = secretField(ids.answer, { autocomplete: 'off' })
    this.copy = button(copy)
    this.send = button(send, 'primary')
    this.same = button(() => order('confirm'), 'primary')
    this.restart = button(() => order('restart'))
    this.cancel = button(() => order('cancel'))
    this.steps = h(
      'ol',
      { class: 'steps' },
      h('li', {}, this.first),
      h('li', {}, this.second, this.script, h('div', { class: 'buttons' }, this.copy, this.copied)),
      h('li', {}, this.third, this.answer, h('div', { class: 'buttons' }, this.send))
    )
    this.comparison = h('div', {}, this.code, h('div', { class: 'buttons' }, this.same))
    this.box = h(
      'div',
      { class: 'linking passkey' },
      this.intro,
      this.reason,
      this.steps,
      this.comparison,
      this.left,
      this.note,
      h('div', { class: 'buttons' }, this.restart, this.cancel)
    )
  }

  /** @param {Open | undefined} open @param {boolean} isWorking */
  render(open, isWorking) {
    const stage = open?.stage ?? 'starting'
    this.#renderSteps(open, stage)
    say(this.copy, texts.passkeyCopy)
    this.comparison.hidden = stage !== 'code'
    say(this.code, open?.code ?? '')
    say(this.same, texts.passkeySame)
    say(this.reason, open?.reason ?? '')
    this.reason.hidden = stage !== 'failed' || this.reason.textContent === ''
    say(this.send, texts.passkeySend)
    say(this.restart, stage === 'code' ? texts.passkeyOther : texts.passkeyRestart)
    this.restart.hidden = stage === 'starting' || stage === 'finishing'
    say(this.cancel, texts.passkeyCancel)
    for (const each of [this.send, this.same, this.restart, this.cancel]) {
      if (isWorking) each.setAttribute('aria-disabled', 'true')
      else each.removeAttribute('aria-disabled')
    }
  }

  /** @param {Open | undefined} open @param {Open['stage']} stage */
  #renderSteps(open, stage) {
    say(this.intro, texts.passkeyStage[stage])
    say(this.first, texts.passkeySteps[0] ?? '')
    say(this.second, texts.passkeySteps[1] ?? '')
    say(this.third, texts.passkeySteps[2] ?? '')
    this.steps.hidden = stage !== 'challenge'
    if (this.script.value === (open?.script ?? '')) return
    this.script.value = open?.script ?? ''
    this.answer.value = ''
    say(this.copied, '')
  }
}

export class PasskeyLinking {
  #routes
  /** @type {Open | undefined} */
  #open
  #isWorking = false
  #isWanted = false
  /** The number of the latest request: answers to earlier ones are dropped. */
  #asked = 0
  #askedAt = 0
  #form = new Form({
    copy: () => void this.#copyScript(),
    send: () => void this.#sendAnswer(),
    order: (which) => void this.#act(() => this.#routes.passkeyOrder(which))
  })

  /** @param {ReturnType<typeof import('./api.js').api.session>} routes */
  constructor(routes) {
    this.#routes = routes
    this.box = this.#form.box
  }

  /**
   * @param {boolean} isWanted whether WhatsApp asks for the passkey; each stage comes with an event
   * that says so
   */
  want(isWanted) {
    if (!isWanted && this.#isWanted) {
      this.#open = undefined
      this.#form.answer.value = ''
      this.#form.script.value = ''
      this.#showError(undefined)
    }
    this.#isWanted = isWanted
    if (isWanted) void this.#ask()
    else this.#asked += 1
  }

  /** Updates what changes every second. */
  tick() {
    if (!this.#isWanted) return
    const { expires_at, stage } = this.#open ?? {}
    const remaining = expires_at === undefined ? undefined : Date.parse(expires_at) - hubNow()
    const isCounted = remaining !== undefined && stage !== 'failed' && stage !== 'starting'
    const { left } = this.#form
    say(left, isCounted ? timeLeft(remaining) : '')
    left.hidden = left.textContent === ''
    if (Date.now() - this.#askedAt > everyMs) void this.#ask()
  }

  render() {
    this.box.hidden = !this.#isWanted
    if (!this.#isWanted) return
    this.#form.render(this.#open, this.#isWorking)
    this.tick()
  }

  /** @param {unknown} error undefined: removes the note */
  #showError(error) {
    this.#form.note.replaceChildren(...(error === undefined ? [] : [errorNote(error)]))
  }

  /** @param {Passkey} passkey */
  #apply(passkey) {
    this.#open = passkey.status === 'PASSKEY_REQUIRED' ? passkey : undefined
    this.render()
  }

  async #ask() {
    this.#asked += 1
    const request = this.#asked
    const isCurrent = () => request === this.#asked && this.#isWanted
    this.#askedAt = Date.now()
    try {
      const passkey = await this.#routes.passkey()
      if (isCurrent()) this.#apply(passkey)
    } catch (error) {
      if (isCurrent()) this.#showError(error)
    }
  }

  /** @param {() => Promise<Passkey>} run */
  async #act(run) {
    if (this.#isWorking) return
    this.#isWorking = true
    this.#showError(undefined)
    this.render()
    try {
      this.#apply(await run())
    } catch (error) {
      this.#showError(error)
    }
    this.#isWorking = false
    this.render()
  }

  #sendAnswer() {
    const { answer, note } = this.#form
    let value
    try {
      value = JSON.parse(answer.value)
    } catch {
      // The answer is incomplete: the other browser shows the rest.
      note.replaceChildren(h('p', { class: 'note error', role: 'alert' }, texts.passkeyNotWhole))
      return answer.focus()
    }
    return this.#act(() => this.#routes.answerPasskey(value))
  }

  async #copyScript() {
    const { script, copied } = this.#form
    script.select()
    try {
      await navigator.clipboard.writeText(script.value)
      say(copied, texts.passkeyCopied)
    } catch {
      // The text is selected: a person copies it by the keyboard.
      say(copied, texts.passkeySelected)
    }
  }
}
