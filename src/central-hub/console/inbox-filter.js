import { api } from './api.js'
import { byId, h, say } from './dom.js'
import { fold } from './fold.js'
import { spellingOf } from './known.js'
import { states } from './lead.js'
import { fill, locale, texts } from './texts.js'

/** Which leads the list shows: by search, state, wait, tag, assignee, source and account. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

const searchAfterMs = 250
const notIgnored = states.slice(0, -1)
/** The states of the leads that are counted: all but ignored. */
export const countedStates = notIgnored.join(',')

/** @param {HTMLSelectElement} select @param {[string, string][]} options @param {string} usual */
const setOptions = (select, options, usual) => {
  const before = select.value
  select.replaceChildren(...options.map(([value, text]) => h('option', { value }, text)))
  select.value = options.some(([value]) => value === before) ? before : usual
}

export class InboxFilter {
  #onChange
  #q = byId('q')
  #state = byId('state-filter')
  #waits = byId('waiting-filter')
  #tag = byId('tag-filter')
  #assignee = byId('assignee-filter')
  #source = byId('source-filter')
  #account = byId('account-filter')
  #toggle = byId('filter-toggle')
  #panel = byId('filter-panel')
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing
  /** @type {string[]} */
  #accounts = []

  /** @param {() => void} onChange the person wants other leads */
  constructor(onChange) {
    this.#onChange = onChange
    for (const field of [this.#q, this.#tag, this.#assignee])
      field.addEventListener('input', () => this.#changedSoon())
    for (const field of [this.#state, this.#waits, this.#source, this.#account])
      field.addEventListener('change', () => this.#changed())
    this.#toggle.addEventListener('click', () => {
      this.#panel.hidden = !this.#panel.hidden
      this.#render()
    })
    byId('filter').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      clearTimeout(this.#typing)
      this.#changed()
    })
    byId('filter-clear').addEventListener('click', () => this.clear())
  }

  values() {
    return {
      q: this.#q.value.trim(),
      state: this.#state.value === 'all' ? undefined : this.#wantedStates().join(','),
      tag: spellingOf(this.#tag.value.trim()),
      assignee: this.#assignee.value.trim(),
      source: this.#source.value,
      account: this.#account.value
    }
  }

  clear() {
    for (const field of [
      this.#q,
      this.#waits,
      this.#tag,
      this.#assignee,
      this.#source,
      this.#account
    ])
      field.value = ''
    this.#state.value = 'active'
    this.#changed()
    this.#q.focus()
  }

  /** Whether the list shows only some leads. */
  isFiltered() {
    return this.#q.value.trim() !== '' || this.#chosen() > 0
  }

  /** Whether leads that wait (`true`), or that do not, are wanted. @param {boolean} waiting */
  wants(waiting) {
    return this.#waits.value === '' || this.#waits.value === String(waiting)
  }

  /**
   * Whether a lead is wanted. Undefined: only the hub can tell, because the search may match a
   * message.
   * @param {Lead} lead @returns {boolean | undefined}
   */
  fits(lead) {
    const { q, tag, assignee, source, account } = this.values()
    const isInFilters =
      this.#wantedStates().includes(lead.state) &&
      this.wants(lead.waiting_since !== null) &&
      (tag === '' || lead.tags.some((other) => fold(other) === fold(tag))) &&
      (assignee === '' || lead.assignee === assignee) &&
      (source === '' || lead.source?.kind === source) &&
      (account === '' || lead.account === account)
    if (!isInFilters || q === '') return isInFilters
    const digits = q.replace(/[\s()+.-]/g, '')
    return (
      fold(lead.name ?? '').includes(fold(q)) ||
      (/^\d+$/.test(digits) && (lead.phone ?? '').includes(digits)) ||
      undefined
    )
  }

  /** @param {string[]} names */
  setAccounts(names) {
    this.#accounts = names
    this.#fillAccounts()
  }

  /** Writes everything again, in the language chosen. */
  render() {
    setOptions(
      this.#state,
      [
        ['active', texts.active],
        ...states.map((name) => /** @type {[string, string]} */ ([name, texts.stateOf[name]])),
        ['all', texts.all]
      ],
      'active'
    )
    setOptions(
      this.#waits,
      /** @type {[string, string][]} */ (Object.entries(texts.waitsFilter)),
      ''
    )
    setOptions(
      this.#source,
      /** @type {[string, string][]} */ (Object.entries(texts.sourcesFilter)),
      ''
    )
    this.#fillAccounts()
    this.#render()
  }

  #wantedStates() {
    if (this.#state.value === 'all') return states
    return this.#state.value === 'active' ? notIgnored : [this.#state.value]
  }

  /** How many filters are set. */
  #chosen() {
    return [
      this.#state.value !== 'active',
      this.#waits.value !== '',
      this.#tag.value.trim() !== '',
      this.#assignee.value.trim() !== '',
      this.#source.value !== '',
      this.#account.value !== ''
    ].filter(Boolean).length
  }

  #render() {
    const chosen = this.#chosen()
    say(this.#toggle, chosen === 0 ? texts.filters : fill(texts.filtersOn, { count: chosen }))
    this.#toggle.setAttribute('aria-expanded', String(!this.#panel.hidden))
    byId('filter-clear').hidden = chosen === 0 && this.#q.value === ''
    const query = { ...this.values(), waiting: this.#waits.value }
    byId('export').href = api.leadsFile(locale(), query)
  }

  #changed() {
    this.#render()
    this.#onChange()
  }

  #changedSoon() {
    clearTimeout(this.#typing)
    this.#typing = setTimeout(() => this.#changed(), searchAfterMs)
  }

  #fillAccounts() {
    const names = this.#accounts.map((name) => /** @type {[string, string]} */ ([name, name]))
    setOptions(this.#account, [['', texts.all], ...names], '')
    byId('account-field').hidden = this.#accounts.length < 2
  }
}
