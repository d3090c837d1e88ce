import { api } from './api.js'
import { byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { nameOf } from './lead.js'
import { texts } from './texts.js'

/**
 * What can be done with a lead and not be undone: merging it with another, deleting it. Both are
 * asked about first.
 */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

const searchAfterMs = 250
/** Leads shown to choose from. */
const searched = 50

/** What tells leads of one name apart. @param {Lead} lead */
const aboutOther = ({ name, phone_display, last_seen_at }) => {
  const number = phone_display ?? texts.unknownName
  return [name === null ? '' : number, texts.lastSeenAt(dateTime(new Date(last_seen_at)))]
    .filter(Boolean)
    .join(' · ')
}

/**
 * @param {{ lead: () => Lead | undefined, onMerged: (lead: Lead, other: number) => void, onRemoved:
 * (id: number) => void }} options
 */
export const createLeadActions = ({ lead, onMerged, onRemoved }) => {
  /**
   * Runs what a dialog asks for; it stays open with the error. @param {HTMLDialogElement} dialog
   * @param {() => Promise<void>} run
   */
  const act = async (dialog, run) => {
    const button = /** @type {HTMLButtonElement} */ (dialog.querySelector('[type=submit]'))
    const note = /** @type {HTMLElement} */ (dialog.querySelector('.outcome'))
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    note.replaceChildren()
    try {
      await run()
      dialog.close()
    } catch (error) {
      note.replaceChildren(errorNote(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  }
  for (const dialog of /** @type {HTMLDialogElement[]} */ ([byId('merge'), byId('remove')])) {
    dialog.querySelector('[value=no]')?.addEventListener('click', () => dialog.close())
  }

  // --- merging ---
  const [merge, query, results] = ['merge', 'merge-q', 'merge-results'].map(byId)
  let searches = 0
  const search = async () => {
    const mine = ++searches
    const of = lead()
    /** @type {import('./api.js').LeadQuery} */
    const wanted = { q: query.value.trim(), limit: searched }
    if (of) wanted.account = of.account
    try {
      const { leads } = await api.foundLeads(wanted, () => mine === searches)
      if (mine !== searches) return
      const others = leads.filter(({ id }) => id !== of?.id)
      results.replaceChildren(
        ...others.map((other) =>
          h(
            'label',
            { class: 'choice' },
            h('input', { type: 'radio', name: 'other', value: other.id }),
            h(
              'span',
              {},
              h('bdi', {}, nameOf(other)),
              h('span', { class: 'small muted' }, ` ${aboutOther(other)}`)
            )
          )
        )
      )
      if (others.length === 0) results.replaceChildren(h('p', { class: 'muted' }, texts.noMatch))
    } catch (error) {
      if (mine === searches) results.replaceChildren(errorNote(error, () => void search()))
    }
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing
  query.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => void search(), searchAfterMs)
  })
  byId('ask-merge').addEventListener('click', () => {
    query.value = ''
    results.replaceChildren()
    merge.querySelector('.outcome').replaceChildren()
    void search()
    merge.showModal()
  })
  byId('merge-form').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    const of = lead()
    const other = Number(results.querySelector(':checked')?.value)
    if (!of) return
    if (!other)
      return merge
        .querySelector('.outcome')
        .replaceChildren(h('p', { class: 'error', role: 'alert' }, texts.mergePick))
    void act(merge, async () => onMerged(await api.merge(of.id, other), other))
  })

  // --- deleting ---
  const [remove, word, yes] = ['remove', 'remove-word', 'remove-yes'].map(byId)
  /** @type {Lead | undefined} */
  let doomed
  /**
   * The lead that this page is deleting: an event about that may come before the answer.
   * @type {number | undefined}
   */
  let deleting
  const typed = () => word.value.trim().toUpperCase() === texts.removeWord
  const enable = () => {
    yes.disabled = !typed()
  }
  word.addEventListener('input', enable)
  byId('ask-remove').addEventListener('click', () => {
    doomed = lead()
    if (!doomed) return
    say(
      byId('remove-who'),
      [nameOf(doomed), doomed.name !== null && doomed.phone_display].filter(Boolean).join(' · ')
    )
    say(byId('remove-label'), texts.removeType(texts.removeWord))
    word.value = ''
    remove.querySelector('.outcome').replaceChildren()
    enable()
    remove.showModal()
  })
  byId('remove-form').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    const { id } = doomed ?? {}
    if (id === undefined || !typed()) return
    void act(remove, async () => {
      deleting = id
      try {
        await api.deleteLead(id)
        onRemoved(id)
      } finally {
        deleting = undefined
      }
    })
  })

  return {
    /** Whether this page is deleting it now. @param {number} id */
    isDeleting: (id) => id === deleting
  }
}
