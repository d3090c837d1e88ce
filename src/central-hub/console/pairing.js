import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration } from './format.js'
import { hubNow } from './request.js'
import { fill, texts } from './texts.js'

/** Linking by phone number: a code to type into WhatsApp, for people who cannot scan a QR. */

/** The number of forms so far: each input needs an id of its own. */
let made = 0

/** @param {string} id */
const phoneInput = (id) =>
  /** @type {HTMLInputElement} */ (
    h('input', {
      id,
      type: 'tel',
      autocomplete: 'tel',
      required: true,
      maxlength: '40',
      placeholder: '+52 55 1234 5678'
    })
  )

/** @typedef {Pick<ReturnType<typeof import('./api.js').api.session>, 'pairingCode'>} Routes */

export class Pairing {
  #routes
  /** @type {Awaited<ReturnType<Routes['pairingCode']>> | undefined} */
  #code
  #isWorking = false

  #summary = h('summary', {})
  #label
  #input
  #get = h('button', { type: 'submit' })
  #big = h('p', { class: 'code' })
  #left = h('p', { class: 'muted small' })
  #steps = h('ol', { class: 'steps' })
  #note = h('div', {})

  /** @param {Routes} routes */
  constructor(routes) {
    this.#routes = routes
    made += 1
    const id = `pairing-phone-${made}`
    this.#label = h('label', { for: id })
    this.#input = phoneInput(id)
    const form = h(
      'form',
      { class: 'pairing', onsubmit: (/** @type {Event} */ event) => void this.#ask(event) },
      this.#label,
      h('div', { class: 'together' }, this.#input, this.#get)
    )
    const shown = h('div', { class: 'pairing', role: 'status' }, this.#big)
    this.box = h(
      'details',
      { class: 'disclosure' },
      this.#summary,
      form,
      this.#note,
      shown,
      this.#left,
      this.#steps
    )
  }

  tick() {
    if (this.#code === undefined) return say(this.#left, '')
    const { phone, expires_at } = this.#code
    const remaining = Date.parse(expires_at) - hubNow()
    this.#big.classList.toggle('expired', remaining <= 0)
    say(
      this.#left,
      remaining > 0
        ? fill(texts.pairingLeft, { phone, time: duration(remaining) })
        : texts.pairingExpired
    )
  }

  render() {
    say(this.#summary, texts.pairing)
    say(this.#label, texts.pairingPhone)
    say(this.#get, this.#isWorking ? texts.working : texts.pairingGet)
    if (this.#isWorking) this.#get.setAttribute('aria-disabled', 'true')
    else this.#get.removeAttribute('aria-disabled')
    this.#big.hidden = this.#code === undefined
    say(this.#big, this.#code?.code ?? '')
    if (this.#steps.firstChild?.textContent !== texts.pairingSteps[0])
      this.#steps.replaceChildren(...texts.pairingSteps.map((step) => h('li', {}, step)))
    this.#steps.hidden = this.#code === undefined
    this.tick()
  }

  /** @param {Event} event */
  async #ask(event) {
    event.preventDefault()
    if (this.#isWorking) return
    this.#isWorking = true
    this.#note.replaceChildren()
    this.render()
    try {
      this.#code = await this.#routes.pairingCode(this.#input.value.trim())
    } catch (error) {
      this.#note.replaceChildren(errorNote(error))
    }
    this.#isWorking = false
    this.render()
  }
}
