import { api } from './api.js'
import { byId, h, rowButton } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { LoadedList } from './loaded-list.js'
import { may } from './me.js'
import { leadAddress } from './route.js'
import { fill, texts } from './texts.js'

/** Alarms that are not over, and the rules that raise them. */

/** @typedef {import('../../contract/alarm.ts').Alarm} Alarm */
/** @typedef {import('../../contract/alarm.ts').AlarmRule} AlarmRule */
/** @typedef {import('./dialog.js').ConfirmDialog} ConfirmDialog */

/** @param {AlarmRule} rule */
const describeRule = ({ event, steps, during, accounts, states, tags, assignees }) => {
  const minutes = steps.map(({ after_minutes }) => after_minutes).join(', ')
  const of = [
    ...accounts,
    ...states.map((state) => texts.stateOf[state]),
    ...tags.map((tag) => `#${tag}`),
    ...assignees.map((assignee) => assignee || texts.alarmNobody)
  ]
  return [
    event === 'lead.waiting'
      ? fill(texts.alarmWaits, { minutes })
      : fill(texts.alarmDown, { minutes }),
    during === 'business_hours' && texts.alarmInHours,
    ...of
  ]
    .filter((part) => part !== false)
    .join(' · ')
}

/** Numbers out of a text such as `15, 60`. @param {string} text */
const minutesIn = (text) =>
  text
    .split(/[\s,;]+/)
    .filter((part) => part !== '')
    .map((part) => ({ after_minutes: Number(part) }))

export class Alarms {
  #dialog
  #outcome = byId('alarms-outcome')
  #form = byId('alarm-form')
  #isWorking = false
  #alarms = new LoadedList({
    box: byId('alarms'),
    read: async () => (await api.alarms()).alarms,
    row: (alarm) => this.#alarm(alarm),
    none: () => texts.alarmsNone
  })
  #rules = new LoadedList({
    box: byId('alarm-rules'),
    read: async () => (await api.alarmRules()).rules,
    row: (rule) => this.#rule(rule),
    none: () => texts.alarmRulesNone
  })

  /** @param {ConfirmDialog} dialog */
  constructor(dialog) {
    this.#dialog = dialog
    this.#form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void this.#add()
    })
  }

  render() {
    this.#alarms.render()
    this.#rules.render()
  }

  /** Reads alarms and rules again. */
  load() {
    this.#outcome.replaceChildren()
    this.render()
    void this.#alarms.load()
    void this.#rules.load()
  }

  /** @param {Alarm} alarm */
  #alarm({ id, rule_name, lead_id, account, since, acknowledged_at, acknowledged_by }) {
    const what =
      lead_id === null
        ? h('span', {}, fill(texts.alarmOfSession, { account: account ?? '' }))
        : h('a', { href: leadAddress(lead_id) }, fill(texts.alarmOfLead, { id: lead_id }))
    const times = [fill(texts.alarmSince, { at: dateTime(new Date(since)) })]
    if (acknowledged_at !== null)
      times.push(fill(texts.alarmNoted, { who: acknowledged_by ?? texts.alarmToken }))
    const note = () => void this.#act(() => api.acknowledgeAlarm(id), this.#alarms)
    return h(
      'li',
      { class: 'hook' },
      h('p', {}, h('strong', {}, h('bdi', {}, rule_name)), ' ', what),
      h('p', { class: 'small muted' }, times.join(' · ')),
      acknowledged_at === null &&
        may('leads.write') &&
        h('div', { class: 'buttons' }, rowButton(texts.alarmNote, rule_name, note))
    )
  }

  /** @param {AlarmRule} rule */
  #rule(rule) {
    const { id, name, enabled } = rule
    const toggle = () =>
      void this.#act(() => api.changeAlarmRule(id, { enabled: !enabled }), this.#rules)
    return h(
      'li',
      { class: 'hook' },
      h('p', {}, h('strong', {}, h('bdi', {}, name)), !enabled && ` · ${texts.alarmOff}`),
      h('p', { class: 'small' }, describeRule(rule)),
      may('admin') &&
        h(
          'div',
          { class: 'buttons' },
          rowButton(enabled ? texts.alarmTurnOff : texts.alarmTurnOn, name, toggle),
          rowButton(texts.alarmRemove, name, () => this.#askRemove(rule), { class: 'danger-text' })
        )
    )
  }

  /** @param {AlarmRule} rule */
  #askRemove({ id, name }) {
    this.#dialog.ask({
      title: fill(texts.alarmRemoveTitle, { name }),
      text: texts.alarmRemoveText,
      yes: texts.alarmRemoveYes,
      isDanger: true,
      run: async () => {
        await api.removeAlarmRule(id)
        this.load()
      }
    })
  }

  async #add() {
    const rule = {
      name: byId('alarm-name').value.trim(),
      event: byId('alarm-event').value,
      steps: minutesIn(byId('alarm-minutes').value),
      during: byId('alarm-hours').checked ? 'business_hours' : 'always'
    }
    await this.#act(async () => {
      await api.addAlarmRule(rule)
      this.#form.reset()
    }, this.#rules)
  }

  /** @param {() => Promise<unknown>} run @param {{ load(): Promise<void> }} list read after it */
  async #act(run, list) {
    if (this.#isWorking) return
    this.#isWorking = true
    this.#outcome.replaceChildren()
    try {
      await run()
    } catch (error) {
      this.#outcome.replaceChildren(errorNote(error))
    } finally {
      this.#isWorking = false
    }
    await list.load()
  }
}
