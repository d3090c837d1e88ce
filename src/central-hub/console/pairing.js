import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration } from './format.js'
import { hubNow } from './request.js'
import { texts } from './texts.js'

/** A code to type into WhatsApp on the phone, for whom a QR is of no use: by phone number. */

let made = 0

/** @param {Pick<ReturnType<typeof import('./api.js').api.session>, 'pairingCode'>} routes */
export const createPairing = (routes) => {
  /** @type {Awaited<ReturnType<typeof routes.pairingCode>> | undefined} */
  let code
  let working = false
  /** @type {unknown} */
  let fault
  const id = `pairing-phone-${(made += 1)}`

  const summary = h('summary', {})
  const label = h('label', { for: id })
  const input = /** @type {HTMLInputElement} */ (
    h('input', {
      id,
      type: 'tel',
      autocomplete: 'tel',
      required: true,
      maxlength: '40',
      placeholder: '+52 55 1234 5678'
    })
  )
  const get = h('button', { type: 'submit' })
  const form = h(
    'form',
    { class: 'pairing', onsubmit: (/** @type {Event} */ event) => void ask(event) },
    label,
    h('div', { class: 'together' }, input, get)
  )
  const big = h('p', { class: 'code' })
  const left = h('p', { class: 'muted small' })
  const steps = h('ol', { class: 'steps' })
  const shown = h('div', { class: 'pairing', role: 'status' }, big)
  const note = h('div', {})
  const box = h('details', { class: 'disclosure' }, summary, form, note, shown, left, steps)

  const tick = () => {
    if (code === undefined) return say(left, '')
    const remaining = Date.parse(code.expires_at) - hubNow()
    big.classList.toggle('expired', remaining <= 0)
    say(
      left,
      remaining > 0 ? texts.pairingLeft(code.phone, duration(remaining)) : texts.pairingExpired
    )
  }
  const render = () => {
    say(summary, texts.pairing)
    say(label, texts.pairingPhone)
    say(get, working ? texts.working : texts.pairingGet)
    if (working) get.setAttribute('aria-disabled', 'true')
    else get.removeAttribute('aria-disabled')
    big.hidden = code === undefined
    say(big, code?.code ?? '')
    if (steps.firstChild?.textContent !== texts.pairingSteps[0])
      steps.replaceChildren(...texts.pairingSteps.map((step) => h('li', {}, step)))
    steps.hidden = code === undefined
    tick()
  }
  /** @param {Event} event */
  const ask = async (event) => {
    event.preventDefault()
    if (working) return
    ;[working, fault] = [true, undefined]
    note.replaceChildren()
    render()
    try {
      code = await routes.pairingCode(input.value.trim())
    } catch (error) {
      fault = error
      note.replaceChildren(errorNote(fault))
    }
    working = false
    render()
  }
  return { box, tick, render }
}
