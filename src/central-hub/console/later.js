import { api } from './api.js'
import { act } from './dialog.js'
import { byId, h, say } from './dom.js'
import { dateTime } from './format.js'
import { hubNow } from './request.js'
import { fill, texts } from './texts.js'

/** "Later": the lead leaves those who wait until a time that the person chooses. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

const hourMs = 3_600_000
/** When a day of work begins, o'clock on this computer. */
const morning = 9

/** The morning of a day from now on. @param {number} days */
const morningIn = (days) => {
  const date = new Date()
  date.setDate(date.getDate() + days)
  date.setHours(morning, 0, 0, 0)
  return date
}

/** What is offered, with the text of each. @returns {[string, Date][]} */
const choices = () => [
  [texts.laterHours, new Date(Date.now() + 3 * hourMs)],
  [texts.laterTomorrow, morningIn(1)],
  [texts.laterMonday, morningIn((8 - new Date().getDay()) % 7 || 7)]
]

/** As a field of date and time has it: of this computer, without a zone. @param {Date} date */
const fieldValue = (date) =>
  new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)

/** When a lead comes back, if that is still to come. @param {Lead} lead */
export const comesBackAt = ({ remind_at }) => {
  if (remind_at === null || Date.parse(remind_at) <= hubNow()) return undefined
  return new Date(remind_at)
}

export class LaterButton {
  #options
  #button = byId('later')
  #dialog = byId('later-dialog')
  #field = byId('later-at')
  #choices = byId('later-choices')
  /** The lead that the dialog is about: another one may be open when the hub answers. */
  #id = 0

  /** @param {{ lead: () => Lead | undefined, onLead: (lead: Lead) => void }} options */
  constructor(options) {
    this.#options = options
    this.#button.addEventListener('click', () => this.#open())
    this.#dialog.querySelector('[value=no]')?.addEventListener('click', () => this.#dialog.close())
    byId('later-none').addEventListener('click', () => this.#set(null))
    byId('later-form').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      this.#set(new Date(this.#field.value))
    })
  }

  render() {
    const lead = this.#options.lead()
    const at = lead && comesBackAt(lead)
    // What is ignored never waits.
    this.#button.hidden = lead === undefined || lead.state === 'ignored'
    say(this.#button, at === undefined ? texts.later : fill(texts.laterUntil, { at: dateTime(at) }))
  }

  /** For the shortcut. */
  press() {
    if (!this.#button.hidden && this.#button.checkVisibility()) this.#open()
  }

  #open() {
    const lead = this.#options.lead()
    if (!lead) return
    this.#id = lead.id
    byId('later-none').hidden = comesBackAt(lead) === undefined
    this.#choices.replaceChildren(
      ...choices().map(([words, date]) =>
        h(
          'button',
          { type: 'button', onclick: () => this.#set(date) },
          h('span', {}, words),
          h('span', { class: 'small muted' }, ` ${dateTime(date)}`)
        )
      )
    )
    this.#field.min = fieldValue(new Date())
    this.#field.value = fieldValue(morningIn(1))
    this.#dialog.querySelector('.outcome').replaceChildren()
    this.#dialog.showModal()
  }

  /** @param {Date | null} date */
  #set(date) {
    const id = this.#id
    void act(this.#dialog, async () => {
      this.#options.onLead(
        await api.patchLead(id, { remind_at: date === null ? null : date.toISOString() }, null)
      )
    })
  }
}
