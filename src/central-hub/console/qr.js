import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration } from './format.js'
import { createPairing } from './pairing.js'
import { hubNow } from './request.js'
import { texts } from './texts.js'

/** Linking a phone: the QR to scan with its countdown, or a code by phone number instead. */

/** @typedef {import('../../contract/session.ts').Qr} Qr */

/** How long after a code ran out the next one is asked for, if no event announces it, ms. */
const graceMs = 2_000

/** @param {ReturnType<typeof import('./api.js').api.session>} routes */
export const createQr = (routes) => {
  /** @type {Qr | undefined} */
  let qr
  /** @type {unknown} */
  let fault
  let asked = 0
  let wanted = false

  // made once: the image must not flicker, and a button keeps the focus
  const image = /** @type {HTMLImageElement} */ (
    h('img', { class: 'qr', width: '360', height: '360' })
  )
  const left = h('p', { class: 'muted small' })
  const note = h('div', {})
  const refresh = h('button', { type: 'button', onclick: () => void ask() })
  const steps = h('ol', { class: 'steps' })
  const pairing = createPairing(routes)
  const box = h(
    'div',
    { class: 'linking' },
    h('div', { class: 'scan' }, h('div', { class: 'frame' }, image, left, note, refresh), steps),
    pairing.box
  )

  /**
   * How long the code is still good.
   * @param {Extract<Qr, { status: 'QR_AVAILABLE' }> | undefined} shown
   * @param {number | undefined} remaining ms
   */
  const validity = (shown, remaining) => {
    if (shown === undefined || remaining === undefined)
      return fault === undefined ? texts.qrWaiting : ''
    return remaining <= 0 ? texts.qrExpired : texts.qrLeft(shown.attempt, duration(remaining))
  }

  /** What changes by the second. */
  const tick = () => {
    pairing.tick()
    if (!wanted) return
    const shown = qr?.status === 'QR_AVAILABLE' ? qr : undefined
    const remaining = shown && Date.parse(shown.expires_at) - hubNow()
    const over = remaining !== undefined && remaining <= 0
    say(left, validity(shown, remaining))
    image.classList.toggle('expired', over)
    if (remaining !== undefined && remaining < -graceMs) {
      qr = undefined
      void ask()
    }
  }
  const render = () => {
    box.hidden = !wanted
    pairing.render()
    if (!wanted) return image.removeAttribute('src')
    image.hidden = qr?.status !== 'QR_AVAILABLE'
    image.alt = texts.qrAlt
    if (qr?.status === 'QR_AVAILABLE' && image.src !== qr.qr) image.src = qr.qr
    say(refresh, texts.qrRefresh)
    if (steps.firstChild?.textContent !== texts.qrSteps[0])
      steps.replaceChildren(...texts.qrSteps.map((step) => h('li', {}, step)))
    note.replaceChildren(...(fault === undefined ? [] : [errorNote(fault, () => void ask())]))
    tick()
  }
  const ask = async () => {
    const mine = ++asked
    try {
      const answer = await routes.qr()
      if (mine !== asked) return
      ;[qr, fault] = [answer, undefined]
    } catch (error) {
      if (mine !== asked) return
      ;[qr, fault] = [undefined, error]
    }
    render()
  }
  return {
    box,
    tick,
    render,
    /**
     * @param {boolean} now whether a phone is to be linked; each code comes with an event that says
     * so
     */
    want: (now) => {
      wanted = now
      if (now) void ask()
      else [qr, fault, asked] = [undefined, undefined, asked + 1]
    }
  }
}
