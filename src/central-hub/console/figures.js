import { api } from './api.js'
import { barChart, partsChart } from './chart.js'
import { byId, h } from './dom.js'
import { errorNote } from './error.js'
import { duration, figure, shortDay } from './format.js'
import { states } from './lead.js'
import { hubNow } from './request.js'
import { fill, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Stats} Stats */

/**
 * Figures: messages per day, how fast people are answered, who waits. Each chart also has its
 * numbers as text and as a table.
 */

const days = 30
const everyMs = 60_000

/** A round number of seconds, minutes or hours. @param {number} s */
const roundTime = (s) =>
  [10, 20, 60, 120, 240, 600, 1_200, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400].find(
    (step) => step >= s
  ) ?? Math.ceil(s / 86_400) * 86_400

/** @param {string} caption @param {string[]} heads @param {(string | number)[][]} rows */
const table = (caption, heads, rows) =>
  h(
    'details',
    { class: 'disclosure' },
    h('summary', {}, texts.asTable, h('span', { class: 'sr-only' }, `: ${caption}`)),
    h(
      'div',
      { class: 'table', tabindex: '0', role: 'region', 'aria-label': caption },
      h(
        'table',
        {},
        h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
        h(
          'tbody',
          {},
          ...rows.map(([first = '', ...others]) =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, first),
              ...others.map((cell) => h('td', {}, cell))
            )
          )
        )
      )
    )
  )

/** @param {...{ kind: string, text: string }} entries */
const legend = (...entries) =>
  h(
    'ul',
    { class: 'legend small' },
    ...entries.map(({ kind, text }) =>
      h('li', {}, h('span', { class: `key ${kind}`, 'aria-hidden': 'true' }), text)
    )
  )

/** @param {string} title @param {...Node} content */
const card = (title, ...content) => h('section', { class: 'card' }, h('h3', {}, title), ...content)

/** @param {Stats} stats */
const perDay = ({ days }) => {
  const sum = (/** @type {'inbound' | 'outbound'} */ direction) =>
    days.reduce((all, day) => all + day[direction], 0)
  const words = fill(texts.perDaySum, { inbound: sum('inbound'), outbound: sum('outbound') })
  if (sum('inbound') + sum('outbound') === 0)
    return card(texts.perDay, h('p', { class: 'muted' }, texts.noMessagesYet))
  return card(
    texts.perDay,
    h('p', { class: 'muted' }, words),
    barChart({
      name: `${texts.perDay}: ${words}`,
      days: days.map(({ date }) => shortDay(date)),
      write: figure,
      series: [
        { kind: 'inbound', values: days.map(({ inbound }) => inbound) },
        { kind: 'outbound', values: days.map(({ outbound }) => outbound) }
      ]
    }),
    legend({ kind: 'inbound', text: texts.received }, { kind: 'outbound', text: texts.sent }),
    table(
      texts.perDay,
      [texts.day, texts.received, texts.sent, texts.newLeads],
      days.map((day) => [
        shortDay(day.date),
        figure(day.inbound),
        figure(day.outbound),
        figure(day.new_leads)
      ])
    )
  )
}

/** @param {Stats} stats */
const response = ({ days, first_response: { median_s, p90_s } }) => {
  if (median_s === null)
    return card(texts.firstResponse, h('p', { class: 'muted' }, texts.noAnswers))
  const words = fill(texts.firstResponseSum, {
    median: duration(median_s * 1_000, 'long'),
    p90: duration((p90_s ?? median_s) * 1_000, 'long')
  })
  return card(
    texts.firstResponse,
    h('p', { class: 'muted' }, words),
    barChart({
      name: `${texts.firstResponse}: ${words}`,
      days: days.map(({ date }) => shortDay(date)),
      write: (s) => duration(s * 1_000),
      round: roundTime,
      series: [{ kind: 'response', values: days.map(({ first_response_s }) => first_response_s) }]
    }),
    table(
      texts.firstResponse,
      [texts.day, texts.median],
      days.map(({ date, first_response_s: s }) => [
        shortDay(date),
        s === null ? '–' : duration(s * 1_000)
      ])
    )
  )
}

/** @param {Stats} stats */
const waitingNow = ({ waiting: { now, longest_since } }) =>
  h(
    'div',
    {},
    h('h3', {}, texts.waitingNow),
    h('p', { class: 'big' }, figure(now)),
    h(
      'p',
      { class: 'muted' },
      longest_since === null
        ? texts.nobodyWaits
        : fill(texts.longest, {
            time: duration(hubNow() - Date.parse(longest_since), 'long')
          })
    )
  )

/** @param {Stats} stats */
const byState = ({ states: counts }) => {
  const entries = states.map((state) => ({
    kind: `of-${state}`,
    value: counts[state],
    text: `${texts.stateOf[state]} ${figure(counts[state])}`
  }))
  const words = entries.map(({ text }) => text).join(', ')
  return h(
    'div',
    { class: 'grow' },
    h('h3', {}, texts.leadsByState),
    entries.some(({ value }) => value > 0) &&
      partsChart({
        name: `${texts.leadsByState}: ${words}`,
        parts: entries.map(({ kind, value }) => ({ kind, value }))
      }),
    legend(...entries.map(({ kind, text }) => ({ kind, text })))
  )
}

/** @param {Stats} stats */
const byAd = ({ ads }) => {
  if (ads.length === 0) return card(texts.leadsByAd, h('p', { class: 'muted' }, texts.noAds))
  const name = (/** @type {typeof ads[number]} */ { title, id }) => title ?? id ?? texts.unnamedAd
  const rows = ads.map((ad) =>
    h(
      'li',
      {},
      h('bdi', {}, [name(ad), ad.app].filter(Boolean).join(' · ')),
      h('strong', {}, figure(ad.leads))
    )
  )
  return card(texts.leadsByAd, h('ul', { class: 'choices' }, ...rows))
}

export class Figures {
  /** @type {Stats | undefined} */
  #stats
  /** @type {unknown} */
  #error
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  #isVisible = false
  #box = byId('figures-body')

  /** @param {boolean} isVisible whether a person looks at them */
  watch(isVisible) {
    if (isVisible === this.#isVisible) return
    this.#isVisible = isVisible
    clearTimeout(this.#timer)
    if (!isVisible) return
    this.render()
    void this.#ask()
  }

  render() {
    const wasOpen = this.#disclosures().map(({ open }) => open)
    if (this.#error !== undefined && !this.#stats)
      return this.#box.replaceChildren(errorNote(this.#error, () => void this.#ask()))
    if (!this.#stats)
      return this.#box.replaceChildren(h('p', { class: 'muted', role: 'status' }, texts.loading))
    const stats = this.#stats
    this.#box.replaceChildren(
      h('section', { class: 'card pair' }, waitingNow(stats), byState(stats)),
      perDay(stats),
      response(stats),
      byAd(stats)
    )
    for (const [index, disclosure] of this.#disclosures().entries())
      disclosure.open = wasOpen[index] ?? false
  }

  #disclosures() {
    return /** @type {HTMLDetailsElement[]} */ ([...this.#box.querySelectorAll('details')])
  }

  async #ask() {
    clearTimeout(this.#timer)
    if (this.#isVisible) this.#timer = setTimeout(() => void this.#ask(), everyMs)
    try {
      const stats = await api.stats(days, Intl.DateTimeFormat().resolvedOptions().timeZone)
      const isSame = JSON.stringify(stats) === JSON.stringify(this.#stats)
      this.#stats = stats
      this.#error = undefined
      // Without a change nothing is written again, so that the focus stays.
      if (isSame) return
    } catch (error) {
      this.#error = error
    }
    this.render()
  }
}
