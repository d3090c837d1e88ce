import { api } from './api.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { texts } from './texts.js'

/** What `GET /ready` says, in plain words; asked again for as long as it is looked at. */

const everyMs = 5_000

/** A check of a further account ends in its name. @param {string} name @param {boolean} ok */
const wordsFor = (name, ok) => {
  const [, kind = name, account = ''] = /^([a-z-]+)\s*(.*)$/.exec(name) ?? []
  const words = /** @type {Record<string, string[]>} */ (texts.checks)[kind]
  return words
    ? `${account === '' ? '' : `${account}: `}${words[ok ? 0 : 1]}`
    : texts.checkOf(name, ok)
}

export const createHealth = () => {
  /** @type {import('../../contract/lead.ts').Readiness | undefined} */
  let readiness
  /** @type {unknown} */
  let fault
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let shown = ''
  const box = byId('health')

  const render = () => {
    // a live region: only what is new may change it
    const state = JSON.stringify([
      readiness?.ready,
      readiness?.checks,
      String(fault),
      texts.healthy
    ])
    if (state === shown) return
    shown = state
    if (fault !== undefined || !readiness)
      return box.replaceChildren(
        fault === undefined
          ? h('p', { class: 'muted' }, texts.loading)
          : errorNote(fault, () => void ask())
      )
    box.replaceChildren(
      h(
        'p',
        { class: 'lead-line', 'data-how': readiness.ready ? 'READY' : 'ERROR' },
        readiness.ready ? texts.healthy : texts.unhealthy
      ),
      h(
        'ul',
        { class: 'checks' },
        ...readiness.checks.map(({ name, ok, detail }, index, all) =>
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
            // one fault may fail more than one check: it is told once
            !all.slice(0, index).some((other) => other.detail === detail) &&
              h('p', { class: `small ${ok ? 'muted' : ''}`, lang: 'en' }, detail)
          )
        )
      )
    )
  }
  const ask = async () => {
    clearTimeout(timer)
    timer = setTimeout(() => void ask(), everyMs)
    try {
      readiness = await api.ready()
      fault = undefined
    } catch (error) {
      fault = error
    }
    render()
  }
  return {
    /** @param {boolean} looked whether it is looked at */
    watch: (looked) => {
      clearTimeout(timer)
      if (looked) void ask()
    },
    render
  }
}
