import { api } from './api.js'
import { byId, h, say } from './dom.js'
import { fold } from './fold.js'
import { locale } from './format.js'
import { spellingOf } from './known.js'
import { states } from './lead.js'
import { texts } from './texts.js'

/**
 * Which leads the list shows: what is searched for, state, whether they wait, tag, who takes care
 * of them, account.
 */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

const searchAfterMs = 250
const notIgnored = states.slice(0, -1)
/** Those who wait and were not put aside: who is counted. */
export const countedStates = notIgnored.join(',')

/** @param {() => void} onChange other leads are wanted */
export const createFilter = (onChange) => {
  const q = byId('q')
  const [state, waits, tag, assignee, source, account] = [
    'state-filter',
    'waiting-filter',
    'tag-filter',
    'assignee-filter',
    'source-filter',
    'account-filter'
  ].map(byId)
  const toggle = byId('filter-toggle')
  const panel = byId('filter-panel')

  const wantedStates = () => {
    if (state.value === 'all') return states
    return state.value === 'active' ? notIgnored : [state.value]
  }
  const values = () => ({
    q: q.value.trim(),
    state: state.value === 'all' ? undefined : wantedStates().join(','),
    tag: spellingOf(tag.value.trim()),
    assignee: assignee.value.trim(),
    source: source.value,
    account: account.value
  })
  const chosen = () =>
    [
      state.value !== 'active',
      waits.value !== '',
      tag.value.trim() !== '',
      assignee.value.trim() !== '',
      source.value !== '',
      account.value !== ''
    ].filter(Boolean).length

  const render = () => {
    const n = chosen()
    say(toggle, n === 0 ? texts.filters : texts.filtersOn(n))
    toggle.setAttribute('aria-expanded', String(!panel.hidden))
    byId('filter-clear').hidden = n === 0 && q.value === ''
    byId('export').href = api.leadsFile(locale(), { ...values(), waiting: waits.value })
  }
  const changed = () => {
    render()
    onChange()
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing
  const soon = () => {
    clearTimeout(typing)
    typing = setTimeout(changed, searchAfterMs)
  }
  for (const field of [q, tag, assignee]) field.addEventListener('input', soon)
  for (const field of [state, waits, source, account]) field.addEventListener('change', changed)
  toggle.addEventListener('click', () => {
    panel.hidden = !panel.hidden
    render()
  })
  byId('filter').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    clearTimeout(typing)
    changed()
  })
  const clear = () => {
    for (const field of [q, waits, tag, assignee, source, account]) field.value = ''
    state.value = 'active'
    changed()
    q.focus()
  }
  byId('filter-clear').addEventListener('click', clear)

  /** @param {HTMLSelectElement} select @param {[string, string][]} options @param {string} usual */
  const fill = (select, options, usual) => {
    const before = select.value
    select.replaceChildren(...options.map(([value, text]) => h('option', { value }, text)))
    select.value = options.some(([value]) => value === before) ? before : usual
  }
  /** @type {string[]} */
  let accounts = []
  const fillAccounts = () => {
    fill(
      account,
      [['', texts.all], ...accounts.map((name) => /** @type {[string, string]} */ ([name, name]))],
      ''
    )
    byId('account-field').hidden = accounts.length < 2
  }

  return {
    values,
    clear,
    filtered: () => q.value.trim() !== '' || chosen() > 0,
    /** Whether those who wait (`true`), or who do not, are wanted. @param {boolean} waiting */
    wants: (waiting) => waits.value === '' || waits.value === String(waiting),
    /**
     * Whether a lead is wanted. Undefined: only the hub can tell, because the search may match a
     * message.
     * @param {Lead} lead @returns {boolean | undefined}
     */
    fits: (lead) => {
      const { q: text, tag: wantedTag, assignee: of, source: from, account: at } = values()
      const inFilters =
        wantedStates().includes(lead.state) &&
        (waits.value === '' || waits.value === String(lead.waiting_since !== null)) &&
        (wantedTag === '' || lead.tags.some((tag) => fold(tag) === fold(wantedTag))) &&
        (of === '' || lead.assignee === of) &&
        (from === '' || lead.source?.kind === from) &&
        (at === '' || lead.account === at)
      if (!inFilters || text === '') return inFilters
      const digits = text.replace(/[\s()+.-]/g, '')
      return (
        fold(lead.name ?? '').includes(fold(text)) ||
        (/^\d+$/.test(digits) && (lead.phone ?? '').includes(digits)) ||
        undefined
      )
    },
    /** @param {string[]} names */
    setAccounts: (names) => {
      accounts = names
      fillAccounts()
    },
    /** Writes everything again, in the language chosen. */
    render: () => {
      fill(
        state,
        [
          ['active', texts.active],
          ...states.map((name) => /** @type {[string, string]} */ ([name, texts.stateOf[name]])),
          ['all', texts.all]
        ],
        'active'
      )
      fill(waits, /** @type {[string, string][]} */ (Object.entries(texts.waitsFilter)), '')
      fill(source, /** @type {[string, string][]} */ (Object.entries(texts.sourcesFilter)), '')
      fillAccounts()
      render()
    }
  }
}
