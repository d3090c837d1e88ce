import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration } from './format.js'
import { Pairing } from './pairing.js'
import { hubNow } from './request.js'
import { fill, texts } from './texts.js'

/** Linking a phone: the QR to scan with its countdown, or a code by phone number instead. */

/** @typedef {import('../../contract/session.ts').Qr} Qr */

/** How long after a code ran out the next one is asked for, if no event announces it, ms. */
const graceMs = 2_000

export class QrCode {
  #routes
  /** @type {Qr | undefined} */
  #qr
  /** @type {unknown} */
  #error
  /** The number of the latest request: answers to earlier ones are dropped. */
  #asked = 0
  #isWanted = false

  // Made once: the image must not flicker, and a button keeps the focus.
  #image = /** @type {HTMLImageElement} */ (h('img', { class: 'qr', width: '360', height: '360' }))
  #left = h('p', { class: 'muted small' })
  #note = h('div', {})
  #refresh = h('button', { type: 'button', onclick: () => void this.#ask() })
  #steps = h('ol', { class: 'steps' })
  #pairing

  /** @param {ReturnType<typeof import('./api.js').api.session>} routes */
  constructor(routes) {
    this.#routes = routes
    this.#pairing = new Pairing(routes)
    const frame = h('div', { class: 'frame' }, this.#image, this.#left, this.#note, this.#refresh)
    const scan = h('div', { class: 'scan' }, frame, this.#steps)
    this.box = h('div', { class: 'linking' }, scan, this.#pairing.box)
  }

  /**
   * @param {boolean} isWanted whether a phone is to be linked; each code comes with an event that
   * says so
   */
  want(isWanted) {
    this.#isWanted = isWanted
    if (isWanted) void this.#ask()
    else {
      this.#qr = undefined
      this.#error = undefined
      this.#asked += 1
    }
  }

  /** Updates what changes every second. */
  tick() {
    this.#pairing.tick()
    if (!this.#isWanted) return
    const shown = this.#shown()
    const remaining = shown && Date.parse(shown.expires_at) - hubNow()
    say(this.#left, this.#validity(shown, remaining))
    this.#image.classList.toggle('expired', remaining !== undefined && remaining <= 0)
    if (remaining !== undefined && remaining < -graceMs) {
      this.#qr = undefined
      void this.#ask()
    }
  }

  render() {
    this.box.hidden = !this.#isWanted
    this.#pairing.render()
    if (!this.#isWanted) return this.#image.removeAttribute('src')
    const shown = this.#shown()
    this.#image.hidden = shown === undefined
    this.#image.alt = texts.qrAlt
    if (shown !== undefined && this.#image.src !== shown.qr) this.#image.src = shown.qr
    say(this.#refresh, texts.qrRefresh)
    if (this.#steps.firstChild?.textContent !== texts.qrSteps[0])
      this.#steps.replaceChildren(...texts.qrSteps.map((step) => h('li', {}, step)))
    const notes = this.#error === undefined ? [] : [errorNote(this.#error, () => void this.#ask())]
    this.#note.replaceChildren(...notes)
    this.tick()
  }

  #shown() {
    return this.#qr?.status === 'QR_AVAILABLE' ? this.#qr : undefined
  }

  /**
   * How long the code is still valid.
   * @param {Extract<Qr, { status: 'QR_AVAILABLE' }> | undefined} shown
   * @param {number | undefined} remaining ms
   */
  #validity(shown, remaining) {
    if (shown === undefined || remaining === undefined)
      return this.#error === undefined ? texts.qrWaiting : ''
    if (remaining <= 0) return texts.qrExpired
    return fill(texts.qrLeft, { attempt: shown.attempt, time: duration(remaining) })
  }

  async #ask() {
    this.#asked += 1
    const request = this.#asked
    try {
      const answer = await this.#routes.qr()
      if (request !== this.#asked) return
      this.#qr = answer
      this.#error = undefined
    } catch (error) {
      if (request !== this.#asked) return
      this.#qr = undefined
      this.#error = error
    }
    this.render()
  }
}
