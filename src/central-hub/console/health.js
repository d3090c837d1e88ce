import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { fill, texts } from './texts.js'

/** The checks of `GET /ready` in plain words. They are read again while a person looks at them. */

const everyMs = 5_000

/** A check of a further account ends in its name. @param {string} name @param {boolean} ok */
const wordsFor = (name, ok) => {
  const [, kind = name, account = ''] = /^([a-z-]+)\s*(.*)$/.exec(name) ?? []
  const checks = /** @type {Record<string, string>} */ (ok ? texts.checksFine : texts.checksFailing)
  const words = checks[kind]
  if (words !== undefined) return `${account === '' ? '' : `${account}: `}${words}`
  return ok ? fill(texts.checkFine, { name }) : fill(texts.checkFailing, { name })
}

/** @typedef {import('../../contract/lead.ts').Readiness} Readiness */

/**
 * An error that makes several checks fail has its text once, at the first of these.
 * @param {Readiness['checks'][number]} check @param {number} index
 * @param {readonly Readiness['checks'][number][]} all
 */
const checkItem = ({ name, ok, detail }, index, all) =>
  h(
    'li',
    { 'data-ok': String(ok) },
    h(
      'p',
      {},
      h('span', { 'aria-hidden': 'true', class: 'mark' }, ok ? '✓' : '✗'),
      h('span', { class: 'sr-only' }, ok ? texts.works : texts.broken),
      ' ',
      h('strong', {}, wordsFor(name, ok))
    ),
    !all.slice(0, index).some((other) => other.detail === detail) &&
      h('p', { class: `small ${ok ? 'muted' : ''}`, lang: 'en' }, detail)
  )

export class Health {
  /** @type {Readiness | undefined} */
  #readiness
  /** @type {unknown} */
  #error
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  /** The state that is shown, as text. */
  #shown = ''
  #box = byId('health')

  /** @param {boolean} isVisible whether a person looks at it */
  watch(isVisible) {
    clearTimeout(this.#timer)
    if (isVisible) void this.#ask()
  }

  render() {
    // A live region: only news may change it.
    const state = JSON.stringify([
      this.#readiness?.ready,
      this.#readiness?.checks,
      String(this.#error),
      texts.healthy
    ])
    if (state === this.#shown) return
    this.#shown = state
    if (this.#error !== undefined)
      return this.#box.replaceChildren(errorNote(this.#error, () => void this.#ask()))
    if (!this.#readiness)
      return this.#box.replaceChildren(h('p', { class: 'muted' }, texts.loading))
    const { ready, checks } = this.#readiness
    this.#box.replaceChildren(
      h(
        'p',
        { class: 'lead-line', 'data-how': ready ? 'READY' : 'ERROR' },
        ready ? texts.healthy : texts.unhealthy
      ),
      h('ul', { class: 'checks' }, ...checks.map(checkItem))
    )
  }

  async #ask() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#ask(), everyMs)
    try {
      this.#readiness = await api.ready()
      this.#error = undefined
    } catch (error) {
      this.#error = error
    }
    this.render()
  }
}
